//! Merges an applied object into the live one, and removes fields that are no longer owned.

use serde_json::{Map, Value};

use super::set::{Element, FieldSet, field};
use super::typed::{Shape, element, elements, field_schema, is_named, shape};
use crate::schema::Schema;

/// The live object merged with the applied one.
pub(super) fn merge(live: &Value, applied: &Value, schema: Option<&Schema>) -> Value {
    match (shape(applied, schema), live, applied) {
        (Shape::Map, Value::Object(live), Value::Object(applied)) => {
            let mut merged = live.clone();
            for (name, value) in applied {
                let result = match live.get(name) {
                    Some(present) => merge(present, value, field_schema(schema, name)),
                    None => value.clone(),
                };
                merged.insert(name.clone(), result);
            }
            Value::Object(merged)
        }
        (Shape::List(list), Value::Array(live), Value::Array(applied)) => {
            Value::Array(merge_lists(live, applied, list))
        }
        _ => applied.clone(),
    }
}

/// Entries of both lists: applied entries are in the applied order, the others keep their positions between them.
fn merge_lists(live: &[Value], applied: &[Value], schema: &Schema) -> Vec<Value> {
    let (left, right) = (elements(live, schema), elements(applied, schema));
    let find = |list: &[(Element, &Value)], e: &Element| list.iter().find(|(x, _)| x == e).map(|(_, v)| (*v).clone());
    let merged = |e: &Element| match (find(&left, e), find(&right, e)) {
        (Some(l), Some(r)) => merge(&l, &r, schema.items.as_deref()),
        (Some(only), None) | (None, Some(only)) => only,
        (None, None) => Value::Null,
    };
    let mut shared = right.iter().map(|(e, _)| e).filter(|e| find(&left, e).is_some());
    let mut next_shared = shared.next();
    let mut out = Vec::new();
    let mut done: Vec<&Element> = Vec::new();
    let (mut l, mut r) = (0, 0);
    while l < left.len() || r < right.len() {
        if l < left.len() && r < right.len() {
            let (here, there) = (&left[l].0, &right[r].0);
            if here == there {
                out.push(merged(here));
                done.push(here);
                (l, r) = (l + 1, r + 1);
                next_shared = shared.next();
                continue;
            }
            if find(&right, here).is_some() && next_shared.is_some_and(|n| n != here) {
                l += 1;
                continue;
            }
        }
        if l < left.len() {
            let here = &left[l].0;
            if find(&right, here).is_none() {
                out.push(left[l].1.clone());
                l += 1;
                continue;
            }
            if done.contains(&here) {
                l += 1;
            }
        }
        if r < right.len() {
            let there = &right[r].0;
            out.push(merged(there));
            done.push(there);
            r += 1;
            if next_shared == Some(there) {
                next_shared = shared.next();
            }
        }
    }
    out
}

/// Removes the fields from `value` that are in `last` and not in `owned`.
pub(super) fn remove_unowned(value: &mut Value, schema: Option<&Schema>, last: &FieldSet, owned: &FieldSet) {
    match shape(value, schema) {
        Shape::Map => {
            if let Value::Object(map) = value {
                from_map(map, schema, last, owned);
            }
        }
        Shape::List(list) => {
            if let Value::Array(entries) = value {
                from_list(entries, list, last, owned);
            }
        }
        Shape::Leaf => {}
    }
}

fn from_map(map: &mut Map<String, Value>, schema: Option<&Schema>, last: &FieldSet, owned: &FieldSet) {
    let empty = FieldSet::default();
    map.retain(|name, child| {
        let element = field(name);
        // A named field is a member if any field below it is.
        let named = is_named(schema, name);
        let member = |set: &FieldSet| set.has(&element) || (named && set.below(&element).is_some());
        if member(last) && !member(owned) {
            return false;
        }
        if let Some(below) = last.below(&element) {
            remove_unowned(
                child,
                field_schema(schema, name),
                below,
                owned.below(&element).unwrap_or(&empty),
            );
        }
        true
    });
}

fn from_list(entries: &mut Vec<Value>, schema: &Schema, last: &FieldSet, owned: &FieldSet) {
    let empty = FieldSet::default();
    entries.retain_mut(|entry| {
        let Ok(element) = element(entry, schema) else {
            return true;
        };
        if last.has(&element) && !owned.has(&element) {
            return false;
        }
        if let Some(below) = last.below(&element) {
            remove_unowned(
                entry,
                schema.items.as_deref(),
                below,
                owned.below(&element).unwrap_or(&empty),
            );
        }
        true
    });
}
