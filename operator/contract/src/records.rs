//! What became of the records of a data set.

use serde::{Deserialize, Serialize};

/// Numbers of records that were read, and that were left out. Every record is used, or left out for one reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct RecordCounts {
    /// Records in the source.
    pub records: u64,
    /// Records that `filter` leaves out.
    pub not_selected: u64,
    /// Records whose published split is neither `train` nor `test`.
    pub outside_split: u64,
    /// Records without a text.
    pub without_text: u64,
    /// Records whose text is a number, a list or an object.
    pub text_of_other_type: u64,
    /// Records without a label.
    pub without_label: u64,
    /// Records whose label is a list or an object.
    pub label_of_other_type: u64,
    /// Records whose text is nearly that of a row of the holdout.
    pub in_holdout: u64,
    /// Further copies of a text with the same label.
    pub duplicates: u64,
    /// Copies of one text under different labels. All of them are left out.
    pub contradictory: u64,
    /// Records of labels with fewer than `minSamplesPerClass` rows.
    pub rare_labels: u64,
}

impl RecordCounts {
    /// Each reason for leaving records out, with their number.
    pub fn left_out(&self) -> [(u64, &'static str); 10] {
        [
            (self.not_selected, "not selected by the filter"),
            (self.outside_split, "outside the published split"),
            (self.without_text, "without a text"),
            (self.text_of_other_type, "whose text is a number, a list or an object"),
            (self.without_label, "without a label"),
            (self.label_of_other_type, "whose label is a list or an object"),
            (self.in_holdout, "nearly equal to a row of the holdout"),
            (self.duplicates, "copies"),
            (self.contradictory, "copies under different labels"),
            (self.rare_labels, "of labels with too few rows"),
        ]
    }

    /// Records that are used.
    pub fn used(&self) -> u64 {
        used(self.records, &self.left_out())
    }

    /// The reasons that have records, as `3 copies, 1 without a text`; empty if all records are used.
    pub fn reasons(&self) -> String {
        reasons(&self.left_out())
    }

    /// All numbers in a sentence.
    pub fn summary(&self) -> String {
        told("records", self.records, &self.left_out())
    }
}

fn used(records: u64, left_out: &[(u64, &str)]) -> u64 {
    let left_out: u64 = left_out.iter().map(|(records, _)| records).sum();
    records.saturating_sub(left_out)
}

fn reasons(left_out: &[(u64, &str)]) -> String {
    let reasons = left_out.iter().filter(|(records, _)| *records > 0);
    let reasons: Vec<String> = reasons.map(|(records, reason)| format!("{records} {reason}")).collect();
    reasons.join(", ")
}

/// How many of `records` were used, and why the others were left out, in a sentence.
pub(crate) fn told(what: &str, records: u64, left_out: &[(u64, &str)]) -> String {
    let (used, reasons) = (used(records, left_out), reasons(left_out));
    let reasons = if reasons.is_empty() { "none" } else { &reasons };
    format!("{records} {what} read, {used} used; left out: {reasons}")
}

/// Something in a data set that a person should look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DatasetWarning {
    /// A CamelCase reason, such as `LabelsDropped`: the reason of the Event.
    pub reason: String,
    /// What was found and what to do. Labels are named only if they look like names.
    pub message: String,
}

impl DatasetWarning {
    /// A warning.
    pub fn new(reason: &str, message: String) -> Self {
        Self {
            reason: reason.to_owned(),
            message,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_record_is_accounted_for() {
        let counts = RecordCounts {
            records: 10,
            duplicates: 2,
            without_text: 1,
            ..RecordCounts::default()
        };
        assert_eq!(
            counts.summary(),
            "10 records read, 7 used; left out: 1 without a text, 2 copies"
        );
        let whole = RecordCounts {
            records: 3,
            ..RecordCounts::default()
        };
        assert_eq!(whole.summary(), "3 records read, 3 used; left out: none");
    }
}
