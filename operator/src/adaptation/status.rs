//! The part of a classifier's status that this controller owns, and the Events. Pure.

use complaint_api::{
    ComplaintClassifier,
    condition::{self, ADAPTED, Statement},
};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use serde::Serialize;

use super::plan::{Plan, is_asked};
use crate::{context::Notice, status::Owned};

/// This controller's part of a status.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AdaptationPart {
    pub(crate) conditions: Vec<Condition>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_adaptation_time: Option<Time>,
}

impl Owned for AdaptationPart {
    const FIELDS: &'static [&'static str] = &["lastAdaptationTime"];
    const CONDITIONS: &'static [&'static str] = &[ADAPTED];
}

/// The next status, and the Events about what changed.
pub(crate) fn next(classifier: &ComplaintClassifier, plan: &Plan<'_>, now: Timestamp) -> (AdaptationPart, Vec<Notice>) {
    let stored = classifier.status.as_ref();
    let old = stored.map_or(&[][..], |status| &status.conditions);
    let before = condition::find(old, ADAPTED);
    let told = match (&plan.told, before) {
        (Some(told), _) => Some(told.clone()),
        // An episode that ended before a Job did.
        (None, Some(before)) if before.status == "Unknown" && !classifier.spec.paused => None,
        (None, before) => before.map(|before| Statement::repeating(ADAPTED, before)),
    };
    let told = told.filter(|_| is_asked(classifier));
    let notices = told
        .iter()
        .filter(|told| before.is_none_or(|before| !told.is_said_by(before)))
        .filter_map(|told| match told.status {
            Some(true) => Some(Notice::normal(&told.reason, &told.message)),
            Some(false) => Some(Notice::warning(&told.reason, &told.message)),
            None => None,
        })
        .collect();
    let last = stored.and_then(|status| status.last_adaptation_time.clone());
    let part = AdaptationPart {
        conditions: condition::merge(old, told.as_slice(), classifier.metadata.generation, now),
        last_adaptation_time: plan.ended.map(Time).or(last),
    };
    (part, notices)
}
