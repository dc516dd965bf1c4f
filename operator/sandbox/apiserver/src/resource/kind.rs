//! The properties and behaviour of a built-in kind.

use serde_json::Value;

use crate::definitions::Register;
use crate::field::FieldError;
use crate::names::NameSyntax;

/// The defaults, preparation and validation of a kind's objects. All methods are pure.
pub trait Strategy: Sync + Send {
    /// Fills in defaults; runs on every write.
    fn default(&self, _object: &mut Value) {}
    /// The status of a new object; `None` for a kind without a status.
    fn initial_status(&self, _object: &Value) -> Option<Value> {
        None
    }
    /// Sets the fields that the server decides at creation.
    fn prepare_create(&self, object: &mut Value) {
        if let Some(status) = self.initial_status(object) {
            object["status"] = status;
        }
    }
    /// Restores the fields that an update must not change.
    fn prepare_update(&self, new: &mut Value, old: &Value) {
        if self.initial_status(new).is_some() {
            new["status"] = old["status"].clone();
        }
    }
    /// Checks a new object.
    fn validate(&self, _object: &Value) -> Vec<FieldError> {
        Vec::new()
    }
    /// Checks an update. By default, the new object is checked as if it were created.
    fn validate_update(&self, new: &Value, _old: &Value) -> Vec<FieldError> {
        self.validate(new)
    }
    /// Checks an update of the status.
    fn validate_status(&self, _new: &Value, _old: &Value) -> Vec<FieldError> {
        Vec::new()
    }
    /// Adds fields of a response that are not stored.
    fn complete(&self, _shown: &mut Value) {}
    /// Warnings that accompany a successful write.
    fn warnings(&self, _object: &Value) -> Vec<String> {
        Vec::new()
    }
}

/// The conversion of a kind that shares its storage with another version.
#[derive(Clone, Copy)]
pub struct View {
    /// Stored form → shown form.
    pub read: fn(&Value) -> Value,
    /// Shown form → stored form.
    pub write: fn(&Value) -> Value,
}

/// A subresource and its kind.
#[derive(Clone, Copy)]
pub struct Subresource {
    /// `status`, `scale`, …
    pub name: &'static str,
    /// Kind of its body.
    pub kind: &'static str,
    /// Group of that kind, if different from the resource's.
    pub group: &'static str,
    /// Version of that kind, if different from the resource's.
    pub version: &'static str,
    /// Verbs in discovery.
    pub verbs: &'static [&'static str],
}

/// The verbs of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verbs {
    /// All verbs.
    All,
    /// All verbs but deletecollection.
    NoDeleteCollection,
    /// Only create: the object is a review and is not stored.
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
    /// Its verbs.
    pub verbs: Verbs,
    /// Its subresources.
    pub subresources: &'static [Subresource],
    pub(crate) schema: Register,
    /// The syntax of names.
    pub names: NameSyntax,
    /// Whether `metadata.generation` counts changes of the spec.
    pub generation: bool,
    /// Whether a PUT may create an object.
    pub create_on_update: bool,
    /// Whether a PUT needs a resourceVersion.
    pub needs_version: bool,
    /// Selectable fields besides name and namespace.
    pub fields: &'static [&'static str],
    /// Behaviour.
    pub strategy: &'static dyn Strategy,
    /// The conversion from the stored form, if there is one.
    pub view: Option<View>,
    /// Storage key, if different from `group/plural`.
    pub storage: Option<&'static str>,
}

/// A kind without behaviour of its own.
pub(crate) struct Plain;

impl Strategy for Plain {}
