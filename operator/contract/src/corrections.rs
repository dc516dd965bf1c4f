//! Whether a training reads its classifier's corrections, and what became of them.

use serde::{Deserialize, Serialize};

use crate::records::told;
use crate::{DroppedLabel, Sha256Digest};

/// Whether a training reads the corrections of its classifier.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Feedback {
    /// They join the training rows. A correction replaces the label of a training row with the same text.
    Include,
    /// Only the data set is read.
    #[default]
    Exclude,
}

/// What became of the corrections that a training read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct FeedbackResult {
    /// Digest of the corrections without repeats: the same texts and categories have the same one, in whatever files they are.
    /// Absent if there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Sha256Digest>,
    /// Training rows that are corrections: further rows, and rows of the data set with a correction's label.
    pub rows: u64,
    /// Training rows of the data set that got another label.
    pub relabelled_rows: u64,
    /// Corrections that were read, and that were left out, by reason.
    pub records: CorrectionCounts,
    /// Files that were read.
    pub segments: u64,
    /// Files whose end was damaged or cut off. They were read up to there.
    pub torn_segments: u64,
    /// Labels of corrections that were left out for having too few of them. The result names only labels that may be shown.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dropped_labels: Vec<DroppedLabel>,
}

/// Numbers of corrections that were read, and that were left out. Every one is used, or left out for one reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct CorrectionCounts {
    /// Corrections in the store.
    pub records: u64,
    /// Lines that are no correction: not JSON, without a field, an empty text or category, a category that is too long.
    pub unreadable: u64,
    /// Corrections that a later one with the same `id` or the same text replaces.
    pub superseded: u64,
    /// Corrections whose text is nearly that of a held-out row.
    pub held_out: u64,
    /// Corrections whose label the data set does not have, with fewer than `minSamplesPerClass` of them.
    pub rare_labels: u64,
}

impl CorrectionCounts {
    /// Each reason for leaving corrections out, with their number.
    pub fn left_out(&self) -> [(u64, &'static str); 4] {
        [
            (self.unreadable, "unreadable"),
            (self.superseded, "replaced by a later one"),
            (self.held_out, "nearly equal to a held-out row"),
            (self.rare_labels, "of labels with too few rows"),
        ]
    }

    /// All numbers in a sentence.
    pub fn summary(&self) -> String {
        told("corrections", self.records, &self.left_out())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_correction_is_accounted_for() {
        let counts = CorrectionCounts {
            records: 10,
            superseded: 2,
            held_out: 1,
            ..CorrectionCounts::default()
        };
        assert_eq!(
            counts.summary(),
            "10 corrections read, 7 used; left out: 2 replaced by a later one, 1 nearly equal to a held-out row"
        );
    }
}
