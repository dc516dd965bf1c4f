//! Near-twins: rows with nearly the same shingles.
//!
//! A row is compared only with rows of the same split key. The probability that twins share the key is their similarity
//! (Broder 1997). So some pairs are missed, but no data set is too large.

use std::cmp::{Ordering, Reverse};
use std::collections::BTreeSet;

use complaint_report::NearTwins;
use rayon::prelude::*;

use crate::dataset::Dataset;

/// Minimum Jaccard similarity of near-twins.
const SIMILAR: f64 = 0.8;
/// Maximum number of texts of the same key that a row is compared with.
const COMPARED: usize = 32;
/// Number of groups that are listed.
const LISTED: usize = 10;
/// Number of rows listed per group.
const ROWS: usize = 10;

/// The near-twins of a data set.
pub(super) struct Twins {
    pub(super) groups: usize,
    pub(super) rows: usize,
    pub(super) largest: Vec<NearTwins>,
}

/// Groups of two or more near-twins. `shingles` gives the shingles of a row, ascending, without repeats.
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
    // Among equally large groups, the one that begins first comes first.
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

/// Groups the rows of one key by the first row that they resemble.
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
