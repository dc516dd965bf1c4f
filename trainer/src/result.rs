//! The termination message: what the operator learns of a finished training, in at most 4,000 bytes.

use complaint_model::Sha256Digest;
use complaint_model::report::{
    Algorithm, Comparison, DroppedLabel, Metrics, OptimalTrial, Parameters, Report, TrialCounts, TrialStatus, WeakClass,
};
use serde::Serialize;

/// Kubernetes keeps 4,096 bytes of a container's message.
pub const MESSAGE_LIMIT: usize = 4000;

/// The result, as `docs/contracts.md` gives it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunResult {
    /// The artifact in the store.
    pub artifact: ArtifactReference,
    /// The report in the store.
    pub report: ReportReference,
    /// Algorithm of the model.
    pub algorithm: Algorithm,
    /// Its parameters.
    pub parameters: Parameters,
    /// Number of classes.
    pub class_count: usize,
    /// Quality on the held-out rows.
    pub metrics: Metrics,
    /// Classes with the lowest recall; left out where the message would be too long.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weakest_classes: Option<Vec<WeakClass>>,
    /// What became of the rows.
    pub dataset: DatasetResult,
    /// How the trials ended.
    pub trials: TrialCounts,
    /// The trial that won.
    pub current_optimal_trial: OptimalTrial,
    /// Name of the split.
    pub split: String,
    /// Version of the trainer.
    pub trainer_version: String,
    /// Against the champion, where the configuration names one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comparison: Option<Comparison>,
}

/// Where the artifact is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ArtifactReference {
    /// Path from the store's root.
    pub path: String,
    /// Digest of its bytes.
    pub sha256: Sha256Digest,
    /// Its bytes.
    pub size_bytes: u64,
    /// Its format.
    pub format: String,
}

/// Where the report is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReportReference {
    /// Path from the store's root.
    pub path: String,
    /// Digest of its bytes.
    pub sha256: Sha256Digest,
}

/// What became of the rows.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DatasetResult {
    /// Rows used.
    pub rows: usize,
    /// Of them in training.
    pub train_rows: usize,
    /// Of them held out.
    pub test_rows: usize,
    /// Copies left out.
    pub duplicates: usize,
    /// Number of classes.
    pub classes: usize,
    /// Digest of the source.
    pub sha256: Sha256Digest,
    /// Labels left out; itself left out where the message would be too long.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dropped_labels: Option<Vec<DroppedLabel>>,
}

impl RunResult {
    /// The result of a report that stands in the store.
    pub fn new(report: &Report, artifact: ArtifactReference, report_reference: ReportReference) -> Self {
        let dataset = &report.dataset;
        Self {
            artifact,
            report: report_reference,
            algorithm: report.algorithm,
            parameters: report.parameters,
            class_count: dataset.classes,
            metrics: report.metrics,
            weakest_classes: Some(report.weakest_classes.clone()),
            dataset: DatasetResult {
                rows: dataset.rows,
                train_rows: dataset.train_rows,
                test_rows: dataset.test_rows,
                duplicates: dataset.duplicates,
                classes: dataset.classes,
                sha256: dataset.sha256,
                dropped_labels: Some(dataset.dropped_labels.clone()),
            },
            trials: trial_counts(report),
            current_optimal_trial: report.current_optimal_trial.clone(),
            split: report.split.clone(),
            trainer_version: report.trainer_version.clone(),
            comparison: report.comparison.clone(),
        }
    }

    /// The message: optional parts are left out whole, first the dropped labels, then the weakest classes.
    pub fn message(&self) -> String {
        let mut short = self.clone();
        let leave_out: [fn(&mut Self); 2] = [
            |result| result.dataset.dropped_labels = None,
            |result| result.weakest_classes = None,
        ];
        let mut message = to_json(&short);
        for leave_out in leave_out {
            if message.len() > MESSAGE_LIMIT {
                leave_out(&mut short);
                message = to_json(&short);
            }
        }
        message
    }
}

fn to_json(result: &RunResult) -> String {
    serde_json::to_string(result).expect("strings, numbers and lists are JSON")
}

/// Counts a report's trials by how they ended.
pub fn trial_counts(report: &Report) -> TrialCounts {
    let succeeded = report
        .trials
        .iter()
        .filter(|trial| trial.status == TrialStatus::Succeeded)
        .count();
    TrialCounts {
        succeeded,
        failed: report.trials.len() - succeeded,
        total: report.trials.len(),
    }
}
