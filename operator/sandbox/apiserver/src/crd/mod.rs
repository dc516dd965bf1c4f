//! Custom resource definitions and the resources that they define.

mod definition;
mod structure;

use std::sync::Arc;

use serde_json::Value;

use crate::definitions::object_meta;
use crate::resource::{Column, CustomVersion, Resource, ScalePaths, Source};
use crate::schema::{Definitions, SchemaRef, parse};
use crate::value::text;

pub(crate) use definition::CLEANUP;
pub use definition::CrdStrategy;

/// The storage key of a definition's objects.
pub fn storage_of(definition: &Value) -> Arc<str> {
    let spec = &definition["spec"];
    format!("{}/{}", text(spec, "group"), text(&spec["names"], "plural")).into()
}

fn texts(value: &Value) -> Vec<String> {
    value
        .as_array()
        .map(|l| l.iter().filter_map(|v| v.as_str().map(str::to_owned)).collect())
        .unwrap_or_default()
}

/// The parts of `.a.b`.
fn dotted(path: &str) -> Vec<String> {
    path.split('.').filter(|p| !p.is_empty()).map(str::to_owned).collect()
}

/// The resources of a definition's served versions.
pub fn resources(definition: &Value) -> Vec<Resource> {
    let spec = &definition["spec"];
    let names = &spec["names"];
    let storage = storage_of(definition);
    let versions = spec["versions"].as_array().map(Vec::as_slice).unwrap_or_default();
    versions
        .iter()
        .filter(|v| v["served"] == true)
        .map(|version| {
            let custom = Arc::new(read_version(definition, version));
            Resource {
                group: text(spec, "group").into(),
                version: text(version, "name").into(),
                plural: text(names, "plural").into(),
                kind: text(names, "kind").into(),
                list_kind: text(names, "listKind").into(),
                namespaced: text(spec, "scope") == "Namespaced",
                storage: storage.clone(),
                schema: custom.schema.clone(),
                source: Source::Custom(custom),
            }
        })
        .collect()
}

fn read_version(definition: &Value, version: &Value) -> CustomVersion {
    let spec = &definition["spec"];
    let names = &spec["names"];
    let raw_schema = version["schema"]["openAPIV3Schema"].clone();
    let subresources = &version["subresources"];
    let deprecated = version["deprecated"] == true;
    CustomVersion {
        schema: root_schema(&raw_schema),
        raw_schema,
        singular: text(names, "singular").into(),
        short_names: texts(&names["shortNames"]),
        categories: texts(&names["categories"]),
        has_status: subresources["status"].is_object(),
        scale: subresources["scale"].is_object().then(|| {
            let scale = &subresources["scale"];
            ScalePaths {
                spec_replicas: dotted(text(scale, "specReplicasPath")),
                status_replicas: dotted(text(scale, "statusReplicasPath")),
                selector: Some(dotted(text(scale, "labelSelectorPath"))).filter(|p| !p.is_empty()),
            }
        }),
        selectable: version["selectableFields"]
            .as_array()
            .map(|l| {
                l.iter()
                    .map(|f| text(f, "jsonPath").trim_start_matches('.').to_owned())
                    .collect()
            })
            .unwrap_or_default(),
        columns: version["additionalPrinterColumns"]
            .as_array()
            .map(|l| l.iter().map(column).collect())
            .unwrap_or_default(),
        deprecation: deprecated.then(|| match version["deprecationWarning"].as_str() {
            Some(warning) => warning.to_owned(),
            None => {
                let kind = text(names, "kind");
                format!("{}/{} {kind} is deprecated", text(spec, "group"), text(version, "name"))
            }
        }),
    }
}

fn column(raw: &Value) -> Column {
    let json_path = text(raw, "jsonPath").to_owned();
    let description = match text(raw, "description") {
        "" => format!("Custom resource definition column (in JSONPath format): {json_path}"),
        given => given.to_owned(),
    };
    Column {
        name: text(raw, "name").into(),
        kind: text(raw, "type").into(),
        format: text(raw, "format").into(),
        description,
        priority: raw["priority"].as_i64().unwrap_or(0),
        json_path,
    }
}

/// A version's schema with the fields of every object: apiVersion, kind and metadata.
pub(crate) fn root_schema(raw: &Value) -> SchemaRef {
    let mut raw = raw.clone();
    if let Some(map) = raw.as_object_mut() {
        let properties = map
            .entry("properties")
            .or_insert_with(|| Value::Object(serde_json::Map::new()));
        if let Some(properties) = properties.as_object_mut() {
            for name in ["apiVersion", "kind"] {
                properties.insert(name.into(), serde_json::json!({ "type": "string" }));
            }
            properties.insert(
                "metadata".into(),
                serde_json::json!({ "$ref": "#/components/schemas/metadata" }),
            );
        }
    }
    let mut definitions = Definitions::new();
    definitions.insert("metadata".into(), object_meta());
    parse(&raw, &definitions)
}
