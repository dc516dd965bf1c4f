//! The result of a training, which the operator reads from the termination message.

use serde::{Deserialize, Serialize};

use crate::LevelEvaluation;
use crate::message::{parts_left_out, to_json};
use crate::{
    Algorithm, ClassRecall, Comparison, Coverage, DatasetWarning, FeedbackResult, Metrics, OptimalTrial, Parameters,
    RecordCounts, Sha256Digest, TrialCounts, VersionEvaluation, WeakClass, decimals, round4,
};

/// The result of a training that succeeded: a model, or that none is needed.
#[derive(Debug, Clone, PartialEq)]
pub enum RunResult {
    /// A model was made.
    Trained(Box<TrainingResult>),
    /// The data set and the corrections are the ones that `--known-dataset` and `--known-feedback` name, so the same model would be made again.
    Unchanged(Unchanged),
}

/// The data set and the corrections did not change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Unchanged {
    /// Digest of the data set's bytes.
    pub dataset_sha256: Sha256Digest,
    /// Digest of the corrections, if there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feedback_sha256: Option<Sha256Digest>,
}

/// The message of a training that made no model.
#[derive(Serialize, Deserialize)]
struct UnchangedMessage {
    unchanged: Unchanged,
}

impl RunResult {
    /// The termination message.
    pub fn message(&self) -> String {
        match self {
            Self::Trained(result) => result.message(),
            Self::Unchanged(unchanged) => to_json(&UnchangedMessage { unchanged: *unchanged }),
        }
    }

    /// Reads the termination message of a pod that succeeded.
    ///
    /// # Errors
    /// If the message is not a result; the error names the position.
    pub fn read(message: &str) -> Result<Self, serde_json::Error> {
        match serde_json::from_str::<UnchangedMessage>(message) {
            Ok(message) => Ok(Self::Unchanged(message.unchanged)),
            Err(_) => TrainingResult::read(message).map(|result| Self::Trained(Box::new(result))),
        }
    }
}

/// The result of a successful training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TrainingResult {
    /// The artifact in the store.
    pub artifact: StoredArtifact,
    /// The report beside it.
    pub report: StoredReport,
    /// Algorithm of the model.
    pub algorithm: Algorithm,
    /// Its parameters.
    pub parameters: Parameters,
    /// Number of classes.
    pub class_count: usize,
    /// Quality on the held-out rows.
    pub metrics: Metrics,
    /// Classes with the lowest recall; left out if the message would be too long.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub weakest_classes: Vec<WeakClass>,
    /// Expected calibration error on the held-out rows.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "decimals::four_if_any"
    )]
    pub calibration_error: Option<f64>,
    /// The lowest recall of a class with at least [30 held-out rows](crate::limits::CLASS_RECALL_ROWS), if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_class_recall: Option<ClassRecall>,
    /// How many answers are right if the least probable ones are left to people; left out if the message would be too long.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub coverage: Vec<Coverage>,
    /// The levels of the categories, the coarsest first, if they have levels.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub levels: Vec<LevelEvaluation>,
    /// What became of the rows.
    pub dataset: DatasetResult,
    /// How the trials ended.
    pub trials: TrialCounts,
    /// The best trial.
    pub current_optimal_trial: OptimalTrial,
    /// Key version, seed and fraction of the split.
    pub split: String,
    /// Version of the trainer.
    pub trainer_version: String,
    /// The comparison with the champion, if the configuration names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comparison: Option<Comparison>,
}

/// A model file in the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredArtifact {
    /// Path from the store's root.
    pub path: String,
    /// Digest of its bytes.
    pub sha256: Sha256Digest,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// Its format and format version.
    pub format: String,
}

/// A report in the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredReport {
    /// Path from the store's root.
    pub path: String,
    /// Digest of its bytes.
    pub sha256: Sha256Digest,
}

/// Numbers of rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DatasetResult {
    /// Rows used.
    pub rows: usize,
    /// Training rows.
    pub train_rows: usize,
    /// Held-out rows.
    pub test_rows: usize,
    /// Copies that were removed.
    pub duplicates: usize,
    /// Number of classes.
    pub classes: usize,
    /// Digest of the source's bytes.
    pub sha256: Sha256Digest,
    /// Labels left out for having too few rows, if they may be [shown](crate::is_shown); itself left out where the message
    /// would be too long.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dropped_labels: Vec<DroppedLabel>,
    /// Records that were read, and that were left out, by reason.
    #[serde(default)]
    pub records: RecordCounts,
    /// What a person should look at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<DatasetWarning>,
    /// The rows that the model was evaluated on, where the classifier has its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holdout: Option<HoldoutResult>,
    /// The corrections, if the training read them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feedback: Option<FeedbackResult>,
}

/// What became of the holdout's rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct HoldoutResult {
    /// Digest of its bytes.
    pub sha256: Sha256Digest,
    /// Its records, and those that were left out.
    pub records: RecordCounts,
    /// Rows with a label that the model does not have. Each counts as a wrong answer.
    pub unknown_label_rows: u64,
}

/// A label that was removed because it has too few rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DroppedLabel {
    /// The label.
    pub label: String,
    /// Its number of rows.
    pub rows: usize,
}

impl TrainingResult {
    /// The termination message. Where it would pass [`MESSAGE_BYTES`](crate::MESSAGE_BYTES), optional parts are left out
    /// whole: first the dropped labels (the data set's, then the corrections'), then the coverage, the weakest classes, and the
    /// warnings.
    pub fn message(&self) -> String {
        parts_left_out(
            self,
            &[
                |result| result.dataset.dropped_labels.clear(),
                |result| {
                    result
                        .dataset
                        .feedback
                        .iter_mut()
                        .for_each(|feedback| feedback.dropped_labels.clear())
                },
                |result| result.coverage.clear(),
                |result| result.weakest_classes.clear(),
                |result| result.dataset.warnings.clear(),
                |result| result.levels.clear(),
            ],
        )
    }

    /// What the training measured of its model.
    pub fn evaluation(&self) -> VersionEvaluation {
        VersionEvaluation {
            metrics: self.metrics.into(),
            rows: self.dataset.test_rows,
            weakest_classes: self.weakest_classes.clone(),
            split: Some(self.split.clone()),
            calibration_error: self.calibration_error.map(round4),
            min_class_recall: self.min_class_recall.clone(),
            coverage: self.coverage.clone(),
            levels: self.levels.clone(),
        }
    }

    /// Reads the termination message of a pod that succeeded.
    ///
    /// # Errors
    /// If the message is not a result; the error names the position.
    pub fn read(message: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(message)
    }
}
