//! One fold: vectorised once, shared by all trials.

use complaint_model::Features;
use complaint_model::model::{Calibration, argmax};
use complaint_model::report::Metric;
use complaint_model::sparse::CsrMatrix;

use super::TrainingPart;
use crate::calibration::temperature;
use crate::metrics::{Confusion, row_log_loss};
use crate::solve::Problem;

/// The two sides of a fold as sparse rows.
#[derive(Debug)]
pub(super) struct Fold {
    /// Rows to learn from.
    pub(super) train: CsrMatrix,
    train_labels: Vec<u32>,
    /// Rows to judge by, vectorised with what the others taught.
    pub(super) validation: CsrMatrix,
    validation_labels: Vec<u32>,
    /// Where the judged rows stand in the training part.
    positions: Vec<u32>,
    classes: usize,
}

impl Fold {
    /// Learns vocabulary and document frequencies from all folds but `number`, and applies them to that one.
    pub(super) fn vectorise(part: TrainingPart<'_>, number: usize, features: &Features) -> Self {
        let side = |validation: bool| -> Vec<u32> {
            (0..part.rows.len() as u32)
                .filter(|&row| (usize::from(part.folds[row as usize]) == number) == validation)
                .collect()
        };
        let documents =
            |positions: &[u32]| -> Vec<u32> { positions.iter().map(|&at| part.rows[at as usize]).collect() };
        let labels = |positions: &[u32]| -> Vec<u32> { positions.iter().map(|&at| part.labels[at as usize]).collect() };
        let (train, validation) = (side(false), side(true));
        let documents_to_learn = documents(&train);
        let terms = part.terms.fit(&documents_to_learn, features);
        Self {
            train: terms.transform(&documents_to_learn),
            validation: terms.transform(&documents(&validation)),
            train_labels: labels(&train),
            validation_labels: labels(&validation),
            positions: validation,
            classes: part.classes,
        }
    }

    /// Stored numbers of both sides.
    pub(super) fn entries(&self) -> usize {
        self.train.entries() + self.validation.entries()
    }

    /// Whether no term is left.
    pub(super) fn is_empty(&self) -> bool {
        self.train.cols == 0
    }

    /// The rows to learn from.
    pub(super) fn problem(&self) -> Problem<'_> {
        Problem {
            rows: &self.train,
            labels: &self.train_labels,
            classes: self.classes,
        }
    }

    /// The metric over the judged rows. Log loss takes the probabilities at the fold's own best temperature, since
    /// scores of a support vector machine have no scale of their own and the final model is calibrated too.
    pub(super) fn judge(&self, scores: &[f32], scoring: Metric, classes: usize) -> f64 {
        let rows = || scores.chunks_exact(classes).zip(&self.validation_labels);
        if scoring == Metric::LogLoss {
            let calibration = Calibration {
                temperature: temperature(scores, &self.validation_labels, classes),
                top: None,
            };
            let mut probabilities = vec![0.0; classes];
            let sum: f64 = rows()
                .map(|(scores, &label)| {
                    calibration.probabilities(scores, &mut probabilities);
                    row_log_loss(f64::from(probabilities[label as usize]))
                })
                .sum();
            return sum / self.validation_labels.len().max(1) as f64;
        }
        Confusion::of(classes, rows().map(|(scores, &label)| (label, argmax(scores) as u32))).value(scoring)
    }

    /// Puts the judged rows' scores where they belong in the training part.
    pub(super) fn scatter(&self, scores: &[f32], classes: usize, into: &mut [f32]) {
        for (scores, &position) in scores.chunks_exact(classes).zip(&self.positions) {
            into[position as usize * classes..][..classes].copy_from_slice(scores);
        }
    }
}
