//! Chooses the held-out rows and the fold of each training row.
//!
//! Rows with nearly the same words share a [key](key::split_key), and therefore a side and a fold. Otherwise a form
//! letter among the training rows would make its twin in the test part easy.

mod folds;
mod key;

use std::collections::BTreeMap;

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

/// Splits by the published column if there is one, otherwise by key: a row is held out if its key, as a number in [0,
/// 1), is below `test_fraction`. If this leaves a class without training rows, or a class with at least two keys
/// without test rows, the class's group nearest to the border changes sides.
pub fn split(dataset: &Dataset, test_fraction: f64, seed: u64) -> Split {
    let keys: Vec<u64> = dataset
        .rows
        .par_iter()
        .map(|row| split_key(dataset.text(row), seed))
        .collect();
    split_by_keys(dataset, keys, test_fraction)
}

/// [`split`] of rows with known keys.
pub fn split_by_keys(dataset: &Dataset, keys: Vec<u64>, test_fraction: f64) -> Split {
    let mut held_out: Vec<bool> = dataset
        .rows
        .iter()
        .zip(&keys)
        .map(|(row, key)| match row.part {
            Some(part) => part == Part::Test,
            None => fraction(*key) < test_fraction,
        })
        .collect();
    if dataset.rows.iter().all(|row| row.part.is_none()) {
        keep_classes_on_both_sides(dataset, &keys, &mut held_out);
    }
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

/// Moves only whole groups, so that near-twins stay together.
fn keep_classes_on_both_sides(dataset: &Dataset, keys: &[u64], held_out: &mut [bool]) {
    let mut groups: Vec<BTreeMap<u64, usize>> = vec![BTreeMap::new(); dataset.labels.len()];
    for (row, key) in dataset.rows.iter().zip(keys) {
        *groups[row.label as usize].entry(*key).or_default() += 1;
    }
    let mut sides: BTreeMap<u64, bool> = keys.iter().copied().zip(held_out.iter().copied()).collect();
    for class in &groups {
        if class.keys().all(|key| sides[key]) {
            // The group with the greatest key is the nearest to the training side.
            let moved = *class.keys().next_back().expect("a class has rows");
            sides.insert(moved, false);
        } else if class.len() >= 2 && class.keys().all(|key| !sides[key]) {
            let moved = *class.keys().next().expect("a class has rows");
            sides.insert(moved, true);
        }
    }
    for (side, key) in held_out.iter_mut().zip(keys) {
        *side = sides[key];
    }
}
