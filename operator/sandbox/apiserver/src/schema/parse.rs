//! OpenAPI JSON → [`Schema`].

use std::collections::HashMap;
use std::sync::Arc;

use regex::Regex;
use serde_json::Value;

use super::{Limits, ListKind, PatchStrategy, Rule, Schema, SchemaRef, Type};

/// The targets of `$ref`, by name.
pub type Definitions = HashMap<String, SchemaRef>;

/// Reads a schema. References that are not in `definitions` become empty schemas.
pub fn parse(raw: &Value, definitions: &Definitions) -> SchemaRef {
    match raw.get("$ref").and_then(Value::as_str) {
        Some(reference) => definitions
            .get(reference.rsplit('/').next().unwrap_or_default())
            .cloned()
            .unwrap_or_default(),
        None => SchemaRef::new(read(raw, definitions)),
    }
}

fn read(raw: &Value, definitions: &Definitions) -> Schema {
    let flag = |key: &str| raw.get(key).and_then(Value::as_bool).unwrap_or(false);
    let many = |key: &str| -> Vec<SchemaRef> {
        raw.get(key)
            .and_then(Value::as_array)
            .map(|l| l.iter().map(|s| parse(s, definitions)).collect())
            .unwrap_or_default()
    };
    let one = |key: &str| raw.get(key).filter(|s| s.is_object()).map(|s| parse(s, definitions));
    let (kind, nullable) = type_of(raw);
    Schema {
        kind,
        int_or_string: flag("x-kubernetes-int-or-string"),
        nullable: nullable || flag("nullable"),
        preserve_unknown: flag("x-kubernetes-preserve-unknown-fields"),
        embedded: flag("x-kubernetes-embedded-resource"),
        properties: raw
            .get("properties")
            .and_then(Value::as_object)
            .map(|p| {
                p.iter()
                    .map(|(name, s)| (name.clone(), parse(s, definitions)))
                    .collect()
            })
            .unwrap_or_default(),
        required: strings(raw.get("required")),
        items: one("items"),
        additional: match raw.get("additionalProperties") {
            Some(Value::Bool(true)) => Some(SchemaRef::new(Schema {
                preserve_unknown: true,
                ..Schema::default()
            })),
            _ => one("additionalProperties"),
        },
        enumeration: raw.get("enum").and_then(Value::as_array).cloned(),
        limits: limits(raw),
        format: raw.get("format").and_then(Value::as_str).map(str::to_owned),
        pattern: raw
            .get("pattern")
            .and_then(Value::as_str)
            .and_then(|p| Regex::new(p).ok().map(|regex| (regex, p.to_owned()))),
        default: raw.get("default").cloned(),
        key_default: raw.get("x-sandbox-key-default").or(raw.get("default")).cloned(),
        list: list_kind(raw),
        atomic: raw["x-kubernetes-map-type"] == "atomic",
        patch: patch_strategy(raw),
        rules: raw
            .get("x-kubernetes-validations")
            .and_then(Value::as_array)
            .map(|l| l.iter().map(|r| Arc::new(Rule::read(r))).collect())
            .unwrap_or_default(),
        all_of: many("allOf"),
        any_of: many("anyOf"),
        one_of: many("oneOf"),
        not: one("not"),
    }
}

fn type_of(raw: &Value) -> (Option<Type>, bool) {
    let named = |name: &str| match name {
        "object" => Some(Type::Object),
        "array" => Some(Type::Array),
        "string" => Some(Type::String),
        "integer" => Some(Type::Integer),
        "number" => Some(Type::Number),
        "boolean" => Some(Type::Boolean),
        _ => None,
    };
    match raw.get("type") {
        Some(Value::String(name)) => (named(name), false),
        // schemars writes an optional type as a list with null.
        Some(Value::Array(names)) => (
            names.iter().filter_map(Value::as_str).find_map(named),
            names.iter().any(|n| n == "null"),
        ),
        _ => (None, false),
    }
}

fn limits(raw: &Value) -> Limits {
    let count = |key: &str| {
        raw.get(key)
            .and_then(Value::as_u64)
            .and_then(|n| usize::try_from(n).ok())
    };
    let bound = |key: &str, exclusive: &str| {
        let value = raw.get(key).and_then(Value::as_f64)?;
        Some((value, raw.get(exclusive).and_then(Value::as_bool).unwrap_or(false)))
    };
    Limits {
        minimum: bound("minimum", "exclusiveMinimum"),
        maximum: bound("maximum", "exclusiveMaximum"),
        multiple_of: raw.get("multipleOf").and_then(Value::as_f64),
        min_length: count("minLength"),
        max_length: count("maxLength"),
        min_items: count("minItems"),
        max_items: count("maxItems"),
        min_properties: count("minProperties"),
        max_properties: count("maxProperties"),
        unique_items: raw.get("uniqueItems").and_then(Value::as_bool).unwrap_or(false),
    }
}

fn list_kind(raw: &Value) -> ListKind {
    match raw.get("x-kubernetes-list-type").and_then(Value::as_str) {
        Some("set") => ListKind::Set,
        Some("map") => ListKind::Map(strings(raw.get("x-kubernetes-list-map-keys"))),
        _ => ListKind::Atomic,
    }
}

fn patch_strategy(raw: &Value) -> PatchStrategy {
    let named = raw
        .get("x-kubernetes-patch-strategy")
        .and_then(Value::as_str)
        .unwrap_or_default();
    PatchStrategy {
        merge: named.split(',').any(|s| s == "merge"),
        merge_key: raw
            .get("x-kubernetes-patch-merge-key")
            .and_then(Value::as_str)
            .map(str::to_owned),
        replace: named.split(',').any(|s| s == "replace"),
    }
}

fn strings(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::Array(list)) => list.iter().filter_map(|v| v.as_str().map(str::to_owned)).collect(),
        _ => Vec::new(),
    }
}
