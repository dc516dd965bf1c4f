//! Accuracy and F1 scores without labels: confidence-based performance estimation on probabilities that are reweighted to the
//! estimated mix. The plain mean confidence is biased where the mix has changed.

use complaint_contract::statistics::{ReferenceFigure, ReferenceProfile};
use rand::{RngExt, SeedableRng, rngs::SmallRng};

use crate::{Rows, mix};

/// Draws of the bootstrap, which tells how far the sample and the estimated mix move the figures.
const DRAWS: usize = 60;
/// Steps in which the mix of a draw settles, from the mix of all rows.
const STEPS: usize = 12;
/// Standard errors from the middle to the end of an interval of 95 %.
const NORMAL: f64 = 1.96;

/// An estimated share with its 95 % interval, which includes the error of the calibration.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Estimate {
    /// The share.
    pub value: f64,
    /// Lower end.
    pub lower: f64,
    /// Upper end.
    pub upper: f64,
}

/// The share of `correct` among `rows` that were drawn before anybody looked, with its 95 % interval (Wilson 1927). `None` without
/// rows.
pub fn measured(correct: u64, rows: u64) -> Option<Estimate> {
    if rows == 0 {
        return None;
    }
    let (n, share) = (rows as f64, correct.min(rows) as f64 / rows as f64);
    let square = NORMAL * NORMAL;
    let middle = (share + square / (2.0 * n)) / (1.0 + square / n);
    let half = NORMAL / (1.0 + square / n) * (share * (1.0 - share) / n + square / (4.0 * n * n)).sqrt();
    Some(Estimate {
        value: share,
        lower: (middle - half).max(0.0),
        upper: (middle + half).min(1.0),
    })
}

/// What the answers of a window are worth.
#[derive(Debug, Clone, PartialEq)]
pub struct Performance {
    /// The estimated mix of categories.
    pub mix: Vec<f64>,
    /// The share of right answers.
    pub accuracy: Estimate,
    /// The F1 score of each category.
    pub f1: Vec<Estimate>,
}

/// Estimates what `rows` are worth; `None` without rows.
pub fn estimate(profile: &ReferenceProfile, rows: &Rows) -> Option<Performance> {
    if rows.is_empty() {
        return None;
    }
    let trained = &profile.trained_mix;
    let estimated = mix::estimate(trained, rows);
    let weights: Vec<f64> = rows.rows().iter().map(|row| row.weight).collect();
    let figures = Figures::of(trained, &estimated, rows, &weights);
    let mut rng = SmallRng::seed_from_u64(rows.rows().len() as u64);
    let draws: Vec<Figures> = (0..DRAWS)
        .map(|_| {
            let mut drawn = vec![0.0; weights.len()];
            for _ in 0..weights.len() {
                let row = rng.random_range(0..weights.len());
                drawn[row] += weights[row];
            }
            let mix = mix::from(trained, estimated.clone(), rows, &drawn, STEPS);
            Figures::of(trained, &mix, rows, &drawn)
        })
        .collect();
    // The truth of a window is a draw, too: so many answers with these probabilities of being right.
    let by_chance = figures.accuracy * (1.0 - figures.accuracy) / rows.answers().max(1.0);
    let classes = trained.len();
    let f1 = (0..classes).map(|class| {
        let spread = variance(draws.iter().map(|draw| draw.f1[class]));
        let answers = (figures.relevant[class]).max(1.0);
        let by_chance = figures.f1[class] * (1.0 - figures.f1[class]) / answers;
        corrected(figures.f1[class], spread + by_chance, profile.f1[class])
    });
    Some(Performance {
        accuracy: corrected(
            figures.accuracy,
            variance(draws.iter().map(|draw| draw.accuracy)) + by_chance,
            profile.accuracy,
        ),
        f1: f1.collect(),
        mix: estimated,
    })
}

/// The figures of weighted rows under a mix.
struct Figures {
    accuracy: f64,
    f1: Vec<f64>,
    /// Half of the answers and of the expected complaints of each category: what an F1 score rests on.
    relevant: Vec<f64>,
}

impl Figures {
    fn of(trained: &[f64], mix: &[f64], rows: &Rows, weights: &[f64]) -> Self {
        let classes = trained.len();
        let (mut right, mut answered, mut expected) = (vec![0.0; classes], vec![0.0; classes], vec![0.0; classes]);
        let (ratios, mut probabilities) = (mix::ratios(trained, mix), Vec::with_capacity(classes));
        for (row, weight) in rows.rows().iter().zip(weights) {
            mix::reweight(&row.probabilities, &ratios, &mut probabilities);
            right[row.answer] += weight * probabilities[row.answer];
            answered[row.answer] += weight;
            expected
                .iter_mut()
                .zip(&probabilities)
                .for_each(|(sum, p)| *sum += weight * p);
        }
        let total: f64 = weights.iter().sum();
        let relevant: Vec<f64> = answered.iter().zip(&expected).map(|(a, e)| (a + e) / 2.0).collect();
        Self {
            accuracy: right.iter().sum::<f64>() / total.max(f64::MIN_POSITIVE),
            f1: right
                .iter()
                .zip(&relevant)
                .map(|(right, relevant)| if *relevant > 0.0 { right / relevant } else { 0.0 })
                .collect(),
            relevant,
        }
    }
}

/// An estimate less what the held-out rows show to be wrong with such estimates.
fn corrected(value: f64, variance: f64, reference: ReferenceFigure) -> Estimate {
    let middle = value + reference.measured - reference.expected;
    let half = NORMAL * (variance + reference.standard_error.powi(2)).sqrt();
    let share = |value: f64| value.clamp(0.0, 1.0);
    Estimate {
        value: share(middle),
        lower: share(middle - half),
        upper: share(middle + half),
    }
}

fn variance(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let count = values.clone().count().max(2) as f64;
    let mean = values.clone().sum::<f64>() / count;
    values.map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_measured_share_has_wilsons_interval() {
        assert_eq!(measured(0, 0), None);
        // Figures of R's `binom.wilson`.
        for (correct, rows, lower, upper) in [
            (40, 50, 0.669_6, 0.887_6),
            (0, 10, 0.0, 0.277_5),
            (10, 10, 0.722_5, 1.0),
        ] {
            let found = measured(correct, rows).unwrap();
            assert!(
                (found.lower - lower).abs() < 1e-3 && (found.upper - upper).abs() < 1e-3,
                "{found:?}"
            );
        }
    }
}
