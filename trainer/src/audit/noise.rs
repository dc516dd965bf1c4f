//! The share of wrong labels that the model's own doubt does not explain.
//!
//! If the model is right about a row, its label has the softmax of the row's scores as probabilities, over a temperature and with a bias for
//! each class. If a share of the labels is wrong, each of the other labels has at least a small probability, however sure the model
//! is: `q = (1 - share) · p + share · (1 - p) / (classes - 1)`, the forward correction for symmetric noise (Patrini et al. 2017).
//! Temperature, biases and share are fitted together by maximum likelihood. Without the share, the temperature would have to make
//! all of the model unsure because a few labels are wrong.

use complaint_model::Estimate;
use complaint_model::model::argmax;

use crate::calibration::OutOfFold;
use crate::likelihood::{Loss, mean_loss, minimise};

/// Scores to fit to. Of more rows, every second or third is enough.
const MOST_SCORES: usize = 1_000_000;
/// Where the search for the share begins.
const FIRST_SHARE: f64 = 0.03;
/// A larger share is no slip of the pen: the labels say something else than the texts.
const LARGEST_SHARE: f64 = 0.6;

/// Labels are the model's with a share of wrong ones.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Noise {
    /// Share of wrong labels.
    pub(super) share: f64,
    /// Standard error of the share.
    pub(super) standard_error: f64,
    /// Probabilities of the true class.
    pub(super) clean: Estimate,
}

impl Noise {
    /// Fits the share. `estimate` is the fit without wrong labels, where the search begins.
    pub(super) fn fit(data: OutOfFold<'_>, estimate: &Estimate) -> Self {
        let none = Self {
            share: 0.0,
            standard_error: 0.0,
            clean: estimate.clone(),
        };
        if data.labels.is_empty() {
            return none;
        }
        let sample = Sample::of(data);
        let mut start = vec![estimate.temperature.ln()];
        start.extend(&estimate.biases);
        start.push((FIRST_SHARE / (1.0 - FIRST_SHARE)).ln());
        let found = minimise(start, 1e-6, |place| sample.loss(place));
        let temperature = found[0].exp();
        let biases = &found[1..=data.classes];
        let share = share(&found);
        let usable = (1e-4..=1e4).contains(&temperature)
            && biases.iter().all(|bias| bias.abs() < 100.0)
            && share <= LARGEST_SHARE;
        if !usable {
            return none;
        }
        Self {
            share,
            standard_error: 1.0 / sample.loss(&found).information.max(1.0).sqrt(),
            clean: Estimate {
                temperature,
                biases: biases.to_vec(),
            },
        }
    }

    /// The probability that a label is wrong which has the probability `own`.
    pub(super) fn is_wrong(&self, own: f64, classes: usize) -> f64 {
        let wrong = self.share * (1.0 - own) / (classes - 1).max(1) as f64;
        let all = (1.0 - self.share) * own + wrong;
        if all > 0.0 { wrong / all } else { 0.0 }
    }
}

/// The share of wrong labels at a place of the search.
fn share(at: &[f64]) -> f64 {
    let log_odds = at[at.len() - 1];
    1.0 / (1.0 + (-log_odds).exp())
}

/// The rows that are fitted to.
struct Sample<'a> {
    data: OutOfFold<'a>,
    /// One row of so many.
    step: usize,
}

impl<'a> Sample<'a> {
    fn of(data: OutOfFold<'a>) -> Self {
        Self {
            data,
            step: data.scores.len().div_ceil(MOST_SCORES).max(1),
        }
    }

    /// The loss at the temperature's logarithm, the biases, and the log-odds of the share. Biases have the prior of
    /// [`vector_scaling`](crate::vector_scaling::vector_scaling).
    fn loss(&self, at: &[f64]) -> Loss {
        let (data, step) = (self.data, self.step);
        mean_loss(data.scores, data.labels, step, (data.classes, at), |scores, labels| {
            sum(scores, labels, step, at)
        })
    }
}

/// The losses of some rows. Their information is about the share.
fn sum(scores: &[f32], labels: &[u32], step: usize, at: &[f64]) -> Loss {
    let classes = at.len() - 2;
    let (temperature, biases, share) = (at[0].exp(), &at[1..=classes], share(at));
    let others = (classes - 1).max(1) as f64;
    let kept = 1.0 - share - share / others;
    let mut loss = Loss::none(at.len());
    let mut odds = vec![0.0; classes];
    let rows = scores.chunks_exact(classes).zip(labels).step_by(step);
    for (scores, &label) in rows {
        let highest = f64::from(scores[argmax(scores)]);
        let scaled = |class: usize| (f64::from(scores[class]) - highest) / temperature;
        let most = (0..classes)
            .map(|class| scaled(class) + biases[class])
            .fold(f64::MIN, f64::max);
        let mut total = 0.0;
        for (class, odds) in odds.iter_mut().enumerate() {
            *odds = (scaled(class) + biases[class] - most).exp();
            total += *odds;
        }
        let label = label as usize;
        let own = odds[label] / total;
        // The share has a positive logarithm of odds for any number, so this is positive.
        let given = (kept * own + share / others).max(f64::MIN_POSITIVE);
        loss.value -= given.ln();
        // How much of the label's probability is the model's.
        let model = kept * own / given;
        loss.slope[0] += model * scaled(label);
        loss.slope[1 + label] -= model;
        for (class, odds) in odds.iter().enumerate() {
            let probability = odds / total;
            loss.slope[0] -= model * probability * scaled(class);
            loss.slope[1 + class] += model * probability;
        }
        let by_share = ((1.0 - own) / others - own) / given;
        loss.slope[classes + 1] -= by_share * share * (1.0 - share);
        loss.information += by_share * by_share;
    }
    loss
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::tests::drawn;

    fn fit(scores: &[f32], labels: &[u32]) -> Noise {
        let start = crate::calibration::temperature(scores, labels, 4);
        let estimate = crate::vector_scaling::vector_scaling(scores, labels, 4, start);
        let folds = vec![0; labels.len()];
        let data = OutOfFold {
            scores,
            labels,
            folds: &folds,
            classes: 4,
        };
        Noise::fit(data, &estimate)
    }

    #[test]
    fn the_share_is_found_and_doubt_is_none() {
        // With a scale of 4 the best answer is often wrong, and yet no label is a slip.
        for (wrong, scale) in [(0.0, 4.0), (0.0, 16.0), (0.05, 16.0), (0.2, 16.0)] {
            let (scores, labels) = drawn(20_000, wrong, scale);
            let found = fit(&scores, &labels);
            let limit = 3.0 * found.standard_error;
            assert!((found.share - wrong).abs() < limit, "{wrong} of {scale}: {found:?}");
            assert!(found.share > limit || wrong == 0.0, "{found:?}");
            assert!((found.clean.temperature - 2.0).abs() < 0.3, "{found:?}");
        }
    }

    /// Rows are left out evenly where there are too many.
    #[test]
    fn the_share_is_found_in_a_part_of_many_rows() {
        let (scores, labels) = drawn(300_000, 0.05, 16.0);
        assert!(scores.len() > MOST_SCORES);
        let found = fit(&scores, &labels);
        assert!((found.share - 0.05).abs() < 4.0 * found.standard_error, "{found:?}");
        assert!((found.clean.temperature - 2.0).abs() < 0.1, "{found:?}");
    }

    #[test]
    fn any_number_of_threads_finds_the_same() {
        let (scores, labels) = drawn(20_000, 0.1, 16.0);
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| fit(&scores, &labels))
        };
        assert_eq!(on(1), on(3));
    }

    #[test]
    fn the_derivatives_are_those_of_the_loss() {
        let (scores, labels) = drawn(500, 0.1, 6.0);
        let folds = vec![0; labels.len()];
        let sample = Sample::of(OutOfFold {
            scores: &scores,
            labels: &labels,
            folds: &folds,
            classes: 4,
        });
        let at = vec![0.4, 0.3, -0.2, 0.1, -0.2, -2.0];
        let slope = sample.loss(&at).slope;
        for place in 0..at.len() {
            let moved = |by: f64| {
                let mut at = at.clone();
                at[place] += by;
                sample.loss(&at).value
            };
            let measured = (moved(1e-5) - moved(-1e-5)) / 2e-5;
            assert!((measured - slope[place]).abs() < 1e-6, "{place}: {measured} {slope:?}");
        }
    }
}
