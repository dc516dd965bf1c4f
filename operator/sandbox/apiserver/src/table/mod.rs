//! Table responses, for `kubectl get`.

mod age;
mod columns;
mod path;

use serde_json::{Map, Value, json};

use crate::builtin::schemas;
use crate::error::ApiError;
use crate::resource::{Resource, Source};
pub(crate) use columns::Column;

/// The PartialObjectMetadata of an object.
pub(crate) fn partial(object: &Value) -> Value {
    json!({ "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"] })
}

/// A Table of objects; `include` is the `includeObject` parameter.
///
/// # Errors
/// 400 if `include` is not `None`, `Metadata` or `Object`.
pub(crate) fn table(resource: &Resource, objects: &[Value], metadata: Value, include: &str) -> Result<Value, ApiError> {
    if !matches!(include, "" | "None" | "Metadata" | "Object") {
        return Err(ApiError::bad_request(format!(
            "Unable to convert to Table as requested: includeObject: Invalid value: \"{include}\": must be 'Metadata', \
             'Object', 'None', or empty"
        )));
    }
    let columns = columns_of(resource);
    let definitions: Vec<Value> = columns
        .iter()
        .map(|c| {
            json!({
                "name": c.name, "type": c.kind, "format": c.format, "description": c.description, "priority": c.priority,
            })
        })
        .collect();
    let rows: Vec<Value> = objects
        .iter()
        .map(|object| {
            let cells: Vec<Value> = columns.iter().map(|c| (c.cell)(object)).collect();
            let shown = match include {
                "None" => Value::Null,
                "Object" => object.clone(),
                _ => partial(object),
            };
            json!({ "cells": cells, "object": shown })
        })
        .collect();
    let mut list = Map::new();
    for key in ["resourceVersion", "continue", "remainingItemCount"] {
        if let Some(value) = metadata.get(key).filter(|v| **v != "") {
            list.insert(key.to_owned(), value.clone());
        }
    }
    Ok(json!({
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": list,
        "columnDefinitions": definitions,
        "rows": rows,
    }))
}

/// The description of a metadata field, which the first and last column carry.
fn described(field: &str) -> String {
    let meta = &schemas().raw["io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"];
    meta["properties"][field]["description"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

fn columns_of(resource: &Resource) -> Vec<Column> {
    match &resource.source {
        Source::BuiltIn(kind) => columns::built_in(kind),
        Source::Custom(version) => {
            let mut all = vec![columns::name()];
            if version.columns.is_empty() {
                all.push(columns::created());
            }
            all.extend(version.columns.iter().map(|c| {
                let (path, kind) = (path::JsonPath::parse(&c.json_path), c.kind.clone());
                Column {
                    name: c.name.clone(),
                    kind: c.kind.clone(),
                    format: c.format.clone(),
                    description: c.description.clone(),
                    priority: c.priority,
                    cell: Box::new(move |object| columns::custom_cell(object, &path, &kind)),
                }
            }));
            all
        }
    }
}
