//! Which answers are left to people: `--abstain-below`, `--min-precision` and `--min-recall`.

use clap::Args;
use complaint_contract::{ReviewRules, is_shown, parse_threshold};
use complaint_model::Artifact;

use super::source::parse_fraction;

/// Most bytes of the categories' names in a message; a termination log has 4,096.
const NAMED_BYTES: usize = 2_000;

/// The arguments.
#[derive(Debug, Clone, Default, Args)]
pub struct ReviewOptions {
    /// Answers with a lower probability are marked `needsReview`, unless their category has a threshold of its own
    #[arg(long, value_name = "PROBABILITY", default_value_t = 0.0, value_parser = parse_fraction)]
    pub abstain_below: f64,

    /// Answers of this category are marked `needsReview` unless this share of the others is right; such as
    /// `Credit card=0.95`. The model knows from its training which probability that takes. Repeat it for other categories
    #[arg(long, value_name = "CATEGORY=SHARE", value_parser = parse_threshold)]
    pub min_precision: Vec<(String, f64)>,

    /// Answers of this category are marked `needsReview`, as many as leave this share of the category's complaints answered
    #[arg(long, value_name = "CATEGORY=SHARE", value_parser = parse_threshold)]
    pub min_recall: Vec<(String, f64)>,
}

/// Why the arguments don't fit the model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReviewError {
    /// They make no sense for any model.
    #[error("{0}. Correct --abstain-below, --min-precision or --min-recall")]
    Invalid(String),
    /// The model lacks categories.
    #[error(
        "the model has no category {unknown}; its categories are {known}. Correct serving.thresholds (--min-precision, --min-recall)"
    )]
    UnknownCategory {
        /// Those that the arguments name.
        unknown: String,
        /// Those of the model.
        known: String,
    },
}

/// The probability of each category below which an answer is left to a person.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Thresholds {
    others: f32,
    /// By category, and then by category of each coarser level; empty if none has a threshold of its own.
    own: Vec<Option<f32>>,
}

impl Thresholds {
    /// One threshold for all categories.
    #[must_use]
    pub fn everywhere(probability: f32) -> Self {
        Self {
            others: probability,
            own: Vec::new(),
        }
    }

    /// The thresholds that the arguments ask of this model.
    ///
    /// # Errors
    /// [`ReviewError`].
    pub fn new(options: &ReviewOptions, model: &Artifact) -> Result<Self, ReviewError> {
        let rules = ReviewRules::of_arguments(Some(options.abstain_below), &options.min_precision, &options.min_recall)
            .map_err(ReviewError::Invalid)?;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a threshold between 0 and 1; probabilities are 32-bit"
        )]
        let mut thresholds = Self::everywhere(options.abstain_below as f32);
        let mut unknown = Vec::new();
        for threshold in &rules.thresholds {
            let category = &threshold.category;
            let (places, Some(target)) = (places(model, category), threshold.target()) else {
                continue;
            };
            if places.is_empty() {
                unknown.push(category.as_str());
            }
            for class in places {
                let Some(points) = model.thresholds() else {
                    tracing::warn!(
                        category,
                        "the model has no counts of its answers, so all answers of this category need review: train it with this version's trainer"
                    );
                    thresholds.set(class, model, f32::INFINITY);
                    continue;
                };
                let found = points.threshold(class, target);
                let [precision, recall] = [found.precision, Some(found.recall)];
                if found.is_reached {
                    tracing::info!(
                        category,
                        probability = found.probability,
                        precision,
                        recall,
                        "answers below need review"
                    );
                } else {
                    tracing::warn!(
                        category,
                        ?target,
                        precision,
                        recall,
                        "no threshold reaches the target: {}",
                        if found.probability > 0.0 {
                            "all answers need review"
                        } else {
                            "no answer needs review"
                        }
                    );
                }
                thresholds.set(class, model, found.probability);
            }
        }
        match unknown.is_empty() {
            true => Ok(thresholds),
            false => Err(ReviewError::UnknownCategory {
                unknown: listed(unknown),
                known: listed(categories(model).filter(|label| is_shown(label))),
            }),
        }
    }

    fn set(&mut self, class: usize, model: &Artifact, probability: f32) {
        self.own.resize(categories(model).count(), None);
        self.own[class] = Some(probability);
    }

    /// Whether an answer of this category is left to a person. Categories of coarser levels count on after those of the finest.
    #[must_use]
    pub fn needs_review(&self, category: usize, probability: f32) -> bool {
        probability < self.own.get(category).copied().flatten().unwrap_or(self.others)
    }
}

/// The categories, and then those of each coarser level.
fn categories(model: &Artifact) -> impl Iterator<Item = &str> {
    let coarser = model.levels().into_iter().flat_map(|models| &models.model().labels);
    model.labels().iter().chain(coarser).map(String::as_str)
}

/// The places of a category. One whose path ends early is a category of several levels.
fn places(model: &Artifact, category: &str) -> Vec<usize> {
    let all = categories(model).enumerate();
    all.filter(|(_, name)| *name == category)
        .map(|(place, _)| place)
        .collect()
}

/// Names in backticks, as many as a message takes.
fn listed<'l>(names: impl IntoIterator<Item = &'l str>) -> String {
    let (mut text, mut others) = (String::new(), 0);
    for name in names {
        if text.len() + name.len() > NAMED_BYTES {
            others += 1;
            continue;
        }
        if !text.is_empty() {
            text.push_str(", ");
        }
        text.extend(["`", name, "`"]);
    }
    match others {
        0 => text,
        others => format!("{text} and {others} more"),
    }
}
