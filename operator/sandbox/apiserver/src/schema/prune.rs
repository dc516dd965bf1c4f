//! Prunes unknown fields and finds values of the wrong type.

use serde_json::Value;

use super::{Schema, SchemaRef, Type, is_whole, type_name};
use crate::field::Path;
use crate::quantity::canonical;

/// Removes unknown fields from `value` and returns their paths, sorted.
pub fn prune(value: &mut Value, schema: &Schema) -> Vec<String> {
    let mut unknown = Vec::new();
    walk(value, schema, &Path::root(), &mut unknown);
    unknown.sort();
    unknown
}

fn walk(value: &mut Value, schema: &Schema, path: &Path, unknown: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            let open = schema.preserve_unknown || (schema.kind.is_none() && schema.properties.is_empty());
            map.retain(|key, child| {
                let here = path.child(key);
                if let Some(known) = schema.field(key) {
                    walk(child, known, &here, unknown);
                    return true;
                }
                if open || (schema.embedded && matches!(key.as_str(), "apiVersion" | "kind" | "metadata")) {
                    return true;
                }
                unknown.push(here.to_string());
                false
            });
        }
        Value::Array(list) => {
            if let Some(items) = &schema.items {
                for (i, child) in list.iter_mut().enumerate() {
                    walk(child, items, &path.index(i), unknown);
                }
            }
        }
        _ => {}
    }
}

/// A value of the wrong type in the body of a built-in kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistyped {
    /// Its path.
    pub path: String,
    /// The type that was found.
    pub found: &'static str,
    /// The type in the schema.
    pub wanted: &'static str,
}

/// Finds the first value of the wrong type. Null counts as absent, as in Go's decoder.
pub fn check_types(value: &Value, schema: &Schema) -> Option<Mistyped> {
    find(value, schema, &Path::root())
}

fn find(value: &Value, schema: &Schema, path: &Path) -> Option<Mistyped> {
    if value.is_null() {
        return None;
    }
    if schema.int_or_string {
        let quantity = schema.format.as_deref() == Some("quantity");
        return match value {
            Value::String(_) | Value::Number(_) if quantity && canonical(value).is_none() => {
                Some(mistyped(path, value, "quantity"))
            }
            Value::String(_) | Value::Number(_) => None,
            _ => Some(mistyped(path, value, "string")),
        };
    }
    let kind = schema.kind?;
    match (kind, value) {
        (Type::Object, Value::Object(map)) => map.iter().find_map(|(key, child)| {
            schema
                .field(key)
                .and_then(|s: &SchemaRef| find(child, s, &path.child(key)))
        }),
        (Type::Array, Value::Array(list)) => {
            let items = schema.items.as_ref()?;
            list.iter()
                .enumerate()
                .find_map(|(i, child)| find(child, items, &path.index(i)))
        }
        (Type::String, Value::String(text)) => {
            let bad = match schema.format.as_deref() {
                Some("date-time") => !text.is_empty() && text.parse::<jiff::Timestamp>().is_err(),
                Some("byte") => !super::format::matches("byte", text),
                _ => false,
            };
            bad.then(|| {
                mistyped(
                    path,
                    value,
                    if schema.format.as_deref() == Some("byte") {
                        "base64"
                    } else {
                        "time"
                    },
                )
            })
        }
        (Type::Integer, number) if is_whole(number) => {
            let fits =
                schema.format.as_deref() != Some("int32") || number.as_i64().is_some_and(|n| i32::try_from(n).is_ok());
            (!fits).then(|| mistyped(path, value, "int32"))
        }
        (Type::Number, Value::Number(_)) | (Type::Boolean, Value::Bool(_)) => None,
        (wanted, found) => Some(mistyped(path, found, wanted.name())),
    }
}

fn mistyped(path: &Path, value: &Value, wanted: &'static str) -> Mistyped {
    Mistyped {
        path: path.to_string(),
        found: type_name(value),
        wanted,
    }
}
