//! Builds the changes to a version. Pure and infallible.

use complaint_api::{ModelVersion, labels};
use kube::ResourceExt;
use serde_json::json;

use super::plan::{Plan, noted_promotion};
use crate::change::{Change, Manifest};

/// The changes that carry `plan` out: the promotion that the classifier's status records is repeated as an annotation, for
/// the day that the status is lost.
pub(crate) fn build(version: &ModelVersion, plan: &Plan) -> Vec<Change> {
    let Some(promoted) = plan
        .promoted
        .filter(|promoted| noted_promotion(version) != Some(*promoted))
    else {
        return Vec::new();
    };
    let mut manifest = Manifest::of(version);
    // Only what this controller owns: the spec is another's.
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
