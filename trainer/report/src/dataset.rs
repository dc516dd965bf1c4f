//! Numbers of rows, used and removed.

use complaint_contract::{DatasetWarning, DroppedLabel, FeedbackResult, HoldoutResult, Sha256Digest};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Numbers of the data set's rows, used and removed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DatasetSummary {
    /// Rows that were used: training, test, and where labels have levels, those that `levels` counts as partial.
    pub rows: usize,
    /// Training rows.
    pub train_rows: usize,
    /// Held-out rows.
    pub test_rows: usize,
    /// Copies that were removed.
    pub duplicates: usize,
    /// Rows that were removed because copies of their text have different labels.
    #[serde(default)]
    pub contradictions: usize,
    /// Rows left out for having no text or no label, or one of another type.
    #[serde(default)]
    pub empty_rows: usize,
    /// Number of classes.
    pub classes: usize,
    /// Digest of the source's bytes.
    pub sha256: Sha256Digest,
    /// Labels with fewer rows than `minSamplesPerClass`.
    #[serde(default)]
    pub dropped_labels: Vec<DroppedLabel>,
    /// What a person should look at.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub warnings: Vec<DatasetWarning>,
    /// The rows that the model was evaluated on, where the classifier has its own.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub holdout: Option<HoldoutResult>,
    /// The corrections among the training rows, if the training read them.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub feedback: Option<FeedbackResult>,
    /// Each class's rows in both parts.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub class_balance: Vec<ClassBalance>,
}

/// The training and held-out rows of one class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClassBalance {
    /// The class.
    pub label: String,
    /// Its training rows.
    pub train_rows: usize,
    /// Its held-out rows.
    pub test_rows: usize,
}

/// A text that occurs in two records with the same label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Duplicate {
    /// Number of the record that was kept.
    pub first: u64,
    /// Number of the copy that was left out.
    pub copy: u64,
}

/// A text that occurs in two records with different labels. Both are left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Contradiction {
    /// Numbers of both records.
    pub rows: [u64; 2],
    /// Their labels.
    pub labels: [String; 2],
}
