//! This controller's part of a version's status. Pure; the clock is an argument.

use complaint_api::{
    ModelVersion, Stage,
    condition::{self, READY, STALLED, Statement},
};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use serde::Serialize;

use super::plan::{Plan, Rejection};
use crate::{context::Notice, status::Owned};

/// What this controller computes of a version's status.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct VersionStage {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) observed_generation: Option<i64>,
    pub(crate) conditions: Vec<Condition>,
    pub(crate) stage: Stage,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) promotion_time: Option<Time>,
}

impl Owned for VersionStage {
    const FIELDS: &'static [&'static str] = &["observedGeneration", "stage", "promotionTime"];
    const CONDITIONS: &'static [&'static str] = &[READY, STALLED];
}

/// The part after `plan` and the Events about the change.
pub(crate) fn next(version: &ModelVersion, plan: &Plan, now: Timestamp) -> (VersionStage, Vec<Notice>) {
    let old = version.status.as_ref();
    let statements = match (&plan.rejection, &plan.hindrance) {
        (_, Some(hindrance)) if hindrance.bars_serving() => {
            let message = hindrance.message(version);
            vec![
                Statement::new(READY, Some(false), hindrance.reason(), &message),
                Statement::new(STALLED, Some(true), hindrance.reason(), &message),
            ]
        }
        (Some(rejection), _) if rejection.broken => {
            let message = format!("{}: {}", rejection.reason, rejection.message);
            vec![
                Statement::new(READY, Some(false), "LoadingFailed", &message),
                Statement::new(STALLED, Some(true), "LoadingFailed", &message),
            ]
        }
        (_, Some(hindrance)) if plan.stage == Stage::Candidate => {
            vec![Statement::new(
                READY,
                Some(true),
                hindrance.reason(),
                hindrance.message(version),
            )]
        }
        _ => vec![Statement::new(READY, Some(true), "Recorded", "the version is recorded")],
    };
    let generation = version.metadata.generation;
    let stored = old.map(|status| status.conditions.as_slice()).unwrap_or_default();
    let part = VersionStage {
        observed_generation: generation,
        conditions: condition::merge(stored, &statements, generation, now),
        stage: plan.stage,
        promotion_time: plan.promoted.map(Time),
    };
    (part, notices(old.and_then(|status| status.stage), plan))
}

/// An Event if the stage changes to a final one.
fn notices(before: Option<Stage>, plan: &Plan) -> Vec<Notice> {
    match plan.stage {
        stage if Some(stage) == before => Vec::new(),
        Stage::Rejected => {
            let rejection = plan.rejection.iter();
            let note = |rejection: &Rejection| format!("{}: {}", rejection.reason, rejection.message);
            rejection
                .map(|rejection| Notice::warning("Rejected", note(rejection)))
                .collect()
        }
        Stage::Champion => vec![Notice::normal("Promoted", "it serves")],
        Stage::Retired => vec![Notice::normal("Retired", "another version serves")],
        Stage::Candidate | Stage::Challenger => Vec::new(),
    }
}
