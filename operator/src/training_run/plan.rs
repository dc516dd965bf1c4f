//! Decides what to do about a run: the first rule that applies decides. Pure.

use std::time::Duration;

use complaint_api::{ComplaintClassifier, ModelVersion, TrainingRun, labels};
use complaint_contract::{ErrorEnvelope, RunResult, TrainingResult, Unchanged};
use jiff::Timestamp;
use k8s_openapi::api::{batch::v1::Job, core::v1::Pod};
use kube::ResourceExt;

use super::{
    gather::{Seen, Source},
    spec_hash, status,
};
use crate::{
    candidate::{awaits_restore, evaluation},
    error::Error,
    object::is_owned_by,
    pod,
    settings::Settings,
    store::Store,
    store_job::{self, Answer},
    trainer,
};

/// What to do about a run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Decision {
    /// An evaluated ModelVersion of this spec exists: there is nothing to train.
    AlreadyTrained,
    /// The run can't start until something is created or corrected.
    Wait { reason: &'static str, message: String },
    /// The run's version comes from elsewhere, and its classifier is to find first which version served last.
    WaitForRestore { classifier: String },
    /// As many trainings as are allowed at once are at work.
    WaitForTurn,
    /// The run is suspended.
    Suspend { stop_job: bool },
    /// Create the Job.
    Train,
    /// The Job's pod can't start, and one of a new Job could: delete it, to begin again.
    Replace,
    /// The Job exists and works, or waits for its pod.
    Watch {
        resume: bool,
        blocked: Option<pod::Blocked>,
    },
    /// The result is read from the store: by a Job that is to be made, or works.
    Reread { blocked: Option<pod::Blocked> },
    /// The data set is the one of this version, which the same settings made: there was nothing to train.
    Unchanged { version: String },
    /// Record the result.
    Record(Box<TrainingResult>),
    /// Ended without a model.
    Fail { reason: String, message: String },
    /// The run ended before this reconcile and expires later or never.
    Ended { expires_in: Option<Duration> },
    /// The run has ended and expired: delete it. Its ModelVersion has no owner and is kept.
    Expire,
}

impl Decision {
    /// Whether a training begins or goes on with it.
    pub(crate) fn starts(&self) -> bool {
        matches!(self, Self::Train | Self::Watch { resume: true, .. })
    }

    fn name_taken(kind: impl std::fmt::Display, name: &str) -> Self {
        Self::Wait {
            reason: "NameTaken",
            message: format!("{kind} {name} belongs to something else: delete it, or apply the run under another name"),
        }
    }

    /// What becomes of a decision that the API server refuses to carry out.
    ///
    /// # Errors
    /// The error itself if it is transient: the reconcile is retried.
    pub(crate) fn refused(error: Error) -> Result<Self, Error> {
        match error.refusal() {
            Some(message) => Ok(Self::Wait {
                reason: "ApplyRefused",
                message,
            }),
            None => match error {
                Error::Taken { kind, object } => Ok(Self::name_taken(kind, &object.name_any())),
                error => Err(error),
            },
        }
    }
}

pub(crate) fn plan(run: &TrainingRun, seen: &Seen, settings: &Settings, now: Timestamp) -> Decision {
    if status::ended(run) {
        return match status::expires_in(run, now) {
            Some(Duration::ZERO) => Decision::Expire,
            expires_in => Decision::Ended { expires_in },
        };
    }
    match &seen.job {
        Some(job) if is_owned_by(job, run) && trainer::store_of(job).is_some() => with_job(run, seen, job, settings),
        Some(job) => Decision::name_taken("Job", &job.name_any()),
        None => without_job(run, seen),
    }
}

fn without_job(run: &TrainingRun, seen: &Seen) -> Decision {
    if let Some(recorded) = &seen.recorded {
        return without_training(run, seen, recorded);
    }
    if run.spec.suspend {
        return Decision::Suspend { stop_job: false };
    }
    let Some(classifier) = &seen.classifier else {
        let name = &run.spec.classifier_ref.name;
        return Decision::Wait {
            reason: "ClassifierNotFound",
            message: format!(
                "ComplaintClassifier {name} does not exist in this namespace: apply it, or correct spec.classifierRef.name in a new run"
            ),
        };
    };
    if classifier.spec.paused {
        return paused(classifier);
    }
    if let Some(message) = missing_source(run, &seen.source) {
        return Decision::Wait {
            reason: "DatasetNotFound",
            message,
        };
    }
    Decision::Train
}

/// The message about a missing source, with the fix.
fn missing_source(run: &TrainingRun, seen: &Source) -> Option<String> {
    let source = &run.spec.dataset.source;
    let namespace = run.namespace().unwrap_or_default();
    match (seen, &source.config_map, &source.persistent_volume_claim) {
        (Source::ConfigMap(None), Some(wanted), _) => Some(format!(
            "ConfigMap {} does not exist in namespace {namespace}: create it with `kubectl create configmap {} --from-file={}`, or correct spec.dataset.source.configMap.name in a new run",
            wanted.name, wanted.name, wanted.key
        )),
        (Source::ConfigMap(Some(keys)), Some(wanted), _) if !keys.contains(&wanted.key) => Some(format!(
            "ConfigMap {} has no key {}; its keys are: {}. Add the key, or correct spec.dataset.source.configMap.key in a new run",
            wanted.name,
            wanted.key,
            keys.join(", ")
        )),
        (Source::Claim { exists: false }, _, Some(wanted)) => Some(format!(
            "PersistentVolumeClaim {} does not exist in namespace {namespace}: create it, or correct spec.dataset.source.persistentVolumeClaim.claimName in a new run",
            wanted.claim_name
        )),
        _ => None,
    }
}

/// Decides for a run whose ModelVersion exists and whose Job does not.
fn without_training(run: &TrainingRun, seen: &Seen, recorded: &ModelVersion) -> Decision {
    let name = recorded.name_any();
    if recorded.metadata.deletion_timestamp.is_some() {
        return Decision::Wait {
            reason: "VersionBeingDeleted",
            message: format!("ModelVersion {name} is being deleted with its files: the run trains when it is gone"),
        };
    }
    if !is_from(run, recorded) {
        return Decision::Wait {
            reason: "NameTaken",
            message: format!("a ModelVersion {name} made from another spec exists: apply the run under another name"),
        };
    }
    if evaluation(recorded).is_some() {
        return Decision::AlreadyTrained;
    }
    match from_store(seen, recorded) {
        Ok(decision) => decision,
        Err(why) => Decision::Wait {
            reason: "NotEvaluated",
            message: format!(
                "ModelVersion {name} names this spec, but its status has no evaluation by a training of this cluster{why}: delete it to train again, or apply the run under another name"
            ),
        },
    }
}

fn paused(classifier: &ComplaintClassifier) -> Decision {
    Decision::Wait {
        reason: "ClassifierPaused",
        message: format!(
            "ComplaintClassifier {} is paused: set spec.paused to false",
            classifier.name_any()
        ),
    }
}

/// The result of the training that made a version which another cluster recorded: the store kept it.
///
/// # Errors
/// Why there is none.
fn from_store(seen: &Seen, recorded: &ModelVersion) -> Result<Decision, String> {
    let classifier = seen
        .classifier
        .as_ref()
        .ok_or(", and its ComplaintClassifier does not exist")?;
    if classifier.spec.paused {
        return Ok(paused(classifier));
    }
    if awaits_restore(classifier) {
        return Ok(Decision::WaitForRestore {
            classifier: classifier.name_any(),
        });
    }
    if Store::of(classifier).open(&recorded.spec.artifact.uri).is_none() {
        return Err(", and its artifact is not in the classifier's store".into());
    }
    match reread(seen) {
        Decision::Record(outcome) if outcome.artifact.sha256.to_string() != recorded.spec.artifact.sha256 => {
            Err(", and the store's result for it is about another artifact".into())
        }
        Decision::Fail { reason, message } => {
            Err(format!(", and none can be had from the store ({reason}: {message})"))
        }
        decision => Ok(decision),
    }
}

/// What the store says of the run's result, by the Job that reads it.
fn reread(seen: &Seen) -> Decision {
    let Some((job, pods)) = &seen.reread else {
        return Decision::Reread { blocked: None };
    };
    match store_job::answer(job, pods, TrainingResult::read) {
        Answer::Works { blocked } => Decision::Reread { blocked },
        Answer::Given(outcome) => checked(Box::new(outcome)),
        Answer::Lost => Decision::Fail {
            reason: "ResultLost".into(),
            message: format!(
                "the pod of Job {} is gone with what it said: delete the Job to try again",
                job.name_any()
            ),
        },
        Answer::Failed { error, .. } => Decision::Fail {
            reason: error.reason,
            message: error.message,
        },
    }
}

/// A result, if it can be one.
fn checked(outcome: Box<TrainingResult>) -> Decision {
    if outcome.metrics.are_possible() {
        return Decision::Record(outcome);
    }
    Decision::Fail {
        reason: "ResultUnreadable".into(),
        message: "the trainer's result has metrics outside their range: report this as a defect of the trainer".into(),
    }
}

/// Whether the version claims to be made from this spec.
fn is_from(run: &TrainingRun, version: &ModelVersion) -> bool {
    let lineage = version.spec.lineage.as_ref();
    lineage.is_some_and(|lineage| lineage.spec_hash == spec_hash(run))
}

/// Whether the run's result is on record: its version and what was measured of it.
fn is_recorded(run: &TrainingRun, seen: &Seen) -> bool {
    let recorded = seen.recorded.as_ref();
    recorded.is_some_and(|recorded| is_from(run, recorded) && evaluation(recorded).is_some())
}

fn with_job(run: &TrainingRun, seen: &Seen, job: &Job, settings: &Settings) -> Decision {
    if trainer::condition(job, "Complete").is_some() {
        return match result_of(seen) {
            // The result was recorded before this status was written.
            None | Some(Decision::Fail { .. }) if is_recorded(run, seen) => Decision::AlreadyTrained,
            result => match (result.unwrap_or_else(|| lost(seen, job)), &seen.recorded) {
                (Decision::Record(outcome), Some(other))
                    if other.spec.artifact.sha256 != outcome.artifact.sha256.to_string() =>
                {
                    taken_meanwhile(other)
                }
                (decision, _) => decision,
            },
        };
    }
    if let Some(failed) = trainer::condition(job, "Failed") {
        let reason = failed.reason.clone().unwrap_or_default();
        return failure_of(run, &seen.pods, &reason, failed.message.as_deref().unwrap_or_default());
    }
    let suspended = trainer::is_suspended(job);
    if run.spec.suspend {
        return Decision::Suspend { stop_job: !suspended };
    }
    let blocked = blocked(run, seen);
    // The configuration is written with the Job, and the image is the chart's: it may have been mended since.
    if seen.config_missing || (blocked.is_some() && !trainer::is_current(job, settings)) {
        return Decision::Replace;
    }
    Decision::Watch {
        resume: suspended,
        blocked,
    }
}

/// Why the Job's pod does not start: by its own status, by what it waits for, or by the Job controller.
fn blocked(run: &TrainingRun, seen: &Seen) -> Option<pod::Blocked> {
    let by_pod = seen.pods.iter().find_map(pod::blocked);
    let by_source = || Some(pod::Blocked::new("DatasetNotFound", missing_source(run, &seen.source)?));
    let by_job = || Some(pod::Blocked::new("FailedCreate", seen.creation_failure.clone()?));
    by_pod.or_else(by_source).or_else(by_job)
}

fn taken_meanwhile(other: &ModelVersion) -> Decision {
    Decision::Fail {
        reason: "NameTaken".into(),
        message: format!(
            "a ModelVersion {} with another artifact appeared while this run trained: apply the run under another name",
            other.name_any()
        ),
    }
}

/// What becomes of a run whose Job is complete, and whose pod is gone with the result: the store has it, too.
fn lost(seen: &Seen, job: &Job) -> Decision {
    let store = seen.classifier.as_ref().map(Store::of);
    // The Job can read only the classifier's present store.
    let same = store.is_some_and(|store| trainer::store_of(job).is_some_and(|of_job| of_job.is_at(&store)));
    match same.then(|| reread(seen)) {
        Some(Decision::Fail { reason, message }) => Decision::Fail {
            reason: "ResultLost".into(),
            message: format!(
                "the Job is complete but the pod with its result is gone, and the store does not tell it ({reason}: {message}): apply the run under another name"
            ),
        },
        Some(decision) => decision,
        None => Decision::Fail {
            reason: "ResultLost".into(),
            message: "the Job is complete but the pod with its result is gone, and its store is no longer the classifier's: apply the run under another name".into(),
        },
    }
}

/// What the pod of a complete Job said; `None` if it is gone.
fn result_of(seen: &Seen) -> Option<Decision> {
    let mut messages = trainer::messages(&seen.pods);
    let message = messages.next()?;
    if messages.any(|other| other != message) {
        return Some(Decision::Fail {
            reason: "ResultAmbiguous".into(),
            message: "several pods that differ in their result claim to be the Job's: find out who may create pods in this namespace, and apply the run under another name".into(),
        });
    }
    Some(match RunResult::read(message) {
        Ok(RunResult::Trained(outcome)) => checked(outcome),
        Ok(RunResult::Unchanged(unchanged)) => is_unchanged(seen, &unchanged),
        Err(error) => Decision::Fail {
            reason: "ResultUnreadable".into(),
            message: format!(
                "the trainer's result can't be read ({error}): the trainer image is of another version than the operator; use the images of one release"
            ),
        },
    })
}

/// The end of a run whose data set and corrections the trainer knew.
fn is_unchanged(seen: &Seen, unchanged: &Unchanged) -> Decision {
    let sha256 = unchanged.dataset_sha256.to_string();
    let feedback = unchanged.feedback_sha256.map(|sha256| sha256.to_string());
    let has_it = |version: &&ModelVersion| {
        let lineage = version.spec.lineage.as_ref();
        lineage.is_some_and(|lineage| lineage.dataset.sha256 == sha256 && lineage.dataset.feedback_sha256 == feedback)
    };
    match seen.earlier.iter().find(has_it) {
        Some(version) => Decision::Unchanged {
            version: version.name_any(),
        },
        None => Decision::Fail {
            reason: "VersionGone".into(),
            message: "the data set did not change since a ModelVersion was made from it, and that ModelVersion is gone: apply the run under another name".into(),
        },
    }
}

/// The most specific reason: the trainer's error, then its pod's termination, then the Job's condition.
fn failure_of(run: &TrainingRun, pods: &[Pod], job_reason: &str, job_message: &str) -> Decision {
    let last = trainer::last_end(pods);
    if job_reason == "DeadlineExceeded" {
        let seconds = run.spec.active_deadline_seconds.unwrap_or_default();
        return Decision::Fail {
            reason: "DeadlineExceeded".into(),
            message: format!(
                "the training took longer than spec.activeDeadlineSeconds ({seconds} s): raise it, or search less, in a new run"
            ),
        };
    }
    if let Some(error) = last.and_then(|state| ErrorEnvelope::read(state.message.as_deref()?)) {
        return Decision::Fail {
            reason: error.reason,
            message: error.message,
        };
    }
    match last {
        Some(state) if state.reason.as_deref() == Some("OOMKilled") => Decision::Fail {
            reason: "OOMKilled".into(),
            message: "the trainer needed more memory than its limit: raise spec.podTemplate.resources.limits.memory in a new run".into(),
        },
        Some(state) => Decision::Fail {
            reason: if job_reason.is_empty() { "TrainingFailed".into() } else { job_reason.into() },
            message: format!(
                "the trainer ended with exit code {} ({}); {job_message}. See `kubectl logs job/{}`",
                state.exit_code,
                state.reason.as_deref().unwrap_or("no reason"),
                super::job_name(&run.name_any())
            ),
        },
        None => Decision::Fail {
            reason: if job_reason.is_empty() { "TrainingFailed".into() } else { job_reason.into() },
            message: job_message.into(),
        },
    }
}

/// The ModelVersion that was champion when the Job was created, with which the trainer compares the new model.
pub(crate) fn champion_of(job: &Job) -> Option<&str> {
    job.annotations().get(labels::MODEL_VERSION).map(String::as_str)
}
