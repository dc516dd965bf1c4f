//! The status after the changes were applied. Pure; the clock is an argument.

use std::time::Duration;

use complaint_api::{
    DatasetStatus, RunPhase, TrainingRun, TrainingRunStatus,
    condition::{self, COMPLETE, FAILED, READY, RECONCILING, STALLED, Statement},
};
use complaint_contract::{ErrorEnvelope, Progress, TrainingResult, TrainingStage, VersionRef, round4};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::{
    api::{batch::v1::Job, core::v1::Pod},
    apimachinery::pkg::apis::meta::v1::{Condition, Time},
};
use kube::ResourceExt;

use super::{gather::Seen, plan::Decision};
use crate::{candidate::evaluation, context::Notice, status::Owned, trainer, turns::WAITING_FOR_TURN};

/// This controller owns the whole status.
impl Owned for TrainingRunStatus {
    const FIELDS: &'static [&'static str] = &[
        "observedGeneration",
        "phase",
        "progress",
        "dataset",
        "trials",
        "currentOptimalTrial",
        "metrics",
        "modelVersionRef",
        "startTime",
        "completionTime",
    ];
    const CONDITIONS: &'static [&'static str] = &[READY, RECONCILING, STALLED, COMPLETE, FAILED];
}

/// Whether the run has ended, so that only its expiry remains.
pub(crate) fn ended(run: &TrainingRun) -> bool {
    run.status.as_ref().and_then(end).is_some()
}

/// Whether the run has ended by this status; if it failed, with the reason.
pub(crate) fn end(status: &TrainingRunStatus) -> Option<Option<&str>> {
    match (record(status, COMPLETE), record(status, FAILED)) {
        (Some(_), _) => Some(None),
        (None, Some(failed)) => Some(Some(&failed.reason)),
        (None, None) => None,
    }
}

/// The condition of that type, if it is true.
fn record<'a>(status: &'a TrainingRunStatus, type_: &str) -> Option<&'a Condition> {
    condition::find(&status.conditions, type_).filter(|condition| condition.status == "True")
}

/// The time until an ended run expires; zero: now.
pub(crate) fn expires_in(run: &TrainingRun, now: Timestamp) -> Option<Duration> {
    let ttl = SignedDuration::from_secs(run.spec.ttl_seconds_after_finished?.into());
    let end = run.status.as_ref()?.completion_time.as_ref()?.0;
    let left = ttl - now.duration_since(end);
    Some(Duration::try_from(left).unwrap_or(Duration::ZERO))
}

/// The next status and the Events about the change.
pub(crate) fn next(
    run: &TrainingRun,
    seen: &Seen,
    decision: &Decision,
    now: Timestamp,
) -> (TrainingRunStatus, Vec<Notice>) {
    let old = run.status.clone().unwrap_or_default();
    let mut status = match decision {
        // The record of an ended run, which can't be computed again.
        Decision::Ended { .. } | Decision::Expire => TrainingRunStatus {
            conditions: Vec::new(),
            ..old.clone()
        },
        _ => TrainingRunStatus {
            progress: old.progress.clone(),
            start_time: old.start_time.clone().or_else(|| started(seen)),
            ..TrainingRunStatus::default()
        },
    };
    status.observed_generation = run.metadata.generation;
    let statements = match decision {
        Decision::AlreadyTrained => already_trained(run, seen, &mut status, now),
        Decision::Wait { reason, message } => {
            status.phase = Some(RunPhase::Pending);
            not_ready(true, reason, message)
        }
        Decision::WaitForRestore { classifier } => {
            status.phase = Some(RunPhase::Pending);
            let message = format!(
                "ComplaintClassifier {classifier} finds out first which version served last; `kubectl describe cc {classifier}` says how that stands"
            );
            not_ready(false, "RestorePending", &message)
        }
        Decision::WaitForTurn => {
            status.phase = Some(RunPhase::Pending);
            not_ready(
                false,
                WAITING_FOR_TURN,
                "as many trainings as the operator allows at once are at work (trainer.maxConcurrent of the chart): the run starts when it is its turn",
            )
        }
        Decision::Suspend { .. } => {
            status.phase = Some(RunPhase::Suspended);
            vec![Statement::new(READY, None, "Suspended", "held back by spec.suspend")]
        }
        Decision::Train => {
            status.phase = Some(RunPhase::Pending);
            job_created()
        }
        Decision::Replace => {
            status.phase = Some(RunPhase::Pending);
            not_ready(
                false,
                "JobReplaced",
                "the training Job could not start as it was made, and is made again",
            )
        }
        Decision::Watch {
            blocked: Some(blocked), ..
        } => {
            status.phase = Some(RunPhase::Pending);
            not_ready(
                false,
                &blocked.reason,
                &format!("the training pod can't start: {}", blocked.message),
            )
        }
        Decision::Watch { blocked: None, .. } => working(seen, &mut status, now),
        Decision::Reread { blocked } => {
            status.phase = Some(RunPhase::Pending);
            let why = blocked.as_ref().map_or(String::new(), |blocked| {
                format!("; its pod can't start: {}: {}", blocked.reason, blocked.message)
            });
            not_ready(
                false,
                "ReadingResult",
                &format!("a Job reads the result of this training from the store{why}"),
            )
        }
        Decision::Unchanged { version } => {
            status.model_version_ref = Some(VersionRef { name: version.clone() });
            status.completion_time = Some(Time(now));
            done(
                "Unchanged",
                &format!(
                    "nothing was trained: ModelVersion {version} was made from the same data set with the same settings"
                ),
                &mut status,
            )
        }
        Decision::Record(outcome) => recorded(run, outcome, &mut status, now),
        Decision::Fail { reason, message } => {
            status.completion_time = Some(Time(now));
            failed(reason, message, &mut status)
        }
        Decision::Ended { .. } | Decision::Expire => as_it_ended(&old, &mut status),
    };
    let notices = notices(&old, decision, &statements, &status);
    status.conditions = condition::merge(&old.conditions, &statements, run.metadata.generation, now);
    (status, notices)
}

fn started(seen: &Seen) -> Option<Time> {
    seen.pods
        .iter()
        .filter_map(|pod| pod.status.as_ref()?.start_time.clone())
        .min_by_key(|time| time.0)
}

/// `Ready` is false: in progress, or `stuck` until somebody acts.
fn not_ready(stuck: bool, reason: &str, message: &str) -> Vec<Statement> {
    let abnormal = if stuck { STALLED } else { RECONCILING };
    vec![
        Statement::new(READY, Some(false), reason, message),
        Statement::new(abnormal, Some(true), reason, message),
    ]
}

fn done(reason: &str, message: &str, status: &mut TrainingRunStatus) -> Vec<Statement> {
    status.phase = Some(RunPhase::Succeeded);
    vec![
        Statement::new(READY, Some(true), reason, message),
        Statement::new(COMPLETE, Some(true), reason, message),
    ]
}

fn failed(reason: &str, message: &str, status: &mut TrainingRunStatus) -> Vec<Statement> {
    status.phase = Some(RunPhase::Failed);
    let mut statements = not_ready(true, reason, message);
    statements.push(Statement::new(FAILED, Some(true), reason, message));
    statements
}

/// The statements of an ended run, derived from the condition that records its result.
fn as_it_ended(old: &TrainingRunStatus, status: &mut TrainingRunStatus) -> Vec<Statement> {
    match (record(old, COMPLETE), record(old, FAILED)) {
        (Some(complete), _) => done(&complete.reason, &complete.message, status),
        (None, Some(ended)) => failed(&ended.reason, &ended.message, status),
        (None, None) => Vec::new(),
    }
}

/// How long a Job's pod may take to start before the run says that it waits.
const TO_START: SignedDuration = SignedDuration::from_secs(10);

fn working(seen: &Seen, status: &mut TrainingRunStatus, now: Timestamp) -> Vec<Statement> {
    // A pod that has succeeded waits for its Job to count it.
    let works = |pod: &Pod| matches!(crate::pod::phase(pod), "Running" | "Succeeded");
    let running = seen.pods.iter().any(works);
    status.phase = Some(if running { RunPhase::Running } else { RunPhase::Pending });
    if let Some(progress) = &seen.progress
        && worth_writing(status.progress.as_ref(), progress)
    {
        status.progress = Some(progress.clone());
    }
    let failed = failed_attempts(seen).map_or(String::new(), |told| format!(" ({told})"));
    match (running, failed.is_empty()) {
        (true, _) => not_ready(false, "Training", &format!("the trainer is at work{failed}")),
        // In most cases the pod starts at once, and nobody needs to read of it.
        (false, true) if seen.job.as_ref().is_some_and(|job| is_new(job, now)) => job_created(),
        (false, true) => not_ready(false, "WaitingForPod", "the training pod has not started yet"),
        (false, false) => not_ready(
            false,
            "WaitingForRetry",
            &format!("the next training pod has not started yet{failed}"),
        ),
    }
}

fn job_created() -> Vec<Statement> {
    not_ready(false, "JobCreated", "the training Job was created")
}

fn is_new(job: &Job, now: Timestamp) -> bool {
    let created = job.metadata.creation_timestamp.as_ref();
    created.is_some_and(|created| now.duration_since(created.0) < TO_START)
}

/// How the last of the Job's failed pods ended: a retry must not hide it.
fn failed_attempts(seen: &Seen) -> Option<String> {
    let last = trainer::last_end(&seen.pods).filter(|ended| ended.exit_code != 0)?;
    let attempts = seen
        .pods
        .iter()
        .filter(|pod| crate::pod::phase(pod) == "Failed")
        .count();
    let said = last.message.as_deref().and_then(ErrorEnvelope::read);
    let why = match &said {
        Some(error) => &error.reason,
        None => last.reason.as_ref()?,
    };
    Some(format!(
        "{attempts} failed, the last with exit code {}: {why}",
        last.exit_code
    ))
}

/// A new stage or five percent: each write of a status wakes everybody who watches.
fn worth_writing(old: Option<&Progress>, new: &Progress) -> bool {
    old.is_none_or(|old| old.stage != new.stage || old.percent.abs_diff(new.percent) >= 5)
}

fn recorded(
    run: &TrainingRun,
    outcome: &TrainingResult,
    status: &mut TrainingRunStatus,
    now: Timestamp,
) -> Vec<Statement> {
    status.progress = Some(Progress {
        stage: TrainingStage::Done,
        percent: 100,
        message: "done".into(),
    });
    status.dataset = Some(DatasetStatus {
        rows: outcome.dataset.rows,
        duplicates: outcome.dataset.duplicates,
        classes: outcome.dataset.classes,
        sha256: outcome.dataset.sha256.to_string(),
        feedback_rows: outcome.dataset.feedback.as_ref().map(|feedback| feedback.rows),
    });
    status.trials = Some(outcome.trials);
    let mut best = outcome.current_optimal_trial.clone();
    best.cross_validation.mean = round4(best.cross_validation.mean);
    best.cross_validation.standard_deviation = round4(best.cross_validation.standard_deviation);
    status.current_optimal_trial = Some(best);
    status.metrics = Some(outcome.metrics.into());
    status.model_version_ref = Some(VersionRef { name: run.name_any() });
    status.completion_time = Some(Time(now));
    done(
        "Trained",
        &format!("ModelVersion {} is recorded", run.name_any()),
        status,
    )
}

fn already_trained(run: &TrainingRun, seen: &Seen, status: &mut TrainingRunStatus, now: Timestamp) -> Vec<Statement> {
    status.metrics = seen
        .recorded
        .as_ref()
        .and_then(evaluation)
        .map(|evaluation| evaluation.metrics);
    status.model_version_ref = Some(VersionRef { name: run.name_any() });
    status.completion_time = Some(Time(now));
    done(
        "AlreadyTrained",
        &format!("ModelVersion {} was made from the same spec", run.name_any()),
        status,
    )
}

/// One Event where the reason of `Ready` changes; after a training, one for each warning about the data set and one for the
/// records that were left out.
fn notices(
    old: &TrainingRunStatus,
    decision: &Decision,
    statements: &[Statement],
    status: &TrainingRunStatus,
) -> Vec<Notice> {
    if matches!(decision, Decision::Ended { .. } | Decision::Expire) {
        return Vec::new();
    }
    let Some(ready) = statements.iter().find(|statement| statement.type_ == READY) else {
        return Vec::new();
    };
    let before = condition::find(&old.conditions, READY);
    if before.is_some_and(|before| before.reason == ready.reason && before.message == ready.message) {
        return Vec::new();
    }
    let mut notices = Vec::new();
    match decision {
        Decision::Record(outcome) => {
            // The trainer's own words: it knows which labels may be named.
            let warnings = outcome.dataset.warnings.iter();
            notices.extend(warnings.map(|warning| Notice::warning(warning.reason.clone(), warning.message.clone())));
            let records = outcome.dataset.records;
            if records.used() < records.records {
                notices.push(Notice::normal("DatasetRead", records.summary()));
            }
            if let Some(feedback) = outcome
                .dataset
                .feedback
                .as_ref()
                .filter(|feedback| feedback.records.records > 0)
            {
                notices.push(Notice::normal("FeedbackRead", feedback.records.summary()));
            }
            let score = status.metrics.and_then(|metrics| metrics.macro_f1).unwrap_or_default();
            notices.push(Notice::normal(
                "Trained",
                format!("{} with macro-F1 {score}", ready.message),
            ));
        }
        // A claim that is being bound is nothing to warn of.
        Decision::Watch {
            blocked: Some(blocked), ..
        } if blocked.is_passing() => {}
        Decision::Wait { .. } | Decision::Fail { .. } | Decision::Watch { blocked: Some(_), .. } => {
            notices.push(Notice::warning(ready.reason.clone(), ready.message.clone()));
        }
        _ => notices.push(Notice::normal(ready.reason.clone(), ready.message.clone())),
    }
    notices
}
