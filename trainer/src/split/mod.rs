//! Chooses the held-out rows and the fold of each training row.
//!
//! Rows with nearly the same words share a [key](key::split_key), and therefore a side and a fold. Otherwise a form
//! letter among the training rows would make its twin in the test part easy.

mod folds;
mod key;

use std::collections::{BTreeMap, BTreeSet};

use complaint_contract::{EvaluationSettings, SplitBy};

use rayon::prelude::*;

use crate::dataset::{Dataset, Part};
pub use folds::stratified_group_folds;
pub(crate) use key::fnv;
pub use key::{VERSION, fraction, shingles, split_key};

/// Rows of both sides, as indices into [`Dataset::rows`], ascending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// Rows that the search and the final fit see.
    pub train: Vec<u32>,
    /// Rows that only the evaluation sees.
    pub test: Vec<u32>,
    /// The key of every row of the data set.
    pub keys: Vec<u64>,
}

/// Splits by the published column if there is one, otherwise as `evaluation.split` says: by key (a row is held out if its key, as a
/// number in [0, 1), is below `testFraction`), or by time (the newest rows, and no row that has a near copy among the older ones). If
/// this leaves a class without training rows, or a class with at least two keys without test rows, the class's group nearest to
/// the border changes sides.
pub fn split(dataset: &Dataset, evaluation: &EvaluationSettings) -> Split {
    let keys: Vec<u64> = dataset
        .rows
        .par_iter()
        .map(|row| split_key(dataset.text(row), evaluation.seed))
        .collect();
    split_by_keys(dataset, keys, evaluation)
}

/// [`split`] of rows with known keys.
pub fn split_by_keys(dataset: &Dataset, keys: Vec<u64>, evaluation: &EvaluationSettings) -> Split {
    let published = dataset.rows.iter().any(|row| row.part.is_some());
    let held_out = if published {
        dataset.rows.iter().map(|row| row.part == Some(Part::Test)).collect()
    } else {
        drawn(dataset, &keys, evaluation)
    };
    let side = |test: bool| {
        (0..held_out.len() as u32)
            .filter(|&row| held_out[row as usize] == test)
            .collect()
    };
    Split {
        train: side(false),
        test: side(true),
        keys,
    }
}

/// The place of a group of near copies: those with the lowest are held out. By key, it is the key; by time, the newest come first,
/// and a group is as old as its oldest row.
type Place = (i64, u64);

fn drawn(dataset: &Dataset, keys: &[u64], evaluation: &EvaluationSettings) -> Vec<bool> {
    let mut oldest: BTreeMap<u64, i64> = BTreeMap::new();
    if evaluation.split == SplitBy::Time {
        for (row, key) in dataset.rows.iter().zip(keys) {
            // One without a time may be as old as any.
            let time = row.time.unwrap_or(i64::MIN);
            oldest
                .entry(*key)
                .and_modify(|known| *known = time.min(*known))
                .or_insert(time);
        }
    }
    let place = |key: &u64| (oldest.get(key).map_or(0, |time| time.saturating_neg()), *key);
    let places: Vec<Place> = keys.iter().map(place).collect();
    let mut rows_at: BTreeMap<Place, usize> = BTreeMap::new();
    places.iter().for_each(|place| *rows_at.entry(*place).or_default() += 1);
    let mut sides: BTreeMap<Place, bool> = BTreeMap::new();
    let wanted = evaluation.test_fraction * keys.len() as f64;
    let mut before = 0;
    for (place, rows) in &rows_at {
        let is_held_out = match evaluation.split {
            SplitBy::Hash => fraction(place.1) < evaluation.test_fraction,
            // A group that would go further beyond the share than it falls short of it stays on the other side.
            SplitBy::Time => place.0 < i64::MAX && before as f64 + *rows as f64 / 2.0 <= wanted,
        };
        before += rows;
        sides.insert(*place, is_held_out);
    }
    keep_classes_on_both_sides(dataset, &places, &mut sides);
    places.iter().map(|place| sides[place]).collect()
}

/// Moves only whole groups, so that near-twins stay together.
fn keep_classes_on_both_sides(dataset: &Dataset, places: &[Place], sides: &mut BTreeMap<Place, bool>) {
    let mut groups: Vec<BTreeSet<Place>> = vec![BTreeSet::new(); dataset.labels.len()];
    for (row, place) in dataset.rows.iter().zip(places) {
        groups[row.label as usize].insert(*place);
    }
    for class in &groups {
        if class.iter().all(|place| sides[place]) {
            // The last group is the nearest to the training side.
            let moved = *class.last().expect("a class has rows");
            sides.insert(moved, false);
        } else if class.len() >= 2 && class.iter().all(|place| !sides[place]) {
            let moved = *class.first().expect("a class has rows");
            sides.insert(moved, true);
        }
    }
}
