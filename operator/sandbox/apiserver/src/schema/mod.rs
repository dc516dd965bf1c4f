//! Structural schemas: one form for built-in kinds and for custom resources.
//!
//! A [`Schema`] controls pruning, defaulting, validation, strategic merge and field ownership. Built-in schemas are
//! derived from `k8s-openapi`; custom ones come from the definition.

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

/// A shared schema. A recursive definition is filled in after it is shared.
#[derive(Clone, Default)]
pub struct SchemaRef(Arc<OnceLock<Schema>>);

impl SchemaRef {
    /// A schema that is complete.
    pub fn new(schema: Schema) -> Self {
        let cell = OnceLock::new();
        let _ = cell.set(schema);
        Self(Arc::new(cell))
    }

    /// Fills in a schema that was shared before it was parsed; later calls have no effect.
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

/// The JSON type of a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// An object or map.
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

/// The list type.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ListKind {
    /// Atomic: the list is one value.
    #[default]
    Atomic,
    /// Set: entries are distinct scalars.
    Set,
    /// Map: entries are objects identified by these keys.
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
    /// Shortest string, in characters.
    pub min_length: Option<usize>,
    /// Longest string, in characters.
    pub max_length: Option<usize>,
    /// Fewest entries of a list.
    pub min_items: Option<usize>,
    /// Most entries of a list.
    pub max_items: Option<usize>,
    /// Fewest keys of a map.
    pub min_properties: Option<usize>,
    /// Most keys of a map.
    pub max_properties: Option<usize>,
    /// The list has no duplicate entries.
    pub unique_items: bool,
}

/// The schema of one value.
#[derive(Debug, Default)]
pub struct Schema {
    /// The type, if the schema has one.
    pub kind: Option<Type>,
    /// `x-kubernetes-int-or-string`.
    pub int_or_string: bool,
    /// Whether null is allowed.
    pub nullable: bool,
    /// `x-kubernetes-preserve-unknown-fields`.
    pub preserve_unknown: bool,
    /// `x-kubernetes-embedded-resource`.
    pub embedded: bool,
    /// Properties.
    pub properties: BTreeMap<String, SchemaRef>,
    /// Required properties.
    pub required: Vec<String>,
    /// Schema of list entries.
    pub items: Option<SchemaRef>,
    /// Schema of additional properties.
    pub additional: Option<SchemaRef>,
    /// The allowed values (`enum`).
    pub enumeration: Option<Vec<Value>>,
    /// Bounds.
    pub limits: Limits,
    /// A format such as `date-time`.
    pub format: Option<String>,
    /// The pattern and its source text.
    pub pattern: Option<(Regex, String)>,
    /// The default.
    pub default: Option<Value>,
    /// The default of a list-map key whose value is defaulted elsewhere.
    pub key_default: Option<Value>,
    /// The list type.
    pub list: ListKind,
    /// Whether the map is atomic.
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
    /// The schema of the property or additional property `name`.
    pub fn field(&self, name: &str) -> Option<&SchemaRef> {
        self.properties.get(name).or(self.additional.as_ref())
    }

    /// Whether the schema says nothing about the value.
    pub fn is_untyped(&self) -> bool {
        self.kind.is_none() && !self.int_or_string && self.properties.is_empty() && self.items.is_none()
    }

    /// Follows properties from here.
    pub fn at(&self, path: &[&str]) -> Option<&Schema> {
        path.iter()
            .try_fold(self, |schema, name| schema.field(name).map(|s| &**s))
    }
}

/// The schema type of a JSON value.
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

/// Whether a number is an integer.
pub fn is_whole(value: &Value) -> bool {
    match value {
        Value::Number(n) => n.is_i64() || n.is_u64() || n.as_f64().is_some_and(|f| f.fract() == 0.0),
        _ => false,
    }
}
