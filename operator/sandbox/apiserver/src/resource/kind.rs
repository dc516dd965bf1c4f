//! What a built-in kind is, and how it behaves: the form of `builtin`'s table.

use serde_json::Value;

use crate::definitions::Register;
use crate::field::FieldError;
use crate::names::NameSyntax;

/// How objects of a kind are defaulted, prepared and checked. All methods are pure.
pub trait Strategy: Sync + Send {
    /// Fills in defaults; runs on every write.
    fn default(&self, _object: &mut Value) {}
    /// The status of a new object; `None` for a kind without a status.
    fn initial_status(&self, _object: &Value) -> Option<Value> {
        None
    }
    /// Sets what the server decides at creation.
    fn prepare_create(&self, object: &mut Value) {
        if let Some(status) = self.initial_status(object) {
            object["status"] = status;
        }
    }
    /// Keeps what an update may not touch.
    fn prepare_update(&self, new: &mut Value, old: &Value) {
        if self.initial_status(new).is_some() {
            new["status"] = old["status"].clone();
        }
    }
    /// Checks a new object.
    fn validate(&self, _object: &Value) -> Vec<FieldError> {
        Vec::new()
    }
    /// Checks an update. Without an override the new object is checked as if it were created.
    fn validate_update(&self, new: &Value, _old: &Value) -> Vec<FieldError> {
        self.validate(new)
    }
    /// Checks an update of the status.
    fn validate_status(&self, _new: &Value, _old: &Value) -> Vec<FieldError> {
        Vec::new()
    }
    /// Adds what an answer holds although it is not stored.
    fn complete(&self, _shown: &mut Value) {}
    /// Warnings that accompany a successful write.
    fn warnings(&self, _object: &Value) -> Vec<String> {
        Vec::new()
    }
}

/// The other form in which a kind is shown, when two versions share one storage.
#[derive(Clone, Copy)]
pub struct View {
    /// Stored form → shown form.
    pub read: fn(&Value) -> Value,
    /// Shown form → stored form.
    pub write: fn(&Value) -> Value,
}

/// A subresource: its name and the kind that it speaks.
#[derive(Clone, Copy)]
pub struct Subresource {
    /// `status`, `scale`, …
    pub name: &'static str,
    /// Kind of its body.
    pub kind: &'static str,
    /// Group of that kind, if another than the resource's.
    pub group: &'static str,
    /// Version of that kind, if another than the resource's.
    pub version: &'static str,
    /// Verbs, as discovery tells them.
    pub verbs: &'static [&'static str],
}

/// What requests a kind takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verbs {
    /// Everything.
    All,
    /// Everything but deletecollection.
    NoDeleteCollection,
    /// Only create: the object is a question and is not stored.
    CreateOnly,
}

/// A built-in kind of one version.
pub struct BuiltIn {
    /// API group, empty for the core group.
    pub group: &'static str,
    /// API version.
    pub version: &'static str,
    /// Plural name.
    pub plural: &'static str,
    /// Singular name.
    pub singular: &'static str,
    /// Kind.
    pub kind: &'static str,
    /// Short names for kubectl.
    pub short_names: &'static [&'static str],
    /// Categories for kubectl.
    pub categories: &'static [&'static str],
    /// Whether objects live in namespaces.
    pub namespaced: bool,
    /// Requests it takes.
    pub verbs: Verbs,
    /// Its subresources.
    pub subresources: &'static [Subresource],
    pub(crate) schema: Register,
    /// How names are written.
    pub names: NameSyntax,
    /// Whether `metadata.generation` counts changes of the spec.
    pub generation: bool,
    /// Whether a PUT may create.
    pub create_on_update: bool,
    /// Whether a PUT needs a resourceVersion.
    pub needs_version: bool,
    /// Fields that can be selected besides name and namespace.
    pub fields: &'static [&'static str],
    /// Behaviour.
    pub strategy: &'static dyn Strategy,
    /// The form shown, if another than the one stored.
    pub view: Option<View>,
    /// Storage key, if another than `group/plural`.
    pub storage: Option<&'static str>,
}

/// A kind without behaviour of its own.
pub(crate) struct Plain;

impl Strategy for Plain {}
