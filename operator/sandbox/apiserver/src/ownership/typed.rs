//! Typed values: the schema tells which lists are associative, and which lists and maps are atomic.

use std::collections::BTreeMap;

use serde_json::Value;

use super::set::{Element, shown};
use crate::schema::{ListKind, Schema};

/// The granularity of a value.
pub(super) enum Shape<'a> {
    /// An atomic value.
    Leaf,
    /// A map of fields.
    Map,
    /// An associative list.
    List(&'a Schema),
}

/// The granularity of `value` under `schema`; without a schema, maps are granular and lists are atomic.
pub(super) fn shape<'a>(value: &Value, schema: Option<&'a Schema>) -> Shape<'a> {
    match (value, schema) {
        (Value::Object(_), Some(s)) if s.atomic => Shape::Leaf,
        (Value::Object(_), _) => Shape::Map,
        (Value::Array(_), Some(s)) if s.list != ListKind::Atomic => Shape::List(s),
        _ => Shape::Leaf,
    }
}

/// The schema of a field, if known.
pub(super) fn field_schema<'a>(schema: Option<&'a Schema>, name: &str) -> Option<&'a Schema> {
    schema.and_then(|s| s.field(name)).map(|s| &**s)
}

/// Whether `name` is a declared field, and not a map key.
pub(super) fn is_named(schema: Option<&Schema>, name: &str) -> bool {
    schema.is_some_and(|s| s.properties.contains_key(name))
}

/// The path element of a list entry.
pub(super) fn element(entry: &Value, list: &Schema) -> Result<Element, String> {
    let keys = match &list.list {
        ListKind::Map(keys) => keys,
        _ => return Ok(format!("v:{entry}")),
    };
    let mut found = BTreeMap::new();
    for key in keys {
        let value = match entry.get(key) {
            Some(value) => Some(value.clone()),
            None => list
                .items
                .as_ref()
                .and_then(|i| i.properties.get(key))
                .and_then(|s| s.key_default.clone()),
        };
        if let Some(value) = value {
            found.insert(key.clone(), value);
        }
    }
    if found.is_empty() {
        return Err(format!(
            "associative list with keys has an element that omits key field \"{}\" (and doesn't have default value)",
            keys.join("\", \"")
        ));
    }
    let written = Value::Object(found.into_iter().collect());
    Ok(format!("k:{written}"))
}

/// The entries of a list with their path elements, without entries that have none.
pub(super) fn elements<'a>(list: &'a [Value], schema: &Schema) -> Vec<(Element, &'a Value)> {
    list.iter()
        .filter_map(|entry| element(entry, schema).ok().map(|e| (e, entry)))
        .collect()
}

/// The errors of an applied object under its schema.
pub(super) fn problems(value: &Value, schema: &Schema) -> Vec<String> {
    let mut found = Vec::new();
    walk(value, schema, "", &mut found);
    found
}

fn walk(value: &Value, schema: &Schema, path: &str, found: &mut Vec<String>) {
    if value.is_null() {
        return;
    }
    if schema.int_or_string {
        if !value.is_string() && !value.is_number() {
            found.push(format!("{path}: expected string or number"));
        }
        return;
    }
    let Some(kind) = schema.kind else { return };
    use crate::schema::Type;
    let fits = match kind {
        Type::Object => value.is_object(),
        Type::Array => value.is_array(),
        Type::String => value.is_string(),
        Type::Integer | Type::Number => value.is_number(),
        Type::Boolean => value.is_boolean(),
    };
    if !fits {
        let wanted = match kind {
            Type::Object => "map",
            Type::Array => "list",
            Type::Integer | Type::Number => "numeric (int or float)",
            other => other.name(),
        };
        found.push(format!(
            "{path}: expected {wanted}, got &value.valueUnstructured{{Value:{value}}}"
        ));
        return;
    }
    match value {
        Value::Object(map) => {
            for (name, child) in map {
                match schema.field(name) {
                    Some(field) => walk(child, field, &format!("{path}.{name}"), found),
                    None if schema.preserve_unknown || schema.embedded => {}
                    None => found.push(format!("{path}.{name}: field not declared in schema")),
                }
            }
        }
        Value::Array(list) => entries(list, schema, path, found),
        _ => {}
    }
}

fn entries(list: &[Value], schema: &Schema, path: &str, found: &mut Vec<String>) {
    let mut seen = Vec::new();
    for (i, entry) in list.iter().enumerate() {
        let mut here = format!("{path}[{i}]");
        if schema.list != ListKind::Atomic {
            match element(entry, schema) {
                Ok(element) => {
                    here = format!("{path}{}", shown(&element));
                    if seen.contains(&element) {
                        found.push(format!("{path}: duplicate entries for key {}", shown(&element)));
                    }
                    seen.push(element);
                }
                Err(why) => {
                    found.push(format!("{path}: element {i}: {why}"));
                    continue;
                }
            }
        }
        if let Some(items) = &schema.items {
            walk(entry, items, &here, found);
        }
    }
}
