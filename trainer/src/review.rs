//! Answers that are left to people: the counts that thresholds are read off, and what a classifier's rules give on held-out rows.

use complaint_contract::{ReviewRules, ReviewTarget};
use complaint_drift::accuracy::measured;
use complaint_model::model::Calibration;
use complaint_model::thresholds::UnseenAnswer;
use complaint_model::{Artifact, OperatingPoints};
use complaint_report::{MeasuredShare, ReviewReport, ThresholdReport};

use crate::evaluate::Evaluation;

/// The counts of the out-of-fold answers: `scores` is `rows × classes`, from models that did not see the rows.
pub(crate) fn operating_points(
    scores: &[f32],
    labels: &[u32],
    classes: usize,
    calibration: &Calibration,
) -> OperatingPoints {
    let mut probabilities = vec![0.0; classes];
    let answers = scores.chunks_exact(classes).zip(labels).map(|(scores, &label)| {
        let class = calibration.probabilities(scores, &mut probabilities);
        UnseenAnswer {
            class,
            probability: probabilities[class],
            label: label as usize,
        }
    });
    OperatingPoints::of(classes, answers)
}

/// The threshold of a category that has one of its own.
struct Own<'r> {
    class: usize,
    target: ReviewTarget,
    category: &'r str,
    probability: f64,
    is_reached: bool,
}

/// What is answered without a person on the held-out rows, and how often that is right. `None` without rules.
pub(crate) fn review(rules: &ReviewRules, model: &Artifact, evaluation: &Evaluation) -> Option<ReviewReport> {
    if rules.is_empty() {
        return None;
    }
    let points = model.thresholds()?;
    let place = |category: &String| model.labels().iter().position(|label| label == category);
    let (mut own, mut unknown) = (Vec::new(), Vec::new());
    for threshold in &rules.thresholds {
        match (place(&threshold.category), threshold.target()) {
            (Some(class), Some(target)) => {
                let found = points.threshold(class, target);
                own.push(Own {
                    class,
                    target,
                    category: &threshold.category,
                    probability: f64::from(found.probability),
                    is_reached: found.is_reached,
                });
            }
            _ => unknown.push(threshold.category.clone()),
        }
    }
    let abstain_below = rules.abstain_below.unwrap_or(0.0);
    let rows: Vec<Row> = rows(evaluation).collect();
    let is_answered = |row: &&Row| {
        let own = own.iter().find(|own| own.class == row.predicted);
        row.probability >= own.map_or(abstain_below, |own| own.probability)
    };
    let answered: Vec<&Row> = rows.iter().filter(is_answered).collect();
    let right = answered.iter().filter(|row| row.is_right).count();
    let thresholds = own.iter().map(|own| {
        let answers = rows.iter().filter(|row| row.predicted == own.class).count();
        let left: Vec<&&Row> = answered.iter().filter(|row| row.predicted == own.class).collect();
        let right = left.iter().filter(|row| row.is_right).count();
        let support = rows.iter().filter(|row| row.actual == own.class).count();
        ThresholdReport {
            category: own.category.to_owned(),
            min_precision: matches!(own.target, ReviewTarget::Precision(_)).then_some(own.target.share()),
            min_recall: matches!(own.target, ReviewTarget::Recall(_)).then_some(own.target.share()),
            is_reached: own.is_reached,
            probability: (own.probability <= 1.0).then_some(own.probability),
            answers,
            answered: left.len(),
            precision: share(right, left.len()),
            recall: (support > 0).then(|| right as f64 / support as f64),
        }
    });
    Some(ReviewReport {
        abstain_below,
        thresholds: thresholds.collect(),
        unknown_categories: unknown,
        answered: answered.len() as f64 / rows.len().max(1) as f64,
        accuracy: share(right, answered.len()),
    })
}

fn share(right: usize, rows: usize) -> Option<MeasuredShare> {
    let share = measured(right as u64, rows as u64)?;
    Some(MeasuredShare {
        value: share.value,
        confidence_interval: [share.lower, share.upper],
    })
}

/// A held-out row and its answer.
struct Row {
    actual: usize,
    predicted: usize,
    probability: f64,
    is_right: bool,
}

fn rows(evaluation: &Evaluation) -> impl Iterator<Item = Row> {
    let scored = &evaluation.scored;
    let answers = scored.actual.iter().zip(&scored.predicted).zip(&evaluation.confidence);
    answers.map(|((&actual, &predicted), &(probability, is_right))| Row {
        actual: actual as usize,
        predicted: predicted as usize,
        probability,
        is_right,
    })
}
