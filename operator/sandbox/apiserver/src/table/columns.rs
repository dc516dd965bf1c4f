//! The columns of each built-in kind, as kubectl prints them.

use serde_json::Value;

use super::path::JsonPath;
use super::{age, described};
use crate::meta::{Meta, at};
use crate::resource::BuiltIn;

mod config;
mod pod;
mod workload;

/// The value of a column.
pub(crate) type Cell = Box<dyn Fn(&Value) -> Value + Send + Sync>;

/// A column of a Table.
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) format: String,
    pub(crate) description: String,
    pub(crate) priority: i64,
    pub(crate) cell: Cell,
}

/// The Name column.
pub(super) fn name() -> Column {
    Column {
        format: "name".into(),
        description: described("name"),
        ..column("Name", |o| o.name().into())
    }
}

/// The Age column of a built-in kind.
fn aged() -> Column {
    Column {
        description: described("creationTimestamp"),
        ..column("Age", |o| age::since(o.meta("creationTimestamp")).into())
    }
}

/// The Age column of a custom kind: a date that the client turns into an age.
pub(super) fn created() -> Column {
    Column {
        kind: "date".into(),
        description: described("creationTimestamp"),
        ..column("Age", |o| age::since(o.meta("creationTimestamp")).into())
    }
}

/// A text column.
fn column(name: &str, cell: impl Fn(&Value) -> Value + Send + Sync + 'static) -> Column {
    Column {
        name: name.into(),
        kind: "string".into(),
        format: String::new(),
        description: String::new(),
        priority: 0,
        cell: Box::new(cell),
    }
}

/// A text column for `-o wide`.
fn wide(name: &str, cell: impl Fn(&Value) -> Value + Send + Sync + 'static) -> Column {
    Column {
        priority: 1,
        ..column(name, cell)
    }
}

/// A number column.
fn number(name: &str, cell: impl Fn(&Value) -> i64 + Send + Sync + 'static) -> Column {
    Column {
        kind: "integer".into(),
        ..column(name, move |o| cell(o).into())
    }
}

/// The value of a custom column, in the column's type.
pub(super) fn custom_cell(object: &Value, path: &JsonPath, kind: &str) -> Value {
    let found = path.find(object);
    let Some(first) = found.first() else { return Value::Null };
    match (kind, first) {
        ("integer", Value::Number(n)) => n
            .as_i64()
            .map_or_else(|| n.as_f64().map(|f| f as i64).into(), Value::from),
        ("number", Value::Number(_)) | ("boolean", Value::Bool(_)) => (*first).clone(),
        ("date", Value::String(_)) => age::since(Some(first)).into(),
        ("string", Value::String(_)) if found.len() == 1 => (*first).clone(),
        ("string", _) if found.len() > 1 => found
            .iter()
            .map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_owned))
            .collect::<Vec<_>>()
            .join(",")
            .into(),
        ("string", Value::Null) => Value::Null,
        ("string", other) => other.to_string().into(),
        _ => Value::Null,
    }
}

/// The columns of a built-in kind.
pub(super) fn built_in(kind: &BuiltIn) -> Vec<Column> {
    if kind.kind == "Event" {
        return config::event();
    }
    let mut columns = vec![name()];
    let (before_age, after_age) = match kind.kind {
        "Pod" => pod::columns(),
        "Deployment" => workload::deployment(),
        "ReplicaSet" => workload::replica_set(),
        "Job" => workload::job(),
        "CronJob" => workload::cron_job(),
        "HorizontalPodAutoscaler" => workload::autoscaler(),
        "PodDisruptionBudget" => workload::budget(),
        _ => config::columns(kind.kind),
    };
    columns.extend(before_age);
    columns.push(aged());
    columns.extend(after_age);
    columns
}

/// The columns before and after Age.
type Split = (Vec<Column>, Vec<Column>);

fn text(object: &Value, path: &[&str]) -> String {
    at(object, path).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn count(object: &Value, path: &[&str]) -> i64 {
    at(object, path).and_then(Value::as_i64).unwrap_or(0)
}

fn or_none(text: String) -> String {
    if text.is_empty() { "<none>".to_owned() } else { text }
}

/// `a=b,c=d` of `spec.selector`.
fn selector(object: &Value) -> String {
    let selector = crate::selector::LabelSelector::from_object(&object["spec"]["selector"]);
    or_none(selector.map(|s| s.text()).unwrap_or_default())
}

/// Names and images of a template's containers.
fn containers(object: &Value) -> (String, String) {
    let list = object["spec"]["template"]["spec"]["containers"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let join = |key: &str| {
        list.iter()
            .filter_map(|c| c[key].as_str())
            .collect::<Vec<_>>()
            .join(",")
    };
    (join("name"), join("image"))
}

fn template_columns() -> Vec<Column> {
    vec![
        wide("Containers", |o| containers(o).0.into()),
        wide("Images", |o| containers(o).1.into()),
        wide("Selector", |o| selector(o).into()),
    ]
}
