//! Strategic merge patch: lists merge by their merge key, with directives to delete, replace and order.

use serde_json::{Map, Value};

use crate::schema::{PatchStrategy, Schema};

const DIRECTIVE: &str = "$patch";
const RETAIN_KEYS: &str = "$retainKeys";
const DELETE_FROM: &str = "$deleteFromPrimitiveList/";
const SET_ORDER: &str = "$setElementOrder/";

/// Merges `patch` into `target` under the kind's schema.
pub(crate) fn apply_strategic_patch(target: &Value, patch: &Value, schema: &Schema) -> Value {
    merge(target, patch, Some(schema))
}

fn merge(target: &Value, patch: &Value, schema: Option<&Schema>) -> Value {
    let (Value::Object(target), Value::Object(patch)) = (target, patch) else {
        return without_directives(patch);
    };
    match patch.get(DIRECTIVE).and_then(Value::as_str) {
        Some("replace") => return without_directives(&Value::Object(patch.clone())),
        Some("delete") => return Value::Object(Map::new()),
        _ => {}
    }
    let mut merged = target.clone();
    if let Some(Value::Array(kept)) = patch.get(RETAIN_KEYS) {
        merged.retain(|key, _| kept.iter().any(|k| k == key));
    }
    for (key, value) in patch {
        if key == DIRECTIVE || key == RETAIN_KEYS || key.starts_with(SET_ORDER) {
            continue;
        }
        if let Some(name) = key.strip_prefix(DELETE_FROM) {
            delete_from(&mut merged, name, value);
            continue;
        }
        if value.is_null() {
            merged.remove(key);
            continue;
        }
        let field = schema.and_then(|s| s.field(key)).map(|s| &**s);
        let result = match (merged.get(key), value) {
            (None, value) => without_directives(value),
            (Some(present), Value::Object(_)) if field.is_none_or(|f| !f.patch.replace) => merge(present, value, field),
            (Some(Value::Array(present)), Value::Array(changes)) if field.is_some_and(|f| f.patch.merge) => {
                let order = patch.get(&format!("{SET_ORDER}{key}")).and_then(Value::as_array);
                let items = field.and_then(|f| f.items.as_deref());
                let strategy = field.map(|f| f.patch.clone()).unwrap_or_default();
                Value::Array(merge_list(present, changes, &strategy, items, order))
            }
            (Some(_), value) => without_directives(value),
        };
        merged.insert(key.clone(), result);
    }
    reorder_only(&mut merged, patch, schema);
    Value::Object(merged)
}

/// Applies an order to a list that the patch does not change otherwise.
fn reorder_only(merged: &mut Map<String, Value>, patch: &Map<String, Value>, schema: Option<&Schema>) {
    for (key, order) in patch {
        let Some(name) = key.strip_prefix(SET_ORDER) else {
            continue;
        };
        if patch.contains_key(name) {
            continue;
        }
        let strategy = schema
            .and_then(|s| s.field(name))
            .map(|f| f.patch.clone())
            .unwrap_or_default();
        if let (Some(Value::Array(list)), Value::Array(order)) = (merged.get_mut(name), order) {
            let entries = std::mem::take(list);
            *list = in_order(entries, &[], order, &strategy);
        }
    }
}

fn delete_from(merged: &mut Map<String, Value>, name: &str, values: &Value) {
    if let (Some(Value::Array(list)), Value::Array(values)) = (merged.get_mut(name), values) {
        list.retain(|entry| !values.contains(entry));
    }
}

fn identity<'a>(entry: &'a Value, strategy: &PatchStrategy) -> Option<&'a Value> {
    match &strategy.merge_key {
        Some(key) => entry.get(key),
        None => Some(entry),
    }
}

fn directive(entry: &Value) -> Option<&str> {
    entry.get(DIRECTIVE).and_then(Value::as_str)
}

fn merge_list(
    present: &[Value],
    changes: &[Value],
    strategy: &PatchStrategy,
    items: Option<&Schema>,
    order: Option<&Vec<Value>>,
) -> Vec<Value> {
    if changes.iter().any(|c| directive(c) == Some("replace")) {
        return changes
            .iter()
            .filter(|c| directive(c).is_none())
            .map(without_directives)
            .collect();
    }
    let mut merged: Vec<Value> = present.to_vec();
    for change in changes.iter().filter(|c| directive(c) == Some("delete")) {
        let gone = identity(change, strategy).cloned();
        merged.retain(|entry| identity(entry, strategy) != gone.as_ref());
    }
    let mut named = Vec::new();
    for change in changes.iter().filter(|c| directive(c) != Some("delete")) {
        let wanted = identity(change, strategy).cloned();
        named.extend(wanted.clone());
        let slot = merged
            .iter_mut()
            .find(|e| wanted.is_some() && identity(e, strategy) == wanted.as_ref());
        match slot {
            Some(entry) => *entry = merge(entry, change, items),
            None => merged.push(without_directives(change)),
        }
    }
    let wanted: Vec<Value> = match order {
        Some(order) => order.iter().filter_map(|o| identity(o, strategy).cloned()).collect(),
        None => named,
    };
    let server: Vec<Value> = present.iter().filter_map(|e| identity(e, strategy).cloned()).collect();
    sort_by_orders(merged, &wanted, &server, strategy)
}

fn in_order(entries: Vec<Value>, server: &[Value], order: &[Value], strategy: &PatchStrategy) -> Vec<Value> {
    let wanted: Vec<Value> = order.iter().filter_map(|o| identity(o, strategy).cloned()).collect();
    let present: Vec<Value> = if server.is_empty() {
        entries.iter().filter_map(|e| identity(e, strategy).cloned()).collect()
    } else {
        server.to_vec()
    };
    sort_by_orders(entries, &wanted, &present, strategy)
}

/// The patch's entries in the patch's order, merged with the server's other entries in the server's order: a server
/// entry goes before a patched entry if it was before it on the server.
fn sort_by_orders(entries: Vec<Value>, patch: &[Value], server: &[Value], strategy: &PatchStrategy) -> Vec<Value> {
    let place = |list: &[Value], e: &Value| identity(e, strategy).and_then(|id| list.iter().position(|o| o == id));
    let (mut named, mut rest): (Vec<Value>, Vec<Value>) = entries.into_iter().partition(|e| place(patch, e).is_some());
    named.sort_by_key(|e| place(patch, e));
    rest.sort_by_key(|e| place(server, e).unwrap_or(usize::MAX));
    let (mut named, mut rest) = (named.into_iter().peekable(), rest.into_iter().peekable());
    let mut out = Vec::new();
    loop {
        match (named.peek(), rest.peek()) {
            (None, None) => return out,
            (Some(_), None) => out.extend(named.next()),
            (None, Some(_)) => out.extend(rest.next()),
            (Some(n), Some(r)) => match (place(server, n), place(server, r)) {
                (Some(n), Some(r)) if r < n => out.extend(rest.next()),
                _ => out.extend(named.next()),
            },
        }
    }
}

fn without_directives(value: &Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(
            map.iter()
                .filter(|(k, v)| {
                    !k.starts_with("$patch")
                        && !k.starts_with("$retainKeys")
                        && !k.starts_with(SET_ORDER)
                        && !k.starts_with(DELETE_FROM)
                        && !v.is_null()
                })
                .map(|(k, v)| (k.clone(), without_directives(v)))
                .collect(),
        ),
        Value::Array(list) => Value::Array(
            list.iter()
                .filter(|e| directive(e).is_none())
                .map(without_directives)
                .collect(),
        ),
        other => other.clone(),
    }
}
