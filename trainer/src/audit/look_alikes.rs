//! Pairs of classes that might be one.
//!
//! If two categories are one, the labels of their rows are drawn by chance. The confident joint then has rows in both directions, as
//! many as on its diagonal, and the scores do not order rows of the one before those of the other. Either sign alone is not enough:
//! a rare class next to a frequent one often has a large share in one direction, and classes with few rows a low separation.

use super::LookAlikes;
use super::joint::Joint;
use crate::calibration::OutOfFold;

/// Least share of each class's rows that are confidently of the other. Categories drawn apart by chance have 0.2 or more.
const LEAST_SHARE: f64 = 0.15;
/// Highest separation, with two standard errors above the measured one. Distinct categories have 0.9 or more.
const HIGHEST_SEPARATION: f64 = 0.8;

/// The pairs, the least separate first.
pub(super) fn look_alikes(data: OutOfFold<'_>, joint: &Joint) -> Vec<LookAlikes> {
    let mut pairs = Vec::new();
    for first in 0..joint.classes {
        for second in first + 1..joint.classes {
            let shares = [joint.share(first, second), joint.share(second, first)];
            if shares.iter().any(|share| *share < LEAST_SHARE) {
                continue;
            }
            let (separation, error) = separation(data, [first, second]);
            if separation + 2.0 * error < HIGHEST_SEPARATION {
                pairs.push(LookAlikes {
                    classes: [first as u32, second as u32],
                    shares,
                    separation,
                });
            }
        }
    }
    pairs.sort_by(|a, b| a.separation.total_cmp(&b.separation).then(a.classes.cmp(&b.classes)));
    pairs
}

/// How often a row of the first class has a larger difference of both scores than a row of the second (the area under the ROC curve),
/// and the standard error of this share (Hanley & McNeil 1982).
fn separation(data: OutOfFold<'_>, [first, second]: [usize; 2]) -> (f64, f64) {
    let mut rows: Vec<(f32, bool)> = Vec::new();
    for (scores, &label) in data.scores.chunks_exact(data.classes).zip(data.labels) {
        if [first, second].contains(&(label as usize)) {
            rows.push((scores[first] - scores[second], label as usize == first));
        }
    }
    rows.sort_by(|a, b| a.0.total_cmp(&b.0));
    let count = |is_first: bool| rows.iter().filter(|row| row.1 == is_first).count() as f64;
    let (firsts, seconds) = (count(true), count(false));
    let (mut below, mut ordered) = (0.0, 0.0);
    for equal in rows.chunk_by(|a, b| a.0 == b.0) {
        let of_first = equal.iter().filter(|row| row.1).count() as f64;
        let of_second = equal.len() as f64 - of_first;
        ordered += of_first * (below + of_second / 2.0);
        below += of_second;
    }
    if firsts == 0.0 || seconds == 0.0 {
        return (1.0, 0.0);
    }
    let area = ordered / (firsts * seconds);
    let (by_first, by_second) = (area / (2.0 - area), 2.0 * area * area / (1.0 + area));
    let variance =
        area * (1.0 - area) + (firsts - 1.0) * (by_first - area * area) + (seconds - 1.0) * (by_second - area * area);
    (area, (variance.max(0.0) / (firsts * seconds)).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separation_is_the_share_of_pairs_in_order() {
        let cases: [(&[(f32, u32)], f64); 4] = [
            (&[(1.0, 0), (2.0, 0), (-1.0, 1)], 1.0),
            (&[(-1.0, 0), (1.0, 1)], 0.0),
            (&[(1.0, 0), (1.0, 1)], 0.5),
            (&[(1.0, 0), (3.0, 0), (2.0, 1), (0.0, 1), (9.0, 2)], 0.75),
        ];
        for (rows, expected) in cases {
            let scores: Vec<f32> = rows.iter().flat_map(|(score, _)| [*score, 0.0, 5.0]).collect();
            let labels: Vec<u32> = rows.iter().map(|(_, label)| *label).collect();
            let folds = vec![0; labels.len()];
            let data = OutOfFold {
                scores: &scores,
                labels: &labels,
                folds: &folds,
                classes: 3,
            };
            assert_eq!(separation(data, [0, 1]).0, expected, "{rows:?}");
        }
    }
}
