//! Makes corrections training rows of a data set that is already split.
//!
//! The data set alone decides about the held-out rows and about its own classes, so that a comparison after the training
//! reads the same rows again without any correction.

use std::collections::BTreeMap;

use complaint_contract::{DroppedLabel, FeedbackResult, is_path};
use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

use super::{Corrected, Corrections};
use crate::dataset::{Dataset, DatasetError, feedback_warnings};
use crate::split::{Split, split_key};

/// What decides which corrections are used.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// Seed of the split's keys.
    pub seed: u64,
    /// Fewest corrections of a label that the data set does not have.
    pub min_samples_per_class: usize,
    /// Number of levels of labels; 0 if they have none.
    pub levels: usize,
}

impl Corrections {
    /// Adds the corrections to the training rows. A correction of a text that is nearly that of a held-out row, or of a label
    /// that is too rare, changes nothing. `name` is the data set's, for messages.
    ///
    /// # Errors
    /// [`DatasetError::TooFewClasses`] if all training rows then have one label.
    pub fn join(
        &self,
        dataset: &mut Dataset,
        split: &mut Split,
        rules: Rules,
        name: &str,
    ) -> Result<FeedbackResult, DatasetError> {
        let mut result = self.read.clone();
        let held_out: FxHashSet<u64> = split.test.iter().map(|&row| split.keys[row as usize]).collect();
        let keyed = self.rows.par_iter().map(|row| split_key(&row.text, rules.seed));
        let keys: Vec<u64> = keyed.collect();
        let may_train: Vec<usize> = (0..self.rows.len())
            .filter(|&place| !held_out.contains(&keys[place]))
            .collect();
        result.records.held_out = (self.rows.len() - may_train.len()) as u64;

        let categories = Categories::choose(dataset, may_train.iter().map(|&place| &self.rows[place]), rules);
        result.records.rare_labels = categories.dropped.iter().map(|dropped| dropped.rows as u64).sum();
        let known: FxHashMap<u32, u32> = dataset.corrected.iter().map(|&(row, place)| (place, row)).collect();
        for place in may_train {
            let Corrected { text, category } = &self.rows[place];
            let Some(&label) = categories.numbers.get(category.as_str()) else {
                continue;
            };
            result.rows += 1;
            // Its text's key is not that of a held-out row, so the row is a training row.
            match known.get(&(place as u32)) {
                Some(&row) => {
                    let row = &mut dataset.rows[row as usize];
                    result.relabelled_rows += u64::from(row.label != label);
                    row.label = label;
                }
                None => {
                    split.train.push(dataset.rows.len() as u32);
                    split.keys.push(keys[place]);
                    dataset.add_correction(text, label);
                }
            }
        }
        let emptied = dataset.renumber_labels(categories.names, &split.train);
        if dataset.labels.len() < 2 {
            return Err(too_few(name, dataset));
        }
        dataset.warnings.extend(feedback_warnings(
            &categories.dropped,
            rules.min_samples_per_class,
            &emptied,
        ));
        result.dropped_labels = categories.dropped;
        Ok(result)
    }
}

/// The labels that corrections may have.
struct Categories<'c> {
    /// The data set's labels, then those that only corrections have. Rows refer to them by number.
    names: Vec<String>,
    /// The numbers of the labels that a training row may have.
    numbers: FxHashMap<&'c str, u32>,
    dropped: Vec<DroppedLabel>,
}

impl<'c> Categories<'c> {
    fn choose(dataset: &Dataset, corrections: impl Iterator<Item = &'c Corrected>, rules: Rules) -> Self {
        let mut rows_of: BTreeMap<&str, usize> = BTreeMap::new();
        for correction in corrections {
            *rows_of.entry(&correction.category).or_default() += 1;
        }
        let mut names = dataset.all_labels();
        let (mut numbers, mut dropped) = (FxHashMap::default(), Vec::new());
        for (category, rows) in rows_of {
            let is_known = dataset
                .labels
                .binary_search_by(|label| label.as_str().cmp(category))
                .is_ok();
            if !is_known && (rows < rules.min_samples_per_class || !fits(category, rules.levels)) {
                dropped.push(DroppedLabel {
                    label: category.to_owned(),
                    rows,
                });
                continue;
            }
            // A label that only the rows of a holdout have is learnt with enough corrections.
            let number = names.iter().position(|name| name == category).unwrap_or_else(|| {
                names.push(category.to_owned());
                names.len() - 1
            });
            numbers.insert(category, number as u32);
        }
        dropped.sort_by(|a, b| b.rows.cmp(&a.rows).then_with(|| a.label.cmp(&b.label)));
        Self {
            names,
            numbers,
            dropped,
        }
    }
}

/// Whether a label can be one with so many levels.
fn fits(label: &str, levels: usize) -> bool {
    levels == 0 || is_path(label, levels)
}

fn too_few(name: &str, dataset: &Dataset) -> DatasetError {
    DatasetError::TooFewClasses {
        name: name.to_owned(),
        left: "one label, after its corrections,".into(),
        counts: complaint_contract::list_labels(
            dataset.labels.iter().map(|label| (label.as_str(), ())),
            |label, ()| format!("`{label}`"),
        ),
        fix: "Check the corrections, or train without them (dataset.feedback)".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_correction_has_no_more_levels_than_the_data_set() {
        assert!(fits("Card > Fees > Late", 0), "without levels it is a name like others");
        assert!(fits("Card > Fees", 2) && fits("Card", 2));
        for label in ["Card > Fees > Late", "Card >  > Late", "Card > "] {
            assert!(!fits(label, 2), "{label}");
        }
    }
}
