//! One fold, vectorised once and shared by all trials.

use std::sync::OnceLock;

use complaint_contract::Metric;
use complaint_model::Features;
use complaint_model::model::{Calibration, argmax};
use complaint_model::sparse::CsrMatrix;

use super::{NO_CLASS, TrainingPart};
use crate::calibration::temperature;
use crate::metrics::{Confusion, row_log_loss};
use crate::solve::Problem;
use crate::solve::nb_svm::ClassCounts;
use crate::solve::order::FrequencyOrder;

/// The two sides of a fold as sparse rows.
#[derive(Debug)]
pub(super) struct Fold {
    /// Rows to learn from. Columns are numbered by frequency; those of word vectors, if there are any, come last.
    pub(super) train: CsrMatrix,
    /// Number of columns of word vectors.
    dense: usize,
    train_labels: Vec<u32>,
    /// Rows to validate on, vectorised with the vocabulary and frequencies of the training rows.
    pub(super) validation: CsrMatrix,
    validation_labels: Vec<u32>,
    /// Index of each validation row in the training part.
    positions: Vec<u32>,
    classes: usize,
    class_counts: OnceLock<ClassCounts>,
}

impl Fold {
    /// Learns vocabulary and document frequencies from all folds of a division except `number`, and applies them to that fold.
    pub(super) fn vectorise(part: TrainingPart<'_>, number: usize, features: &Features) -> Self {
        let rows = (part.rows.len() / part.repeats) as u32;
        let first = (number / part.fold_count) as u32 * rows;
        let side = |validation: bool| -> Vec<u32> {
            (first..first + rows)
                .filter(|&row| (usize::from(part.folds[row as usize]) == number) == validation)
                .collect()
        };
        let documents =
            |positions: &[u32]| -> Vec<u32> { positions.iter().map(|&at| part.rows[at as usize]).collect() };
        let labels = |positions: &[u32]| -> Vec<u32> { positions.iter().map(|&at| part.labels[at as usize]).collect() };
        let (train, validation) = (side(false), side(true));
        let documents_to_learn = documents(&train);
        let train: Vec<u32> = train
            .into_iter()
            .filter(|&at| part.labels[at as usize] != NO_CLASS)
            .collect();
        let labelled = documents(&train);
        let terms = part.terms.fit(&documents_to_learn, features);
        let (mut train_rows, mut validation_rows) =
            (terms.transform(&labelled), terms.transform(&documents(&validation)));
        let order = FrequencyOrder::of(&train_rows);
        order.renumber(&mut train_rows);
        order.renumber(&mut validation_rows);
        let terms = train_rows.cols;
        if let Some(block) = part.block {
            let vectors = block.vectors.fit(&documents_to_learn);
            vectors.append_to(&mut train_rows, &labelled, block.scale);
            vectors.append_to(&mut validation_rows, &documents(&validation), block.scale);
        }
        Self {
            dense: train_rows.cols - terms,
            train: train_rows,
            validation: validation_rows,
            train_labels: labels(&train),
            validation_labels: labels(&validation),
            positions: validation,
            classes: part.classes,
            class_counts: OnceLock::new(),
        }
    }

    /// The number of rows of each class with each term, counted on first use.
    pub(super) fn class_counts(&self) -> &ClassCounts {
        self.class_counts.get_or_init(|| ClassCounts::of(self.problem()))
    }

    /// Number of stored entries of both sides.
    pub(super) fn entries(&self) -> usize {
        self.train.entries() + self.validation.entries()
    }

    /// Whether no term is left.
    pub(super) fn is_empty(&self) -> bool {
        self.problem().terms() == 0
    }

    /// The rows to learn from.
    pub(super) fn problem(&self) -> Problem<'_> {
        Problem {
            rows: &self.train,
            dense: self.dense,
            labels: &self.train_labels,
            classes: self.classes,
        }
    }

    /// The classes of the validation rows; [`NO_CLASS`] for a row that has none.
    pub(super) fn validation_labels(&self) -> &[u32] {
        &self.validation_labels
    }

    /// Copies the validation rows' scores to their places in the training part.
    pub(super) fn scatter(&self, scores: &[f32], classes: usize, into: &mut [f32]) {
        for (scores, &position) in scores.chunks_exact(classes).zip(&self.positions) {
            into[position as usize * classes..][..classes].copy_from_slice(scores);
        }
    }
}

/// The metric over the rows that have a class, with `rows × classes` scores. Log loss uses the probabilities at the best temperature for these
/// rows: scores of a support vector machine have no scale of their own, and the final model is calibrated too.
pub fn score_rows(scores: &[f32], labels: &[u32], scoring: Metric, classes: usize) -> f64 {
    let rows = || {
        let all = scores.chunks_exact(classes).zip(labels);
        all.filter(|(_, label)| **label != NO_CLASS)
    };
    if scoring == Metric::LogLoss {
        let calibration = Calibration {
            temperature: temperature(scores, labels, classes),
            top: None,
        };
        let mut probabilities = vec![0.0; classes];
        let sum: f64 = rows()
            .map(|(scores, &label)| {
                calibration.probabilities(scores, &mut probabilities);
                row_log_loss(f64::from(probabilities[label as usize]))
            })
            .sum();
        return sum / rows().count().max(1) as f64;
    }
    Confusion::of(classes, rows().map(|(scores, &label)| (label, argmax(scores) as u32))).value(scoring)
}
