//! OpenAPI v3: an index and one document per group version, for `kubectl explain`, validation and apply.

use serde_json::{Map, Value, json};

use crate::Api;
use crate::builtin::schemas;
use crate::resource::{Resource, Source};

const GVK: &str = "x-kubernetes-group-version-kind";
const SCHEMAS: &str = "#/components/schemas/";

/// `/openapi/v3`.
pub(crate) fn index(api: &Api) -> Value {
    let mut paths = Map::new();
    for resource in api.registry.all() {
        let name = document_name(&resource.group, &resource.version);
        // The hash changes with the definitions, which invalidates clients' caches.
        let url = format!("/openapi/v3/{name}?hash={:X}", api.store.revision());
        paths.insert(name, json!({ "serverRelativeURL": url }));
    }
    json!({ "paths": paths })
}

fn document_name(group: &str, version: &str) -> String {
    if group.is_empty() {
        format!("api/{version}")
    } else {
        format!("apis/{group}/{version}")
    }
}

/// The document of a group version, if it is served.
pub(crate) fn document(api: &Api, name: &str) -> Option<Value> {
    let resources: Vec<_> = api
        .registry
        .all()
        .into_iter()
        .filter(|r| document_name(&r.group, &r.version) == name)
        .collect();
    if resources.is_empty() {
        return None;
    }
    let mut definitions = Map::new();
    let mut paths = Map::new();
    for resource in &resources {
        let schema = add_kind(resource, &mut definitions);
        add_paths(resource, &schema, &mut paths);
    }
    add_delete_options(&mut definitions);
    Some(json!({
        "openapi": "3.0.0",
        "info": { "title": "Kubernetes", "version": "v1.36.0+sandbox" },
        "paths": paths,
        "components": { "schemas": definitions },
    }))
}

/// Adds a kind's definition and the definitions that it refers to; returns its name.
fn add_kind(resource: &Resource, definitions: &mut Map<String, Value>) -> String {
    let gvk = json!([{ "group": resource.group, "version": resource.version, "kind": resource.kind }]);
    let (name, mut schema) = match &resource.source {
        Source::BuiltIn(kind) => {
            let mut generator = schemars::SchemaGenerator::default();
            let name = (kind.schema)(&mut generator);
            let schema = schemas().raw.get(&name).cloned().unwrap_or_default();
            (name, schema)
        }
        Source::Custom(version) => {
            let reversed: Vec<&str> = resource.group.split('.').rev().collect();
            let name = format!("{}.{}.{}", reversed.join("."), resource.version, resource.kind);
            (name, custom_schema(&version.raw_schema))
        }
    };
    schema[GVK] = gvk;
    add_references(&schema, definitions);
    definitions.insert(name.clone(), schema);
    name
}

fn custom_schema(raw: &Value) -> Value {
    let mut schema = raw.clone();
    if !schema["properties"].is_object() {
        schema["properties"] = json!({});
    }
    let object_meta = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
    schema["properties"]["metadata"] = json!({
        "description": "Standard object's metadata.",
        "allOf": [{ "$ref": format!("{SCHEMAS}{object_meta}") }],
    });
    for (field, text) in [
        ("apiVersion", "Group and version of this representation of the object."),
        ("kind", "Kind of the object, in CamelCase."),
    ] {
        schema["properties"][field] = json!({ "type": "string", "description": text });
    }
    schema
}

/// Adds the definitions that `value` refers to, recursively.
fn add_references(value: &Value, definitions: &mut Map<String, Value>) {
    match value {
        Value::Object(map) => {
            if let Some(name) = map
                .get("$ref")
                .and_then(Value::as_str)
                .and_then(|r| r.strip_prefix(SCHEMAS))
                && !definitions.contains_key(name)
                && let Some(found) = schemas().raw.get(name)
            {
                definitions.insert(name.to_owned(), found.clone());
                add_references(found, definitions);
            }
            map.values().for_each(|child| add_references(child, definitions));
        }
        Value::Array(list) => list.iter().for_each(|child| add_references(child, definitions)),
        _ => {}
    }
}

fn add_delete_options(definitions: &mut Map<String, Value>) {
    let name = "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions";
    if let Some(schema) = schemas().raw.get(name) {
        add_references(schema, definitions);
        definitions.insert(name.into(), schema.clone());
    }
}

fn parameter(name: &str) -> Value {
    json!({ "name": name, "in": "query", "schema": { "type": "string", "uniqueItems": true } })
}

fn operation(resource: &Resource, action: &str, schema: &str, body: &[&str]) -> Value {
    let reference = json!({ "$ref": format!("{SCHEMAS}{schema}") });
    let mut operation = json!({
        "x-kubernetes-action": action,
        GVK: { "group": resource.group, "version": resource.version, "kind": resource.kind },
        "responses": { "200": { "description": "OK", "content": { "application/json": { "schema": reference } } } },
    });
    if !body.is_empty() {
        operation["parameters"] = ["dryRun", "fieldManager", "fieldValidation"]
            .map(parameter)
            .to_vec()
            .into();
        let content: Map<String, Value> = body
            .iter()
            .map(|kind| ((*kind).to_owned(), json!({ "schema": reference })))
            .collect();
        operation["requestBody"] = json!({ "content": content, "required": true });
    }
    operation
}

fn add_paths(resource: &Resource, schema: &str, paths: &mut Map<String, Value>) {
    let base = if resource.group.is_empty() {
        format!("/api/{}", resource.version)
    } else {
        format!("/apis/{}/{}", resource.group, resource.version)
    };
    let scope = if resource.namespaced {
        "/namespaces/{namespace}"
    } else {
        ""
    };
    let collection = format!("{base}{scope}/{}", resource.plural);
    let json_body = ["application/json"];
    let mut patch_bodies = vec![
        "application/apply-patch+yaml",
        "application/json-patch+json",
        "application/merge-patch+json",
    ];
    if !resource.is_custom() {
        patch_bodies.push("application/strategic-merge-patch+json");
    }
    let mut on_collection = json!({ "post": operation(resource, "post", schema, &json_body) });
    if resource.stores_objects() {
        on_collection["get"] = operation(resource, "list", schema, &[]);
        paths.insert(
            format!("{collection}/{{name}}"),
            json!({
                "get": operation(resource, "get", schema, &[]),
                "put": operation(resource, "put", schema, &json_body),
                "patch": operation(resource, "patch", schema, &patch_bodies),
                "delete": operation(resource, "delete", schema, &[]),
            }),
        );
    }
    paths.insert(collection, on_collection);
}
