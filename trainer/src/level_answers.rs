//! The quality of a model's answers at the levels above the finest.

use complaint_contract::{LevelEvaluation, Metric, label_at, round4};
use complaint_model::levels::Level;
use complaint_model::predict::Scratch;
use complaint_model::{Levels, Predictor};
use complaint_report::LevelReport;
use rayon::prelude::*;
use rustc_hash::FxHashMap;

use crate::evaluate::intervals;
use crate::metrics::{Scored, coverage, expected_calibration_error, reliability_bins, row_log_loss};

/// The answers to rows at each coarser level, with the rows whose label reaches it. Rows of a category that the model does not know are
/// wrong answers.
#[derive(Debug)]
pub(crate) struct LevelAnswers<'m> {
    levels: &'m Levels,
    labels: &'m [String],
    of_level: Vec<OfLevel>,
}

#[derive(Debug)]
struct OfLevel {
    /// The level's categories, followed by those that only the rows have.
    names: Vec<String>,
    /// The places of the latter.
    unknown: FxHashMap<String, usize>,
    scored: Scored,
    confidence: Vec<(f64, bool)>,
    wrong_inside: usize,
    wrong_across: usize,
}

impl<'m> LevelAnswers<'m> {
    /// No answers yet of a model with these levels and labels.
    pub(crate) fn new(levels: &'m Levels, labels: &'m [String]) -> Self {
        let of_level = levels.coarser().map(|(_, level)| OfLevel {
            names: level.categories().to_vec(),
            unknown: FxHashMap::default(),
            scored: Scored {
                classes: level.categories().len(),
                actual: Vec::new(),
                predicted: Vec::new(),
                log_loss: Vec::new(),
            },
            confidence: Vec::new(),
            wrong_inside: 0,
            wrong_across: 0,
        });
        Self {
            levels,
            labels,
            of_level: of_level.collect(),
        }
    }

    /// Takes the answer to a row with this label.
    pub(crate) fn take(&mut self, label: &str, answer: usize, probabilities: &[f32]) {
        let class = self.labels.binary_search_by(|name| name.as_str().cmp(label)).ok();
        let is_wrong = class.is_some_and(|class| class != answer);
        for (depth, ((_, level), own)) in self.levels.coarser().zip(&mut self.of_level).enumerate() {
            own.take(level, depth + 1, label, answer, probabilities, is_wrong);
        }
    }

    /// Answers texts on all threads, and takes the answers. Each comes with its label.
    pub(crate) fn answer<T: AsRef<str> + Sync>(&mut self, predictor: &Predictor, texts: &[T], labels: &[&str]) {
        let answers: Vec<(usize, Vec<f32>)> = texts
            .par_iter()
            .map_init(Scratch::default, |scratch, text| {
                let answer = predictor.predict(text.as_ref(), scratch);
                (answer.class, answer.probabilities.to_vec())
            })
            .collect();
        for ((answer, probabilities), label) in answers.iter().zip(labels) {
            self.take(label, *answer, probabilities);
        }
    }

    /// What a status says of each level, where `scored` and `confidence` are the answers at the finest.
    pub(crate) fn evaluations(&self, scored: &Scored, confidence: &[(f64, bool)]) -> Vec<LevelEvaluation> {
        let names = self.levels.names().iter();
        let coarser = names
            .zip(&self.of_level)
            .map(|(name, own)| evaluation(name, &own.scored, &own.confidence));
        coarser
            .chain([evaluation(self.levels.finest(), scored, confidence)])
            .collect()
    }

    /// What was found, the coarsest level first. `seed` is that of the intervals.
    pub(crate) fn reports(self, seed: u64) -> Vec<LevelReport> {
        let names = self.levels.names().iter();
        names
            .zip(self.of_level)
            .map(|(name, own)| own.report(name, seed))
            .collect()
    }
}

impl OfLevel {
    fn take(&mut self, level: &Level, depth: usize, label: &str, answer: usize, probabilities: &[f32], is_wrong: bool) {
        let known = level.categories().len();
        let actual = match level.find(label) {
            Some(category) => category,
            None => match label_at(label, depth) {
                // It ends above this level.
                None => return,
                Some(unknown) => self.unknown.get(unknown).copied().unwrap_or_else(|| {
                    self.names.push(unknown.to_owned());
                    self.unknown.insert(unknown.to_owned(), self.names.len() - 1);
                    self.scored.classes = self.names.len();
                    self.names.len() - 1
                }),
            },
        };
        let answer = level.of_class()[answer] as usize;
        let right = if actual < known {
            level.probability(actual, probabilities)
        } else {
            0.0
        };
        self.scored.actual.push(actual as u32);
        self.scored.predicted.push(answer as u32);
        self.scored.log_loss.push(row_log_loss(f64::from(right)));
        let probability = level.probability(answer, probabilities);
        self.confidence.push((f64::from(probability), actual == answer));
        self.wrong_inside += usize::from(is_wrong && actual == answer);
        self.wrong_across += usize::from(is_wrong && actual != answer);
    }

    fn report(self, name: &str, seed: u64) -> LevelReport {
        let (scored, confusion) = (&self.scored, self.scored.confusion());
        let bins = reliability_bins(self.confidence.iter().copied());
        LevelReport {
            level: name.to_owned(),
            rows: scored.actual.len(),
            metrics: confusion.metrics(scored.value(Metric::LogLoss)),
            confidence_intervals: intervals(scored, seed),
            per_class: confusion.per_class(&self.names),
            confusion_matrix: confusion.matrix(&self.names),
            calibration_error: round4(expected_calibration_error(&bins)),
            coverage: coverage(&self.confidence),
            wrong_inside: self.wrong_inside,
            wrong_across: self.wrong_across,
            model: None,
        }
    }
}

/// What a status says of a level with these answers.
fn evaluation(level: &str, scored: &Scored, confidence: &[(f64, bool)]) -> LevelEvaluation {
    let bins = reliability_bins(confidence.iter().copied());
    LevelEvaluation {
        level: level.to_owned(),
        metrics: scored.confusion().metrics(scored.value(Metric::LogLoss)).into(),
        rows: scored.actual.len(),
        calibration_error: Some(round4(expected_calibration_error(&bins))),
    }
}

/// What a status says of each level that a report has.
pub(crate) fn level_evaluations(coarser: &[LevelReport], finest: LevelEvaluation) -> Vec<LevelEvaluation> {
    let evaluation = |level: &LevelReport| LevelEvaluation {
        level: level.level.clone(),
        metrics: level.metrics.into(),
        rows: level.rows,
        calibration_error: Some(round4(level.calibration_error)),
    };
    coarser.iter().map(evaluation).chain([finest]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn each_level_is_judged_by_the_rows_that_reach_it() {
        let labels = strings(&["Card > Fees", "Card > Theft", "Loan"]);
        let levels = Levels::new(&strings(&["product", "issue"]), &labels).unwrap();
        let mut answers = LevelAnswers::new(&levels, &labels);
        let probabilities = [0.5, 0.25, 0.25];
        for label in [
            "Card > Fees",
            "Card > Theft",
            "Loan",
            "Card",
            "Card > Unheard of",
            "Travel > Lost bag",
        ] {
            answers.take(label, 0, &probabilities);
        }
        let [product] = &answers.reports(1)[..] else { panic!() };
        assert_eq!((product.level.as_str(), product.rows), ("product", 6));
        assert!((product.metrics.accuracy - 4.0 / 6.0).abs() < 1e-9);
        // Theft is wrong inside its product; Loan is another product. What has no known issue counts for neither.
        assert_eq!((product.wrong_inside, product.wrong_across), (1, 1));
        assert_eq!(product.confusion_matrix.labels, ["Card", "Loan", "Travel"]);
        assert_eq!(product.confusion_matrix.rows[0], [4, 0, 0]);
    }
}
