//! Builds the changes to a version. Pure and infallible.

use complaint_api::{ModelVersion, labels};
use kube::ResourceExt;
use serde_json::json;

use super::plan::Plan;
use crate::{
    candidate::claimed_promotion,
    change::{Change, Manifest},
};

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
