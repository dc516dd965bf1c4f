//! Builds the changes to a version. Pure and infallible.

use complaint_api::{ModelVersion, labels};
use kube::ResourceExt;
use serde_json::json;

use super::plan::{Plan, noted_promotion};
use crate::change::{Change, Manifest};

/// The changes of `plan`: an annotation repeats the promotion in the classifier's status, in case the status is lost.
pub(crate) fn build(version: &ModelVersion, plan: &Plan) -> Vec<Change> {
    let Some(promoted) = plan
        .promoted
        .filter(|promoted| noted_promotion(version) != Some(*promoted))
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
