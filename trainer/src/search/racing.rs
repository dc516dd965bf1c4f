//! Early stopping: a trial that the first folds show to be behind is not run on the others.
//!
//! After the first and after the second fold, each trial is compared with the best one of its algorithm so far, in the same
//! text pipeline or an earlier one, on the same rows. It is stopped if it is behind by more than `z` standard errors of the
//! difference, so a trial that the rows can't tell from the best one always runs to the end (racing: Maron & Moore 1994,
//! "Hoeffding races"; Birattari, Stützle, Paquete & Varrentrapp 2002, "A racing algorithm for configuring metaheuristics").
//!
//! **Bound**: `z` is the normal quantile for [`RISK`] divided by the number of comparisons (Bonferroni), so that in at most 5 %
//! of searches the best trial of any algorithm is among the stopped ones. "Best" means on rows like these, for models fitted
//! to as many rows; what another draw of the rows to fit on would change is not in the standard error.
//!
//! **Standard error**: by the influence of each row on each trial's metric (infinitesimal jackknife; Efron 1982). Influences are
//! subtracted row by row, so what is hard for both trials cancels out. As in [`crate::metrics::paired_difference`], two pseudo-rows that
//! only one of the trials answers correctly keep nearly equal trials from a standard error near 0.
//!
//! **Only trials of one algorithm** are compared, because an average of models gains from different algorithms, even from
//! one that is well behind. Trials of one algorithm differ in little more than their penalty.

use complaint_contract::{Algorithm, Metric};

use super::NO_CLASS;
use crate::config::Estimator;
use crate::metrics::Confusion;
use complaint_model::model::argmax;

/// The numbers of folds after which trials are compared.
const LOOKS: [usize; 2] = [1, 2];
/// How likely it may be that the best trial of any algorithm is stopped in a search.
const RISK: f64 = 0.05;
/// With fewer rows in a fold no trial is stopped: all of them together take seconds, and the normal approximation is worse.
const LEAST_ROWS: usize = 1000;

/// The comparisons of one search, over all text pipelines.
#[derive(Debug)]
pub struct Race {
    scoring: Metric,
    classes: usize,
    /// Standard errors that a stopped trial is behind.
    critical: f64,
    /// The best trial of each algorithm in the text pipelines so far.
    leaders: Vec<Leader>,
}

#[derive(Debug)]
struct Leader {
    algorithm: Algorithm,
    /// Over all folds.
    gain: f64,
    evidence: Vec<Evidence>,
}

/// Why a trial was stopped.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Behind {
    /// How far it is behind, in the metric.
    difference: f64,
    error: f64,
    /// The index of the trial that it is behind; `None` for one of an earlier text pipeline.
    leader: Option<usize>,
}

impl Race {
    /// A race of these estimators, or `None` if the rows are too few for one. Nor is there one by log loss: each trial's temperature is fitted
    /// to the rows that it is judged on, and the error of that fit is the same in all rows, so differences between rows don't show it.
    pub fn new(scoring: Metric, classes: usize, rows_a_fold: usize, estimators: &[Estimator]) -> Option<Self> {
        let mut algorithms: Vec<Algorithm> = estimators.iter().map(|estimator| estimator.algorithm()).collect();
        algorithms.sort_unstable();
        algorithms.dedup();
        let comparisons = (estimators.len() - algorithms.len()) * LOOKS.len();
        (comparisons > 0 && rows_a_fold >= LEAST_ROWS && scoring != Metric::LogLoss).then(|| Self {
            scoring,
            classes,
            critical: upper_quantile(RISK / comparisons as f64),
            leaders: Vec::new(),
        })
    }

    /// The number of folds at the next comparison, where `folds` are complete.
    pub(super) fn next_look(folds: usize) -> Option<usize> {
        LOOKS.into_iter().find(|&look| look > folds)
    }

    /// What a trial's scores of the validation rows of a fold say, as far as these have a class.
    pub(super) fn evidence(&self, scores: &[f32], labels: &[u32]) -> Evidence {
        let judged = scores.chunks_exact(self.classes).zip(labels);
        let (answers, labels): (Vec<u32>, Vec<u32>) = judged
            .filter(|(_, label)| **label != NO_CLASS)
            .map(|(scores, &label)| (argmax(scores) as u32, label))
            .unzip();
        Evidence::of_answers(&answers, &labels, self.scoring, self.classes)
    }

    /// For each of `trials`, whether it is stopped after `folds` folds. `evidence` is that of each estimator; one with less
    /// than `folds` of it failed on a fold, and is left alone.
    pub(super) fn stopped(
        &self,
        estimators: &[Estimator],
        evidence: &[Vec<Evidence>],
        trials: &[usize],
        folds: usize,
    ) -> Vec<(usize, Behind)> {
        let complete = |trial: &&usize| evidence[**trial].len() == folds;
        let candidates: Vec<usize> = trials.iter().filter(complete).copied().collect();
        let mut stopped = Vec::new();
        for &trial in &candidates {
            let algorithm = estimators[trial].algorithm();
            let earlier = self.leaders.iter().filter(|leader| leader.algorithm == algorithm);
            let earlier = earlier.map(|leader| (None, &leader.evidence[..folds]));
            let own = candidates
                .iter()
                .filter(|&&own| estimators[own].algorithm() == algorithm);
            let own = own.map(|&own| (Some(own), evidence[own].as_slice()));
            let best = earlier
                .chain(own)
                .reduce(|best, other| if gain(other.1) > gain(best.1) { other } else { best });
            let Some((leader, leading)) = best.filter(|(leader, _)| *leader != Some(trial)) else {
                continue;
            };
            let (difference, error) = difference(leading, &evidence[trial]);
            if difference > self.critical * error {
                stopped.push((
                    trial,
                    Behind {
                        difference,
                        error,
                        leader,
                    },
                ));
            }
        }
        stopped
    }

    /// Ends a text pipeline: a trial that ran on all folds, with this gain, may lead those of the next.
    pub(super) fn finished(&mut self, algorithm: Algorithm, gain: f64, evidence: Vec<Evidence>) {
        let leader = Leader {
            algorithm,
            gain,
            evidence,
        };
        match self.leaders.iter_mut().find(|leader| leader.algorithm == algorithm) {
            Some(known) if known.gain >= gain => {}
            Some(known) => *known = leader,
            None => self.leaders.push(leader),
        }
    }
}

impl Behind {
    /// The reason, for the report.
    pub(super) fn message(&self, scoring: Metric, folds: usize, all: usize, estimators: &[Estimator]) -> String {
        let leader = match self.leader {
            Some(trial) => estimators[trial].to_string(),
            None => "the best trial of this algorithm in an earlier text pipeline".to_owned(),
        };
        format!(
            "stopped after {folds} of {all} folds: {scoring} is {:.4} behind {leader} on the same rows, with a standard error of {:.4}",
            self.difference, self.error
        )
    }
}

/// A trial's result on the validation rows of one fold.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Evidence {
    /// The metric, higher is better.
    gain: f64,
    /// How much each row adds to it: the metric's derivative by the row's weight, divided by the number of rows.
    influences: Vec<f32>,
    /// The mean square of what one more wrong answer would change.
    flip: f64,
}

impl Evidence {
    fn of_answers(answers: &[u32], labels: &[u32], scoring: Metric, classes: usize) -> Self {
        let table = Confusion::of(classes, labels.iter().copied().zip(answers.iter().copied()));
        let (gain, rows) = (table.value(scoring), labels.len().max(1) as f64);
        let each = labels
            .iter()
            .zip(answers)
            .map(|(&actual, &answer)| (actual as usize, answer as usize));
        let right = |actual, answer| f64::from(u8::from(actual == answer));
        if scoring == Metric::Accuracy {
            let influences = each.map(|(actual, answer)| ((right(actual, answer) - gain) / rows) as f32);
            return Self {
                gain,
                influences: influences.collect(),
                flip: rows.powi(-2),
            };
        }
        // F1 of a class is 2·right / (support + predicted): a row changes it by what it adds to each of the three.
        let (counts, f1): (Vec<f64>, Vec<f64>) = (0..classes)
            .map(|class| {
                let (support, predicted, right) = table.of_class(class);
                let count = support + predicted;
                (count, if count > 0.0 { 2.0 * right / count } else { 0.0 })
            })
            .unzip();
        let present = counts.iter().filter(|count| **count > 0.0).count().max(1) as f64;
        let weights: Vec<f64> = (0..classes)
            .map(|class| match scoring {
                Metric::WeightedF1 => table.of_class(class).0 / rows,
                _ => 1.0 / present,
            })
            .collect();
        let part = |class: usize| weights[class] / counts[class];
        let flips = labels.iter().map(|&label| (2.0 * part(label as usize)).powi(2));
        let flip = flips.sum::<f64>() / rows;
        let influences = each.map(|(actual, answer)| {
            let of_counts = part(actual) * (2.0 * right(actual, answer) - f1[actual]) - part(answer) * f1[answer];
            // The weights are shares of the rows, so the row changes its class's weight, too.
            let of_weights = match scoring {
                Metric::WeightedF1 => (f1[actual] - gain) / rows,
                _ => 0.0,
            };
            (of_counts + of_weights) as f32
        });
        Self {
            gain,
            influences: influences.collect(),
            flip,
        }
    }
}

/// The mean over the folds.
fn gain(folds: &[Evidence]) -> f64 {
    folds.iter().map(|fold| fold.gain).sum::<f64>() / folds.len().max(1) as f64
}

/// How far `trial` is behind `leader` in the mean over the folds, and the standard error.
fn difference(leader: &[Evidence], trial: &[Evidence]) -> (f64, f64) {
    let variance = |(leader, trial): (&Evidence, &Evidence)| {
        let rows = leader.influences.len() as f64;
        let pairs = leader.influences.iter().zip(&trial.influences);
        let squares: f64 = pairs.map(|(a, b)| f64::from(a - b).powi(2)).sum();
        squares * rows / (rows - 1.0).max(1.0) + leader.flip + trial.flip
    };
    let variance: f64 = leader.iter().zip(trial).map(variance).sum();
    (gain(leader) - gain(trial), variance.sqrt() / leader.len().max(1) as f64)
}

/// The value that a standard normal variable exceeds with probability `p` ≤ 0.5, within 0.0005 (Abramowitz & Stegun 1964,
/// formula 26.2.23).
fn upper_quantile(p: f64) -> f64 {
    let t = (-2.0 * p.ln()).sqrt();
    t - (2.515_517 + t * (0.802_853 + t * 0.010_328)) / (1.0 + t * (1.432_788 + t * (0.189_269 + t * 0.001_308)))
}

#[cfg(test)]
mod tests;
