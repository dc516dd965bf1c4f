//! Helpers for JSON objects.

use serde_json::Value;

/// Sets `key` of the object to `value` if it is absent or null.
pub(crate) fn default_to(object: &mut Value, key: &str, value: impl Into<Value>) {
    if let Some(map) = object.as_object_mut() {
        let slot = map.entry(key).or_insert(Value::Null);
        if slot.is_null() {
            *slot = value.into();
        }
    }
}

/// The mutable value at `key`, an empty object if absent.
pub(crate) fn child<'a>(object: &'a mut Value, key: &str) -> &'a mut Value {
    default_to(object, key, serde_json::json!({}));
    &mut object[key]
}

/// The mutable entries of the list at `key`.
pub(crate) fn each<'a>(object: &'a mut Value, key: &str) -> impl Iterator<Item = &'a mut Value> {
    object.get_mut(key).and_then(Value::as_array_mut).into_iter().flatten()
}

/// The entries of the list at `key`, with their indices.
pub(crate) fn entries<'a>(object: &'a Value, key: &str) -> impl Iterator<Item = (usize, &'a Value)> {
    object
        .get(key)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .enumerate()
}

/// The string at `key`, empty if absent.
pub(crate) fn text<'a>(object: &'a Value, key: &str) -> &'a str {
    object.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// Whether the value at `key` is present and not null.
pub(crate) fn has(object: &Value, key: &str) -> bool {
    object.get(key).is_some_and(|v| !v.is_null())
}
