//! Warnings about the labels of a data set.

use std::collections::BTreeMap;

use caseless::Caseless;
use complaint_contract::{DatasetWarning, DroppedLabel, LABEL_SEPARATOR, LEVEL_SEPARATOR, list_labels};
use unicode_normalization::UnicodeNormalization;

use super::levels::RolledUp;

/// Words for a missing value, as pandas, R, SQL and Excel write it, in lower case.
const MISSING: [&str; 14] = [
    "#n/a",
    "#n/a n/a",
    "#na",
    "-nan",
    "<na>",
    "n/a",
    "na",
    "nan",
    "nil",
    "none",
    "null",
    "(null)",
    "\\n",
    "undefined",
];

/// The warning about labels that were dropped, with their rows.
pub(super) fn dropped(labels: &[DroppedLabel], minimum: usize) -> Option<DatasetWarning> {
    let named = list_labels(
        labels.iter().map(|dropped| (dropped.label.as_str(), dropped.rows)),
        |label, rows| format!("{label} ({rows} rows)"),
    );
    (!labels.is_empty()).then(|| {
        DatasetWarning::new(
            "LabelsDropped",
            format!("labels with fewer rows than dataset.minSamplesPerClass ({minimum}) were left out: {named}"),
        )
    })
}

/// The warning about labels whose rows count for the level above.
pub(super) fn rolled_up(labels: &[RolledUp], minimum: usize) -> Option<DatasetWarning> {
    let rows: usize = labels.iter().map(|(_, rows)| rows).sum();
    let named = list_labels(
        labels.iter().map(|(label, rows)| (label.as_str(), rows)),
        |label, rows| format!("{label} ({rows} rows)"),
    );
    (!labels.is_empty()).then(|| {
        DatasetWarning::new(
            "LabelsRolledUp",
            format!(
                "{rows} rows have labels with fewer rows than dataset.minSamplesPerClass ({minimum}) and count for the level above: \
                 {named}"
            ),
        )
    })
}

/// The warning about labels that look the same, or nearly the same, to a person.
pub(super) fn alike<'l>(labels: impl Iterator<Item = &'l str>) -> Option<DatasetWarning> {
    let mut forms: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for label in labels {
        forms.entry(folded(label)).or_default().push(label);
    }
    let groups: Vec<(&str, usize)> = forms
        .values_mut()
        .filter(|labels| labels.len() > 1)
        .map(|labels| {
            labels.sort_unstable();
            let shown = labels.iter().find(|label| complaint_contract::is_shown(label));
            (*shown.unwrap_or(&labels[0]), labels.len())
        })
        .collect();
    let named = list_labels(groups.iter().copied(), |label, forms| {
        format!("`{label}` ({forms} forms)")
    });
    (!groups.is_empty()).then(|| {
        DatasetWarning::new(
            "LabelsAlike",
            format!(
                "labels that differ only in case, spaces or Unicode form are classes of their own: {named}. Merge them with \
                 dataset.labelMap"
            ),
        )
    })
}

/// The warning about labels that are words for a missing value. These words are in our own list, so they are always
/// named.
pub(super) fn missing<'l>(labels: impl Iterator<Item = (&'l str, usize)>) -> Option<DatasetWarning> {
    let mut rows_of: BTreeMap<&str, usize> = BTreeMap::new();
    for (label, rows) in labels.filter(|(_, rows)| *rows > 0) {
        let parts = label
            .split(LEVEL_SEPARATOR)
            .flat_map(|level| level.split(LABEL_SEPARATOR));
        for part in parts.map(str::trim) {
            if MISSING.contains(&part.to_ascii_lowercase().as_str()) {
                *rows_of.entry(part).or_default() += rows;
            }
        }
    }
    let named: Vec<String> = rows_of
        .iter()
        .map(|(word, rows)| format!("`{word}` ({rows} rows)"))
        .collect();
    (!named.is_empty()).then(|| {
        DatasetWarning::new(
            "LabelsLikeMissing",
            format!(
                "labels that are words for a missing value are classes like others: {}. Leave these rows out of the export, \
                 or rename the label with dataset.labelMap if it is meant",
                named.join(", ")
            ),
        )
    })
}

/// The warning about entries of `labelMap` that match no row.
pub(super) fn unused(entries: &[&str]) -> Option<DatasetWarning> {
    let named = list_labels(entries.iter().map(|entry| (*entry, ())), |entry, ()| {
        format!("`{entry}`")
    });
    (!entries.is_empty()).then(|| {
        DatasetWarning::new(
            "LabelMapUnused",
            format!(
                "no row has a label that dataset.labelMap renames: {named}. Correct its spelling, or remove the entry"
            ),
        )
    })
}

/// The warning about rows of the holdout with labels that no training row has.
pub(super) fn unknown<'l>(labels: impl Iterator<Item = (&'l str, usize)>) -> Option<DatasetWarning> {
    let labels: Vec<(&str, usize)> = labels.collect();
    let rows: usize = labels.iter().map(|(_, rows)| rows).sum();
    let named = list_labels(labels, |label, rows| format!("`{label}` ({rows} rows)"));
    (rows > 0).then(|| {
        DatasetWarning::new(
            "HoldoutLabelsUnknown",
            format!(
                "{rows} rows of the holdout have labels that no training row has, so every answer to them is wrong: {named}. Add \
                 rows with these labels, or correct their spelling in dataset.labelMap or in the holdout"
            ),
        )
    })
}

/// The warnings about labels of corrections: those with too few, and those of the data set that no training row has any more.
pub(crate) fn of_corrections(dropped: &[DroppedLabel], minimum: usize, lost: &[String]) -> Vec<DatasetWarning> {
    let rare = list_labels(
        dropped.iter().map(|dropped| (dropped.label.as_str(), dropped.rows)),
        |label, rows| format!("`{label}` ({rows} rows)"),
    );
    let rare = (!dropped.is_empty()).then(|| {
        DatasetWarning::new(
            "FeedbackLabelsDropped",
            format!(
                "corrections with labels that the data set does not have, and that fewer than dataset.minSamplesPerClass \
                 ({minimum}) corrections have, were left out: {rare}"
            ),
        )
    });
    let gone = list_labels(lost.iter().map(|label| (label.as_str(), ())), |label, ()| {
        format!("`{label}`")
    });
    let gone = (!lost.is_empty()).then(|| {
        DatasetWarning::new(
            "LabelsCorrectedAway",
            format!(
                "corrections give another label to every training row of {gone}, so the model does not know it any more. Add \
                 rows with this label, or remove it from the data set"
            ),
        )
    });
    rare.into_iter().chain(gone).collect()
}

/// The warning about values that are not texts.
pub(super) fn other_types(texts: u64, labels: u64) -> Option<DatasetWarning> {
    let found: Vec<String> = [
        (texts, "whose text is a number, a list or an object"),
        (labels, "whose label is a list or an object"),
    ]
    .into_iter()
    .filter(|(records, _)| *records > 0)
    .map(|(records, what)| format!("{records} records {what}"))
    .collect();
    (!found.is_empty()).then(|| {
        DatasetWarning::new(
            "FieldsOfOtherType",
            format!("{} were left out. Write them as strings", found.join(" and ")),
        )
    })
}

/// A label without differences that are hard to see: case, spaces, and characters with several encodings or none.
fn folded(label: &str) -> String {
    let once: String = label.nfkc().default_case_fold().nfkc().collect();
    once.chars()
        .default_case_fold()
        .nfkc()
        .filter(|letter| !letter.is_whitespace() && !is_invisible(*letter))
        .collect()
}

fn is_invisible(letter: char) -> bool {
    matches!(letter, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}' | '\u{feff}' | '\u{fe00}'..='\u{fe0f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_that_look_alike_are_one_group() {
        let labels = [
            "Cre\u{301}dit",
            "Crédit",
            "Wire transfer",
            "Wire\u{a0}transfer",
            "wire  Transfer",
            "Loan",
        ];
        let warning = alike(labels.into_iter()).unwrap();
        assert!(
            warning
                .message
                .contains("`Crédit` (2 forms), `Wire transfer` (3 forms)"),
            "{}",
            warning.message
        );
        assert_eq!(alike(["Card", "Loan"].into_iter()), None);
        let hidden = alike(["A@b.c", "a@b.c"].into_iter()).unwrap().message;
        assert!(
            !hidden.contains("@") && hidden.contains("one whose name is not shown"),
            "{hidden}"
        );
    }

    #[test]
    fn words_for_a_missing_value_are_named() {
        let labels = [
            ("NULL", 4),
            ("N/A + Late fee", 3),
            ("None", 0),
            ("Nancy", 9),
            ("nan", 1),
        ];
        let warning = missing(labels.into_iter()).unwrap().message;
        assert!(
            warning.contains("`N/A` (3 rows), `NULL` (4 rows), `nan` (1 rows)"),
            "{warning}"
        );
        assert!(!warning.contains("None`") && !warning.contains("Nancy"), "{warning}");
    }
}
