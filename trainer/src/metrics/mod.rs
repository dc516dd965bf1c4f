//! Quality metrics of predictions.

mod bootstrap;
mod paired;
mod probability;
mod tango;

use complaint_contract::{Metric, Metrics};
use complaint_report::{ClassMetrics, ConfusionMatrix};

pub use bootstrap::{RESAMPLES, Scored, interval};
pub use paired::paired_difference;
pub use probability::{coverage, expected_calibration_error, reliability_bins, row_log_loss};

/// Counts of rows by actual and predicted class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confusion {
    classes: usize,
    /// `actual × classes + predicted`.
    counts: Vec<u32>,
}

impl Confusion {
    /// An empty table.
    pub fn new(classes: usize) -> Self {
        Self {
            classes,
            counts: vec![0; classes * classes],
        }
    }

    /// Counts pairs of actual and predicted class.
    pub fn of(classes: usize, pairs: impl IntoIterator<Item = (u32, u32)>) -> Self {
        let mut table = Self::new(classes);
        pairs
            .into_iter()
            .for_each(|(actual, predicted)| table.add(actual, predicted));
        table
    }

    /// Counts one row.
    pub fn add(&mut self, actual: u32, predicted: u32) {
        self.counts[actual as usize * self.classes + predicted as usize] += 1;
    }

    /// Sets all counts to 0.
    pub fn clear(&mut self) {
        self.counts.fill(0);
    }

    fn cell(&self, actual: usize, predicted: usize) -> f64 {
        f64::from(self.counts[actual * self.classes + predicted])
    }

    /// Number of rows of a class, of rows predicted as the class, and of rows that are both.
    pub(crate) fn of_class(&self, class: usize) -> (f64, f64, f64) {
        let support = (0..self.classes).map(|predicted| self.cell(class, predicted)).sum();
        let predicted = (0..self.classes).map(|actual| self.cell(actual, class)).sum();
        (support, predicted, self.cell(class, class))
    }

    /// Share of correct answers; 0 without rows.
    pub fn accuracy(&self) -> f64 {
        let right: f64 = (0..self.classes).map(|class| self.cell(class, class)).sum();
        let all: f64 = self.counts.iter().map(|&count| f64::from(count)).sum();
        if all > 0.0 { right / all } else { 0.0 }
    }

    /// Mean F1 of the classes that occur among actual or predicted ones (scikit-learn's convention).
    pub fn macro_f1(&self) -> f64 {
        let (sum, count) = (0..self.classes)
            .map(|class| self.of_class(class))
            .filter(|(support, predicted, _)| support + predicted > 0.0)
            .fold((0.0, 0.0), |(sum, count), (support, predicted, right)| {
                (sum + 2.0 * right / (support + predicted), count + 1.0)
            });
        if count > 0.0 { sum / count } else { 0.0 }
    }

    /// Mean F1 weighted by the classes' rows.
    pub fn weighted_f1(&self) -> f64 {
        let (sum, rows) = (0..self.classes)
            .map(|class| self.of_class(class))
            .filter(|(support, _, _)| *support > 0.0)
            .fold((0.0, 0.0), |(sum, rows), (support, predicted, right)| {
                (sum + support * 2.0 * right / (support + predicted), rows + support)
            });
        if rows > 0.0 { sum / rows } else { 0.0 }
    }

    /// One of the metrics that depend on the counts.
    ///
    /// # Panics
    /// For [`Metric::LogLoss`], which needs probabilities.
    pub fn value(&self, metric: Metric) -> f64 {
        match metric {
            Metric::MacroF1 => self.macro_f1(),
            Metric::WeightedF1 => self.weighted_f1(),
            Metric::Accuracy => self.accuracy(),
            Metric::LogLoss => panic!("log loss can't be computed from counts"),
        }
    }

    /// All metrics. `log_loss` is passed in, because the counts don't determine it.
    pub fn metrics(&self, log_loss: f64) -> Metrics {
        Metrics {
            macro_f1: self.macro_f1(),
            weighted_f1: self.weighted_f1(),
            accuracy: self.accuracy(),
            log_loss,
        }
    }

    /// Precision, recall and F1 of each class. 0 if the divisor is 0.
    pub fn per_class(&self, labels: &[String]) -> Vec<ClassMetrics> {
        let ratio = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { 0.0 };
        labels
            .iter()
            .enumerate()
            .map(|(class, label)| {
                let (support, predicted, right) = self.of_class(class);
                ClassMetrics {
                    label: label.clone(),
                    precision: ratio(right, predicted),
                    recall: ratio(right, support),
                    f1: ratio(2.0 * right, support + predicted),
                    support: support as usize,
                }
            })
            .collect()
    }

    /// The table in the report's format.
    pub fn matrix(&self, labels: &[String]) -> ConfusionMatrix {
        let rows = self
            .counts
            .chunks_exact(self.classes)
            .take(labels.len())
            .map(|row| row.iter().take(labels.len()).map(|&count| count as usize).collect());
        ConfusionMatrix {
            labels: labels.to_vec(),
            rows: rows.collect(),
        }
    }
}
