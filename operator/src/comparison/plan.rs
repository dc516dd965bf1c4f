//! Decides which version is compared next, and what a Job's end means. Pure.

use complaint_api::{ComplaintClassifier, ModelVersion};
use complaint_contract::CompareResult;
use k8s_openapi::api::batch::v1::Job;
use kube::ResourceExt;

use super::{
    build::{self, Asked, Objection},
    gather::Seen,
    is_of,
};
use crate::{
    candidate::{self, Hindrance},
    complaint_classifier::in_order,
    pod,
    store_job::{self, Answer},
};

/// What to do about the versions of a classifier.
#[derive(Debug, Default)]
pub(crate) struct Plan<'a> {
    /// The version that is compared next or now, and how far it is.
    pub(crate) step: Option<Step<'a>>,
    /// Whether a run is about to write what it measured of its version.
    pub(crate) awaits_run: bool,
    /// Jobs that answer no open question.
    pub(crate) superseded: Vec<&'a Job>,
}

/// One version's comparison.
#[derive(Debug)]
pub(crate) struct Step<'a> {
    pub(crate) version: &'a ModelVersion,
    pub(crate) state: State,
}

/// Where a comparison stands.
#[derive(Debug)]
pub(crate) enum State {
    /// Its Job is to be made.
    Start(Box<Asked>),
    /// Its Job works, or waits for its pod.
    Works { blocked: Option<pod::Blocked> },
    /// The Job has answered.
    Answered(Box<CompareResult>),
    /// It can't be made: the version waits for a pin, a holdout or another champion.
    Impossible { reason: String, message: String },
}

/// At most one comparison at a time, in the order in which the versions were made.
pub(crate) fn plan<'a>(classifier: &ComplaintClassifier, seen: &'a Seen) -> Plan<'a> {
    let mut plan = Plan::default();
    if classifier.spec.paused {
        return plan;
    }
    let status = classifier.status.as_ref();
    // What rolls out may be champion soon, and every answer would then be to another question.
    let rolls_out = status.is_some_and(|status| status.challenger.is_some());
    let held = rolls_out || !candidate::is_judged_automatically(classifier);
    let mut wanted: Vec<&Job> = Vec::new();
    for version in in_order(&seen.versions) {
        let waits = || {
            let hindrance = candidate::hindrance(version, classifier);
            matches!(hindrance, Some(Hindrance::NotCompared | Hindrance::NotEvaluated))
        };
        if held || candidate::is_judged(version, classifier) || !waits() {
            continue;
        }
        if candidate::evaluation(version).is_none() && seen.recording.contains(&version.name_any()) {
            plan.awaits_run = true;
            continue;
        }
        let (job, state) = state(classifier, seen, version);
        wanted.extend(job);
        // One that can't be compared keeps no other waiting.
        if plan.step.is_none() && !is_told(version, &state) {
            plan.step = Some(Step { version, state });
        }
    }
    let is_wanted = |job: &Job| wanted.iter().any(|wanted| std::ptr::eq(*wanted, job));
    plan.superseded = seen.jobs.iter().filter(|job| !is_wanted(job)).collect();
    plan
}

/// Whether it can't be compared, and its status says so already.
fn is_told(version: &ModelVersion, state: &State) -> bool {
    let State::Impossible { reason, message } = state else {
        return false;
    };
    candidate::failed_evaluation(version)
        .is_some_and(|condition| condition.reason == *reason && condition.message == *message)
}

/// Where the comparison of `version` stands, and its Job, if that asks what is to be asked now.
fn state<'a>(classifier: &ComplaintClassifier, seen: &'a Seen, version: &ModelVersion) -> (Option<&'a Job>, State) {
    let asked = match build::request(classifier, seen, version) {
        Ok(asked) => Box::new(asked),
        Err(Objection { reason, message }) => {
            let reason = reason.into();
            return (None, State::Impossible { reason, message });
        }
    };
    let digest = build::digest(&asked);
    let mut jobs = seen.jobs.iter();
    let job = jobs.find(|job| is_of(job, version) && build::asked(job) == Some(digest.as_str()));
    match job.map(|job| (job, progress(classifier, seen, version, job))) {
        Some((job, Some(state))) => (Some(job), state),
        // There is no Job, or what it said is lost.
        _ => (None, State::Start(asked)),
    }
}

/// How far the Job is; `None` if it is complete and what it said is lost. Only an answer to the question counts.
fn progress(classifier: &ComplaintClassifier, seen: &Seen, version: &ModelVersion, job: &Job) -> Option<State> {
    Some(match store_job::answer(job, &seen.pods, CompareResult::read) {
        Answer::Works { blocked } => State::Works { blocked },
        Answer::Lost => return None,
        Answer::Given(result) if answers(&result, classifier, version) => State::Answered(Box::new(result)),
        Answer::Given(_) => State::Impossible {
            reason: "ResultUnreadable".into(),
            message: "the comparison's result is not about this version and champion".into(),
        },
        Answer::Failed { error, .. } => State::Impossible {
            reason: error.reason,
            message: format!(
                "{}. Set spec.evaluation.holdout, pin the version, or delete Job {} to try again",
                error.message,
                job.name_any()
            ),
        },
    })
}

/// Whether the result is about this version and the present champion.
fn answers(result: &CompareResult, classifier: &ComplaintClassifier, version: &ModelVersion) -> bool {
    let champion = candidate::other_champion(version, classifier);
    let compared = result.comparison.as_ref();
    let compared = compared.map(|comparison| comparison.champion_sha256.to_string());
    result.sha256.to_string() == version.spec.artifact.sha256
        && compared.as_deref() == champion.map(|champion| champion.sha256.as_str())
        && result.evaluation.metrics.are_possible()
}
