//! The CustomResourceDefinitions.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use kube::CustomResourceExt;

use crate::{ComplaintClassifier, ModelVersion, TrainingRun};

/// The CustomResourceDefinitions of all kinds, sorted by kind.
pub fn crds() -> Vec<CustomResourceDefinition> {
    let mut crds = vec![ComplaintClassifier::crd(), ModelVersion::crd(), TrainingRun::crd()];
    for crd in &mut crds {
        for version in &mut crd.spec.versions {
            if let Some(schema) = version.schema.as_mut().and_then(|s| s.open_api_v3_schema.as_mut()) {
                tidy(schema);
            }
        }
    }
    crds
}

/// What the derived schema says differently from what we mean:
///
/// * no field is nullable: the API server prunes a `null` where it can't stand, so that `has()` in a rule means a value;
/// * `format: uint32` and its kin are Rust's, not the API server's, which would warn of them;
/// * strings, lists and maps without a maximum get one, since the cost of a rule is estimated from the maxima.
fn tidy(schema: &mut JSONSchemaProps) {
    schema.nullable = None;
    schema.title = None;
    if schema
        .format
        .as_deref()
        .is_some_and(|format| format.starts_with("uint"))
    {
        schema.format = None;
    }
    let free_form = schema.enum_.is_some() || schema.x_kubernetes_int_or_string == Some(true);
    match schema.type_.as_deref() {
        Some("string") if !free_form && schema.format.is_none() => {
            schema.max_length.get_or_insert(4096);
        }
        Some("array") => {
            schema.max_items.get_or_insert(64);
        }
        Some("object") if schema.additional_properties.is_some() => {
            schema.max_properties.get_or_insert(64);
        }
        _ => {}
    }
    schema
        .properties
        .iter_mut()
        .flatten()
        .for_each(|(_, property)| tidy(property));
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = &mut schema.items {
        tidy(items);
    }
    if let Some(JSONSchemaPropsOrBool::Schema(values)) = &mut schema.additional_properties {
        tidy(values);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_definition_is_small_and_fully_structural() {
        for crd in crds() {
            let json = serde_json::to_string(&crd).expect("a CRD is JSON");
            assert!(
                json.len() < 64 * 1024,
                "{} has {} bytes",
                crd.spec.names.kind,
                json.len()
            );
            assert!(
                !json.contains("preserve-unknown-fields"),
                "{} has open parts",
                crd.spec.names.kind
            );
            assert!(
                !json.contains("\"nullable\""),
                "{} has nullable parts",
                crd.spec.names.kind
            );
            assert_eq!(
                crd.spec.names.categories.as_deref(),
                Some(&["complaints".to_owned()][..])
            );
        }
    }

    #[test]
    fn every_rule_tells_the_fix() {
        fn rules(schema: &JSONSchemaProps, seen: &mut usize) {
            for rule in schema.x_kubernetes_validations.iter().flatten() {
                *seen += 1;
                assert!(
                    rule.message.as_ref().is_some_and(|message| message.len() > 20),
                    "{}",
                    rule.rule
                );
            }
            schema
                .properties
                .iter()
                .flatten()
                .for_each(|(_, property)| rules(property, seen));
            if let Some(JSONSchemaPropsOrArray::Schema(items)) = &schema.items {
                rules(items, seen);
            }
        }
        let mut seen = 0;
        for crd in crds() {
            rules(
                crd.spec.versions[0]
                    .schema
                    .as_ref()
                    .unwrap()
                    .open_api_v3_schema
                    .as_ref()
                    .unwrap(),
                &mut seen,
            );
        }
        assert!(seen >= 12, "only {seen} rules");
    }
}
