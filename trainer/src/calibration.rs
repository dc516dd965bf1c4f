//! Calibration: turns scores into probabilities that match observed frequencies.
//!
//! Both steps use only out-of-fold scores of the training part, and neither changes which class wins. The first is a
//! temperature (Guo, Pleiss, Sun & Weinberger 2017). The second, used if the folds show that it helps, is a monotone
//! map of the winner's probability (isotonic regression; Zadrozny & Elkan 2002).

use complaint_model::model::{Calibration, MonotoneMap, argmax};

use crate::likelihood::{Loss, minimise};
use crate::search::NO_CLASS;

/// Rows in a bin of the monotone map. With this many rows, the bin's share of correct answers is known to about 4 %.
const ROWS_PER_BIN: usize = 150;
/// Minimum number of rows for a map.
const LEAST_ROWS: usize = 600;

/// Scores of rows by models that did not see them.
#[derive(Debug, Clone, Copy)]
pub struct OutOfFold<'a> {
    /// `rows × classes`.
    pub scores: &'a [f32],
    /// The class of each row.
    pub labels: &'a [u32],
    /// The fold of each row.
    pub folds: &'a [u8],
    /// Number of classes.
    pub classes: usize,
}

/// Chooses temperature and map.
pub fn calibrate(data: OutOfFold<'_>) -> Calibration {
    let temperature = temperature(data.scores, data.labels, data.classes);
    let tempered = Calibration { temperature, top: None };
    let answers = answers(data, &tempered);
    Calibration {
        temperature,
        top: top_map(answers, data.folds),
    }
}

/// The monotone map of the winners' probabilities, if there are enough answers and it helps. `folds` has the fold of each row.
pub(crate) fn top_map(answers: Vec<Answer>, folds: &[u8]) -> Option<MonotoneMap> {
    (answers.len() >= LEAST_ROWS && map_helps(&answers, folds))
        .then(|| monotone_map(answers))
        .flatten()
}

/// The temperature that maximises the likelihood of the correct classes of the rows that have one. smartcore's L-BFGS searches over its
/// logarithm, where the likelihood has a single maximum.
pub fn temperature(scores: &[f32], labels: &[u32], classes: usize) -> f64 {
    let rows = || {
        let all = scores.chunks_exact(classes).zip(labels);
        all.filter(|(_, label)| **label != NO_CLASS)
            .map(|(scores, &label)| (scores, label as usize))
    };
    temperature_of(rows, initial_scale(scores, classes)).unwrap_or(1.0)
}

/// The same for rows that may differ in their number of scores, each with the place of the correct class among them. The search begins
/// at `start`. `None` if it finds nothing usable.
pub(crate) fn temperature_of<'s, I: Iterator<Item = (&'s [f32], usize)>>(
    rows: impl Fn() -> I,
    start: f64,
) -> Option<f64> {
    let start = vec![start.ln()];
    if !start[0].is_finite() {
        return None;
    }
    let found = minimise(start, 1e-6, |at| {
        let (value, slope) = mean_loss(rows(), at[0].exp());
        Loss {
            value,
            slope: vec![slope],
            information: 0.0,
        }
    });
    Some(found[0].exp()).filter(|found| found.is_finite() && (1e-4..=1e4).contains(found))
}

/// A starting point near the answer: a quarter of the spread of a row's scores. What all scores of a row have in common says nothing;
/// naive Bayes has so much of it that a search from there would end at once, where the likelihood is flat.
fn initial_scale(scores: &[f32], classes: usize) -> f64 {
    let squares = |row: &[f32]| {
        let mean = row.iter().map(|score| f64::from(*score)).sum::<f64>() / classes as f64;
        row.iter().map(|score| (f64::from(*score) - mean).powi(2)).sum::<f64>()
    };
    let squares: f64 = scores.chunks_exact(classes).map(squares).sum();
    (squares / scores.len().max(1) as f64).sqrt() / 4.0
}

/// Mean log loss at a temperature, and its derivative with respect to the temperature's logarithm.
fn mean_loss<'s>(judged: impl Iterator<Item = (&'s [f32], usize)>, temperature: f64) -> (f64, f64) {
    let (mut loss, mut slope) = (0.0, 0.0);
    let mut rows = 0_usize;
    for (scores, label) in judged {
        rows += 1;
        let highest = f64::from(scores[argmax(scores)]);
        let (mut sum, mut weighted) = (0.0, 0.0);
        for &score in scores {
            let scaled = (f64::from(score) - highest) / temperature;
            let e = scaled.exp();
            sum += e;
            weighted += e * scaled;
        }
        let own = (f64::from(scores[label]) - highest) / temperature;
        loss += sum.ln() - own;
        slope += own - weighted / sum;
    }
    let rows = rows.max(1) as f64;
    (loss / rows, slope / rows)
}

/// The winner's probability in one row, and whether the answer was correct.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answer {
    pub(crate) probability: f64,
    pub(crate) right: bool,
    pub(crate) row: u32,
}

fn answers(data: OutOfFold<'_>, calibration: &Calibration) -> Vec<Answer> {
    let mut probabilities = vec![0.0; data.classes];
    data.scores
        .chunks_exact(data.classes)
        .zip(data.labels)
        .enumerate()
        .map(|(row, (scores, &label))| {
            let winner = calibration.probabilities(scores, &mut probabilities);
            Answer {
                probability: f64::from(probabilities[winner]),
                right: winner == label as usize,
                row: row as u32,
            }
        })
        .collect()
}

/// Whether maps that are learned on all folds except one make the answers of that fold more likely, over all folds
/// together.
fn map_helps(answers: &[Answer], folds: &[u8]) -> bool {
    let count = folds.iter().copied().max().map_or(0, |last| last + 1);
    let loss = |p: f64, right: bool| -(if right { p } else { 1.0 - p }).max(1e-6).ln();
    let mut gain = 0.0;
    for fold in 0..count {
        let in_fold = |answer: &&Answer| folds[answer.row as usize] == fold;
        let others: Vec<Answer> = answers.iter().filter(|answer| !in_fold(answer)).copied().collect();
        let Some(map) = monotone_map(others) else { return false };
        gain += answers
            .iter()
            .filter(in_fold)
            .map(|answer| loss(answer.probability, answer.right) - loss(map.apply(answer.probability), answer.right))
            .sum::<f64>();
    }
    gain > 0.0
}

/// Isotonic regression of correct answers on probability, over bins with equal numbers of rows (pool adjacent
/// violators).
fn monotone_map(mut answers: Vec<Answer>) -> Option<MonotoneMap> {
    answers.sort_by(|a, b| a.probability.total_cmp(&b.probability).then(a.row.cmp(&b.row)));
    // (rows, sum of probabilities, correct answers)
    let mut pools: Vec<(f64, f64, f64)> = Vec::new();
    let bins = (answers.len() / ROWS_PER_BIN).clamp(4, 100);
    for bin in answers.chunks(answers.len().div_ceil(bins)) {
        let probabilities = bin.iter().map(|answer| answer.probability).sum();
        let right = bin.iter().filter(|answer| answer.right).count() as f64;
        pools.push((bin.len() as f64, probabilities, right));
        while let [.., before, last] = pools[..]
            && before.2 * last.0 >= last.2 * before.0
        {
            pools.pop();
            pools.pop();
            pools.push((before.0 + last.0, before.1 + last.1, before.2 + last.2));
        }
    }
    let mut map = MonotoneMap {
        from: Vec::new(),
        to: Vec::new(),
    };
    for (rows, probabilities, right) in pools {
        let from = (probabilities / rows).clamp(0.0, 1.0);
        if map.from.last().is_none_or(|last| from > *last) {
            map.from.push(from);
            // Laplace smoothing keeps the probability below 1, as if one more row were correct and one more wrong.
            map.to
                .push(((right + 1.0) / (rows + 2.0)).max(map.to.last().copied().unwrap_or(0.0)));
        }
    }
    (map.from.len() >= 2).then_some(map)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    /// Scores with a true temperature of 3: the label is drawn from softmax(scores / 3).
    fn drawn(rows: usize) -> (Vec<f32>, Vec<u32>, Vec<u8>) {
        let mut rng = Rng::new(5, 5);
        let mut unit = || rng.next_u64() as f64 / u64::MAX as f64;
        let (mut scores, mut labels, mut folds) = (Vec::new(), Vec::new(), Vec::new());
        for row in 0..rows {
            let own: Vec<f64> = (0..3).map(|_| 12.0 * unit() - 6.0).collect();
            let weights: Vec<f64> = own.iter().map(|score| (score / 3.0).exp()).collect();
            let mut left = unit() * weights.iter().sum::<f64>();
            let label = weights
                .iter()
                .position(|weight| {
                    left -= weight;
                    left <= 0.0
                })
                .unwrap_or(2);
            scores.extend(own.iter().map(|score| *score as f32));
            labels.push(label as u32);
            folds.push((row % 5) as u8);
        }
        (scores, labels, folds)
    }

    #[test]
    fn the_temperature_is_found() {
        let (scores, labels, _) = drawn(20_000);
        let found = temperature(&scores, &labels, 3);
        assert!((found - 3.0).abs() < 0.1, "{found}");
        // Neither the scale of the scores nor what a row's scores have in common changes what is found.
        let small: Vec<f32> = scores.iter().map(|score| score / 100.0).collect();
        let found = temperature(&small, &labels, 3);
        assert!((found - 0.03).abs() < 0.001, "{found}");
        let far: Vec<f32> = scores.iter().map(|score| score / 100.0 - 70.0).collect();
        let found = temperature(&far, &labels, 3);
        assert!((found - 0.03).abs() < 0.001, "{found}");
    }

    #[test]
    fn calibration_never_changes_the_answer_and_makes_it_honest() {
        let (mut scores, labels, folds) = drawn(20_000);
        // A distortion that no temperature can undo.
        scores
            .iter_mut()
            .for_each(|score| *score = score.signum() * score.abs().powf(2.2));
        let data = OutOfFold {
            scores: &scores,
            labels: &labels,
            folds: &folds,
            classes: 3,
        };
        let chosen = calibrate(data);
        assert!(chosen.validate().is_ok());
        assert!(chosen.top.is_some());
        let error = |calibration: &Calibration| {
            let answers = answers(data, calibration);
            let bins =
                crate::metrics::reliability_bins(answers.iter().map(|answer| (answer.probability, answer.right)));
            crate::metrics::expected_calibration_error(&bins)
        };
        let before = error(&Calibration {
            temperature: chosen.temperature,
            top: None,
        });
        assert!(
            error(&chosen) < 0.015 && error(&chosen) < before / 2.0,
            "{before} → {}",
            error(&chosen)
        );
        let mut probabilities = [0.0; 3];
        for scores in scores.chunks_exact(3) {
            let winner = chosen.probabilities(scores, &mut probabilities);
            assert_eq!(winner, argmax(scores));
            assert_eq!(winner, argmax(&probabilities));
        }
    }
}
