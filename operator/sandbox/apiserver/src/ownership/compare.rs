//! Field sets: the difference of two objects, and the fields of one.

use serde_json::Value;

use super::set::{Element, FieldSet, field};
use super::typed::{Shape, elements, field_schema, is_named, shape};
use crate::schema::Schema;

/// The difference between two objects.
#[derive(Debug, Default)]
pub(crate) struct Comparison {
    /// Fields only in the new object.
    pub(crate) added: FieldSet,
    /// Fields whose values differ.
    pub(crate) modified: FieldSet,
    /// Fields only in the old object.
    pub(crate) removed: FieldSet,
}

/// Compares two objects.
pub(crate) fn compare(old: &Value, new: &Value, schema: &Schema) -> Comparison {
    let mut result = Comparison::default();
    walk(Some(old), Some(new), Some(schema), &mut Vec::new(), &mut result);
    result
}

fn walk(
    old: Option<&Value>,
    new: Option<&Value>,
    schema: Option<&Schema>,
    path: &mut Vec<Element>,
    result: &mut Comparison,
) {
    if old == new {
        return;
    }
    let is_empty = |v: Option<&Value>| match v {
        None | Some(Value::Null) => true,
        Some(Value::Object(map)) => map.is_empty(),
        Some(Value::Array(list)) => list.is_empty(),
        Some(_) => false,
    };
    let same_kind = match (old, new) {
        (Some(o), Some(n)) => std::mem::discriminant(o) == std::mem::discriminant(n),
        _ => true,
    };
    let Some(present) = new.or(old) else { return };
    let leaf = !path.is_empty() && is_empty(old) && is_empty(new);
    match shape(present, schema) {
        Shape::Map if same_kind && !leaf => maps(old, new, schema, path, result),
        Shape::List(list) if same_kind && !leaf => lists(old, new, list, path, result),
        _ => {
            let set = match (old, new) {
                (None, _) => &mut result.added,
                (_, None) => &mut result.removed,
                _ => &mut result.modified,
            };
            set.insert(path);
            return;
        }
    }
    match (old, new) {
        (None, _) => result.added.insert(path),
        (_, None) => result.removed.insert(path),
        _ => {}
    }
}

fn maps(
    old: Option<&Value>,
    new: Option<&Value>,
    schema: Option<&Schema>,
    path: &mut Vec<Element>,
    result: &mut Comparison,
) {
    let (old, new) = (old.and_then(Value::as_object), new.and_then(Value::as_object));
    for (name, value) in new.into_iter().flatten() {
        path.push(field(name));
        walk(
            old.and_then(|o| o.get(name)),
            Some(value),
            field_schema(schema, name),
            path,
            result,
        );
        path.pop();
    }
    for (name, value) in old
        .into_iter()
        .flatten()
        .filter(|(n, _)| !new.is_some_and(|m| m.contains_key(*n)))
    {
        path.push(field(name));
        walk(Some(value), None, field_schema(schema, name), path, result);
        path.pop();
    }
}

fn lists(old: Option<&Value>, new: Option<&Value>, schema: &Schema, path: &mut Vec<Element>, result: &mut Comparison) {
    let read = |v: Option<&'_ Value>| -> Vec<(Element, Value)> {
        let list = v.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        elements(list, schema)
            .into_iter()
            .map(|(e, v)| (e, v.clone()))
            .collect()
    };
    let (old, new) = (read(old), read(new));
    let find = |list: &[(Element, Value)], e: &Element| list.iter().find(|(x, _)| x == e).map(|(_, v)| v.clone());
    let items = schema.items.as_deref();
    for (element, value) in &new {
        path.push(element.clone());
        walk(find(&old, element).as_ref(), Some(value), items, path, result);
        path.pop();
    }
    for (element, value) in old.iter().filter(|(e, _)| find(&new, e).is_none()) {
        path.push(element.clone());
        walk(Some(value), None, items, path, result);
        path.pop();
    }
}

/// The fields of an applied object.
pub(crate) fn fields_of(value: &Value, schema: &Schema) -> FieldSet {
    let mut set = FieldSet::default();
    collect(value, Some(schema), &mut Vec::new(), &mut set);
    set
}

fn collect(value: &Value, schema: Option<&Schema>, path: &mut Vec<Element>, set: &mut FieldSet) {
    match (shape(value, schema), value) {
        (Shape::Map, Value::Object(map)) if !map.is_empty() => {
            for (name, child) in map {
                path.push(field(name));
                collect(child, field_schema(schema, name), path, set);
                // A map key is itself a member, so that an empty entry is owned too.
                if schema.is_some_and(|s| s.additional.is_some()) && !is_named(schema, name) {
                    set.insert(path);
                }
                path.pop();
            }
        }
        (Shape::List(list), Value::Array(entries)) if !entries.is_empty() => {
            for (element, entry) in elements(entries, list) {
                path.push(element);
                set.insert(path);
                collect(entry, list.items.as_deref(), path, set);
                path.pop();
            }
        }
        _ => set.insert(path),
    }
}
