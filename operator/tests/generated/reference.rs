//! The pages in `docs/reference/`, one a kind, are what the schemas say. Write them with:
//!
//! ```text
//! UPDATE=1 cargo test --workspace --test generated
//! ```

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceColumnDefinition, CustomResourceDefinition, CustomResourceDefinitionVersion, JSONSchemaProps,
};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};

/// The kinds in the order in which a reader meets them, each with an example below the workspace's root and the pages about it.
const KINDS: [(&str, &str, &str); 3] = [
    (
        "TrainingRun",
        "examples/retrain.yaml",
        "[Your data](../your-data.md) and [training](../training.md) explain it; [retraining](../retraining.md) says how further runs come \
         about.",
    ),
    (
        "ModelVersion",
        "examples/import/model-version.yaml",
        "[Promotion](../promotion.md) says which version serves, and [retention](../retention.md) how long one stays.",
    ),
    (
        "ComplaintClassifier",
        "examples/scheduled.yaml",
        "[Promotion](../promotion.md), [serving](../serving.md), [monitoring](../monitoring.md), [retraining](../retraining.md) and \
         [retention](../retention.md) explain its parts.",
    ),
];

#[test]
fn the_pages_are_in_step_with_the_schemas() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut sections = BTreeMap::new();
    for (kind, example, also) in KINDS {
        let crd = crd(kind);
        let example = fs::read_to_string(root.join(example)).expect("the example");
        let text = page(&crd, &example, also, &mut sections);
        let path = root.join("docs/reference").join(file_name(kind));
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&path, &text).expect("a written page");
        }
        assert!(
            fs::read_to_string(&path).unwrap_or_default() == text,
            "run `UPDATE=1 cargo test --workspace --test generated` and commit {}",
            path.display()
        );
    }
}

fn crd(kind: &str) -> CustomResourceDefinition {
    let mut crds = complaint_api::crds().into_iter();
    crds.find(|crd| crd.spec.names.kind == kind).expect(kind)
}

fn file_name(kind: &str) -> String {
    format!("{}.md", kind.to_lowercase())
}

/// Where each object's fields are explained, by its schema: objects of equal schemas are explained once.
type Sections = BTreeMap<String, String>;

fn page(crd: &CustomResourceDefinition, example: &str, also: &str, sections: &mut Sections) -> String {
    let names = &crd.spec.names;
    let version = &crd.spec.versions[0];
    let schema = root(version);
    let mut out = format!(
        "# {}\n\n<!-- Made from the schema by operator/tests/generated/reference.rs. -->\n\n{}\n{also}\n\n",
        names.kind,
        schema.description.as_deref().unwrap_or_default(),
    );
    writeln!(
        out,
        "`apiVersion: {}/{}`, `kind: {}`, {}. `kubectl get {}`, or {}.\n",
        crd.spec.group,
        version.name,
        names.kind,
        crd.spec.scope.to_lowercase(),
        names.plural,
        list(names.short_names.iter().flatten().map(|name| format!("`{name}`"))),
    )
    .unwrap();
    write!(out, "## Example\n\n```yaml\n{}\n```\n", example.trim_end()).unwrap();
    columns(&mut out, version.additional_printer_columns.iter().flatten());
    let page = file_name(&names.kind);
    for part in ["spec", "status"] {
        let field = &schema.properties.as_ref().expect("an object")[part];
        write!(out, "\n## {part}\n\n").unwrap();
        if let Some(text) = &field.description {
            write!(out, "{}\n\n", one_line(text)).unwrap();
        }
        object(&mut out, &page, part, field, sections);
    }
    out
}

fn root(version: &CustomResourceDefinitionVersion) -> &JSONSchemaProps {
    let schema = version
        .schema
        .as_ref()
        .and_then(|schema| schema.open_api_v3_schema.as_ref());
    schema.expect("a schema")
}

fn columns<'a>(out: &mut String, columns: impl Iterator<Item = &'a CustomResourceColumnDefinition>) {
    out.push_str("\n## Columns of `kubectl get`\n\n| column | field | |\n|---|---|---|\n");
    for column in columns {
        let wide = if column.priority.is_some_and(|priority| priority > 0) {
            "with `-o wide`"
        } else {
            ""
        };
        let path = column.json_path.trim_start_matches('.').replace('|', "\\|");
        writeln!(out, "| {} | `{path}` | {wide} |", column.name.to_uppercase()).unwrap();
    }
}

/// The table of an object's fields, its rules, and then a section for each object in it.
fn object(out: &mut String, page: &str, path: &str, schema: &JSONSchemaProps, sections: &mut Sections) {
    let required = schema.required.as_deref().unwrap_or_default();
    let mut below: Vec<(String, &JSONSchemaProps, String)> = Vec::new();
    out.push_str("| field | type | default | |\n|---|---|---|---|\n");
    for (name, field) in schema.properties.iter().flatten() {
        let mut text = field.description.as_deref().map(one_line).unwrap_or_default();
        let mut shown = format!("`{name}`");
        if let Some((suffix, inner)) = explained(field) {
            let path = format!("{path}.{name}{suffix}");
            let key = serde_json::to_string(&inner.properties).expect("a schema");
            let place = sections.get(&key).cloned().unwrap_or_else(|| {
                let place = format!("{page}#{}", anchor(&path));
                sections.insert(key, place.clone());
                below.push((path, inner, text.clone()));
                place
            });
            shown = format!("[{shown}]({})", place.strip_prefix(page).unwrap_or(&place));
        }
        let mark = if required.contains(name) { ", required" } else { "" };
        let default = field
            .default
            .as_ref()
            .map(|value| default(&value.0))
            .unwrap_or_default();
        for rule in field.x_kubernetes_validations.iter().flatten() {
            if explained(field).is_none()
                && let Some(message) = &rule.message
            {
                write!(text, " Rule: {message}.").unwrap();
            }
        }
        let kind = cell(&type_of(field));
        writeln!(out, "| {shown} | {kind}{mark} | {default} | {} |", cell(text.trim())).unwrap();
    }
    let rules: Vec<&String> = (schema.x_kubernetes_validations.iter().flatten())
        .filter_map(|rule| rule.message.as_ref())
        .collect();
    if !rules.is_empty() {
        out.push_str("\nRules:\n\n");
        rules.iter().for_each(|rule| writeln!(out, "- {rule}").unwrap());
    }
    for (path, inner, text) in below {
        write!(out, "\n### {path}\n\n{text}\n\n").unwrap();
        object(out, page, &path, inner, sections);
    }
}

/// The object behind a field whose own fields are explained, with what stands behind the field's name in a path. Kubernetes' own
/// types come without explanations, and its documentation has them.
fn explained(field: &JSONSchemaProps) -> Option<(&'static str, &JSONSchemaProps)> {
    let (suffix, inner) = match (items(field), values(field)) {
        (Some(items), _) => ("[]", items),
        (None, Some(values)) => (".*", values),
        (None, None) => ("", field),
    };
    let properties = inner.properties.as_ref()?;
    let is_explained = properties.values().any(|property| property.description.is_some());
    is_explained.then_some((suffix, inner))
}

fn items(field: &JSONSchemaProps) -> Option<&JSONSchemaProps> {
    match field.items.as_ref()? {
        JSONSchemaPropsOrArray::Schema(schema) => Some(schema),
        JSONSchemaPropsOrArray::Schemas(_) => None,
    }
}

fn values(field: &JSONSchemaProps) -> Option<&JSONSchemaProps> {
    match field.additional_properties.as_ref()? {
        JSONSchemaPropsOrBool::Schema(schema) => Some(schema),
        JSONSchemaPropsOrBool::Bool(_) => None,
    }
}

/// A field's type with its bounds, in words.
fn type_of(field: &JSONSchemaProps) -> String {
    if let Some(values) = &field.enum_ {
        let values = values.iter().filter(|value| !value.0.is_null());
        let values: Vec<String> = values.map(|value| default(&value.0)).collect();
        return values.join(" \\| ");
    }
    if let Some(items) = items(field) {
        return several("list", field.max_items, items);
    }
    if let Some(values) = values(field) {
        return several("map", field.max_properties, values);
    }
    if field.x_kubernetes_int_or_string == Some(true) {
        let words = field.pattern.as_deref().unwrap_or_default();
        let words = words.trim_start_matches('^').trim_end_matches('$');
        return match words.chars().all(char::is_alphanumeric) && !words.is_empty() {
            true => format!("integer{}, or `{words}`", range(field)),
            false => "integer or string".to_owned(),
        };
    }
    match (field.type_.as_deref().unwrap_or("any"), field.format.as_deref()) {
        ("string", Some("date-time")) => "time (RFC 3339)".to_owned(),
        ("string", _) => match (whole(field.pattern.as_deref()), field.max_length) {
            (Some(pattern), _) => format!("string, `{pattern}`"),
            (None, Some(limit)) => format!("string, at most {} characters", number(limit as f64)),
            (None, None) => "string".to_owned(),
        },
        ("object", _) if explained(field).is_none() && field.properties.is_some() => "object of Kubernetes".to_owned(),
        (kind, _) => format!("{kind}{}", range(field)),
    }
}

fn several(what: &str, limit: Option<i64>, each: &JSONSchemaProps) -> String {
    let limit = limit.map(|limit| format!("at most {}", number(limit as f64)));
    format!(
        "{what}{}{}: {}",
        if limit.is_some() { " of " } else { "" },
        limit.unwrap_or_default(),
        type_of(each)
    )
}

/// A pattern for the whole string, which says more than the length does.
fn whole(pattern: Option<&str>) -> Option<&str> {
    pattern.filter(|pattern| pattern.starts_with('^') && pattern.ends_with('$'))
}

fn range(field: &JSONSchemaProps) -> String {
    let above = if field.exclusive_minimum == Some(true) {
        "above "
    } else {
        ""
    };
    match (field.minimum, field.maximum) {
        (Some(low), Some(high)) => format!(", {above}{} to {}", number(low), number(high)),
        (Some(low), None) if above.is_empty() => format!(", at least {}", number(low)),
        (Some(low), None) => format!(", above {}", number(low)),
        (None, Some(high)) => format!(", at most {}", number(high)),
        (None, None) => String::new(),
    }
}

/// A whole number with commas, any other as it is.
fn number(value: f64) -> String {
    if value.fract() != 0.0 || value.abs() < 1_000.0 || value.abs() > 1e15 {
        return value.to_string();
    }
    let digits = (value.abs() as u64).to_string();
    let mut out = if value < 0.0 { "-".to_owned() } else { String::new() };
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A default or a value of an enumeration. The fields of an object have defaults of their own.
fn default(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Object(_) => String::new(),
        serde_json::Value::String(text) => format!("`{text}`"),
        other => format!("`{other}`"),
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Text in a cell of a table: a bar would end the cell.
fn cell(text: &str) -> String {
    text.replace("\\|", "|").replace('|', "\\|")
}

/// The anchor that is made of a heading: lower case, without punctuation.
fn anchor(heading: &str) -> String {
    let kept = heading.to_lowercase();
    kept.chars().filter(|char| char.is_alphanumeric()).collect()
}

fn list(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<_>>().join(", ")
}
