//! The CustomResourceDefinitions.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use kube::CustomResourceExt;

use crate::{ComplaintClassifier, ModelVersion, TrainingRun, bounds};

/// The CustomResourceDefinitions of all kinds, sorted by kind.
pub fn crds() -> Vec<CustomResourceDefinition> {
    let mut crds = vec![ComplaintClassifier::crd(), ModelVersion::crd(), TrainingRun::crd()];
    for crd in &mut crds {
        for version in &mut crd.spec.versions {
            if let Some(schema) = version.schema.as_mut().and_then(|s| s.open_api_v3_schema.as_mut()) {
                tidy("", schema);
            }
        }
    }
    crds
}

/// Corrects the derived schema:
///
/// * no field is nullable: the API server then prunes `null`, and `has()` in a rule means a value;
/// * `format: uint32` and similar formats are removed: the API server does not know them and would warn;
/// * strings, lists and maps without a maximum get one, because the cost of a rule is estimated from the maxima;
/// * fractional bounds also apply to whole numbers ([`enforce`](bounds::enforce)).
///
/// `name` is the field's name; items of a list have the list's name.
fn tidy(name: &str, schema: &mut JSONSchemaProps) {
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
        Some("number") => bounds::enforce(name, schema),
        _ => {}
    }
    schema
        .properties
        .iter_mut()
        .flatten()
        .for_each(|(name, property)| tidy(name, property));
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = &mut schema.items {
        tidy(name, items);
    }
    if let Some(JSONSchemaPropsOrBool::Schema(values)) = &mut schema.additional_properties {
        tidy(name, values);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE_LIMIT: usize = 96 * 1024;

    /// Calls `visit` with every schema of every kind and its path, such as `TrainingRun.spec.dataset.labelFields[]`.
    fn each_schema(visit: &mut impl FnMut(&str, &JSONSchemaProps)) {
        fn walk(path: &str, schema: &JSONSchemaProps, visit: &mut impl FnMut(&str, &JSONSchemaProps)) {
            visit(path, schema);
            for (name, property) in schema.properties.iter().flatten() {
                walk(&format!("{path}.{name}"), property, visit);
            }
            if let Some(JSONSchemaPropsOrArray::Schema(items)) = &schema.items {
                walk(&format!("{path}[]"), items, visit);
            }
            if let Some(JSONSchemaPropsOrBool::Schema(values)) = &schema.additional_properties {
                walk(&format!("{path}{{}}"), values, visit);
            }
        }
        for crd in crds() {
            let schema = crd.spec.versions[0].schema.as_ref().expect("a schema");
            let schema = schema.open_api_v3_schema.as_ref().expect("a schema");
            walk(&crd.spec.names.kind, schema, visit);
        }
    }

    fn rules(schema: &JSONSchemaProps) -> impl Iterator<Item = &str> {
        let rules = schema.x_kubernetes_validations.iter().flatten();
        rules.map(|rule| rule.rule.as_str())
    }

    #[test]
    fn each_definition_is_small_and_fully_structural() {
        for crd in crds() {
            let json = serde_json::to_string(&crd).expect("a CRD is JSON");
            assert!(
                json.len() < SIZE_LIMIT,
                "the compact JSON of the CRD {} has {} bytes; the limit is {SIZE_LIMIT}",
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
        each_schema(&mut |path, schema| {
            let any = schema.x_kubernetes_int_or_string == Some(true);
            assert!(schema.type_.is_some() || any, "{path} has no type");
            if schema.type_.as_deref() == Some("object") {
                let named = schema.properties.is_some() || schema.additional_properties.is_some();
                let metadata = path.split('.').count() == 2 && path.ends_with(".metadata");
                assert!(named || metadata, "{path} names no fields");
            }
        });
    }

    #[test]
    fn every_string_list_and_map_has_a_maximum() {
        each_schema(&mut |path, schema| match schema.type_.as_deref() {
            Some("string") => {
                let bounded = schema.max_length.is_some() || schema.enum_.is_some() || schema.format.is_some();
                assert!(bounded, "{path} has no maxLength");
            }
            Some("array") => assert!(schema.max_items.is_some(), "{path} has no maxItems"),
            Some("object") if schema.additional_properties.is_some() => {
                assert!(schema.max_properties.is_some(), "{path} has no maxProperties");
            }
            _ => {}
        });
    }

    #[test]
    fn every_rule_tells_the_fix() {
        let mut seen = 0;
        each_schema(&mut |_, schema| {
            for rule in schema.x_kubernetes_validations.iter().flatten() {
                seen += 1;
                assert!(
                    rule.message.as_ref().is_some_and(|message| message.len() > 20),
                    "{}",
                    rule.rule
                );
            }
        });
        assert!(seen >= 12, "only {seen} rules");
    }

    #[test]
    fn fractional_bounds_hold_for_whole_numbers() {
        let mut fractions = Vec::new();
        each_schema(&mut |path, schema| {
            let min = schema.minimum.unwrap_or_default();
            assert_eq!(
                min,
                min.floor(),
                "{path}: the API server reads the minimum {min} as {}",
                min.trunc()
            );
            if rules(schema).any(|rule| rule.starts_with("self >= ")) {
                assert_eq!(schema.exclusive_minimum, Some(true), "{path}");
                fractions.push(path.rsplit('.').next().unwrap_or_default().to_owned());
            }
        });
        // Those of a run are also in a classifier's template.
        let of_run = ["maxDocumentFraction", "C[]", "alpha[]"];
        let of_classifier = [
            "testFraction",
            "maxAccuracyDrop",
            "maxCategoryDistance",
            "maxProbabilityShift",
            "maxUnknownWordShift",
        ];
        let of_thresholds = ["minPrecision", "minRecall"];
        assert_eq!(
            fractions,
            [&of_classifier[..], &of_run, &of_thresholds, &of_run].concat()
        );
    }

    #[test]
    fn runs_and_versions_can_change_only_what_their_rules_leave_out() {
        let kinds = [
            ("TrainingRun.spec", &["suspend", "ttlSecondsAfterFinished"][..]),
            ("ModelVersion.spec", &["deletionPolicy"]),
        ];
        let mut seen = 0;
        each_schema(&mut |path, schema| {
            let Some((_, changeable)) = kinds.iter().find(|(spec, _)| *spec == path) else {
                return;
            };
            seen += 1;
            let immutable: Vec<_> = rules(schema).filter(|rule| rule.contains("oldSelf")).collect();
            assert_eq!(immutable.len(), 1, "one rule");
            let required = schema.required.as_deref().unwrap_or_default();
            for (name, property) in schema.properties.iter().flatten() {
                let compared = immutable[0].contains(&format!("self.{name} == oldSelf.{name}"));
                assert_eq!(compared, !changeable.contains(&name.as_str()), "{path}.{name}");
                let may_be_absent = !required.contains(name) && property.default.is_none();
                let presence = immutable[0].contains(&format!("has(self.{name}) == has(oldSelf.{name})"));
                assert!(!compared || presence == may_be_absent, "{path}.{name}");
            }
        });
        assert_eq!(seen, kinds.len());
    }
}
