//! Checks a definition's schema: it must be structural, with valid defaults and rules within the cost limit.

use std::sync::OnceLock;

use regex::Regex;
use serde_json::Value;

use super::root_schema;
use crate::field::{FieldError, Path, Problem};
use crate::schema::{Definitions, Rule, Schema, Type, parse, validate};

const TOO_COSTLY: &str = "exceeds budget by factor of more than 100x (try simplifying the rule, or adding maxItems, \
    maxProperties, and maxLength where arrays, maps, and strings are declared)";

/// Checks a schema at `path`.
pub(super) fn check(raw: &Value, path: &Path) -> Vec<FieldError> {
    let mut errors = Vec::new();
    shape(raw, path, Place::Root, &mut errors);
    metadata(raw, path, &mut errors);
    if !errors.is_empty() {
        return errors;
    }
    let schema = root_schema(raw);
    let mut total = false;
    rules(raw, &schema, path, true, false, &mut total, &mut errors);
    if total {
        let text =
            format!("x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema {TOO_COSTLY}");
        errors.push(FieldError::forbidden(path, text));
    }
    errors
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Root,
    Field,
    Item,
    Value,
}

fn flag(raw: &Value, key: &str) -> bool {
    raw[key] == true
}

fn shape(raw: &Value, path: &Path, place: Place, errors: &mut Vec<FieldError>) {
    let untyped = raw["type"].as_str().unwrap_or_default().is_empty();
    let excused = flag(raw, "x-kubernetes-int-or-string") || flag(raw, "x-kubernetes-preserve-unknown-fields");
    if untyped && (!excused || place == Place::Root) {
        let detail = match place {
            Place::Root => "must not be empty at the root",
            Place::Field => "must not be empty for specified object fields",
            Place::Item => "must not be empty for specified array items",
            Place::Value => "must not be empty for specified object values",
        };
        errors.push(FieldError::required(&path.child("type"), detail));
    } else if place == Place::Root && raw["type"] != "object" {
        errors.push(FieldError::invalid(
            &path.child("type"),
            &raw["type"],
            "must be object at the root",
        ));
    }
    if let Some(pattern) = raw["pattern"].as_str()
        && let Err(error) = Regex::new(pattern)
    {
        let detail = format!("must be a valid regular expression, but isn't: {error}");
        errors.push(FieldError::invalid(&path.child("pattern"), &pattern.into(), detail));
    }
    default(raw, path, errors);
    if raw["type"] == "array" && !raw["items"].is_object() {
        errors.push(FieldError::required(&path.child("items"), "must be specified"));
    }
    for (name, field) in raw["properties"].as_object().into_iter().flatten() {
        let exempt = place == Place::Root && matches!(name.as_str(), "metadata" | "apiVersion" | "kind");
        if !exempt {
            shape(field, &path.child("properties").key(name), Place::Field, errors);
        }
    }
    if raw["items"].is_object() {
        shape(&raw["items"], &path.child("items"), Place::Item, errors);
    }
    if raw["additionalProperties"].is_object() {
        shape(
            &raw["additionalProperties"],
            &path.child("additionalProperties"),
            Place::Value,
            errors,
        );
    }
    list_keys(raw, path, errors);
}

fn list_keys(raw: &Value, path: &Path, errors: &mut Vec<FieldError>) {
    let keys = raw["x-kubernetes-list-map-keys"].as_array();
    if raw["x-kubernetes-list-type"] == "map" && keys.is_none_or(Vec::is_empty) {
        let detail = "must not be empty if x-kubernetes-list-type is map";
        errors.push(FieldError::required(&path.child("x-kubernetes-list-map-keys"), detail));
    }
    for (i, key) in keys.into_iter().flatten().enumerate() {
        let name = key.as_str().unwrap_or_default();
        let property = &raw["items"]["properties"][name];
        let required = raw["items"]["required"].as_array().is_some_and(|r| r.contains(key));
        if !property.is_object() {
            let detail = "entries must all be names of item properties";
            errors.push(FieldError::invalid(
                &path.child("x-kubernetes-list-map-keys").index(i),
                key,
                detail,
            ));
        } else if !required && property["default"].is_null() {
            let detail =
                "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property";
            let at = path.child("items").child("properties").key(name).child("default");
            errors.push(FieldError::required(&at, detail));
        }
    }
}

fn default(raw: &Value, path: &Path, errors: &mut Vec<FieldError>) {
    let Some(default) = raw.get("default") else { return };
    let at = path.child("default");
    for found in validate(default, None, &parse(raw, &Definitions::new())) {
        let field = if found.field == "<nil>" {
            at.to_string()
        } else {
            format!("{at}.{}", found.field)
        };
        errors.push(FieldError {
            field,
            problem: found.problem,
        });
    }
}

/// A schema may restrict only the name in metadata.
fn metadata(raw: &Value, path: &Path, errors: &mut Vec<FieldError>) {
    let properties = raw["properties"]["metadata"]["properties"].as_object();
    let foreign = properties
        .into_iter()
        .flatten()
        .any(|(name, _)| name != "name" && name != "generateName");
    if foreign {
        let detail = "must not specify anything other than name and generateName, but metadata is implicitly specified";
        errors.push(FieldError::forbidden(&path.child("properties").key("metadata"), detail));
    }
}

fn rules(
    raw: &Value,
    schema: &Schema,
    path: &Path,
    root: bool,
    unbounded: bool,
    total: &mut bool,
    errors: &mut Vec<FieldError>,
) {
    for (i, rule) in schema.rules.iter().enumerate() {
        let at = path.child("x-kubernetes-validations").index(i);
        check_rule(rule, raw, schema, &at, root, unbounded, total, errors);
    }
    for (name, field) in raw["properties"].as_object().into_iter().flatten() {
        if let Some(below) = schema.field(name).filter(|_| !(root && name == "metadata")) {
            rules(
                field,
                below,
                &path.child("properties").key(name),
                false,
                unbounded,
                total,
                errors,
            );
        }
    }
    if let Some(items) = &schema.items {
        let more = unbounded || schema.limits.max_items.is_none();
        rules(&raw["items"], items, &path.child("items"), false, more, total, errors);
    }
    if let Some(values) = schema
        .additional
        .as_ref()
        .filter(|_| raw["additionalProperties"].is_object())
    {
        let more = unbounded || schema.limits.max_properties.is_none();
        rules(
            &raw["additionalProperties"],
            values,
            &path.child("additionalProperties"),
            false,
            more,
            total,
            errors,
        );
    }
}

#[expect(clippy::too_many_arguments, reason = "one rule with its context")]
fn check_rule(
    rule: &Rule,
    raw: &Value,
    schema: &Schema,
    at: &Path,
    root: bool,
    unbounded: bool,
    total: &mut bool,
    errors: &mut Vec<FieldError>,
) {
    let invalid = |detail: String| {
        let value = &raw["x-kubernetes-validations"];
        let _ = value;
        let shown = format!("{{\"rule\":{}}}", Value::from(rule.source.as_str()));
        FieldError::new(&at.child("rule"), Problem::Invalid(shown, detail))
    };
    if let Some(problem) = rule.problem() {
        errors.push(invalid(format!("compilation failed: {problem}")));
        return;
    }
    if let Some(field) = undefined_field(&rule.source, schema, root) {
        errors.push(invalid(format!(
            "compilation failed: ERROR: <input>: undefined field '{field}'"
        )));
        return;
    }
    if !may_be_boolean(rule) {
        errors.push(invalid("must evaluate to a bool".to_owned()));
        return;
    }
    let mut refuse = |child: &str, what: &str| {
        errors.push(FieldError::forbidden(
            &at.child(child),
            format!("estimated {what} cost {TOO_COSTLY}"),
        ));
        let part = "contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema";
        errors.push(FieldError::forbidden(&at.child(child), part));
        *total = true;
    };
    if runs_over_unbounded(&rule.source, schema) || (unbounded && is_costly(&rule.source)) {
        refuse("rule", "rule");
    }
    if let Some(message) = &rule.message_source
        && builds_unbounded(message, schema)
    {
        refuse("messageExpression", "messageExpression");
    }
}

fn regex(cell: &'static OnceLock<Option<Regex>>, pattern: &str) -> Option<&'static Regex> {
    cell.get_or_init(|| Regex::new(pattern).ok()).as_ref()
}

/// A field after `self.` that is not in the schema.
fn undefined_field(source: &str, schema: &Schema, root: bool) -> Option<String> {
    static FIELD: OnceLock<Option<Regex>> = OnceLock::new();
    if schema.kind != Some(Type::Object) || schema.properties.is_empty() || schema.additional.is_some() {
        return None;
    }
    let pattern = regex(&FIELD, r"\b(?:self|oldSelf)\.(\w+)(\s*\()?")?;
    let unquoted = without_strings(source);
    pattern.captures_iter(&unquoted).find_map(|found| {
        let name = found.get(1)?.as_str();
        let is_call = found.get(2).is_some();
        let implicit = root && matches!(name, "metadata" | "apiVersion" | "kind");
        let escaped = name.starts_with("__");
        (!is_call && !implicit && !escaped && !schema.properties.contains_key(name)).then(|| name.to_owned())
    })
}

fn without_strings(source: &str) -> String {
    static QUOTED: OnceLock<Option<Regex>> = OnceLock::new();
    match regex(&QUOTED, r#"'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*""#) {
        Some(pattern) => pattern.replace_all(source, "''").into_owned(),
        None => source.to_owned(),
    }
}

/// Whether the expression's outermost operation can return a boolean.
fn may_be_boolean(rule: &Rule) -> bool {
    use cel::common::ast::Expr;
    match rule.program().map(|p| &p.expression().expr) {
        Some(Expr::Call(call)) => !matches!(
            call.func_name.as_str(),
            "_+_" | "_-_" | "_*_" | "_/_" | "_%_" | "-_" | "size" | "string" | "int"
        ),
        Some(Expr::List(_) | Expr::Map(_) | Expr::Struct(_)) => false,
        _ => true,
    }
}

fn macros() -> Option<&'static Regex> {
    static MACRO: OnceLock<Option<Regex>> = OnceLock::new();
    regex(
        &MACRO,
        r"\b(?:self|oldSelf)((?:\.\w+)*)\.(?:all|exists|exists_one|map|filter)\(",
    )
}

/// Whether the rule iterates over a list or map without a maximum.
fn runs_over_unbounded(source: &str, schema: &Schema) -> bool {
    let Some(pattern) = macros() else { return false };
    pattern.captures_iter(source).any(|found| {
        let path: Vec<&str> = found
            .get(1)
            .map_or("", |m| m.as_str())
            .split('.')
            .filter(|p| !p.is_empty())
            .collect();
        match schema.at(&path) {
            Some(list) if list.items.is_some() => list.limits.max_items.is_none(),
            Some(map) if map.additional.is_some() => map.limits.max_properties.is_none(),
            _ => false,
        }
    })
}

/// Whether a rule that runs once per entry costs more than a comparison.
fn is_costly(source: &str) -> bool {
    [
        "matches(",
        ".all(",
        ".exists(",
        ".map(",
        ".filter(",
        "split(",
        "contains(",
    ]
    .iter()
    .any(|call| source.contains(call))
}

/// Whether a message is built from a string without a maximum length.
fn builds_unbounded(source: &str, schema: &Schema) -> bool {
    static TEXT: OnceLock<Option<Regex>> = OnceLock::new();
    if source.contains("string(") {
        return true;
    }
    let Some(pattern) = regex(&TEXT, r"\b(?:self|oldSelf)((?:\.\w+)+)") else {
        return false;
    };
    pattern.captures_iter(&without_strings(source)).any(|found| {
        let path: Vec<&str> = found
            .get(1)
            .map_or("", |m| m.as_str())
            .split('.')
            .filter(|p| !p.is_empty())
            .collect();
        schema.at(&path).is_some_and(|s| {
            s.kind == Some(Type::String)
                && s.limits.max_length.is_none()
                && s.enumeration.is_none()
                && s.format.is_none()
        })
    })
}
