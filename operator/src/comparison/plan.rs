//! Decides which version is compared next, and what a Job's end means. Pure.

use complaint_api::{ComplaintClassifier, ModelVersion};
use complaint_contract::{CompareResult, ErrorEnvelope};
use k8s_openapi::api::{batch::v1::Job, core::v1::Pod};
use kube::ResourceExt;

use super::{build, gather::Seen, is_of};
use crate::{
    candidate::{self, Hindrance},
    complaint_classifier::in_order,
    object::is_owned_by,
    pod, trainer, training_run,
};

/// What to do about the versions of a classifier.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// The version that is compared next or now, and how far it is.
    pub(crate) step: Option<Step>,
    /// Whether a run is about to write what it measured of its version.
    pub(crate) awaits_run: bool,
    /// Jobs that answer no open question.
    pub(crate) superseded: Vec<Job>,
}

/// One version's comparison.
#[derive(Debug)]
pub(crate) struct Step {
    /// The version's name.
    pub(crate) version: String,
    pub(crate) state: State,
}

/// Where a comparison stands.
#[derive(Debug)]
pub(crate) enum State {
    /// Its Job is to be made.
    Start,
    /// Its Job works, or waits for its pod.
    Works { blocked: Option<pod::Blocked> },
    /// The Job has answered.
    Answered(Box<CompareResult>),
    /// It can't be made: the version waits for a pin, a holdout or another champion.
    Impossible { reason: String, message: String },
}

/// At most one comparison at a time, in the order in which the versions were made.
pub(crate) fn plan(classifier: &ComplaintClassifier, seen: &Seen) -> Plan {
    let mut plan = Plan::default();
    if classifier.spec.paused {
        return plan;
    }
    let status = classifier.status.as_ref();
    // What rolls out may be champion soon, and every answer would then be to another question.
    let rolls_out = status.is_some_and(|status| status.challenger.is_some());
    let held = rolls_out || !candidate::is_judged_automatically(classifier);
    for version in in_order(&seen.versions) {
        if plan.step.is_some() || held || candidate::is_judged(version, classifier) {
            continue;
        }
        let hindrance = candidate::hindrance(version, classifier);
        if !matches!(hindrance, Some(Hindrance::NotCompared | Hindrance::NotEvaluated)) {
            continue;
        }
        if candidate::evaluation(version).is_none() && is_being_recorded(seen, version) {
            plan.awaits_run = true;
            continue;
        }
        let state = state(classifier, seen, version);
        // One that can't be compared keeps no other waiting.
        let goes_on = matches!(&state, State::Impossible { .. }) && is_told(version, &state);
        if !goes_on {
            plan.step = Some(Step {
                version: version.name_any(),
                state,
            });
        }
    }
    let wanted = |job: &Job| {
        seen.versions
            .iter()
            .any(|version| is_of(job, version) && is_current(job, classifier, seen, version))
            && !held
    };
    plan.superseded = seen.jobs.iter().filter(|job| !wanted(job)).cloned().collect();
    plan
}

/// Whether the run that makes the version is still at work.
fn is_being_recorded(seen: &Seen, version: &ModelVersion) -> bool {
    let name = version.metadata.name.as_deref();
    let mut runs = seen.runs.iter();
    runs.any(|run| run.metadata.name.as_deref() == name && !training_run::ended(run))
}

/// Whether the version's status says so already.
fn is_told(version: &ModelVersion, state: &State) -> bool {
    let State::Impossible { reason, message } = state else {
        return false;
    };
    candidate::failed_evaluation(version)
        .is_some_and(|condition| condition.reason == *reason && condition.message == *message)
}

/// Whether the Job asks what is to be asked now.
fn is_current(job: &Job, classifier: &ComplaintClassifier, seen: &Seen, version: &ModelVersion) -> bool {
    candidate::question(version, classifier).is_some()
        && build::request(classifier, seen, version)
            .is_ok_and(|request| build::asked(job) == Some(build::digest(&request).as_str()))
}

fn state(classifier: &ComplaintClassifier, seen: &Seen, version: &ModelVersion) -> State {
    if let Err(objection) = build::request(classifier, seen, version) {
        return State::Impossible {
            reason: objection.reason.into(),
            message: objection.message,
        };
    }
    let job = seen.jobs.iter().find(|job| is_of(job, version));
    let Some(job) = job.filter(|job| is_current(job, classifier, seen, version)) else {
        return State::Start;
    };
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
        return State::Impossible {
            reason,
            message: format!(
                "{message}. Set spec.evaluation.holdout, pin the version, or delete Job {} to try again",
                job.name_any()
            ),
        };
    }
    State::Works {
        blocked: pods.iter().find_map(pod::blocked),
    }
}

/// What the pod of a complete Job said. Only an answer to the question counts.
fn answer(classifier: &ComplaintClassifier, version: &ModelVersion, pods: &[Pod]) -> State {
    let impossible = |reason: &str, message: &str| State::Impossible {
        reason: reason.into(),
        message: message.into(),
    };
    let mut messages = trainer::messages(pods);
    let Some(message) = messages.next() else {
        return State::Start;
    };
    if messages.any(|other| other != message) {
        return impossible(
            "ResultAmbiguous",
            "several pods that differ in their result claim to be the Job's: find out who may create pods in this namespace",
        );
    }
    let champion = candidate::other_champion(version, classifier);
    match CompareResult::read(message) {
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
    }
}
