//! Averaging the best models of a search.
//!
//! Members share one text pipeline, so all of them are linear in the same columns. A weighted mean of their scores is
//! again one linear model, so serving costs no more than for a single model. Scores are first divided by each member's
//! own temperature, which puts them on the scale of log-odds for every algorithm.
//!
//! Members and weights come from greedy selection with replacement on out-of-fold scores (Caruana, Niculescu-Mizil,
//! Crew & Ksikes 2004, "Ensemble selection from libraries of models"). It starts with the best model. Each round adds
//! the model that gives the best mean over the folds, as long as that helps. The score of a selection is computed on
//! the rows that chose it, so it is slightly too good; the score on the held-out part is not.

use complaint_contract::{CrossValidation, Metric};
use rayon::prelude::*;

use crate::calibration::temperature;
use crate::search::{mean_and_spread, score_rows};
use crate::solve::Coefficients;

/// Rounds of the selection. Weights are multiples of one over the number of rounds that helped.
const ROUNDS: usize = 20;
/// A round helps if it adds more than this.
const LEAST_GAIN: f64 = 1e-5;

/// The training part, for the selection.
#[derive(Debug, Clone, Copy)]
pub struct SelectionData<'a> {
    /// The class of each row.
    pub labels: &'a [u32],
    /// The fold of each row.
    pub folds: &'a [u8],
    /// Number of classes.
    pub classes: usize,
    /// The metric that ranks selections.
    pub scoring: Metric,
}

/// One model's share in the average.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share {
    /// Index in the list of candidates.
    pub candidate: usize,
    /// Share in the mean. All shares sum to 1.
    pub weight: f64,
    /// Its scores are divided by this.
    pub temperature: f64,
}

/// Models to average.
#[derive(Debug, Clone, PartialEq)]
pub struct Selection {
    /// The members, in the order of the candidates.
    pub shares: Vec<Share>,
    /// Out-of-fold scores of the mean, `rows × classes`.
    pub scores: Vec<f32>,
    /// The score of the mean on the folds.
    pub cross_validation: CrossValidation,
}

/// Chooses up to `max_members` of `candidates`. Each candidate is given by its out-of-fold scores. All candidates share
/// one text pipeline, and the first must be the best. Returns `None` if no addition helps.
pub fn select(data: SelectionData<'_>, candidates: &[&[f32]], max_members: usize) -> Option<Selection> {
    let temperatures: Vec<f64> = candidates
        .par_iter()
        .map(|scores| temperature(scores, data.labels, data.classes))
        .collect();
    let mut counts = vec![0_u32; candidates.len()];
    *counts.first_mut()? = 1;
    let mut sum = scaled(candidates[0], temperatures[0]);
    let mut gain = data.gain(&sum);
    for _ in 1..ROUNDS {
        let members = counts.iter().filter(|count| **count > 0).count();
        let best = (0..candidates.len())
            .into_par_iter()
            .filter(|&candidate| counts[candidate] > 0 || members < max_members)
            .map(|candidate| {
                let mut with = sum.clone();
                add(&mut with, candidates[candidate], temperatures[candidate]);
                (data.gain(&with), candidate)
            })
            .reduce_with(|a, b| if b.0 > a.0 || (b.0 == a.0 && b.1 < a.1) { b } else { a });
        let Some((with, candidate)) = best.filter(|(with, _)| *with > gain + LEAST_GAIN) else {
            break;
        };
        gain = with;
        counts[candidate] += 1;
        add(&mut sum, candidates[candidate], temperatures[candidate]);
    }
    if counts.iter().filter(|count| **count > 0).count() < 2 {
        return None;
    }
    let rounds: u32 = counts.iter().sum();
    sum.iter_mut().for_each(|score| *score /= rounds as f32);
    let shares = (0..candidates.len()).filter(|&candidate| counts[candidate] > 0);
    Some(Selection {
        shares: shares
            .map(|candidate| Share {
                candidate,
                weight: f64::from(counts[candidate]) / f64::from(rounds),
                temperature: temperatures[candidate],
            })
            .collect(),
        cross_validation: mean_and_spread(&data.fold_values(&sum)),
        scores: sum,
    })
}

/// The average of models that were chosen before, from other out-of-fold scores of each: the weights stay, and each gets the
/// temperature of its new scores. A single model is not scaled.
///
/// # Panics
/// If there are no members.
pub fn average(data: SelectionData<'_>, members: &[(Share, Vec<f32>)]) -> Selection {
    let shares: Vec<Share> = match members {
        [(share, _)] => vec![*share],
        several => several
            .par_iter()
            .map(|(share, scores)| Share {
                temperature: temperature(scores, data.labels, data.classes),
                ..*share
            })
            .collect(),
    };
    let mut sum = vec![0.0; members[0].1.len()];
    for (share, (_, scores)) in shares.iter().zip(members) {
        let scale = (share.weight / share.temperature) as f32;
        sum.iter_mut()
            .zip(scores)
            .for_each(|(sum, score)| *sum += scale * score);
    }
    Selection {
        cross_validation: mean_and_spread(&data.fold_values(&sum)),
        shares,
        scores: sum,
    }
}

fn scaled(scores: &[f32], temperature: f64) -> Vec<f32> {
    let scale = (1.0 / temperature) as f32;
    scores.iter().map(|score| score * scale).collect()
}

fn add(sum: &mut [f32], scores: &[f32], temperature: f64) {
    let scale = (1.0 / temperature) as f32;
    sum.iter_mut()
        .zip(scores)
        .for_each(|(sum, score)| *sum += score * scale);
}

impl SelectionData<'_> {
    /// The score of each fold, in the order of their numbers.
    pub(crate) fn fold_values(&self, scores: &[f32]) -> Vec<f64> {
        let count = self.folds.iter().copied().max().map_or(0, |last| last + 1);
        (0..count)
            .map(|fold| {
                let rows = || (0..self.folds.len()).filter(move |&row| self.folds[row] == fold);
                let labels: Vec<u32> = rows().map(|row| self.labels[row]).collect();
                let own: Vec<f32> = rows()
                    .flat_map(|row| &scores[row * self.classes..][..self.classes])
                    .copied()
                    .collect();
                score_rows(&own, &labels, self.scoring, self.classes)
            })
            .collect()
    }

    fn gain(&self, scores: &[f32]) -> f64 {
        self.scoring.as_gain(mean_and_spread(&self.fold_values(scores)).mean)
    }
}

/// The linear model with the weighted mean of the members' scores, each divided by its temperature.
///
/// # Panics
/// If there are no members, or the members differ in shape.
pub fn fold_together(members: &[(Coefficients, Share)]) -> Coefficients {
    let (first, _) = &members[0];
    let mut mean = Coefficients {
        weights: vec![0.0; first.weights.len()],
        bias: vec![0.0; first.bias.len()],
    };
    for (member, share) in members {
        let scale = (share.weight / share.temperature) as f32;
        assert_eq!(member.weights.len(), mean.weights.len());
        for (sum, weight) in mean.weights.iter_mut().zip(&member.weights) {
            *sum += scale * weight;
        }
        for (sum, bias) in mean.bias.iter_mut().zip(&member.bias) {
            *sum += scale * bias;
        }
    }
    mean
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    /// Two models that each see half of the evidence, with very different scales, and one that sees none of it.
    #[test]
    fn models_that_complete_each_other_are_averaged() {
        let mut rng = Rng::new(3, 3);
        let mut unit = || rng.next_u64() as f64 / u64::MAX as f64 - 0.5;
        let rows = 3000;
        let (mut labels, mut folds) = (Vec::new(), Vec::new());
        let mut scores = [Vec::new(), Vec::new(), Vec::new()];
        for row in 0..rows {
            let (a, b) = (unit(), unit());
            labels.push(u32::from(a + b > 0.0));
            folds.push((row % 5) as u8);
            for (scores, value) in scores.iter_mut().zip([a, 40.0 * b, unit()]) {
                scores.extend([-value as f32, value as f32]);
            }
        }
        let data = SelectionData {
            labels: &labels,
            folds: &folds,
            classes: 2,
            scoring: Metric::Accuracy,
        };
        let candidates: Vec<&[f32]> = scores.iter().map(Vec::as_slice).collect();
        let chosen = select(data, &candidates, 3).unwrap();
        let members: Vec<usize> = chosen.shares.iter().map(|share| share.candidate).collect();
        assert!(members.starts_with(&[0, 1]), "{members:?}");
        assert!(chosen.cross_validation.mean > 0.95, "{:?}", chosen.cross_validation);
        assert!((chosen.shares.iter().map(|share| share.weight).sum::<f64>() - 1.0).abs() < 1e-12);
        // A copy of a model does not help.
        assert_eq!(select(data, &[candidates[0], candidates[0]], 2), None);
    }

    #[test]
    fn one_model_scores_as_the_members_do() {
        let member = |weights: [f32; 4], bias: [f32; 2]| Coefficients {
            weights: weights.to_vec(),
            bias: bias.to_vec(),
        };
        let share = |weight, temperature| Share {
            candidate: 0,
            weight,
            temperature,
        };
        let mean = fold_together(&[
            (member([1.0, 2.0, 3.0, 4.0], [1.0, 0.0]), share(0.75, 0.5)),
            (member([4.0, 0.0, 0.0, 8.0], [0.0, 2.0]), share(0.25, 1.0)),
        ]);
        assert_eq!(mean, member([2.5, 3.0, 4.5, 8.0], [1.5, 0.5]));
    }
}
