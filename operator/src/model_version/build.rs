//! Builds the changes to a version. Pure and infallible.

use complaint_api::{ModelVersion, ModelVersionSpec, labels};
use kube::ResourceExt;
use serde_json::json;

use super::plan::Plan;
use crate::{
    candidate::claimed_promotion,
    change::{Change, Manifest},
    deletion, workload,
};

/// The registry record of a version that this operator makes.
pub(crate) fn recorded(name: &str, namespace: Option<String>, spec: ModelVersionSpec) -> ModelVersion {
    let mut labels = workload::labels("complaint-model", "model", name);
    labels.insert(labels::CLASSIFIER.into(), spec.classifier_ref.name.clone());
    let mut version = ModelVersion::new(name, spec);
    version.metadata.namespace = namespace;
    version.metadata.finalizers = deletion::finalizers(&version);
    version.metadata.labels = Some(labels);
    version
}

/// The changes that carry `plan` out: the promotion that the classifier's status records is repeated as an annotation, so
/// that people find it where a backup keeps no status.
pub(crate) fn build(version: &ModelVersion, plan: &Plan) -> Vec<Change> {
    let Some(promoted) = plan
        .promoted
        .filter(|promoted| claimed_promotion(version) != Some(*promoted))
    else {
        return Vec::new();
    };
    let mut manifest = Manifest::of(version);
    // Only the fields that this controller owns, without the spec.
    manifest.body = json!({
        "apiVersion": manifest.body["apiVersion"],
        "kind": manifest.body["kind"],
        "metadata": {
            "name": version.name_any(),
            "uid": version.uid(),
            "annotations": { labels::PROMOTED_AT: promoted.to_string() },
        },
    });
    vec![Change::Apply(manifest)]
}
