//! Near-twins: rows whose texts have nearly the same shingles.
//!
//! Rows are compared only with rows of the same split key, which twins share with a probability equal to their
//! similarity (Broder 1997). So some pairs are missed, and no data set is too large.

use std::cmp::{Ordering, Reverse};
use std::collections::BTreeSet;

use rayon::prelude::*;

use super::NearTwins;
use crate::dataset::Dataset;

/// Jaccard similarity from which on two texts are near-twins.
const SIMILAR: f64 = 0.8;
/// Texts that a row of the same key is compared with.
const COMPARED: usize = 32;
/// Groups that are listed.
const LISTED: usize = 10;
/// Rows listed of a group.
const ROWS: usize = 10;

/// What was found.
pub(super) struct Twins {
    pub(super) groups: usize,
    pub(super) rows: usize,
    pub(super) largest: Vec<NearTwins>,
}

/// Groups of two or more near-twins. `shingles` gives a row's, ascending, each once.
pub(super) fn groups(dataset: &Dataset, keys: &[u64], shingles: impl Fn(u32) -> Vec<u64> + Sync) -> Twins {
    let mut order: Vec<u32> = (0..keys.len() as u32).collect();
    order.sort_by_key(|&row| (keys[row as usize], row));
    let same_key: Vec<&[u32]> = order
        .chunk_by(|&a, &b| keys[a as usize] == keys[b as usize])
        .filter(|rows| rows.len() > 1)
        .collect();
    let mut groups: Vec<Vec<u32>> = same_key
        .into_par_iter()
        .flat_map_iter(|rows| similar(rows, &shingles))
        .collect();
    // Among equals the one that begins first.
    groups.sort_by_key(|group| (Reverse(group.len()), group[0]));
    Twins {
        groups: groups.len(),
        rows: groups.iter().map(Vec::len).sum(),
        largest: groups
            .iter()
            .take(LISTED)
            .map(|group| near_twins(dataset, group))
            .collect(),
    }
}

/// Rows of one key, each with the first row that it is like.
fn similar(rows: &[u32], shingles: impl Fn(u32) -> Vec<u64>) -> Vec<Vec<u32>> {
    let mut groups: Vec<(Vec<u64>, Vec<u32>)> = Vec::new();
    for &row in rows {
        let own = shingles(row);
        match groups.iter().position(|(first, _)| similarity(first, &own) >= SIMILAR) {
            Some(group) => groups[group].1.push(row),
            None if groups.len() < COMPARED => groups.push((own, vec![row])),
            None => {}
        }
    }
    let groups = groups.into_iter().map(|(_, group)| group);
    groups.filter(|group| group.len() > 1).collect()
}

/// Jaccard similarity of two ascending lists.
fn similarity(left: &[u64], right: &[u64]) -> f64 {
    let (mut l, mut r, mut both) = (0, 0, 0);
    while l < left.len() && r < right.len() {
        match left[l].cmp(&right[r]) {
            Ordering::Less => l += 1,
            Ordering::Greater => r += 1,
            Ordering::Equal => (l, r, both) = (l + 1, r + 1, both + 1),
        }
    }
    both as f64 / (left.len() + right.len() - both).max(1) as f64
}

fn near_twins(dataset: &Dataset, group: &[u32]) -> NearTwins {
    let labels: BTreeSet<u32> = group.iter().map(|&row| dataset.rows[row as usize].label).collect();
    NearTwins {
        rows: group.len(),
        labels: labels.len(),
        examples: group
            .iter()
            .take(ROWS)
            .map(|&row| dataset.rows[row as usize].number)
            .collect(),
    }
}
