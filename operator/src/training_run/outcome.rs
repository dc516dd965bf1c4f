//! What the trainer says: progress lines and the termination message (`docs/contracts.md`).

use complaint_api::{Algorithm, Comparison, Metrics, OptimalTrial, Parameters, Progress, Trials, WeakClass};
use serde::Deserialize;

/// The result of a training that succeeded. Fields this version does not know are ignored: a newer trainer may say more.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct TrainingOutcome {
    /// The model file.
    pub artifact: StoredArtifact,
    /// The report beside it.
    pub report: StoredReport,
    /// The algorithm that won.
    pub algorithm: Algorithm,
    /// Its parameters.
    pub parameters: Parameters,
    /// Number of categories.
    pub class_count: u32,
    /// The final model on the test rows.
    pub metrics: Metrics,
    /// The classes with the lowest recall.
    #[serde(default)]
    pub weakest_classes: Vec<WeakClass>,
    /// What was read.
    pub dataset: DatasetOutcome,
    /// How many trials there were.
    pub trials: Trials,
    /// The trial that won.
    pub current_optimal_trial: OptimalTrial,
    /// Key version, seed and fraction of the split.
    pub split: String,
    /// The trainer's version.
    pub trainer_version: String,
    /// The champion on the same rows.
    #[serde(default)]
    pub comparison: Option<Comparison>,
}

/// A file in the store.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct StoredArtifact {
    /// Its path below the store's root.
    pub path: String,
    /// SHA-256 digest in hexadecimal.
    pub sha256: String,
    /// Its size.
    pub size_bytes: i64,
    /// Its format.
    pub format: String,
}

/// The report in the store.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct StoredReport {
    /// Its path below the store's root.
    pub path: String,
    /// SHA-256 digest in hexadecimal.
    pub sha256: String,
}

/// What was read of the data set.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct DatasetOutcome {
    /// Rows used.
    pub rows: u64,
    /// Copies left out.
    pub duplicates: u64,
    /// Labels learned.
    pub classes: u32,
    /// Digest of the source's bytes.
    pub sha256: String,
    /// Labels left out for having too few rows.
    #[serde(default)]
    pub dropped_labels: Vec<DroppedLabel>,
}

/// A label that was left out.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct DroppedLabel {
    /// The label.
    pub label: String,
    /// Its rows.
    pub rows: u64,
}

/// Parses the termination message of a pod that succeeded.
///
/// # Errors
/// When the message is not the contract's, with the place where it differs.
pub fn parse_outcome(message: &str) -> Result<TrainingOutcome, serde_json::Error> {
    serde_json::from_str(message)
}

/// The progress in a log line, if the line is one.
pub fn parse_progress(line: &str) -> Option<Progress> {
    #[derive(Deserialize)]
    struct Line {
        progress: Progress,
    }
    serde_json::from_str::<Line>(line.trim()).ok().map(|line| line.progress)
}
