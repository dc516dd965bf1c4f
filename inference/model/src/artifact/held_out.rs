//! Scores of held-out rows, with which an adapted model's figures are computed.

use crate::model::argmax;

/// Scores of a model on a sample of its held-out rows, with the intercepts it was trained with.
///
/// An adaptation to another mix of categories weighs these rows anew, so it needs no data set. Each row has its scores (differences
/// to the row's highest score, in steps of 1/32767 of the largest one), its class and its share of unknown words. Rows are sorted by
/// these, so their order tells nothing about the data set.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HeldOutRows {
    /// `rows × classes`; the highest score of a row is 0, all others are below.
    pub(super) scores: Vec<i16>,
    /// What one step of a row's scores stands for.
    pub(super) steps: Vec<f32>,
    pub(super) labels: Vec<u32>,
    pub(super) unknown_words: Vec<f32>,
}

/// Most rows.
const MOST_ROWS: usize = 2_000;
/// Most scores of all rows together.
const MOST_SCORES: usize = 500_000;

/// One row before it is stored.
#[derive(Debug, Clone, Copy)]
pub struct HeldOutRow<'a> {
    /// The score of each class.
    pub scores: &'a [f32],
    /// Its class.
    pub label: u32,
    /// Its share of unknown words, 0 to 1.
    pub unknown_words: f32,
}

impl HeldOutRows {
    /// Most rows for that many classes: 2,000, and at most 500,000 scores together.
    pub fn most_rows(classes: usize) -> usize {
        (MOST_SCORES / classes.max(1)).clamp(1, MOST_ROWS)
    }

    /// Stores rows. [`ArtifactBuilder::build`](super::ArtifactBuilder::build) refuses more than [`HeldOutRows::most_rows`].
    pub fn of<'a>(rows: impl IntoIterator<Item = HeldOutRow<'a>>) -> Self {
        let mut quantized: Vec<(u32, Vec<i16>, f32, f32)> = rows
            .into_iter()
            .map(|row| {
                let (scores, step) = quantize(row.scores);
                (row.label, scores, step, row.unknown_words)
            })
            .collect();
        quantized.sort_by(|a, b| {
            let numbers = a.2.total_cmp(&b.2).then(a.3.total_cmp(&b.3));
            a.0.cmp(&b.0).then_with(|| a.1.cmp(&b.1)).then(numbers)
        });
        let mut stored = Self::default();
        for (label, scores, step, unknown_words) in quantized {
            stored.labels.push(label);
            stored.scores.extend(scores);
            stored.steps.push(step);
            stored.unknown_words.push(unknown_words);
        }
        stored
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The class of each row.
    pub fn labels(&self) -> &[u32] {
        &self.labels
    }

    /// The share of unknown words of each row.
    pub fn unknown_words(&self) -> &[f32] {
        &self.unknown_words
    }

    /// The scores of all rows, `rows × classes`. In each row the highest is 0, and the class that has it is the model's answer.
    pub fn scores(&self) -> Vec<f32> {
        let classes = self.scores.len() / self.len().max(1);
        let rows = self.scores.chunks_exact(classes.max(1)).zip(&self.steps);
        rows.flat_map(|(scores, step)| scores.iter().map(move |score| f32::from(*score) * step))
            .collect()
    }

    /// Checks the sizes and numbers.
    pub(super) fn check(&self, classes: usize) -> Result<(), String> {
        let (rows, most) = (self.len(), Self::most_rows(classes));
        if !(1..=most).contains(&rows) {
            return Err(format!("it has {rows} held-out rows; 1 to {most} are possible"));
        }
        let fits = rows * classes == self.scores.len() && rows == self.steps.len() && rows == self.unknown_words.len();
        if !fits || self.labels.iter().any(|&label| label as usize >= classes) {
            return Err("the sizes or classes of its held-out rows don't fit the model".to_owned());
        }
        // NaN is in no range.
        let steps = self
            .steps
            .iter()
            .all(|step| (0.0..=super::check::MAX_NUMBER).contains(step));
        if !steps || !self.unknown_words.iter().all(|share| (0.0..=1.0).contains(share)) {
            return Err("a number of its held-out rows is out of range".to_owned());
        }
        Ok(())
    }
}

/// Scores in steps below the highest. Only the first of the highest has 0, so the winner stays the winner.
fn quantize(scores: &[f32]) -> (Vec<i16>, f32) {
    let top = argmax(scores);
    let highest = scores.get(top).copied().unwrap_or_default();
    let largest = scores.iter().map(|score| highest - score).fold(0.0, f32::max);
    let step = largest / f32::from(i16::MAX);
    if step <= 0.0 {
        return (vec![0; scores.len()], 0.0);
    }
    let steps = |(class, score): (usize, &f32)| {
        let below = ((highest - score) / step).round().clamp(0.0, f32::from(i16::MAX));
        if class == top { 0 } else { -(below.max(1.0) as i16) }
    };
    (scores.iter().enumerate().map(steps).collect(), step)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn winners_stay_and_differences_are_kept(rows in prop::collection::vec(prop::collection::vec(-20f32..20.0, 4), 1..20)) {
            let row = |scores| HeldOutRow { scores, label: 1, unknown_words: 0.5 };
            let stored = HeldOutRows::of(rows.iter().map(|scores| row(scores)));
            prop_assert_eq!(stored.check(4), Ok(()));
            let backwards = HeldOutRows::of(rows.iter().rev().map(|scores| row(scores)));
            prop_assert_eq!(&backwards, &stored);
            let mut answers: Vec<usize> = stored.scores().chunks_exact(4).map(argmax).collect();
            let mut expected: Vec<usize> = rows.iter().map(|scores| argmax(scores)).collect();
            answers.sort_unstable();
            expected.sort_unstable();
            prop_assert_eq!(answers, expected);
            for scores in &rows {
                let top = scores[argmax(scores)];
                let near = |stored: &[f32]| stored.iter().zip(scores).all(|(now, then)| (now - (then - top)).abs() < 2e-3);
                prop_assert!(stored.scores().chunks_exact(4).any(near));
            }
        }
    }

    #[test]
    fn equal_scores_and_bounds() {
        let row = HeldOutRow {
            scores: &[2.5; 3],
            label: 0,
            unknown_words: 0.0,
        };
        assert_eq!(HeldOutRows::of([row]).scores(), [0.0; 3]);
        let most = [2, 250, 1_000, 10_000, 1_000_000].map(HeldOutRows::most_rows);
        assert_eq!(most, [2_000, 2_000, 500, 50, 1]);
        assert!(HeldOutRows::default().check(3).is_err());
        let many = HeldOutRows::of(std::iter::repeat_n(row, 2_001));
        assert!(many.check(3).unwrap_err().contains("2001 held-out rows"));
    }
}
