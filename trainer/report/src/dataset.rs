//! Numbers of rows, used and removed.

use complaint_contract::{DroppedLabel, Sha256Digest};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Numbers of the data set's rows, used and removed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DatasetSummary {
    /// Rows that were used: training and test.
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
    /// Rows without a text or a label, which were removed.
    #[serde(default)]
    pub empty_rows: usize,
    /// Number of classes.
    pub classes: usize,
    /// Digest of the source's bytes.
    pub sha256: Sha256Digest,
    /// Labels with fewer rows than `minSamplesPerClass`.
    #[serde(default)]
    pub dropped_labels: Vec<DroppedLabel>,
    /// Training and held-out rows per class.
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

/// Numbers of records, read and left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecordCounts {
    /// Records in the source.
    pub records: u64,
    /// Records that `filter` leaves out.
    pub not_selected: u64,
    /// Records without a text.
    pub without_text: u64,
    /// Records without a label.
    pub without_label: u64,
    /// Records whose published split is neither `train` nor `test`.
    pub outside_split: u64,
    /// Further copies of a text with the same label.
    pub duplicates: u64,
    /// Copies of one text with different labels. All of them are left out.
    pub contradictory: u64,
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
