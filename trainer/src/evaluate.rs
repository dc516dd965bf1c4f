//! Evaluates the final model on rows that neither the search nor the final fit has used.

use complaint_contract::limits::CLASS_RECALL_ROWS;
use complaint_contract::{ClassRecall, Metric, Metrics, VersionEvaluation, WeakClass, is_shown, round4};
use complaint_model::Artifact;
use complaint_model::artifact::TextRows;
use complaint_model::model::Calibration;
use complaint_report::{CalibrationReport, ClassMetrics, Intervals};
use rayon::prelude::*;

use crate::metrics::{Scored, coverage, expected_calibration_error, interval, reliability_bins, row_log_loss};

/// Number of classes listed as weakest.
const WEAKEST: usize = 5;
/// Number of mistakes listed in the report.
const MISTAKES: usize = 50;

/// The results of a model on the held-out rows.
#[derive(Debug)]
pub struct Evaluation {
    /// Predictions, for comparisons.
    pub scored: Scored,
    /// Overall quality.
    pub metrics: Metrics,
    /// Intervals of the overall quality.
    pub intervals: Intervals,
    /// Quality of each class.
    pub per_class: Vec<ClassMetrics>,
    /// Classes with the lowest recall.
    pub weakest: Vec<WeakClass>,
    /// Quality of the probabilities.
    pub calibration: CalibrationReport,
    /// Each answer's probability, and whether it is right.
    pub confidence: Vec<(f64, bool)>,
    /// Wrong answers as (row of the matrix, probability), highest probability first.
    pub mistakes: Vec<(usize, f64)>,
}

/// Probability of each class for each row, and the winner.
pub(crate) fn predict(artifact: &Artifact, rows: &TextRows) -> Vec<(usize, Vec<f32>)> {
    predict_by(artifact, rows, |scores, probabilities| {
        artifact.answer(scores, probabilities)
    })
}

/// The same by another rule, which writes the probabilities of scores and returns the winner.
fn predict_by(
    artifact: &Artifact,
    rows: &TextRows,
    answer: impl Fn(&[f32], &mut [f32]) -> usize + Sync,
) -> Vec<(usize, Vec<f32>)> {
    let classes = artifact.labels().len();
    (0..rows.terms.rows)
        .into_par_iter()
        .map_init(
            || vec![0.0; classes],
            |scores, row| {
                artifact.decide(rows, row, scores);
                let mut probabilities = vec![0.0; classes];
                let winner = answer(scores, &mut probabilities);
                (winner, probabilities)
            },
        )
        .collect()
}

/// The scores of the rows `which`, `which.len() × classes`.
pub(crate) fn scores(artifact: &Artifact, rows: &TextRows, which: &[usize]) -> Vec<f32> {
    let classes = artifact.labels().len();
    let mut scores = vec![0.0; which.len() * classes];
    scores.par_chunks_mut(classes).zip(which).for_each(|(scores, &row)| {
        artifact.decide(rows, row, scores);
    });
    scores
}

/// Evaluates the artifact itself on vectorised rows. `classes` are the artifact's labels, followed by labels that only
/// the rows have. Every answer to a row with such a label is wrong.
pub fn evaluate(artifact: &Artifact, rows: &TextRows, labels: &[u32], classes: &[String], seed: u64) -> Evaluation {
    let known = artifact.labels().len();
    let answers = predict(artifact, rows);
    let plain = match artifact.levels() {
        // Each level has a calibration of its own.
        Some(_) => predict(&artifact.without_calibration(), rows),
        None => predict_by(artifact, rows, |scores, probabilities| {
            Calibration::default().probabilities(scores, probabilities)
        }),
    };
    let top = |answers: &[(usize, Vec<f32>)]| -> Vec<(f64, bool)> {
        answers
            .iter()
            .zip(labels)
            .map(|((winner, probabilities), &label)| (f64::from(probabilities[*winner]), *winner == label as usize))
            .collect()
    };
    let (confidence, confidence_before) = (top(&answers), top(&plain));
    let scored = Scored {
        classes: classes.len(),
        actual: labels.to_vec(),
        predicted: answers.iter().map(|(winner, _)| *winner as u32).collect(),
        log_loss: answers
            .iter()
            .zip(labels)
            .map(|((_, probabilities), &label)| {
                let right = probabilities.get(label as usize).copied();
                row_log_loss(f64::from(right.unwrap_or(0.0)))
            })
            .collect(),
    };
    let confusion = scored.confusion();
    let per_class = confusion.per_class(classes);
    let bins = reliability_bins(confidence.iter().copied());
    let bins_before = reliability_bins(confidence_before);
    let mut mistakes: Vec<(usize, f64)> = confidence
        .iter()
        .enumerate()
        .filter(|(_, (_, right))| !right)
        .map(|(row, (probability, _))| (row, *probability))
        .collect();
    mistakes.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    mistakes.truncate(MISTAKES);
    Evaluation {
        metrics: confusion.metrics(scored.value(Metric::LogLoss)),
        intervals: intervals(&scored, seed),
        weakest: weakest(&per_class, known),
        per_class,
        calibration: CalibrationReport {
            error_before: expected_calibration_error(&bins_before),
            error_after: expected_calibration_error(&bins),
            temperature: artifact.calibration().temperature,
            monotone_map: artifact.calibration().top.is_some(),
            coverage: coverage(&confidence),
            bins,
            bins_before,
        },
        confidence,
        mistakes,
        scored,
    }
}

/// Bootstrap intervals of all metrics.
pub fn intervals(scored: &Scored, seed: u64) -> Intervals {
    let of = |metric| interval(scored, metric, seed).map(round4);
    Intervals {
        macro_f1: of(Metric::MacroF1),
        weighted_f1: of(Metric::WeightedF1),
        accuracy: of(Metric::Accuracy),
        log_loss: of(Metric::LogLoss),
    }
}

/// The evaluation of a version from its answers. `confidence` has each answer's probability and whether it was correct.
/// The first `known` classes are the version's; only the rows have the others. `split` names the rows.
pub fn version_evaluation(
    scored: &Scored,
    confidence: &[(f64, bool)],
    classes: &[String],
    known: usize,
    split: String,
) -> VersionEvaluation {
    let confusion = scored.confusion();
    let per_class = confusion.per_class(classes);
    let bins = reliability_bins(confidence.iter().copied());
    VersionEvaluation {
        split: Some(split),
        metrics: confusion.metrics(scored.value(Metric::LogLoss)).into(),
        rows: scored.actual.len(),
        weakest_classes: weakest(&per_class, known),
        calibration_error: Some(round4(expected_calibration_error(&bins))),
        min_class_recall: min_class_recall(&per_class),
        coverage: coverage(confidence),
        levels: Vec::new(),
    }
}

/// The lowest recall of a class with enough rows. Labels that may not be shown are skipped.
pub fn min_class_recall(per_class: &[ClassMetrics]) -> Option<ClassRecall> {
    let enough = per_class.iter().filter(|class| class.support >= CLASS_RECALL_ROWS);
    let lowest = enough.min_by(|a, b| a.recall.total_cmp(&b.recall).then(b.support.cmp(&a.support)))?;
    Some(ClassRecall {
        recall: lowest.recall,
        support: lowest.support,
        label: Some(lowest.label.clone()).filter(|label| is_shown(label)),
    })
}

/// The classes that have rows, lowest recall first. Among equal ones, the larger class comes first. A label after the
/// first `known` comes from a row, so a status shows it only if it looks like a name.
fn weakest(per_class: &[ClassMetrics], known: usize) -> Vec<WeakClass> {
    let (own, unknown) = per_class.split_at(known);
    let mut classes: Vec<&ClassMetrics> = own
        .iter()
        .chain(unknown.iter().filter(|class| is_shown(&class.label)))
        .filter(|class| class.support > 0)
        .collect();
    classes.sort_by(|a, b| a.recall.total_cmp(&b.recall).then(b.support.cmp(&a.support)));
    classes
        .into_iter()
        .take(WEAKEST)
        .map(|class| WeakClass {
            label: class.label.clone(),
            recall: class.recall,
            support: class.support,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_recall_is_that_of_a_class_with_enough_rows() {
        let class = |label: &str, recall: f64, support: usize| ClassMetrics {
            label: label.into(),
            precision: 1.0,
            recall,
            f1: recall,
            support,
        };
        let classes = [
            class("Rare", 0.0, 29),
            class("Card", 0.9, 30),
            class("4111 1111 1111 1111", 0.8, 40),
            class("Loan", 0.8, 31),
        ];
        let lowest = min_class_recall(&classes).unwrap();
        assert_eq!((lowest.recall, lowest.support, lowest.label), (0.8, 40, None));
        assert_eq!(min_class_recall(&classes[..2]).unwrap().label.as_deref(), Some("Card"));
        assert_eq!(min_class_recall(&classes[..1]), None);
    }
}
