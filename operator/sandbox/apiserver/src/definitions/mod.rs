//! Schemas of Kubernetes' own types, derived from `k8s-openapi` and completed by [`facts`].

mod facts;

use std::sync::OnceLock;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::schema::{Definitions, SchemaRef, parse};

/// Registers a kind with the generator and returns the name of its definition.
pub(crate) type Register = fn(&mut SchemaGenerator) -> String;

/// Registers `K` and everything it refers to.
pub(crate) fn register<K: JsonSchema>(generator: &mut SchemaGenerator) -> String {
    generator.subschema_for::<K>();
    K::schema_name().into_owned()
}

/// Definitions: as JSON for the OpenAPI documents, and parsed.
pub(crate) struct Schemas {
    /// Definition name → schema, with `$ref`s under `#/components/schemas/`.
    pub(crate) raw: Map<String, Value>,
    parsed: Definitions,
}

impl Schemas {
    /// The definitions of kinds and of all they refer to.
    pub(crate) fn of(kinds: impl IntoIterator<Item = Register>) -> Self {
        let mut settings = schemars::generate::SchemaSettings::openapi3();
        settings.meta_schema = None;
        settings.transforms.clear();
        let mut generator = settings.into_generator();
        for register in kinds {
            register(&mut generator);
        }
        let mut raw: Map<String, Value> = generator.take_definitions(false).into_iter().collect();
        let plain = raw.clone();
        for (name, definition) in &mut raw {
            adjust(name, definition, &plain);
        }
        let parsed: Definitions = raw.keys().map(|name| (name.clone(), SchemaRef::default())).collect();
        for (name, definition) in &raw {
            let schema = parse(definition, &parsed);
            parsed[name].fill_from(schema);
        }
        Schemas { raw, parsed }
    }

    /// The parsed definition `name`; an empty schema if there is none.
    pub(crate) fn get(&self, name: &str) -> SchemaRef {
        self.parsed.get(name).cloned().unwrap_or_default()
    }
}

/// The schema of every object's metadata, built once per process.
pub(crate) fn object_meta() -> SchemaRef {
    static SCHEMA: OnceLock<SchemaRef> = OnceLock::new();
    SCHEMA
        .get_or_init(|| {
            let register: Register = register::<ObjectMeta>;
            Schemas::of([register]).get(&ObjectMeta::schema_name())
        })
        .clone()
}

/// Adds the facts that `k8s-openapi` lacks to a definition.
fn adjust(name: &str, definition: &mut Value, plain: &Map<String, Value>) {
    let short = name.rsplit('.').next().unwrap_or(name);
    if facts::OPEN_TYPES.contains(&short) {
        let description = definition["description"].take();
        *definition = json!({ "description": description, "x-kubernetes-preserve-unknown-fields": true });
        return;
    }
    if short == facts::QUANTITY {
        definition["format"] = "quantity".into();
    }
    if facts::ATOMIC_TYPES.contains(&short) {
        definition["x-kubernetes-map-type"] = "atomic".into();
    }
    let Some(properties) = definition.get_mut("properties").and_then(Value::as_object_mut) else {
        return;
    };
    for (field, schema) in properties {
        if schema.get("nullable").is_some() {
            schema.as_object_mut().map(|s| s.remove("nullable"));
        }
        if let Some(fact) = facts::list(short, field) {
            inline(schema, plain);
            fact.lay_over(schema);
        }
        if facts::ATOMIC_FIELDS.contains(&(short, field)) {
            schema["x-kubernetes-map-type"] = "atomic".into();
        }
        if let Some((_, _, default)) = facts::DEFAULTS
            .iter()
            .find(|(t, f, _)| (*t, *f) == (short, field.as_str()))
        {
            schema["x-sandbox-key-default"] = (*default).into();
        }
    }
}

/// Replaces a reference by its target, so that a fact applies to this field alone.
fn inline(schema: &mut Value, plain: &Map<String, Value>) {
    let Some(name) = schema["$ref"].as_str().and_then(|r| r.rsplit('/').next()) else {
        return;
    };
    let Some(mut target) = plain.get(name).cloned() else {
        return;
    };
    let short = name.rsplit('.').next().unwrap_or(name);
    if facts::ATOMIC_TYPES.contains(&short) {
        target["x-kubernetes-map-type"] = "atomic".into();
    }
    if let Some(description) = schema.get("description") {
        target["description"] = description.clone();
    }
    *schema = target;
}
