//! The prediction: text in, ranked categories out.
//!
//! A prediction takes microseconds, so it runs on the thread that handles the request, with that thread's own buffers.

use std::cell::RefCell;

use complaint_contract::statistics::ReferenceProfile;
use complaint_model::levels::CoarserCategory;
use complaint_model::predict::{Predictor, Scratch};
use complaint_model::vectorize::TermKind;
use complaint_model::{LevelModels, Levels, Sha256Digest};

use super::review::Thresholds;

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// One model, ready to answer from any thread.
#[derive(Debug)]
pub struct Engine {
    predictor: Predictor,
    digest: Sha256Digest,
    name: String,
    thresholds: Thresholds,
}

/// The model's prediction for one text.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// All categories. The model's choice comes first, the others follow in descending order of probability. Never empty.
    pub ranking: Vec<Ranked>,
    /// Share of the text's tokens that the model does not know, from 0 to 1.
    pub unknown_word_share: f32,
    /// Whether the winner's probability is below the engine's threshold for it, so that a person should review the text. With levels,
    /// also if that of a coarser level is.
    pub needs_review: bool,
    /// The answer at the levels above the finest, the coarsest first. Empty if the categories have no levels.
    pub coarser: Vec<CoarserAnswer>,
}

/// The answer at a level above the finest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CoarserAnswer {
    /// The category, an index into those of the level.
    pub category: usize,
    /// Its probability: the sum over the categories below it.
    pub probability: f32,
    /// Whether a person should review the answer at this level.
    pub needs_review: bool,
}

/// A category in an [`Answer`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ranked {
    /// An index into [`Engine::labels`].
    pub category: usize,
    /// Its probability.
    pub probability: f32,
    /// Its *estimating* probability, for the statistics alone ([`ReferenceProfile`]). 0 if the model has none.
    pub estimating: f32,
}

/// Explains an answer: the winner's score minus the runner-up's, term by term.
#[derive(Debug, Clone, PartialEq)]
pub struct Explained {
    /// The answer that is explained.
    pub answer: Answer,
    /// The category with the second highest score.
    pub runner_up: usize,
    /// The level at which the paths of both part, if the categories have levels.
    pub level: Option<String>,
    /// The part of the margin that does not depend on the text.
    pub bias: f32,
    /// The winner's score minus the runner-up's: `bias` plus all contributions.
    pub margin: f32,
    /// The contribution of each term, in descending order of absolute value.
    pub terms: Vec<TermPart>,
}

/// The contribution of one term to an [`Explained`] answer.
#[derive(Debug, Clone, PartialEq)]
pub struct TermPart {
    /// The term as the model knows it.
    pub term: String,
    /// Whether the term consists of words or of characters.
    pub kind: TermKind,
    /// The amount that the term adds to the margin.
    pub contribution: f32,
    /// The positions of the term in the text: half-open ranges in characters (Unicode scalar values), in text order.
    pub ranges: Vec<[usize; 2]>,
}

impl Engine {
    /// Creates an engine for a model. `digest` is the digest of the model's file. Answers that are below
    /// `thresholds` are marked for review.
    #[must_use]
    pub fn new(predictor: Predictor, digest: Sha256Digest, name: String, thresholds: Thresholds) -> Self {
        Self {
            predictor,
            digest,
            name,
            thresholds,
        }
    }

    /// The digest of the model's file.
    #[must_use]
    pub fn digest(&self) -> Sha256Digest {
        self.digest
    }

    /// The version in the Open Inference paths: the digest's 64 hexadecimal digits.
    #[must_use]
    pub fn version(&self) -> String {
        self.digest.to_string()
    }

    /// The model's name in request paths.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// All categories.
    #[must_use]
    pub fn labels(&self) -> &[String] {
        self.predictor.labels()
    }

    /// The name of a category from an answer.
    ///
    /// # Panics
    /// If the category comes from an engine with more categories.
    #[must_use]
    pub fn label(&self, category: usize) -> &str {
        &self.predictor.labels()[category]
    }

    /// Whether answers have estimating probabilities.
    #[must_use]
    pub fn estimates(&self) -> bool {
        self.predictor.artifact().estimate().is_some()
    }

    /// The model's figures on its held-out rows, if it has them. They need estimating probabilities.
    #[must_use]
    pub fn reference(&self) -> Option<&ReferenceProfile> {
        self.predictor.artifact().reference()
    }

    /// The model's answer for `text`.
    #[must_use]
    pub fn answer(&self, text: &str) -> Answer {
        SCRATCH.with_borrow_mut(|scratch| self.answer_with(text, scratch))
    }

    /// The model's answer for `text`, with an explanation.
    #[must_use]
    pub fn explain(&self, text: &str) -> Explained {
        let (answer, explanation) =
            SCRATCH.with_borrow_mut(|scratch| (self.answer_with(text, scratch), self.predictor.explain(text, scratch)));
        let characters = Characters::new(text);
        let part = |part: complaint_model::predict::Contribution| TermPart {
            ranges: part
                .ranges
                .iter()
                .map(|range| [characters.at(range.start), characters.at(range.end)])
                .collect(),
            term: part.term,
            kind: part.kind,
            contribution: part.contribution,
        };
        Explained {
            answer,
            runner_up: explanation.runner_up,
            level: explanation.level,
            bias: explanation.bias,
            margin: explanation.margin,
            terms: explanation.contributions.into_iter().map(part).collect(),
        }
    }

    fn answer_with(&self, text: &str, scratch: &mut Scratch) -> Answer {
        let prediction = self.predictor.predict(text, scratch);
        let estimating = prediction.estimating;
        let ranked = |(category, &probability): (usize, &f32)| Ranked {
            category,
            probability,
            estimating: estimating.map_or(0.0, |all| all[category]),
        };
        let mut ranking: Vec<Ranked> = prediction.probabilities.iter().enumerate().map(ranked).collect();
        // Probabilities can be equal where scores differ. The model's choice stays first.
        let place = |ranked: &Ranked| ranked.category != prediction.class;
        ranking.sort_by(|a, b| place(a).cmp(&place(b)).then(b.probability.total_cmp(&a.probability)));
        let coarser = self.coarser(prediction.class, prediction.probabilities);
        let needs_review = self.thresholds.needs_review(prediction.class, prediction.probability)
            || coarser.last().is_some_and(|level| level.needs_review);
        Answer {
            ranking,
            unknown_word_share: prediction.unknown_word_share,
            needs_review,
            coarser,
        }
    }

    /// The levels of the categories, if they have some.
    #[must_use]
    pub fn levels(&self) -> Option<&Levels> {
        self.predictor.artifact().levels().map(LevelModels::levels)
    }

    /// The answer at the levels above the finest. Below an unsure category nothing is sure.
    fn coarser(&self, class: usize, probabilities: &[f32]) -> Vec<CoarserAnswer> {
        let mut is_unsure = false;
        let above = self.levels().into_iter();
        let above = above.flat_map(|levels| levels.above(class, probabilities));
        let answer = |found: CoarserCategory<'_>| {
            is_unsure |= self.thresholds.needs_review(found.place(), found.probability);
            CoarserAnswer {
                category: found.category,
                probability: found.probability,
                needs_review: is_unsure,
            }
        };
        above.map(answer).collect()
    }
}

/// Converts byte offsets to character offsets.
struct Characters {
    starts: Option<Vec<usize>>,
}

impl Characters {
    fn new(text: &str) -> Self {
        let starts = || text.char_indices().map(|(start, _)| start).collect();
        Self {
            starts: (!text.is_ascii()).then(starts),
        }
    }

    fn at(&self, byte: usize) -> usize {
        match &self.starts {
            None => byte,
            Some(starts) => starts.partition_point(|&start| start < byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_count_characters() {
        let text = "für 5 € 💳 card";
        let characters = Characters::new(text);
        let start = text.find("card").unwrap();
        let from = characters.at(start);
        let to = characters.at(text.len());
        let cut: String = text.chars().skip(from).take(to - from).collect();
        assert_eq!(cut, "card");
    }
}
