//! Answers that are left to people: the counts that thresholds are read off, and what a classifier's rules give on held-out rows.

use complaint_contract::{CategoryThreshold, ReviewRules, ReviewTarget};
use complaint_drift::accuracy::measured;
use complaint_model::artifact::TextRows;
use complaint_model::level_models::probabilities as probabilities_of;
use complaint_model::model::Calibration;
use complaint_model::thresholds::UnseenAnswer;
use complaint_model::{Artifact, Levels, OperatingPoints};
use complaint_report::{MeasuredShare, ReviewReport, ThresholdReport};

use crate::evaluate::{Evaluation, predict};

/// Rows with scores from models that did not see them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct UnseenRows<'a> {
    /// `rows × classes`: of rows with a class of the finest level, and of rows whose label ends above it.
    pub(crate) scores: [&'a [f32]; 2],
    /// The class of each of the former.
    pub(crate) classes: &'a [u32],
    /// The label of each row.
    pub(crate) labels: &'a [&'a str],
}

/// The counts of the answers to unseen rows: of each class, and then of each category of the coarser levels.
pub(crate) fn operating_points(
    rows: UnseenRows<'_>,
    classes: usize,
    levels: Option<&Levels>,
    calibration: &Calibration,
) -> OperatingPoints {
    let mut probabilities = vec![0.0; classes];
    let mut answers = Vec::new();
    let all = rows.scores.into_iter().flat_map(|scores| scores.chunks_exact(classes));
    for (row, scores) in all.enumerate() {
        let class = match levels {
            None => calibration.probabilities(scores, &mut probabilities),
            Some(levels) => probabilities_of(levels, scores, &mut probabilities),
        };
        answers.extend(rows.classes.get(row).map(|&label| UnseenAnswer {
            class,
            probability: probabilities[class],
            label: label as usize,
        }));
        for found in levels
            .into_iter()
            .flat_map(|levels| levels.above(class, &probabilities))
        {
            answers.extend(found.level.find(rows.labels[row]).map(|label| UnseenAnswer {
                class: found.place(),
                probability: found.probability,
                label: found.first + label,
            }));
        }
    }
    OperatingPoints::of(classes + levels.map_or(0, Levels::coarser_categories), answers)
}

/// The threshold of a category that has one of its own.
struct Own<'r> {
    class: usize,
    target: ReviewTarget,
    category: &'r str,
    probability: f64,
    is_reached: bool,
}

/// A row's answer at a coarser level. Categories of these levels count on after the classes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AnswerAbove {
    category: usize,
    /// That of the row's class; `None` for a class that the model does not know.
    actual: Option<usize>,
    /// Whether neither this nor a coarser answer needs review.
    is_sure: bool,
}

/// The answers at the coarser levels, the coarsest first, to rows of these classes. Empty if there is nothing to review.
pub(crate) fn answers_above(
    rules: &ReviewRules,
    model: &Artifact,
    rows: &TextRows,
    classes: &[u32],
) -> Vec<Vec<AnswerAbove>> {
    let (Some(models), Some(points), false) = (model.levels(), model.thresholds(), rules.is_empty()) else {
        return Vec::new();
    };
    let (labels, abstain_below) = (model.labels().len(), rules.abstain_below.unwrap_or(0.0));
    let threshold = |(place, category): (usize, &String)| {
        let mut own = rules.thresholds.iter();
        let target = own
            .find(|threshold| threshold.category == *category)
            .and_then(CategoryThreshold::target);
        target.map_or(abstain_below, |target| {
            f64::from(points.threshold(labels + place, target).probability)
        })
    };
    let thresholds: Vec<f64> = models.model().labels.iter().enumerate().map(threshold).collect();
    let answers = |((answer, probabilities), &class): ((usize, Vec<f32>), &u32)| {
        let mut is_sure = true;
        let above = models.levels().above(answer, &probabilities);
        let above = above.map(|found| {
            is_sure &= f64::from(found.probability) >= thresholds[found.place() - labels];
            let actual = found.level.of_class().get(class as usize);
            AnswerAbove {
                category: found.place(),
                actual: actual.map(|category| found.first + *category as usize),
                is_sure,
            }
        });
        above.collect()
    };
    predict(model, rows).into_iter().zip(classes).map(answers).collect()
}

/// What is answered without a person on the held-out rows, and how often that is right. `None` without rules. `above` are
/// the [`answers_above`].
pub(crate) fn review(
    rules: &ReviewRules,
    model: &Artifact,
    evaluation: &Evaluation,
    above: &[Vec<AnswerAbove>],
) -> Option<ReviewReport> {
    if rules.is_empty() {
        return None;
    }
    let points = model.thresholds()?;
    let coarser = model.levels().into_iter().flat_map(|models| &models.model().labels);
    let categories: Vec<&String> = model.labels().iter().chain(coarser).collect();
    let (mut own, mut unknown) = (Vec::new(), Vec::new());
    for threshold in &rules.thresholds {
        let places = (0..categories.len()).filter(|&place| *categories[place] == threshold.category);
        let before = own.len();
        if let Some(target) = threshold.target() {
            own.extend(places.map(|class| {
                let found = points.threshold(class, target);
                Own {
                    class,
                    target,
                    category: &threshold.category,
                    probability: f64::from(found.probability),
                    is_reached: found.is_reached,
                }
            }));
        }
        if own.len() == before {
            unknown.push(threshold.category.clone());
        }
    }
    let abstain_below = rules.abstain_below.unwrap_or(0.0);
    let rows: Vec<Row> = rows(evaluation, above).collect();
    let is_answered = |row: &&Row| {
        let own = own.iter().find(|own| own.class == row.predicted);
        row.is_sure_above && row.probability >= own.map_or(abstain_below, |own| own.probability)
    };
    let answered: Vec<&Row> = rows.iter().filter(is_answered).collect();
    let right = answered.iter().filter(|row| row.is_right).count();
    let thresholds = own.iter().map(|own| {
        let at = |row: &&Row| row.above.iter().any(|above| above.category == own.class) || row.predicted == own.class;
        let is_left = |row: &&Row| match row.above.iter().find(|above| above.category == own.class) {
            Some(above) => above.is_sure,
            None => is_answered(row),
        };
        let is_of_it =
            |row: &&Row| row.actual == own.class || row.above.iter().any(|above| above.actual == Some(own.class));
        let answers = rows.iter().filter(at).count();
        let left: Vec<&Row> = rows.iter().filter(at).filter(is_left).collect();
        let right = left.iter().filter(|row| is_of_it(row)).count();
        let support = rows.iter().filter(is_of_it).count();
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
struct Row<'a> {
    actual: usize,
    predicted: usize,
    probability: f64,
    is_right: bool,
    /// Whether no coarser level needs review.
    is_sure_above: bool,
    above: &'a [AnswerAbove],
}

fn rows<'a>(evaluation: &'a Evaluation, above: &'a [Vec<AnswerAbove>]) -> impl Iterator<Item = Row<'a>> {
    let scored = &evaluation.scored;
    let answers = scored.actual.iter().zip(&scored.predicted).zip(&evaluation.confidence);
    let answers = answers.enumerate();
    answers.map(|(place, ((&actual, &predicted), &(probability, is_right)))| {
        let above = above.get(place).map_or(&[][..], Vec::as_slice);
        Row {
            actual: actual as usize,
            predicted: predicted as usize,
            probability,
            is_right,
            is_sure_above: above.last().is_none_or(|above| above.is_sure),
            above,
        }
    })
}
