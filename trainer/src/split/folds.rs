//! Stratified folds that keep groups together.

use rustc_hash::FxHashMap;

use crate::rng::mix;

/// Returns the fold of each row. Classes are spread evenly, and rows with the same key share a fold.
///
/// Groups are placed one by one, large ones first. Each goes into the fold in which its classes are rarest so far (like
/// scikit-learn's `StratifiedGroupKFold`); among equal folds, into the smallest. Groups of equal size are ordered by
/// key and seed, so the folds depend neither on the order of rows nor on the number of threads.
pub fn stratified_group_folds(labels: &[u32], keys: &[u64], classes: usize, folds: usize, seed: u64) -> Vec<u8> {
    let mut groups: FxHashMap<u64, Vec<u32>> = FxHashMap::default();
    for (row, key) in keys.iter().enumerate() {
        groups.entry(*key).or_default().push(row as u32);
    }
    let mut groups: Vec<(u64, Vec<u32>)> = groups.into_iter().collect();
    groups.sort_unstable_by_key(|(key, rows)| (std::cmp::Reverse(rows.len()), mix(key ^ mix(seed)), *key));

    let mut class_sizes = vec![0_u32; classes];
    labels.iter().for_each(|&label| class_sizes[label as usize] += 1);
    let mut placed = vec![vec![0_u32; classes]; folds];
    let mut fold_sizes = vec![0_usize; folds];
    let mut fold_of = vec![0_u8; labels.len()];
    for (_, rows) in groups {
        let crowding = |fold: usize| -> f64 {
            rows.iter()
                .map(|&row| labels[row as usize] as usize)
                .map(|class| f64::from(placed[fold][class]) / f64::from(class_sizes[class]))
                .sum()
        };
        let best = (0..folds)
            .min_by(|&a, &b| {
                crowding(a)
                    .total_cmp(&crowding(b))
                    .then(fold_sizes[a].cmp(&fold_sizes[b]))
            })
            .expect("there are at least two folds");
        for &row in &rows {
            fold_of[row as usize] = best as u8;
            placed[best][labels[row as usize] as usize] += 1;
        }
        fold_sizes[best] += rows.len();
    }
    fold_of
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_even_and_groups_whole() {
        let labels: Vec<u32> = (0..1000).map(|row| u32::from(row % 10 == 0)).collect();
        let keys: Vec<u64> = (0..1000).map(|row| mix(if row < 40 { row / 4 } else { row })).collect();
        let folds = stratified_group_folds(&labels, &keys, 2, 5, 42);
        for fold in 0..5 {
            let in_fold = |class| {
                labels
                    .iter()
                    .zip(&folds)
                    .filter(|(label, of)| **label == class && **of == fold)
                    .count() as i32
            };
            assert!((in_fold(0) - 180).abs() <= 2, "{}", in_fold(0));
            assert!((in_fold(1) - 20).abs() <= 2, "{}", in_fold(1));
        }
        assert!(
            (0..40)
                .step_by(4)
                .all(|start| folds[start..start + 4].iter().all(|fold| *fold == folds[start]))
        );
    }

    #[test]
    fn the_order_of_rows_does_not_matter() {
        let labels: Vec<u32> = (0..200).map(|row| row % 3).collect();
        let keys: Vec<u64> = (0..200).map(mix).collect();
        let folds = stratified_group_folds(&labels, &keys, 3, 4, 1);
        let backwards = |items: &[u32]| items.iter().rev().copied().collect::<Vec<_>>();
        let keys_backwards: Vec<u64> = keys.iter().rev().copied().collect();
        let mut again = stratified_group_folds(&backwards(&labels), &keys_backwards, 3, 4, 1);
        again.reverse();
        assert_eq!(folds, again);
    }
}
