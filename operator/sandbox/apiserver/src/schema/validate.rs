//! Validation of a value against a structural schema, with upstream's messages.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{ListKind, Schema, SchemaRef, Type, format, is_whole, type_name};
use crate::field::{FieldError, Path, Problem, shown};

/// Checks `new`. A value that equals its counterpart in `old` is not reported: an update may keep an invalid value
/// (upstream's ratcheting).
pub fn validate(new: &Value, old: Option<&Value>, schema: &Schema) -> Vec<FieldError> {
    let mut errors = Vec::new();
    walk(new, old, schema, &Path::root(), &mut errors);
    errors
}

fn walk(new: &Value, old: Option<&Value>, schema: &Schema, path: &Path, errors: &mut Vec<FieldError>) {
    if old == Some(new) {
        return;
    }
    if !type_fits(new, schema, path, errors) {
        return;
    }
    if new.is_null() {
        return;
    }
    enumeration(new, schema, path, errors);
    match new {
        Value::String(text) => string(text, schema, path, errors),
        Value::Number(_) => number(new, schema, path, errors),
        Value::Array(list) => array(list, old, schema, path, errors),
        Value::Object(map) => object(map, old, schema, path, errors),
        _ => {}
    }
    combinations(new, schema, path, errors);
}

fn body(path: &Path, text: impl std::fmt::Display) -> String {
    format!("{path} in body {text}")
}

fn type_fits(value: &Value, schema: &Schema, path: &Path, errors: &mut Vec<FieldError>) -> bool {
    if value.is_null() && schema.nullable {
        return true;
    }
    let (fits, wanted) = if schema.int_or_string {
        (value.is_string() || is_whole(value), "integer,string")
    } else {
        let Some(kind) = schema.kind else { return true };
        let fits = match kind {
            Type::Object => value.is_object(),
            Type::Array => value.is_array(),
            Type::String => value.is_string(),
            Type::Integer => is_whole(value),
            Type::Number => value.is_number(),
            Type::Boolean => value.is_boolean(),
        };
        (fits, kind.name())
    };
    if !fits {
        let found = type_name(value);
        let detail = body(path, format_args!("must be of type {wanted}: \"{found}\""));
        errors.push(FieldError::new(
            path,
            Problem::TypeInvalid(format!("\"{found}\""), detail),
        ));
        if wanted == "integer" && value.is_number() {
            // Upstream's number validator also checks the value.
            let detail = format!("Checked value must be of type integer (default format) in {path}");
            errors.push(FieldError {
                field: "<nil>".into(),
                problem: Problem::Invalid("\"\"".into(), detail),
            });
        }
    }
    fits
}

fn enumeration(value: &Value, schema: &Schema, path: &Path, errors: &mut Vec<FieldError>) {
    if let Some(allowed) = &schema.enumeration
        && !allowed.contains(value)
    {
        let supported = allowed.iter().map(shown).collect();
        errors.push(FieldError::new(path, Problem::NotSupported(shown(value), supported)));
    }
}

fn string(text: &str, schema: &Schema, path: &Path, errors: &mut Vec<FieldError>) {
    let value = Value::from(text);
    let length = text.chars().count();
    if let Some(limit) = schema.limits.max_length
        && length > limit
    {
        errors.push(FieldError::new(path, Problem::TooLong(limit)));
    }
    if let Some(limit) = schema.limits.min_length
        && length < limit
    {
        errors.push(FieldError::invalid(
            path,
            &value,
            body(path, format_args!("should be at least {limit} chars long")),
        ));
    }
    if let Some((regex, source)) = &schema.pattern
        && !regex.is_match(text)
    {
        errors.push(FieldError::invalid(
            path,
            &value,
            body(path, format_args!("should match '{source}'")),
        ));
    }
    if let Some(format) = &schema.format
        && !format::matches(format, text)
    {
        let detail = body(path, format_args!("must be of type {format}: {value}"));
        errors.push(FieldError::new(path, Problem::TypeInvalid(shown(&value), detail)));
    }
}

fn number(value: &Value, schema: &Schema, path: &Path, errors: &mut Vec<FieldError>) {
    let Some(n) = value.as_f64() else { return };
    // Like upstream, which compares an integer with the integer part of a bound: 0 is not below 0.01.
    let whole = value.is_i64() || value.is_u64();
    let effective = |(bound, exclusive): (f64, bool)| (if whole { bound.trunc() } else { bound }, exclusive);
    let mut complain = |text: String| errors.push(FieldError::invalid(path, value, body(path, text)));
    if let Some((bound, exclusive)) = schema.limits.minimum.map(effective) {
        if exclusive && n <= bound {
            complain(format!("should be greater than {bound}"));
        } else if !exclusive && n < bound {
            complain(format!("should be greater than or equal to {bound}"));
        }
    }
    if let Some((bound, exclusive)) = schema.limits.maximum.map(effective) {
        if exclusive && n >= bound {
            complain(format!("should be less than {bound}"));
        } else if !exclusive && n > bound {
            complain(format!("should be less than or equal to {bound}"));
        }
    }
    if let Some(step) = schema.limits.multiple_of
        && (n / step).fract() != 0.0
    {
        complain(format!("should be a multiple of {step}"));
    }
    let range = match schema.format.as_deref() {
        Some("int32") => Some((f64::from(i32::MIN), f64::from(i32::MAX))),
        _ => None,
    };
    if let Some((low, high)) = range
        && !(low..=high).contains(&n)
    {
        complain(format!("must be of type int32: {value}"));
    }
}

fn array(list: &[Value], old: Option<&Value>, schema: &Schema, path: &Path, errors: &mut Vec<FieldError>) {
    if let Some(limit) = schema.limits.max_items
        && list.len() > limit
    {
        errors.push(FieldError::new(path, Problem::TooMany(list.len(), limit)));
    }
    if let Some(limit) = schema.limits.min_items
        && list.len() < limit
    {
        let detail = body(path, format_args!("should have at least {limit} items"));
        errors.push(FieldError::invalid(path, &list.len().into(), detail));
    }
    if schema.limits.unique_items
        && let Some(i) = (0..list.len()).find(|i| list[..*i].contains(&list[*i]))
    {
        errors.push(FieldError::duplicate(&path.index(i), &list[i]));
    }
    let Some(items) = &schema.items else { return };
    for (i, entry) in list.iter().enumerate() {
        walk(
            entry,
            counterpart(entry, old, &schema.list),
            items,
            &path.index(i),
            errors,
        );
    }
}

/// The entry of the old list that corresponds to `entry`. Entries of atomic lists have none.
pub(super) fn counterpart<'a>(entry: &Value, old: Option<&'a Value>, kind: &ListKind) -> Option<&'a Value> {
    let old = old?.as_array()?;
    match kind {
        ListKind::Map(keys) => old.iter().find(|o| keys.iter().all(|k| o.get(k) == entry.get(k))),
        ListKind::Set => old.iter().find(|o| *o == entry),
        ListKind::Atomic => None,
    }
}

fn object(map: &Map<String, Value>, old: Option<&Value>, schema: &Schema, path: &Path, errors: &mut Vec<FieldError>) {
    if let Some(limit) = schema.limits.max_properties
        && map.len() > limit
    {
        errors.push(FieldError::new(path, Problem::TooMany(map.len(), limit)));
    }
    if let Some(limit) = schema.limits.min_properties
        && map.len() < limit
    {
        let detail = body(path, format_args!("should have at least {limit} properties"));
        errors.push(FieldError::invalid(path, &map.len().into(), detail));
    }
    for name in &schema.required {
        if !map.contains_key(name) {
            errors.push(FieldError::required(&path.child(name), ""));
        }
    }
    for (name, value) in map {
        if let Some(field) = schema.field(name) {
            walk(value, old.and_then(|o| o.get(name)), field, &path.child(name), errors);
        }
    }
}

fn holds(value: &Value, schema: &SchemaRef, path: &Path) -> Result<(), Vec<FieldError>> {
    let mut errors = Vec::new();
    walk(value, None, schema, path, &mut errors);
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

fn combinations(value: &Value, schema: &Schema, path: &Path, errors: &mut Vec<FieldError>) {
    let mut complain = |text: String| {
        let detail = format!("\"{path}\" {text}");
        errors.push(FieldError {
            field: "<nil>".into(),
            problem: Problem::Invalid("\"\"".into(), detail),
        });
    };
    let mut more = Vec::new();
    if !schema.any_of.is_empty() {
        let results: Vec<_> = schema.any_of.iter().map(|s| holds(value, s, path)).collect();
        if results.iter().all(Result::is_err) {
            complain("must validate at least one schema (anyOf)".to_owned());
            more.extend(fewest(results));
        }
    }
    if !schema.one_of.is_empty() {
        let results: Vec<_> = schema.one_of.iter().map(|s| holds(value, s, path)).collect();
        match results.iter().filter(|r| r.is_ok()).count() {
            1 => {}
            0 => {
                complain("must validate one and only one schema (oneOf). Found none valid".to_owned());
                more.extend(fewest(results));
            }
            n => complain(format!(
                "must validate one and only one schema (oneOf). Found {n} valid alternatives"
            )),
        }
    }
    let failed: Vec<_> = schema
        .all_of
        .iter()
        .filter_map(|s| holds(value, s, path).err())
        .collect();
    if !failed.is_empty() {
        let none = if failed.len() == schema.all_of.len() {
            ". None validated"
        } else {
            ""
        };
        complain(format!("must validate all the schemas (allOf){none}"));
        more.extend(failed.into_iter().flatten());
    }
    if let Some(not) = &schema.not
        && holds(value, not, path).is_ok()
    {
        complain("must not validate the schema (not)".to_owned());
    }
    errors.extend(more);
}

/// The errors of the best-matching alternative.
fn fewest(results: Vec<Result<(), Vec<FieldError>>>) -> Vec<FieldError> {
    results
        .into_iter()
        .filter_map(Result::err)
        .min_by_key(Vec::len)
        .unwrap_or_default()
}

/// Finds duplicate entries of sets and list maps.
pub fn validate_lists(value: &Value, schema: &Schema) -> Vec<FieldError> {
    let mut errors = Vec::new();
    lists(value, schema, &Path::root(), &mut errors);
    errors
}

fn lists(value: &Value, schema: &Schema, path: &Path, errors: &mut Vec<FieldError>) {
    match value {
        Value::Object(map) => {
            for (name, child) in map {
                if let Some(field) = schema.field(name) {
                    lists(child, field, &path.child(name), errors);
                }
            }
        }
        Value::Array(list) => {
            let mut seen = Vec::new();
            for (i, entry) in list.iter().enumerate() {
                let identity = match &schema.list {
                    ListKind::Atomic => None,
                    ListKind::Set => Some(entry.clone()),
                    ListKind::Map(keys) => identity(entry, keys),
                };
                if let Some(identity) = identity {
                    if seen.contains(&identity) {
                        errors.push(FieldError::duplicate(&path.index(i), &identity));
                    }
                    seen.push(identity);
                }
                if let Some(items) = &schema.items {
                    lists(entry, items, &path.index(i), errors);
                }
            }
        }
        _ => {}
    }
}

fn identity(entry: &Value, keys: &[String]) -> Option<Value> {
    let found: BTreeMap<&String, &Value> = keys.iter().filter_map(|k| entry.get(k).map(|v| (k, v))).collect();
    (!found.is_empty()).then(|| found.into_iter().map(|(k, v)| (k.clone(), v.clone())).collect())
}
