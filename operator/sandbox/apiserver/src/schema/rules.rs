//! CEL rules (`x-kubernetes-validations`), compiled with the definition and evaluated on every write.

use std::sync::Arc;

use cel::{Context, Env, Program, Value as Cel};
use serde_json::Value;

use super::validate::counterpart;
use super::{Schema, Type, is_whole, library};
use crate::field::{FieldError, Path, Problem};

/// One rule.
pub struct Rule {
    /// The expression as written.
    pub source: String,
    /// The message expression as written.
    pub message_source: Option<String>,
    program: Result<Program, String>,
    message_program: Option<Result<Program, String>>,
    message: String,
    reason: String,
    field_path: String,
    optional_old_self: bool,
}

impl std::fmt::Debug for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rule")
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

fn compile(source: &str) -> Result<Program, String> {
    library::environment().compile(source).map_err(|e| e.to_string())
}

impl Rule {
    /// Reads and compiles a rule.
    pub fn read(raw: &Value) -> Self {
        let text = |key: &str| raw[key].as_str().unwrap_or_default().to_owned();
        let source = text("rule");
        let message_source = raw["messageExpression"].as_str().map(str::to_owned);
        Self {
            program: compile(&source),
            message_program: message_source.as_deref().map(compile),
            source,
            message_source,
            message: text("message"),
            reason: text("reason"),
            field_path: text("fieldPath"),
            optional_old_self: raw["optionalOldSelf"] == true,
        }
    }

    /// The compile error, if there is one.
    pub fn problem(&self) -> Option<&str> {
        self.program.as_ref().err().map(String::as_str)
    }

    /// The compiled expression.
    pub fn program(&self) -> Option<&Program> {
        self.program.as_ref().ok()
    }

    fn is_transition(&self) -> bool {
        self.program().is_some_and(|p| p.references().has_variable("oldSelf"))
    }
}

/// Evaluates the rules of a schema and its subschemas. `new` and `old` are whole objects.
pub fn check(new: &Value, old: Option<&Value>, schema: &Schema) -> Vec<FieldError> {
    if !has_rules(schema) {
        return Vec::new();
    }
    let mut errors = Vec::new();
    walk(new, old, schema, &Path::root(), true, &mut errors);
    errors
}

/// Whether the schema or one of its subschemas has rules.
pub fn has_rules(schema: &Schema) -> bool {
    rules_below(schema, 0)
}

fn rules_below(schema: &Schema, depth: usize) -> bool {
    depth < 64
        && (!schema.rules.is_empty()
            || schema
                .properties
                .iter()
                .any(|(name, s)| name != "metadata" && rules_below(s, depth + 1))
            || schema.items.as_ref().is_some_and(|s| rules_below(s, depth + 1))
            || schema.additional.as_ref().is_some_and(|s| rules_below(s, depth + 1)))
}

fn walk(new: &Value, old: Option<&Value>, schema: &Schema, path: &Path, root: bool, errors: &mut Vec<FieldError>) {
    if new.is_null() || old == Some(new) {
        return;
    }
    for rule in &schema.rules {
        if let Some(error) = evaluate(rule, new, old, schema, path, root) {
            errors.push(error);
        }
    }
    match new {
        Value::Object(map) => {
            for (name, child) in map.iter().filter(|(name, _)| !(root && *name == "metadata")) {
                if let Some(field) = schema.field(name) {
                    let here = if schema.properties.contains_key(name) {
                        path.child(name)
                    } else {
                        path.key(name)
                    };
                    walk(child, old.and_then(|o| o.get(name)), field, &here, false, errors);
                }
            }
        }
        Value::Array(list) => {
            let Some(items) = &schema.items else { return };
            for (i, entry) in list.iter().enumerate() {
                let before = counterpart(entry, old, &schema.list);
                walk(entry, before, items, &path.index(i), false, errors);
            }
        }
        _ => {}
    }
}

fn evaluate(
    rule: &Arc<Rule>,
    new: &Value,
    old: Option<&Value>,
    schema: &Schema,
    path: &Path,
    root: bool,
) -> Option<FieldError> {
    let program = rule.program()?;
    if rule.is_transition() && old.is_none() && !rule.optional_old_self {
        return None;
    }
    let mut context = library::context();
    context.add_variable_from_value("self", to_cel(new, schema, root));
    let before = old.map(|o| to_cel(o, schema, root));
    if rule.optional_old_self {
        let before = match before {
            Some(value) => cel::objects::OptionalValue::of(value),
            None => cel::objects::OptionalValue::none(),
        };
        context.add_variable_from_value("oldSelf", Cel::Opaque(Arc::new(before)));
    } else if let Some(before) = before {
        context.add_variable_from_value("oldSelf", before);
    }
    match program.execute(&context) {
        Ok(Cel::Bool(true)) => None,
        Ok(Cel::Bool(false)) => Some(failure(rule, new, path, &context)),
        Ok(_) => Some(broken(rule, new, path, "the rule does not give a boolean")),
        Err(error) => Some(broken(rule, new, path, &told(&error))),
    }
}

fn told(error: &cel::ExecutionError) -> String {
    match error {
        cel::ExecutionError::NoSuchKey(key) => format!("no such key: {key}"),
        other => other.to_string(),
    }
}

/// A value in messages: maps and lists are shown by their type only.
fn shown(value: &Value) -> String {
    if value.is_object() || value.is_array() {
        String::new()
    } else {
        value.to_string()
    }
}

fn broken(rule: &Rule, value: &Value, path: &Path, why: &str) -> FieldError {
    let kind = super::type_name(value);
    let detail = format!("{why} evaluating rule: {}", rule.source);
    FieldError::new(path, Problem::Invalid(format!("\"{kind}\""), detail))
}

fn failure(rule: &Rule, value: &Value, path: &Path, context: &Context<'_, '_>) -> FieldError {
    let computed = match &rule.message_program {
        Some(Ok(program)) => match program.execute(context) {
            Ok(Cel::String(text)) if !text.trim().is_empty() && !text.contains('\n') => Some(text.to_string()),
            _ => None,
        },
        _ => None,
    };
    let message = computed.unwrap_or_else(|| {
        if rule.message.is_empty() {
            format!("failed rule: {}", rule.source)
        } else {
            rule.message.clone()
        }
    });
    let mut at = path.clone();
    for part in rule.field_path.split('.').filter(|p| !p.is_empty()) {
        at = at.child(part);
    }
    let problem = match rule.reason.as_str() {
        "FieldValueForbidden" => Problem::Forbidden(message),
        "FieldValueRequired" => Problem::Required(message),
        "FieldValueDuplicate" => Problem::Duplicate(shown(value)),
        _ => Problem::Invalid(shown(value), message),
    };
    FieldError::new(&at, problem)
}

/// Converts a JSON value to CEL: typed by the schema, without fields that are not in it.
fn to_cel(value: &Value, schema: &Schema, root: bool) -> Cel {
    match value {
        Value::Null => Cel::Null,
        Value::Bool(b) => Cel::Bool(*b),
        Value::Number(n) if schema.kind != Some(Type::Number) && is_whole(value) => {
            Cel::Int(n.as_i64().unwrap_or_else(|| n.as_f64().unwrap_or_default() as i64))
        }
        Value::Number(n) => Cel::Float(n.as_f64().unwrap_or_default()),
        Value::String(text) => Cel::String(Arc::new(text.clone())),
        Value::Array(list) => {
            let entries = list.iter().map(|v| match &schema.items {
                Some(items) => to_cel(v, items, false),
                None => Cel::Null,
            });
            Cel::List(Arc::new(entries.collect()))
        }
        Value::Object(map) => {
            let known = map.iter().filter_map(|(name, child)| {
                let seen = if root && name == "metadata" {
                    visible_metadata(child)
                } else {
                    to_cel(child, schema.field(name)?, false)
                };
                Some((cel::objects::Key::from(name.clone()), seen))
            });
            Cel::Map(cel::objects::Map {
                map: Arc::new(known.collect()),
            })
        }
    }
}

/// Metadata for rules, which have access to the name only.
fn visible_metadata(metadata: &Value) -> Cel {
    let seen = ["name", "generateName"].into_iter().filter_map(|key| {
        let text = metadata[key].as_str()?;
        Some((
            cel::objects::Key::from(key.to_owned()),
            Cel::String(Arc::new(text.to_owned())),
        ))
    });
    Cel::Map(cel::objects::Map {
        map: Arc::new(seen.collect()),
    })
}

/// The type of the CEL environment.
pub(super) type Environment = Env;
