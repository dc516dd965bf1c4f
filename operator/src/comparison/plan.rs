//! Decides which version is compared next, and what a Job's end means. Pure.

use complaint_api::{ComplaintClassifier, ModelVersion};
use complaint_contract::{CompareResult, ErrorEnvelope};
use k8s_openapi::api::{batch::v1::Job, core::v1::Pod};
use kube::ResourceExt;

use super::{
    build::{self, Asked, Objection},
    gather::Seen,
    is_of,
};
use crate::{
    candidate::{self, Hindrance},
    complaint_classifier::in_order,
    object::is_owned_by,
    pod, trainer, training_run,
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
        if candidate::evaluation(version).is_none() && is_being_recorded(seen, version) {
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

/// Whether the run that makes the version is still at work.
fn is_being_recorded(seen: &Seen, version: &ModelVersion) -> bool {
    let name = version.metadata.name.as_deref();
    let mut runs = seen.runs.iter();
    runs.any(|run| run.metadata.name.as_deref() == name && !training_run::ended(run))
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

/// How far the Job is; `None` if it is complete and what it said is lost.
fn progress(classifier: &ComplaintClassifier, seen: &Seen, version: &ModelVersion, job: &Job) -> Option<State> {
    let pods: Vec<Pod> = seen.pods.iter().filter(|pod| is_owned_by(*pod, job)).cloned().collect();
    if trainer::condition(job, "Complete").is_some() {
        return answer(classifier, version, &pods);
    }
    if let Some(failed) = trainer::condition(job, "Failed") {
        let told = trainer::last_end(&pods).and_then(|end| ErrorEnvelope::read(end.message.as_deref()?));
        let (reason, message) = match told {
            Some(error) => (error.reason, error.message),
            None => (
                failed.reason.clone().unwrap_or_else(|| "ComparisonFailed".into()),
                failed.message.clone().unwrap_or_default(),
            ),
        };
        return Some(State::Impossible {
            reason,
            message: format!(
                "{message}. Set spec.evaluation.holdout, pin the version, or delete Job {} to try again",
                job.name_any()
            ),
        });
    }
    Some(State::Works {
        blocked: pods.iter().find_map(pod::blocked),
    })
}

/// What the pod of a complete Job said, if it is still there. Only an answer to the question counts.
fn answer(classifier: &ComplaintClassifier, version: &ModelVersion, pods: &[Pod]) -> Option<State> {
    let impossible = |reason: &str, message: &str| State::Impossible {
        reason: reason.into(),
        message: message.into(),
    };
    let mut messages = trainer::messages(pods);
    let message = messages.next()?;
    if messages.any(|other| other != message) {
        return Some(impossible(
            "ResultAmbiguous",
            "several pods that differ in their result claim to be the Job's: find out who may create pods in this namespace",
        ));
    }
    let champion = candidate::other_champion(version, classifier);
    Some(match CompareResult::read(message) {
        Ok(result) => {
            let compared = result
                .comparison
                .as_ref()
                .map(|comparison| comparison.champion_sha256.to_string());
            let is_answer = result.sha256.to_string() == version.spec.artifact.sha256
                && compared.as_deref() == champion.map(|champion| champion.sha256.as_str())
                && result.evaluation.metrics.are_possible();
            match is_answer {
                true => State::Answered(Box::new(result)),
                false => impossible(
                    "ResultUnreadable",
                    "the comparison's result is not about this version and champion",
                ),
            }
        }
        Err(_) => impossible(
            "ResultUnreadable",
            "the comparison's result can't be read: use the images of one release",
        ),
    })
}
