//! The part of a classifier's status that this controller owns, and the Events. Pure.

use complaint_api::{
    ComplaintClassifier, MlflowState, ModelVersion,
    condition::{self, TRACKED},
};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use serde::Serialize;

use super::plan::Plan;
use crate::{context::Notice, status::Owned};

/// How tracking servers stand to the classifier's versions.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct TrackingStatus {
    pub(crate) conditions: Vec<Condition>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) mlflow: Vec<MlflowState>,
}

impl Owned for TrackingStatus {
    const FIELDS: &'static [&'static str] = &["mlflow"];
    const CONDITIONS: &'static [&'static str] = &[TRACKED];
}

/// The next status and the Event about the change.
pub(crate) fn next(classifier: &ComplaintClassifier, plan: &Plan<'_>, now: Timestamp) -> (TrackingStatus, Vec<Notice>) {
    let old = classifier.status.as_ref().map_or(&[][..], |status| &status.conditions);
    let statements: Vec<_> = plan.summary.iter().cloned().collect();
    let before = condition::find(old, TRACKED);
    let notice = plan.summary.as_ref().and_then(|summary| {
        let failed = before.filter(|before| before.status == "False");
        match summary.status {
            Some(false) if failed.is_none_or(|failed| failed.reason != summary.reason) => {
                Some(Notice::warning(&summary.reason, &summary.message))
            }
            Some(true) if failed.is_some() => Some(Notice::normal("Tracked", &summary.message)),
            _ => None,
        }
    });
    let status = TrackingStatus {
        conditions: condition::merge(old, &statements, classifier.metadata.generation, now),
        mlflow: plan.states.clone(),
    };
    (status, notice.into_iter().collect())
}

/// The Events about versions: that one is logged, or that it will not be. What is tried again is told about the classifier.
pub(crate) fn of_versions<'a>(plan: &Plan<'a>) -> Vec<(&'a ModelVersion, Notice)> {
    let told = plan.told.iter().filter_map(|told| {
        let statement = told.statement.as_ref()?;
        let stored = told.version.status.as_ref();
        let is_new = stored.and_then(|status| status.mlflow.as_ref()) != told.mlflow.as_ref();
        let notice = match (statement.status?, is_new && told.mlflow.is_some()) {
            (true, true) => Notice::normal("Tracked", &statement.message),
            (false, true) => Notice::warning(&statement.reason, &statement.message),
            _ => return None,
        };
        Some((told.version, notice))
    });
    told.collect()
}
