//! The confident joint: how often a row with one label is confidently of another.

use complaint_model::Estimate;
use rayon::prelude::*;

use crate::calibration::OutOfFold;

/// Rows that a thread takes at once.
const ROWS_AT_ONCE: usize = 1024;

/// What the folds say about one row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Opinion {
    /// Probability of the given label.
    pub(super) own: f32,
    /// The most probable other class, and its probability.
    pub(super) other: (u32, f32),
    /// The class that the row confidently belongs to: the most probable of those that reach their threshold.
    pub(super) confident: Option<u32>,
}

/// Counts of rows by given label and confident class.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Joint {
    pub(super) classes: usize,
    /// Rows of each given label.
    pub(super) rows: Vec<usize>,
    /// `classes × classes`: rows by given label and confident class.
    counts: Vec<usize>,
}

impl Joint {
    /// Rows with this label that are confidently of this class.
    pub(super) fn count(&self, given: usize, class: usize) -> usize {
        self.counts[given * self.classes + class]
    }

    /// Rows with this label that are confidently of any class.
    pub(super) fn confident(&self, given: usize) -> usize {
        self.counts[given * self.classes..][..self.classes].iter().sum()
    }

    /// The share of the label's rows that are of this class. Rows without a confident class are taken to be like the others.
    pub(super) fn share(&self, given: usize, class: usize) -> f64 {
        self.count(given, class) as f64 / self.confident(given).max(1) as f64
    }
}

/// Gives each row its opinion, and counts.
///
/// The threshold of a class is the mean probability that rows with its label have for it (Northcutt, Jiang & Chuang 2021,
/// equations 1 and 2). So a class for which the model is always unsure is not measured with the yardstick of an easy one.
pub(super) fn confident_joint(data: OutOfFold<'_>, estimate: &Estimate) -> (Vec<Opinion>, Joint) {
    let classes = data.classes;
    let thresholds = thresholds(data, estimate);
    let opinions: Vec<Opinion> = each_row(data, estimate, |label, probabilities| {
        opinion(label, probabilities, &thresholds)
    });
    let mut joint = Joint {
        classes,
        rows: vec![0; classes],
        counts: vec![0; classes * classes],
    };
    for (opinion, &label) in opinions.iter().zip(data.labels) {
        joint.rows[label as usize] += 1;
        if let Some(class) = opinion.confident {
            joint.counts[label as usize * classes + class as usize] += 1;
        }
    }
    (opinions, joint)
}

fn thresholds(data: OutOfFold<'_>, estimate: &Estimate) -> Vec<f64> {
    let own = each_row(data, estimate, |label, probabilities| probabilities[label]);
    let (mut sums, mut rows) = (vec![0.0; data.classes], vec![0_usize; data.classes]);
    for (own, &label) in own.into_iter().zip(data.labels) {
        sums[label as usize] += f64::from(own);
        rows[label as usize] += 1;
    }
    // No row is confidently of a class that has no rows.
    let mean = |(sum, rows): (f64, usize)| if rows == 0 { f64::INFINITY } else { sum / rows as f64 };
    sums.into_iter().zip(rows).map(mean).collect()
}

/// Calls `look` with the label and the probabilities of each row, on all threads.
fn each_row<T: Send>(data: OutOfFold<'_>, estimate: &Estimate, look: impl Fn(usize, &[f32]) -> T + Sync) -> Vec<T> {
    let unmoved = vec![0.0; data.classes];
    let estimator = estimate.estimator(&unmoved, &unmoved);
    let parts = data.scores.par_chunks(ROWS_AT_ONCE * data.classes);
    let parts: Vec<Vec<T>> = parts
        .zip(data.labels.par_chunks(ROWS_AT_ONCE))
        .map(|(scores, labels)| {
            let mut probabilities = vec![0.0; data.classes];
            let rows = scores.chunks_exact(data.classes).zip(labels);
            rows.map(|(scores, &label)| {
                estimator.probabilities(scores, &mut probabilities);
                look(label as usize, &probabilities)
            })
            .collect()
        })
        .collect();
    parts.into_iter().flatten().collect()
}

fn opinion(label: usize, probabilities: &[f32], thresholds: &[f64]) -> Opinion {
    let mut other: Option<usize> = None;
    let mut confident: Option<usize> = None;
    for (class, &probability) in probabilities.iter().enumerate() {
        if class != label && other.is_none_or(|best| probability > probabilities[best]) {
            other = Some(class);
        }
        let is_confident = f64::from(probability) >= thresholds[class];
        if is_confident && confident.is_none_or(|best| probability > probabilities[best]) {
            confident = Some(class);
        }
    }
    let other = other.unwrap_or(label);
    Opinion {
        own: probabilities[label],
        other: (other as u32, probabilities[other]),
        confident: confident.map(|class| class as u32),
    }
}
