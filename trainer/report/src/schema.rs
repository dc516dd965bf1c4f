//! The JSON Schema of `report.json`, and a table of its fields.

use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use serde_json::Value;

use crate::report::Report;

/// The JSON Schema (draft 2020-12) of `report.json`. Readers must ignore fields that it does not name: new versions add
/// fields and never rename them.
pub fn schema() -> Schema {
    // CEL rules are for custom resources only.
    let plain = RecursiveTransform(|schema: &mut Schema| {
        schema.remove("x-kubernetes-validations");
    });
    let mut settings = SchemaSettings::draft2020_12().for_serialize().with_transform(plain);
    settings.inline_subschemas = false;
    settings.into_generator().into_root_schema_for::<Report>()
}

/// Every field in a Markdown table: its path, type and description.
pub fn field_table() -> String {
    let schema = schema();
    let mut table = String::from("| field | type | |\n|---|---|---|");
    list(schema.as_value(), schema.as_value(), "", &mut table);
    table
}

fn list(root: &Value, object: &Value, prefix: &str, table: &mut String) {
    let required: Vec<&str> = object["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    for (name, field) in object["properties"].as_object().into_iter().flatten() {
        let path = if prefix.is_empty() {
            name.clone()
        } else {
            format!("{prefix}.{name}")
        };
        let resolved = resolve(root, field);
        let description = field["description"].as_str().or(resolved["description"].as_str());
        let optional = if required.contains(&name.as_str()) {
            ""
        } else {
            ", optional"
        };
        let text = description.unwrap_or_default().replace('\n', " ").replace('|', "\\|");
        table.push_str(&format!("\n| `{path}` | {}{optional} | {text} |", kind(root, field)));
        match (&resolved["items"], resolved.get("properties")) {
            (_, Some(_)) => list(root, resolved, &path, table),
            (items @ Value::Object(_), None) => list(root, resolve(root, items), &format!("{path}[]"), table),
            _ => {}
        }
    }
}

/// The target of a reference that stands alone or next to `null`.
fn resolve<'s>(root: &'s Value, schema: &'s Value) -> &'s Value {
    if let Some(name) = schema["$ref"].as_str() {
        return root.pointer(name.trim_start_matches('#')).unwrap_or(schema);
    }
    let not_null = |option: &&Value| option["type"] != "null";
    match schema["anyOf"]
        .as_array()
        .and_then(|options| options.iter().find(not_null))
    {
        Some(option) => resolve(root, option),
        None => schema,
    }
}

/// A short name of the type.
fn kind(root: &Value, field: &Value) -> String {
    let schema = resolve(root, field);
    let choices = |list: &Value, of: fn(&Value) -> Option<&str>| -> Vec<String> {
        let values = list.as_array().into_iter().flatten().filter_map(of);
        values.map(|value| format!("`{value}`")).collect()
    };
    let mut names = choices(&schema["oneOf"], |option| option["const"].as_str());
    names.extend(choices(&schema["enum"], Value::as_str));
    if !names.is_empty() {
        return names.join(", ");
    }
    let name = match &schema["type"] {
        Value::String(name) => name.as_str(),
        // An optional type.
        Value::Array(names) => names
            .iter()
            .filter_map(Value::as_str)
            .find(|name| *name != "null")
            .unwrap_or("any"),
        _ => "any",
    };
    match (name, &schema["items"]) {
        ("array", items @ Value::Object(_)) => format!("list of {}", kind(root, items)),
        _ => name.to_owned(),
    }
}
