//! Builds the changes of a plan. Pure and infallible.

use complaint_api::ComplaintClassifier;
use serde_json::json;

use super::{plan::Plan, status};
use crate::{
    change::{Change, Target},
    status::Owned,
};

/// The status comes first. It is written for the classifier that was read, and names a time that is new at each deletion: where
/// somebody has pinned a version meanwhile it is refused, and nothing is deleted. A version or run that has changed
/// itself since it was read is a conflict, and is decided about again.
pub(crate) fn build(classifier: &ComplaintClassifier, plan: &Plan<'_>) -> Vec<Change> {
    let status = Change::Status {
        of: Target::as_read(classifier),
        stored: json!(classifier.status),
        part: status::next(plan).part(),
    };
    let versions = plan.deleted.versions.iter();
    let versions = versions.map(|version| Change::Delete(Target::as_read(*version)));
    let runs = plan.deleted.runs.iter();
    let runs = runs.map(|run| Change::Delete(Target::as_read(*run)));
    std::iter::once(status).chain(versions).chain(runs).collect()
}
