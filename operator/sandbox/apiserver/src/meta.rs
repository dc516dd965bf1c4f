//! Reading and writing an object's metadata.

use serde_json::{Map, Value};

/// The fields of an owner reference that the server uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnerReference {
    /// `group/version` of the owner.
    pub api_version: String,
    /// Kind of the owner.
    pub kind: String,
    /// Name of the owner.
    pub name: String,
    /// Uid of the owner.
    pub uid: String,
    /// Whether a foreground deletion of the owner waits for this object.
    pub blocks: bool,
}

/// Access to `metadata` of a JSON object.
pub trait Meta {
    /// A string of `metadata`, empty if absent.
    fn meta_str(&self, key: &str) -> &str;
    /// A value of `metadata`.
    fn meta(&self, key: &str) -> Option<&Value>;
    /// Sets a value of `metadata`.
    fn set_meta(&mut self, key: &str, value: impl Into<Value>);
    /// Removes a value of `metadata`.
    fn remove_meta(&mut self, key: &str) -> Option<Value>;

    /// The object's name.
    fn name(&self) -> &str {
        self.meta_str("name")
    }
    /// The object's namespace, empty for cluster-scoped ones.
    fn namespace(&self) -> &str {
        self.meta_str("namespace")
    }
    /// The object's uid.
    fn uid(&self) -> &str {
        self.meta_str("uid")
    }
    /// The object's resourceVersion.
    fn resource_version(&self) -> &str {
        self.meta_str("resourceVersion")
    }
    /// Whether the object is being deleted.
    fn is_deleting(&self) -> bool {
        self.meta("deletionTimestamp").is_some_and(|t| !t.is_null())
    }
    /// The finalizers, in order.
    fn finalizers(&self) -> Vec<&str> {
        strings(self.meta("finalizers"))
    }
    /// Whether `finalizer` is set.
    fn has_finalizer(&self, finalizer: &str) -> bool {
        self.finalizers().contains(&finalizer)
    }
    /// Adds `finalizer` unless it is set.
    fn add_finalizer(&mut self, finalizer: &str) {
        if !self.has_finalizer(finalizer) {
            let mut all: Vec<String> = self.finalizers().into_iter().map(str::to_owned).collect();
            all.push(finalizer.to_owned());
            self.set_meta("finalizers", all);
        }
    }
    /// A label's value.
    fn label(&self, key: &str) -> Option<&str> {
        self.meta("labels")?.get(key)?.as_str()
    }
    /// The owner references.
    fn owners(&self) -> Vec<OwnerReference> {
        let Some(Value::Array(list)) = self.meta("ownerReferences") else {
            return Vec::new();
        };
        list.iter()
            .map(|r| {
                let text = |k: &str| r.get(k).and_then(Value::as_str).unwrap_or_default().to_owned();
                OwnerReference {
                    api_version: text("apiVersion"),
                    kind: text("kind"),
                    name: text("name"),
                    uid: text("uid"),
                    blocks: r.get("blockOwnerDeletion").and_then(Value::as_bool).unwrap_or(false),
                }
            })
            .collect()
    }
}

fn strings(value: Option<&Value>) -> Vec<&str> {
    match value {
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

impl Meta for Value {
    fn meta_str(&self, key: &str) -> &str {
        self.meta(key).and_then(Value::as_str).unwrap_or_default()
    }

    fn meta(&self, key: &str) -> Option<&Value> {
        self.get("metadata")?.get(key)
    }

    fn set_meta(&mut self, key: &str, value: impl Into<Value>) {
        child_map(self, "metadata").insert(key.to_owned(), value.into());
    }

    fn remove_meta(&mut self, key: &str) -> Option<Value> {
        self.get_mut("metadata")?.as_object_mut()?.remove(key)
    }
}

/// The map at `key` of the object `value`; replaced by an empty map if absent or of another type.
///
/// # Panics
/// If `value` is not an object, which every stored object is.
pub fn child_map<'a>(value: &'a mut Value, key: &str) -> &'a mut Map<String, Value> {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    let map = value.as_object_mut().expect("made an object above");
    let slot = map.entry(key).or_insert_with(|| Value::Object(Map::new()));
    if !slot.is_object() {
        *slot = Value::Object(Map::new());
    }
    slot.as_object_mut().expect("made an object above")
}

/// The value at a path of keys.
pub fn at<'a>(value: &'a Value, path: &[&str]) -> Option<&'a Value> {
    path.iter().try_fold(value, |v, key| v.get(key))
}

/// The current time in the format of `metadata`: RFC 3339 with seconds.
pub fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A random (version 4) uid.
pub fn new_uid() -> String {
    let mut bytes: [u8; 16] = rand::random();
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let hex = hex::encode(bytes);
    format!(
        "{}-{}-{}-{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..]
    )
}

/// The random suffix of `generateName`: five of upstream's characters, without vowels and look-alikes.
pub fn name_suffix() -> String {
    const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    (0..5)
        .map(|_| char::from(LETTERS[usize::from(rand::random::<u8>()) % LETTERS.len()]))
        .collect()
}
