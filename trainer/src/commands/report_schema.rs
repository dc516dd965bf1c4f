//! `report-schema`: describes `report.json`, for programs and for people.

use std::process::ExitCode;

use clap::Args;
use serde_json::Value;

use crate::cli::OutputForm;
use crate::report;

/// `report-schema`.
#[derive(Debug, Args)]
pub(crate) struct ReportSchemaArgs {
    /// JSON is the JSON Schema (draft 2020-12). The table lists every field, in Markdown.
    #[arg(long, value_enum, default_value = "json", value_name = "FORM")]
    format: OutputForm,
}

/// Prints the schema.
pub(crate) fn execute(arguments: &ReportSchemaArgs) -> ExitCode {
    let schema = report::schema();
    super::print(&match arguments.format {
        OutputForm::Json => serde_json::to_string_pretty(&schema).expect("a schema is JSON"),
        OutputForm::Table => fields(schema.as_value()),
    });
    ExitCode::SUCCESS
}

/// Every field in a Markdown table: its path, type and description.
fn fields(schema: &Value) -> String {
    let mut table = String::from("| field | type | |\n|---|---|---|");
    list(schema, schema, "", &mut table);
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

/// The target of a reference, alone or next to `null`.
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
        // A type or null.
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
