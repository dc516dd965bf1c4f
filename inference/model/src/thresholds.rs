//! What a threshold on the probability of a class's answers gives, counted on rows that the model had not seen.
//!
//! For each class, the answers that gave it are ranked by their calibrated probability. A point of the ranking counts how many
//! answers are at least as probable, and how many of these are right. So precision and recall of any threshold can be read off
//! after the training, for a target that is set when the model is served.

use complaint_contract::ReviewTarget;

/// Fewest answers between two points, so that a point does not tell about single rows.
const STEP: usize = 5;
/// Most points of a class. With 100 a threshold is at most one part in a hundred too high.
pub(crate) const MOST_POINTS: usize = 100;

/// The points of all classes.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OperatingPoints {
    pub(crate) classes: Vec<ClassPoints>,
}

/// The points of one class, the most probable answers first.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct ClassPoints {
    /// Rows of the class.
    pub(crate) rows: u32,
    pub(crate) points: Vec<Point>,
}

/// What the answers of a class are from a probability on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Point {
    pub(crate) probability: f32,
    pub(crate) answers: u32,
    pub(crate) right: u32,
}

/// An answer to a row that the model had not seen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UnseenAnswer {
    /// The class that won.
    pub class: usize,
    /// Its calibrated probability.
    pub probability: f32,
    /// The row's class.
    pub label: usize,
}

/// A probability below which answers of a class are left to people.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Threshold {
    /// The probability: 0 leaves no answer to people, and a number above 1 leaves all of them.
    pub probability: f32,
    /// Whether the target is reached.
    pub is_reached: bool,
    /// The share of right ones among the answers that are left; `None` if none is.
    pub precision: Option<f64>,
    /// The share of the class's rows to which they are right answers.
    pub recall: f64,
}

/// More than any probability.
const ABOVE_ALL: f32 = 2.0;

impl OperatingPoints {
    /// Counts `answers` for `classes` classes.
    pub fn of(classes: usize, answers: impl IntoIterator<Item = UnseenAnswer>) -> Self {
        let mut ranked = vec![Vec::new(); classes];
        let mut rows = vec![0; classes];
        for answer in answers {
            rows[answer.label] += 1;
            ranked[answer.class].push((answer.probability, answer.class == answer.label));
        }
        let class = |(answers, rows)| ClassPoints {
            rows,
            points: points(answers),
        };
        Self {
            classes: ranked.into_iter().zip(rows).map(class).collect(),
        }
    }

    /// The threshold at which answers of `class` reach `target`.
    ///
    /// For a precision it is the lowest one. Of `n` answers `r` are right; what is compared is `(r + 1) / (n + 2)`, the mean of what
    /// the precision may be by these counts (Laplace's rule of succession), so a few answers that happen to be right are not enough.
    /// For a recall it is the highest one.
    pub fn threshold(&self, class: usize, target: ReviewTarget) -> Threshold {
        let ClassPoints { rows, points } = &self.classes[class];
        let reaches = |point: &&Point| match target {
            ReviewTarget::Precision(least) => {
                (f64::from(point.right) + 1.0) / (f64::from(point.answers) + 2.0) >= least
            }
            ReviewTarget::Recall(least) => f64::from(point.right) >= least * f64::from(*rows),
        };
        let found = match target {
            ReviewTarget::Precision(_) => points.iter().rev().find(reaches),
            ReviewTarget::Recall(_) => points.iter().find(reaches),
        };
        let counts = found.or_else(|| points.last().filter(|_| matches!(target, ReviewTarget::Recall(_))));
        Threshold {
            probability: match (found, target) {
                // What is below the last point has no lower one.
                (Some(point), ReviewTarget::Precision(_)) if Some(point) == points.last() => 0.0,
                (Some(point), _) => point.probability,
                (None, ReviewTarget::Precision(_)) => ABOVE_ALL,
                (None, ReviewTarget::Recall(_)) => 0.0,
            },
            is_reached: found.is_some(),
            precision: counts.map(|point| f64::from(point.right) / f64::from(point.answers)),
            recall: counts.map_or(0.0, |point| f64::from(point.right) / f64::from((*rows).max(1))),
        }
    }

    /// Checks that the counts are possible ones for `classes` classes.
    pub(crate) fn check(&self, classes: usize) -> Result<(), String> {
        let is_possible = |class: &ClassPoints| {
            let first = Point {
                probability: 1.0,
                answers: 0,
                right: 0,
            };
            let steps = std::iter::once(&first).chain(&class.points).zip(&class.points);
            let mut steps = steps.map(|(before, after)| {
                let answers = after.answers.checked_sub(before.answers);
                let right = after.right.checked_sub(before.right);
                after.probability >= 0.0
                    && after.probability <= before.probability
                    && answers.is_some_and(|answers| answers > 0 && right.is_some_and(|right| right <= answers))
            });
            class.points.len() <= MOST_POINTS
                && steps.all(|is_possible| is_possible)
                && class.points.last().is_none_or(|last| last.right <= class.rows)
        };
        match self.classes.len() == classes && self.classes.iter().all(is_possible) {
            true => Ok(()),
            false => Err("its operating points don't fit the classes, or are no counts of answers".to_owned()),
        }
    }
}

/// The points of answers as (probability, whether it is right). Equally probable answers stay together.
fn points(mut answers: Vec<(f32, bool)>) -> Vec<Point> {
    answers.sort_by(|a, b| b.0.total_cmp(&a.0));
    let step = answers.len().div_ceil(MOST_POINTS).max(STEP);
    let mut points: Vec<Point> = Vec::new();
    let (mut counted, mut right) = (0, 0);
    for together in answers.chunk_by(|a, b| a.0 == b.0) {
        counted += together.len();
        right += together.iter().filter(|(_, is_right)| *is_right).count();
        let last = points.last().map_or(0, |point| point.answers as usize);
        if counted - last >= step {
            points.push(Point {
                probability: together[0].0,
                answers: counted as u32,
                right: right as u32,
            });
        }
    }
    // What is left over is fewer than a step: it goes to the last point.
    if let Some(last) = points.last_mut() {
        (last.answers, last.right) = (counted as u32, right as u32);
        last.probability = answers.last().map_or(last.probability, |answer| answer.0);
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers of class 0 with falling probability, of which these are right.
    fn answers(right: &[bool]) -> Vec<UnseenAnswer> {
        let answer = |(place, is_right): (usize, &bool)| UnseenAnswer {
            class: 0,
            probability: 0.99 - 0.001 * place as f32,
            label: usize::from(!is_right),
        };
        right.iter().enumerate().map(answer).collect()
    }

    /// 100 right ones, then 100 of which every second is right.
    fn falling() -> OperatingPoints {
        let right: Vec<bool> = (0..200).map(|place| place < 100 || place % 2 == 0).collect();
        OperatingPoints::of(2, answers(&right))
    }

    #[test]
    fn a_precision_takes_the_lowest_probability_that_reaches_it() {
        let points = falling();
        points.check(2).expect("they are possible");
        let threshold = points.threshold(0, ReviewTarget::Precision(0.9));
        assert!(threshold.is_reached && threshold.precision.is_some_and(|precision| precision >= 0.9));
        // 110 of 120 answers are right: with the next five, 113 of 125, it is too little.
        assert!((0.86..0.88).contains(&threshold.probability), "{threshold:?}");
        let strict = points.threshold(0, ReviewTarget::Precision(0.98));
        assert!(strict.probability > threshold.probability && strict.recall < threshold.recall);
        // All answers together reach 0.7.
        assert_eq!(points.threshold(0, ReviewTarget::Precision(0.7)).probability, 0.0);
    }

    #[test]
    fn a_recall_takes_the_highest_probability_that_reaches_it() {
        let points = falling();
        let half = points.threshold(0, ReviewTarget::Recall(0.5));
        assert!(
            half.is_reached && half.recall >= 0.5 && half.probability > 0.9,
            "{half:?}"
        );
        let most = points.threshold(0, ReviewTarget::Recall(0.9));
        assert!(most.recall >= 0.9 && most.probability < half.probability);
    }

    #[test]
    fn targets_out_of_reach_leave_all_answers_or_none() {
        // Five right answers show no precision of 0.95, and class 1 has no answer.
        let few = OperatingPoints::of(2, answers(&[true; 5]));
        for class in [0, 1] {
            let none = few.threshold(class, ReviewTarget::Precision(0.95));
            assert!(!none.is_reached && none.probability > 1.0 && none.precision.is_none());
        }
        let missed = UnseenAnswer {
            class: 1,
            probability: 0.9,
            label: 0,
        };
        let half = OperatingPoints::of(2, answers(&[true; 5]).into_iter().chain([missed; 5]));
        let all = half.threshold(0, ReviewTarget::Recall(0.9));
        assert!(!all.is_reached && all.probability == 0.0);
        assert_eq!((all.precision, all.recall), (Some(1.0), 0.5));
    }

    #[test]
    fn points_are_few_and_never_about_single_answers() {
        let many = OperatingPoints::of(2, answers(&vec![true; 990]));
        assert!(many.classes[0].points.len() <= MOST_POINTS);
        let some = OperatingPoints::of(2, answers(&[true; 13]));
        let counts: Vec<u32> = some.classes[0].points.iter().map(|point| point.answers).collect();
        assert_eq!(counts, [5, 13]);
        assert!(OperatingPoints::of(2, answers(&[true; 4])).classes[0].points.is_empty());
        let equal = [UnseenAnswer {
            class: 0,
            probability: 0.5,
            label: 0,
        }; 40];
        assert_eq!(OperatingPoints::of(2, equal).classes[0].points.len(), 1);
    }

    #[test]
    fn impossible_counts_are_found() {
        let possible = falling();
        assert!(possible.check(3).is_err());
        let spoil = |spoil: &dyn Fn(&mut ClassPoints)| {
            let mut points = possible.clone();
            spoil(&mut points.classes[0]);
            points.check(2)
        };
        assert!(spoil(&|class| class.rows = 1).is_err());
        assert!(spoil(&|class| class.points[1].right = class.points[1].answers + 1).is_err());
        assert!(spoil(&|class| class.points[1].answers = class.points[0].answers).is_err());
        assert!(spoil(&|class| class.points[1].probability = 1.5).is_err());
        assert!(spoil(&|class| class.points[0].probability = f32::NAN).is_err());
        assert!(spoil(&|_| ()).is_ok());
    }
}
