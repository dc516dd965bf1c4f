//! Which version may be pinned. Pure.

use complaint_api::{ComplaintClassifier, ModelVersion, condition};
use kube::ResourceExt;
use serde_json::json;

use super::{Change, Field};
use crate::error::Error;

/// Why a version is pinned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pinned {
    /// It is to serve.
    Promotion,
    /// It served before.
    Rollback,
}

/// The change that pins `version` of `classifier`.
///
/// # Errors
/// When the version belongs to another classifier, is being deleted, or can't serve.
pub(crate) fn promote(classifier: &ComplaintClassifier, version: &ModelVersion, why: Pinned) -> Result<Change, Error> {
    let (name, owner) = (version.name_any(), &version.spec.classifier_ref.name);
    if *owner != classifier.name_any() {
        return Err(Error::Other(format!(
            "ModelVersion {name} belongs to ComplaintClassifier {owner}, not to {}: choose one of `kubectl complaints versions {}`",
            classifier.name_any(),
            classifier.name_any()
        )));
    }
    if version.metadata.deletion_timestamp.is_some() {
        return Err(Error::Other(format!(
            "ModelVersion {name} is being deleted: choose another version"
        )));
    }
    let none = Vec::new();
    let conditions = version.status.as_ref().map_or(&none, |status| &status.conditions);
    if let Some(stalled) = condition::find(conditions, condition::STALLED).filter(|stalled| stalled.status == "True") {
        return Err(Error::Other(format!(
            "ModelVersion {name} can't serve: {}: {}. Choose another version",
            stalled.reason, stalled.message
        )));
    }
    let mut warnings = Vec::new();
    if let Some(rejection) = version.status.as_ref().and_then(|status| status.rejection()) {
        warnings.push(format!(
            "ModelVersion {name} was rejected: {}: {}. A pin promotes it all the same",
            rejection.reason, rejection.message
        ));
    }
    if classifier.spec.paused {
        warnings.push("spec.paused is true: nothing is rolled out until it is false".into());
    }
    let then = match why {
        Pinned::Promotion => "its pods start beside the old ones, and replace them when they are ready",
        Pinned::Rollback => "its pods start beside the present ones, and replace them when they are ready",
    };
    Ok(Change {
        field: Field::Pin,
        value: Some(json!(name)),
        warnings,
        then: format!(
            "{then}; while it is pinned nothing is promoted automatically (`kubectl complaints unpin {}` ends that)",
            classifier.name_any()
        ),
    })
}

/// The version that served before.
///
/// # Errors
/// When none did, or its name was given to another artifact.
pub(crate) fn rollback_target(classifier: &ComplaintClassifier) -> Result<String, Error> {
    let previous = classifier
        .status
        .as_ref()
        .and_then(|status| status.previous_champion.as_ref());
    match previous {
        Some(previous) => Ok(previous.name.clone()),
        None => Err(Error::Other(format!(
            "ComplaintClassifier {} has no previous champion (status.previousChampion): choose a version with --to; `kubectl complaints versions {}` lists them",
            classifier.name_any(),
            classifier.name_any()
        ))),
    }
}
