//! The reference profile: a model's figures on its held-out rows, with which those of production are compared.
//!
//! Expected accuracy and F1 come from estimating probabilities alone (confidence-based performance estimation, as NannyML does it):
//! an answer is right with the probability of its class, and a class has as many rows as its probabilities sum to. The probabilities
//! are first reweighted from the mix of the training to that of the rows, as they are in production. Standard errors are those of the
//! infinitesimal jackknife (Efron 1982): what the bootstrap gives with enough resamples, from sums alone.

use std::ops::Range;

use complaint_contract::statistics::{
    PROBABILITY_BINS, ReferenceFigure, ReferenceProfile, UNKNOWN_WORD_BINS, probability_bin, unknown_word_bin,
};
use complaint_drift::mix::ratios;
use complaint_model::Artifact;
use complaint_model::estimate::Estimator;
use rayon::prelude::*;

use crate::vector_scaling::round9;

/// Rows whose figures are summed together. The number is fixed, so sums don't depend on the number of threads.
const ROWS_AT_ONCE: usize = 1024;

/// Held-out rows.
#[derive(Debug, Clone, Copy)]
pub struct ReferenceRows<'a> {
    /// The model's scores, `rows × classes`.
    pub scores: &'a [f32],
    /// The class of each row, one of the model's.
    pub labels: &'a [u32],
    /// The share of unknown words of each row.
    pub unknown_words: &'a [f32],
    /// How much each row counts; `None`: all the same.
    pub weights: Option<&'a [f64]>,
}

impl ReferenceRows<'_> {
    fn weight(&self, row: usize) -> f64 {
        self.weights.map_or(1.0, |weights| weights[row])
    }
}

/// The figures of `artifact` on rows. `trained_mix` has the share of each class in the training. `None` without rows or estimate.
pub fn reference_profile(
    artifact: &Artifact,
    rows: ReferenceRows<'_>,
    trained_mix: &[f64],
) -> Option<ReferenceProfile> {
    let figures = Figures::new(artifact, rows, trained_mix)?;
    let sums = figures.sums();
    let squares = figures.squares(&sums);
    let classes = trained_mix.len();
    let all = sums.weight;
    let share = |sums: &[f64]| sums.iter().map(|sum| round9(sum / all)).collect::<Vec<f64>>();
    let figure = |expected: f64, measured: f64, squares: f64| ReferenceFigure {
        expected: round9(expected.clamp(0.0, 1.0)),
        measured: round9(measured.clamp(0.0, 1.0)),
        standard_error: round9(squares.sqrt().min(1.0)),
    };
    let expected = sums.expected_right.iter().sum::<f64>() / all;
    let measured = sums.right.iter().sum::<f64>() / all;
    let f1 = |class: usize| {
        let [expected, measured] = sums.f1(class);
        figure(expected, measured, squares[1 + class])
    };
    Some(ReferenceProfile {
        rows: round9(all * all / sums.squared_weight).max(1.0),
        trained_mix: trained_mix.iter().copied().map(round9).collect(),
        mix: share(&sums.actual),
        answers: share(&sums.answers),
        top_probability: share(&sums.top_probability),
        unknown_words: share(&sums.unknown_words),
        accuracy: figure(expected, measured, squares[0]),
        f1: (0..classes).map(f1).collect(),
    })
}

/// The shares of classes in rows.
pub fn mix(labels: &[u32], classes: usize) -> Vec<f64> {
    let mut counts = vec![0.0; classes];
    labels.iter().for_each(|&label| counts[label as usize] += 1.0);
    let rows = labels.len().max(1) as f64;
    counts.iter().map(|count| count / rows).collect()
}

/// Sums over rows.
#[derive(Debug, Clone)]
struct Sums {
    weight: f64,
    squared_weight: f64,
    top_probability: Vec<f64>,
    unknown_words: Vec<f64>,
    /// By class: answers, rows, right answers.
    answers: Vec<f64>,
    actual: Vec<f64>,
    right: Vec<f64>,
    /// By class: what the probabilities expect of the last two.
    expected_actual: Vec<f64>,
    expected_right: Vec<f64>,
}

impl Sums {
    fn new(classes: usize) -> Self {
        let zeros = vec![0.0; classes];
        Self {
            weight: 0.0,
            squared_weight: 0.0,
            top_probability: vec![0.0; PROBABILITY_BINS],
            unknown_words: vec![0.0; UNKNOWN_WORD_BINS],
            answers: zeros.clone(),
            actual: zeros.clone(),
            right: zeros.clone(),
            expected_actual: zeros.clone(),
            expected_right: zeros,
        }
    }

    fn add(&mut self, other: &Self) {
        self.weight += other.weight;
        self.squared_weight += other.squared_weight;
        let pairs = [
            (&mut self.top_probability, &other.top_probability),
            (&mut self.unknown_words, &other.unknown_words),
            (&mut self.answers, &other.answers),
            (&mut self.actual, &other.actual),
            (&mut self.right, &other.right),
            (&mut self.expected_actual, &other.expected_actual),
            (&mut self.expected_right, &other.expected_right),
        ];
        for (sums, more) in pairs {
            sums.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
        }
    }

    /// Expected and measured F1; 0 for a class without rows and answers.
    fn f1(&self, class: usize) -> [f64; 2] {
        let of = |right: f64, actual: f64| {
            let both = self.answers[class] + actual;
            if both > 0.0 { 2.0 * right / both } else { 0.0 }
        };
        [
            of(self.expected_right[class], self.expected_actual[class]),
            of(self.right[class], self.actual[class]),
        ]
    }
}

/// What the figures are computed from.
struct Figures<'a> {
    artifact: &'a Artifact,
    estimator: Estimator,
    rows: ReferenceRows<'a>,
    /// The share of each class in the rows, relative to that in the training.
    ratios: Vec<f32>,
}

/// One row's numbers.
struct Row<'r> {
    weight: f64,
    answer: usize,
    label: usize,
    /// Estimating probabilities for the mix of the rows.
    probabilities: &'r [f32],
    /// The probability of the answer.
    top: f64,
    unknown_words: f32,
}

impl<'a> Figures<'a> {
    fn new(artifact: &'a Artifact, rows: ReferenceRows<'a>, trained_mix: &[f64]) -> Option<Self> {
        let estimator = artifact.estimator().filter(|_| !rows.labels.is_empty())?;
        let mut mix = vec![0.0; trained_mix.len()];
        (0..rows.labels.len()).for_each(|row| mix[rows.labels[row] as usize] += rows.weight(row));
        let all: f64 = mix.iter().sum();
        mix.iter_mut().for_each(|share| *share /= all);
        Some(Self {
            artifact,
            estimator,
            rows,
            ratios: ratios(trained_mix, &mix)
                .into_iter()
                .map(|ratio| ratio as f32)
                .collect(),
        })
    }

    fn classes(&self) -> usize {
        self.ratios.len()
    }

    fn sums(&self) -> Sums {
        self.over_rows(Sums::new(self.classes()), Sums::add, |sums, row| {
            sums.weight += row.weight;
            sums.squared_weight += row.weight * row.weight;
            sums.top_probability[probability_bin(row.top)] += row.weight;
            sums.unknown_words[unknown_word_bin(f64::from(row.unknown_words))] += row.weight;
            sums.answers[row.answer] += row.weight;
            sums.actual[row.label] += row.weight;
            if row.answer == row.label {
                sums.right[row.answer] += row.weight;
            }
            sums.expected_right[row.answer] += row.weight * f64::from(row.probabilities[row.answer]);
            for (sum, probability) in sums.expected_actual.iter_mut().zip(row.probabilities) {
                *sum += row.weight * f64::from(*probability);
            }
        })
    }

    /// Variances of the difference between expected and measured: of the accuracy, then of each class's F1.
    fn squares(&self, sums: &Sums) -> Vec<f64> {
        let difference = (sums.expected_right.iter().sum::<f64>() - sums.right.iter().sum::<f64>()) / sums.weight;
        let f1: Vec<[f64; 2]> = (0..self.classes()).map(|class| sums.f1(class)).collect();
        let part = |both: f64, right: f64, counted: f64, f1: f64| {
            if both > 0.0 {
                (2.0 * right - f1 * counted) / both
            } else {
                0.0
            }
        };
        let add = |all: &mut Vec<f64>, more: &Vec<f64>| all.iter_mut().zip(more).for_each(|(all, more)| *all += more);
        self.over_rows(vec![0.0; 1 + self.classes()], add, |squares, row| {
            let flag = |is: bool| f64::from(u8::from(is));
            let right = f64::from(row.probabilities[row.answer]) - flag(row.answer == row.label);
            squares[0] += (row.weight * (right - difference) / sums.weight).powi(2);
            for (class, &probability) in row.probabilities.iter().enumerate() {
                let (probability, answered) = (f64::from(probability), flag(row.answer == class));
                let actual = flag(row.label == class);
                let both = |actual: &[f64]| sums.answers[class] + actual[class];
                let expected = part(
                    both(&sums.expected_actual),
                    answered * probability,
                    answered + probability,
                    f1[class][0],
                );
                let measured = part(both(&sums.actual), answered * actual, answered + actual, f1[class][1]);
                squares[1 + class] += (row.weight * (expected - measured)).powi(2);
            }
        })
    }

    /// Sums over all rows, in an order that doesn't depend on the number of threads.
    fn over_rows<S: Clone + Send + Sync>(
        &self,
        zero: S,
        add: impl Fn(&mut S, &S),
        each: impl Fn(&mut S, &Row<'_>) + Sync,
    ) -> S {
        let rows = self.rows.labels.len();
        let ranges: Vec<Range<usize>> = (0..rows)
            .step_by(ROWS_AT_ONCE)
            .map(|start| start..rows.min(start + ROWS_AT_ONCE))
            .collect();
        let parts: Vec<S> = ranges
            .into_par_iter()
            .map(|range| {
                let mut sums = zero.clone();
                self.look(range, |row| each(&mut sums, row));
                sums
            })
            .collect();
        let mut all = zero;
        parts.iter().for_each(|part| add(&mut all, part));
        all
    }

    fn look(&self, range: Range<usize>, mut each: impl FnMut(&Row<'_>)) {
        let classes = self.classes();
        let mut probabilities = vec![0.0; classes];
        for row in range {
            let scores = &self.rows.scores[row * classes..][..classes];
            let answer = self.artifact.answer(scores, &mut probabilities);
            let top = f64::from(probabilities[answer]);
            self.estimator.probabilities(scores, &mut probabilities);
            reweigh(&mut probabilities, &self.ratios);
            each(&Row {
                weight: self.rows.weight(row),
                answer,
                label: self.rows.labels[row] as usize,
                probabilities: &probabilities,
                top,
                unknown_words: self.rows.unknown_words[row],
            });
        }
    }
}

/// Multiplies probabilities by how much more frequent each class is, and makes them sum to 1 again.
fn reweigh(probabilities: &mut [f32], ratios: &[f32]) {
    let mut sum = 0.0;
    for (probability, ratio) in probabilities.iter_mut().zip(ratios) {
        *probability *= ratio;
        sum += *probability;
    }
    if sum > 0.0 {
        probabilities.iter_mut().for_each(|probability| *probability /= sum);
    }
}

#[cfg(test)]
mod tests;
