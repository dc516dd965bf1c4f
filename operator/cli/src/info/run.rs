//! What a TrainingRun says.

use complaint_api::{DatasetStatus, PartialMetrics, Progress, RunPhase, TrainingRun, TrialCounts, condition, labels};
use complaint_contract::OptimalTrial;
use jiff::Timestamp;
use kube::ResourceExt;
use serde::Serialize;

use super::reason::{self, ConditionInfo, Reason};

/// A training.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunInfo {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The classifier that gets the result.
    pub classifier: String,
    /// When it was created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
    /// Why the operator made it: `Schedule`, `Request`, `Drift` or `Feedback`. Unset: somebody applied it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trigger: Option<String>,
    /// Whether its spec holds it back.
    pub suspended: bool,
    /// How far it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<RunPhase>,
    /// What its trainer does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress: Option<Progress>,
    /// When its first pod started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_time: Option<Timestamp>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completion_time: Option<Timestamp>,
    /// The rows that it read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dataset: Option<DatasetStatus>,
    /// How many trials there were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trials: Option<TrialCounts>,
    /// The best of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub best: Option<OptimalTrial>,
    /// How good the model is on the test rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics: Option<PartialMetrics>,
    /// The version that it made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// What it waits for, or why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<Reason>,
    /// All conditions.
    pub conditions: Vec<ConditionInfo>,
}

impl RunInfo {
    pub(super) fn of(run: &TrainingRun) -> Self {
        let status = run.status.clone().unwrap_or_default();
        let conditions = &status.conditions;
        let is_active = !matches!(status.phase, Some(RunPhase::Succeeded | RunPhase::Failed));
        let problem = reason::of(conditions, condition::FAILED, "True")
            .or_else(|| reason::of(conditions, condition::STALLED, "True"))
            .or_else(|| reason::of(conditions, condition::READY, "False").filter(|_| is_active));
        Self {
            namespace: run.namespace().unwrap_or_default(),
            name: run.name_any(),
            classifier: run.spec.classifier_ref.name.clone(),
            created: run.creation_timestamp().map(|time| time.0),
            trigger: run.labels().get(labels::TRIGGER).cloned(),
            suspended: run.spec.suspend,
            phase: status.phase,
            progress: status.progress,
            start_time: status.start_time.map(|time| time.0),
            completion_time: status.completion_time.map(|time| time.0),
            dataset: status.dataset,
            trials: status.trials,
            best: status.current_optimal_trial,
            metrics: status.metrics,
            version: status.model_version_ref.map(|version| version.name),
            problem,
            conditions: reason::all(conditions),
        }
    }

    /// Whether it has not ended.
    pub fn is_active(&self) -> bool {
        !matches!(self.phase, Some(RunPhase::Succeeded | RunPhase::Failed))
    }
}
