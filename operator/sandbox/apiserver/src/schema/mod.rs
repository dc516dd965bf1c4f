//! Structural schemas: one form for built-in kinds and for custom resources.
//!
//! A [`Schema`] drives everything that depends on an object's shape: pruning, defaulting, validation, strategic merge
//! and field ownership. Built-in schemas are derived from `k8s-openapi`; custom ones come from the definition.

mod default;
mod format;
mod library;
mod parse;
mod prune;
mod rules;
mod validate;

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use regex::Regex;
use serde_json::Value;

pub use default::{apply_defaults, drop_nulls};
pub use parse::{Definitions, parse};
pub use prune::{check_types, prune};
pub use rules::{Rule, check as check_rules, has_rules};
pub use validate::{validate, validate_lists};

/// A shared schema; definitions that refer to themselves are filled in after they are handed out.
#[derive(Clone, Default)]
pub struct SchemaRef(Arc<OnceLock<Schema>>);

impl SchemaRef {
    /// A schema that is complete.
    pub fn new(schema: Schema) -> Self {
        let cell = OnceLock::new();
        let _ = cell.set(schema);
        Self(Arc::new(cell))
    }

    /// Fills in a schema that was handed out before it was parsed; later calls change nothing.
    pub fn fill_from(&self, parsed: SchemaRef) {
        if let Some(schema) = Arc::into_inner(parsed.0).and_then(OnceLock::into_inner) {
            let _ = self.0.set(schema);
        }
    }
}

impl Deref for SchemaRef {
    type Target = Schema;

    fn deref(&self) -> &Schema {
        self.0.get_or_init(Schema::default)
    }
}

impl std::fmt::Debug for SchemaRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SchemaRef")
    }
}

/// The JSON type that a schema names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// A map with named or free keys.
    Object,
    /// A list.
    Array,
    /// Text.
    String,
    /// A whole number.
    Integer,
    /// Any number.
    Number,
    /// True or false.
    Boolean,
}

impl Type {
    /// The name in a schema and in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Object => "object",
            Self::Array => "array",
            Self::String => "string",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
        }
    }
}

/// What identifies an entry of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ListKind {
    /// The list is one value.
    #[default]
    Atomic,
    /// Entries are distinct scalars.
    Set,
    /// Entries are maps identified by these keys.
    Map(Vec<String>),
}

/// How a strategic merge patch treats a field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PatchStrategy {
    /// Lists merge instead of being replaced.
    pub merge: bool,
    /// The key that identifies an entry of a merged list; without it entries are scalars.
    pub merge_key: Option<String>,
    /// Maps are replaced instead of being merged.
    pub replace: bool,
}

/// Bounds on a value.
#[derive(Debug, Clone, Default)]
pub struct Limits {
    /// Lower bound of a number, and whether it is exclusive.
    pub minimum: Option<(f64, bool)>,
    /// Upper bound of a number, and whether it is exclusive.
    pub maximum: Option<(f64, bool)>,
    /// The number is a multiple of this.
    pub multiple_of: Option<f64>,
    /// Characters of a string at least.
    pub min_length: Option<usize>,
    /// Characters of a string at most.
    pub max_length: Option<usize>,
    /// Entries of a list at least.
    pub min_items: Option<usize>,
    /// Entries of a list at most.
    pub max_items: Option<usize>,
    /// Keys of a map at least.
    pub min_properties: Option<usize>,
    /// Keys of a map at most.
    pub max_properties: Option<usize>,
    /// No entry of the list occurs twice.
    pub unique_items: bool,
}

/// The shape of one value.
#[derive(Debug, Default)]
pub struct Schema {
    /// The type, if the schema names one.
    pub kind: Option<Type>,
    /// `x-kubernetes-int-or-string`.
    pub int_or_string: bool,
    /// Null is a value.
    pub nullable: bool,
    /// `x-kubernetes-preserve-unknown-fields`.
    pub preserve_unknown: bool,
    /// `x-kubernetes-embedded-resource`.
    pub embedded: bool,
    /// Named fields.
    pub properties: BTreeMap<String, SchemaRef>,
    /// Fields that must be there.
    pub required: Vec<String>,
    /// Schema of list entries.
    pub items: Option<SchemaRef>,
    /// Schema of the values under free keys.
    pub additional: Option<SchemaRef>,
    /// The only values there are.
    pub enumeration: Option<Vec<Value>>,
    /// Bounds.
    pub limits: Limits,
    /// A format such as `date-time`.
    pub format: Option<String>,
    /// The pattern and its source text.
    pub pattern: Option<(Regex, String)>,
    /// What an absent value becomes.
    pub default: Option<Value>,
    /// What an absent list-map key counts as, where the value itself is defaulted elsewhere.
    pub key_default: Option<Value>,
    /// How the entries of a list are identified.
    pub list: ListKind,
    /// The map is one value.
    pub atomic: bool,
    /// Treatment by a strategic merge patch.
    pub patch: PatchStrategy,
    /// CEL rules.
    pub rules: Vec<Arc<Rule>>,
    /// `allOf`.
    pub all_of: Vec<SchemaRef>,
    /// `anyOf`.
    pub any_of: Vec<SchemaRef>,
    /// `oneOf`.
    pub one_of: Vec<SchemaRef>,
    /// `not`.
    pub not: Option<SchemaRef>,
}

impl Schema {
    /// The schema of the field or free key `name`.
    pub fn field(&self, name: &str) -> Option<&SchemaRef> {
        self.properties.get(name).or(self.additional.as_ref())
    }

    /// Whether nothing is known about the value.
    pub fn is_untyped(&self) -> bool {
        self.kind.is_none() && !self.int_or_string && self.properties.is_empty() && self.items.is_none()
    }

    /// Follows named fields from here.
    pub fn at(&self, path: &[&str]) -> Option<&Schema> {
        path.iter()
            .try_fold(self, |schema, name| schema.field(name).map(|s| &**s))
    }
}

/// The schema type that a JSON value has.
pub fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(n) if n.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Whether a number is whole.
pub fn is_whole(value: &Value) -> bool {
    match value {
        Value::Number(n) => n.is_i64() || n.is_u64() || n.as_f64().is_some_and(|f| f.fract() == 0.0),
        _ => false,
    }
}
