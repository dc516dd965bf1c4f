//! Builds the changes to a version. Pure and infallible.

use complaint_api::{Artifact, ModelVersion, ModelVersionSpec, labels};
use complaint_contract::StoredArtifact;
use kube::ResourceExt;
use serde_json::{Value, json};

use super::plan::Plan;
use crate::{
    candidate::{claimed_promotion, evaluation},
    change::{Change, Manifest, Target},
    deletion,
    status::Owned,
    store::Store,
    workload,
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

/// A file of the store as a version's artifact.
pub(crate) fn artifact(store: &Store, stored: &StoredArtifact) -> Artifact {
    Artifact {
        uri: store.uri(&stored.path),
        sha256: stored.sha256.to_string(),
        size_bytes: i64::try_from(stored.size_bytes).ok(),
        format: Some(stored.format.clone()),
    }
}

/// The changes that write a version and then what was measured of it, each once: if the operator stops in between, the next
/// reconcile writes the rest. `found` is the version if it is there, and `make` makes it if it is not.
pub(crate) fn with_evidence(
    found: Option<&ModelVersion>,
    evidence: &impl Owned,
    make: impl FnOnce() -> Option<ModelVersion>,
) -> Vec<Change> {
    let write = |of: Target, stored: Value| Change::Status {
        of,
        stored,
        part: evidence.part(),
    };
    match found {
        Some(found) if evaluation(found).is_some() => Vec::new(),
        Some(found) => vec![write(Target::of(found), json!(found.status))],
        None => make().map_or_else(Vec::new, |version| {
            let created = Target::of(&version);
            vec![Change::Create(Manifest::of(&version)), write(created, Value::Null)]
        }),
    }
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
