//! The part of a classifier's status that this controller owns. Pure.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;
use serde::Serialize;

use super::plan::{Plan, Trigger};
use crate::{context::Notice, status::Owned};

/// The times of a classifier's retraining.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RetrainingStatus {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_schedule_time: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_schedule_time: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_request_time: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_drift_time: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_feedback_rows: Option<u64>,
}

impl Owned for RetrainingStatus {
    const FIELDS: &'static [&'static str] = &[
        "lastScheduleTime",
        "nextScheduleTime",
        "lastRequestTime",
        "lastDriftTime",
        "lastFeedbackRows",
    ];
    const CONDITIONS: &'static [&'static str] = &[];
}

/// The next status.
pub(crate) fn next(plan: &Plan) -> RetrainingStatus {
    let time = |time: Option<Timestamp>| time.map(Time);
    RetrainingStatus {
        last_schedule_time: time(plan.times.last_schedule),
        next_schedule_time: time(plan.times.next_schedule),
        last_request_time: time(plan.times.last_request),
        last_drift_time: time(plan.times.last_drift),
        last_feedback_rows: plan.times.last_feedback,
    }
}

/// The Event about the run that was made.
pub(crate) fn started(plan: &Plan) -> Vec<Notice> {
    let started = plan.start.iter().map(|start| {
        let cause = match start.trigger {
            Trigger::Schedule => "the scheduled time",
            Trigger::Request => "spec.retraining.requestTime",
            Trigger::Drift => "the drift that the window showed until",
            Trigger::Feedback => "the corrections of all windows until",
        };
        let replaced: Vec<_> = plan.replaced.iter().map(ResourceExt::name_any).collect();
        let replacing = match replaced.is_empty() {
            true => String::new(),
            false => format!(", replacing {}", replaced.join(", ")),
        };
        let note = format!(
            "TrainingRun {} was made for {cause} {}{replacing}",
            start.name, start.time
        );
        Notice::normal("RetrainingStarted", note)
            .about(&start.name)
            .at(start.time)
    });
    started.collect()
}
