//! Parts of schemas: Kubernetes types without descriptions, which would make the CRDs several times as large, and rules.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Value;

/// The CEL rule by which these fields keep their values and their presence. Those of `always` have a value in each object.
pub(crate) fn unchanged(always: &[&str], optional: &[&str]) -> String {
    let always = always.iter().map(|name| format!("self.{name} == oldSelf.{name}"));
    let optional = optional.iter().map(|name| {
        format!("has(self.{name}) == has(oldSelf.{name}) && (!has(self.{name}) || self.{name} == oldSelf.{name})")
    });
    always.chain(optional).collect::<Vec<_>>().join(" && ")
}

/// The schema of `T` with every description removed.
pub(crate) fn terse<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    let mut value = generator.subschema_for::<T>().to_value();
    strip_descriptions(&mut value);
    Schema::try_from(value).expect("a schema without its descriptions is still a schema")
}

fn strip_descriptions(value: &mut Value) {
    match value {
        Value::Object(map) => {
            // A property may itself be called `description`; only a string is documentation.
            if map.get("description").is_some_and(Value::is_string) {
                map.remove("description");
            }
            map.values_mut().for_each(strip_descriptions);
        }
        Value::Array(items) => items.iter_mut().for_each(strip_descriptions),
        _ => {}
    }
}

/// A list of at most `max_items`; with a key it is merged by that field under server-side apply.
pub(crate) fn list(item: Schema, max_items: usize, key: Option<&str>) -> Schema {
    let mut schema = json_schema!({ "type": "array", "items": item, "maxItems": max_items });
    if let Some(key) = key {
        schema.insert("x-kubernetes-list-type".into(), "map".into());
        schema.insert("x-kubernetes-list-map-keys".into(), serde_json::json!([key]));
    }
    schema
}

/// Conditions, merged by `type` under server-side apply.
pub(crate) fn conditions(generator: &mut SchemaGenerator) -> Schema {
    let mut item = terse::<Condition>(generator).to_value();
    item["properties"]["status"]["enum"] = serde_json::json!(["True", "False", "Unknown"]);
    item["properties"]["type"]["maxLength"] = 316.into();
    item["properties"]["reason"]["maxLength"] = 1024.into();
    item["properties"]["message"]["maxLength"] = 32768.into();
    json_schema!({
        "type": "array",
        "maxItems": 16,
        "items": item,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
    })
}
