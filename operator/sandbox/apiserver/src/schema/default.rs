//! Defaults of a structural schema.

use serde_json::Value;

use super::Schema;

/// Applies defaults at every level that exists.
pub fn apply_defaults(value: &mut Value, schema: &Schema) {
    match value {
        Value::Object(map) => {
            for (name, field) in &schema.properties {
                let Some(default) = &field.default else { continue };
                let absent = match map.get(name) {
                    None => true,
                    Some(Value::Null) => !field.nullable,
                    Some(_) => false,
                };
                if absent {
                    map.insert(name.clone(), default.clone());
                }
            }
            for (name, child) in map.iter_mut() {
                if let Some(field) = schema.field(name) {
                    if child.is_null()
                        && !field.nullable
                        && let Some(default) = &field.default
                    {
                        *child = default.clone();
                    }
                    apply_defaults(child, field);
                }
            }
        }
        Value::Array(list) => {
            if let Some(items) = &schema.items {
                for child in list {
                    apply_defaults(child, items);
                }
            }
        }
        _ => {}
    }
}

/// Removes null from fields that are not nullable and have no default.
pub fn drop_nulls(value: &mut Value, schema: &Schema) {
    match value {
        Value::Object(map) => map.retain(|name, child| {
            let Some(field) = schema.field(name) else { return true };
            if child.is_null() {
                return field.nullable || field.default.is_some() || field.is_untyped();
            }
            drop_nulls(child, field);
            true
        }),
        Value::Array(list) => {
            if let Some(items) = &schema.items {
                for child in list {
                    drop_nulls(child, items);
                }
            }
        }
        _ => {}
    }
}
