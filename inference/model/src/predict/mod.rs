//! The serving path: text → prediction.
//!
//! A [`Predictor`] gives, bit for bit, the result of the training code: [`Artifact::pipeline`], then
//! [`Artifact::transform`], then [`LinearModel::decide`](crate::model::LinearModel::decide). It is faster for two
//! reasons: words in the artifact's surface-form table skip the text pipeline, and buffers are reused. Tests compare
//! both paths.

mod explain;
mod words;

pub use explain::{Contribution, Explanation};

use std::ops::Range;

use crate::artifact::Artifact;
use crate::estimate::Estimator;
use crate::text::{RawWord, TextPipeline};
use crate::vectorize::{TermLookup, Weighting, weigh};
use words::WordTable;

/// Buffers reused from text to text; one per thread. After the first few texts a prediction allocates nothing.
#[derive(Debug, Default)]
pub struct Scratch {
    text: crate::text::Scratch,
    padded: String,
    /// Tokens of the text, as numbers of the look-up.
    tokens: Vec<u32>,
    /// Columns of the text's terms, with repeats.
    columns: Vec<u32>,
    /// The text's words with scores, with repeats.
    scored: Vec<u32>,
    /// The weighted row.
    indices: Vec<u32>,
    values: Vec<f32>,
    scores: Vec<f32>,
    probabilities: Vec<f32>,
    estimating: Vec<f32>,
    /// Scores of the coarser levels.
    coarser: Vec<f32>,
    /// Probabilities below one category.
    conditional: Vec<f32>,
}

/// The answer for one text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prediction<'a> {
    /// The class that is the answer, an index into [`Predictor::labels`].
    pub class: usize,
    /// Its calibrated probability.
    pub probability: f32,
    /// The probability of every class, in the order of [`Predictor::labels`].
    pub probabilities: &'a [f32],
    /// Share of the text's tokens that are in no term of the model, 0 to 1. Stop words are not tokens. A text without
    /// tokens has 1. For a model of buckets: share of the tokens that are in no known n-gram of the shortest length. It
    /// is too low if other n-grams fall into the same buckets.
    pub unknown_word_share: f32,
    /// The estimating probability of every class ([`crate::estimate`]), if the model has an estimate. They sum to 1 and may
    /// favour another class.
    pub estimating: Option<&'a [f32]>,
}

/// An artifact ready to answer. Threads can share it, each with its own [`Scratch`].
#[derive(Debug)]
pub struct Predictor {
    artifact: Artifact,
    pipeline: TextPipeline,
    lookup: TermLookup,
    weighting: Weighting,
    words: WordTable,
    estimator: Option<Estimator>,
}

impl Predictor {
    /// Builds the look-up tables. This takes a few milliseconds.
    pub fn new(artifact: Artifact) -> Self {
        let pipeline = artifact.pipeline();
        let lookup = TermLookup::new(artifact.vocabulary(), artifact.features());
        let weighting = Weighting::new(artifact.features().sublinear_tf, artifact.vocabulary().word_terms());
        let words = WordTable::new(artifact.surfaces(), &pipeline, &lookup, artifact.word_scores());
        Self {
            estimator: artifact.estimator(),
            artifact,
            pipeline,
            lookup,
            weighting,
            words,
        }
    }

    /// The model.
    pub fn artifact(&self) -> &Artifact {
        &self.artifact
    }

    /// The class names, in the order of [`Prediction::probabilities`].
    pub fn labels(&self) -> &[String] {
        self.artifact.labels()
    }

    /// Answers for `text`. A text without known words gets the class that the bias favours.
    pub fn predict<'s>(&self, text: &str, scratch: &'s mut Scratch) -> Prediction<'s> {
        self.collect(text, scratch);
        let Scratch {
            tokens,
            columns,
            scored,
            indices,
            values,
            scores,
            probabilities,
            estimating,
            coarser,
            conditional,
            ..
        } = scratch;
        let unknown_word_share = self.lookup.unknown_word_share(tokens);

        indices.clear();
        values.clear();
        weigh(columns, self.artifact.idf(), &self.weighting, indices, values);
        self.weighting.normalize(indices, values);
        scores.resize(self.labels().len(), 0.0);
        probabilities.resize(self.labels().len(), 0.0);
        self.artifact.model().decide(indices, values, scores);
        if let Some(table) = self.artifact.word_scores() {
            table.add(scored, scores);
        }
        if let Some(models) = self.artifact.levels() {
            coarser.resize(models.model().classes(), 0.0);
            models.model().decide(indices, values, coarser);
            self.artifact.join_levels(scores, coarser, conditional);
        }
        let class = self.artifact.answer(scores, probabilities);
        let estimating = self.estimator.as_ref().map(|estimator| {
            estimating.resize(scores.len(), 0.0);
            estimator.probabilities(scores, estimating);
            estimating.as_slice()
        });
        Prediction {
            class,
            probability: probabilities[class],
            probabilities,
            unknown_word_share,
            estimating,
        }
    }

    /// Fills `tokens`, `columns` and `scored`.
    fn collect(&self, text: &str, scratch: &mut Scratch) {
        let Scratch {
            text: buffers,
            padded,
            tokens,
            columns,
            scored,
            ..
        } = scratch;
        tokens.clear();
        columns.clear();
        scored.clear();
        self.walk(text, buffers, padded, |found, _| match found {
            Found::Token(token, _) => tokens.push(token),
            Found::Column(column, _) => columns.push(column),
            Found::Scored(word) => scored.push(word),
        });
        self.lookup.each_word_ngram(tokens, |column, _, _| columns.push(column));
    }

    /// Calls `each` with every token, character n-gram and word with scores of `text`, and the word that it comes from. Prediction and
    /// explanation both use it, so they can't differ, whatever the artifact's table says.
    #[inline]
    fn walk(
        &self,
        text: &str,
        buffers: &mut crate::text::Scratch,
        padded: &mut String,
        mut each: impl FnMut(Found<'_>, &Range<usize>),
    ) {
        let surfaces = self.artifact.surfaces();
        let more = self.lookup.has_characters() || self.artifact.word_scores().is_some();
        self.pipeline
            .raw_words(text, |word| match self.words.find(text, &word, surfaces) {
                Some(known) => {
                    self.words
                        .each_token(known, surfaces, |token| each(Found::Token(token, None), &word.range));
                    if more {
                        for &column in self.words.columns(known) {
                            each(Found::Column(column, None), &word.range);
                        }
                        for &scored in self.words.scored(known) {
                            each(Found::Scored(scored), &word.range);
                        }
                    }
                }
                None => self.normalize(text, &word, buffers, padded, &mut each),
            });
    }

    /// The slow path, for a word that is not in the table.
    #[cold]
    fn normalize(
        &self,
        text: &str,
        word: &RawWord,
        buffers: &mut crate::text::Scratch,
        padded: &mut String,
        each: &mut impl FnMut(Found<'_>, &Range<usize>),
    ) {
        self.pipeline
            .parts(&text[word.range.clone()], word.ascii, buffers, |part| {
                if let Some(token) = part.token {
                    each(Found::Token(self.lookup.token(token), Some(token)), &word.range);
                }
                self.lookup.each_character_ngram(part.text, padded, |column, ngram| {
                    each(Found::Column(column, Some(ngram)), &word.range)
                });
                if let Some(scored) = self.artifact.word_scores().and_then(|table| table.find(part.text)) {
                    each(Found::Scored(scored), &word.range);
                }
            });
    }
}

/// What a word of a text gives, with its text if the word is not from the table of surface forms.
enum Found<'t> {
    /// A token's number in the look-up.
    Token(u32, Option<&'t str>),
    /// The column of a character n-gram.
    Column(u32, Option<&'t str>),
    /// A word of the table of word scores.
    Scored(u32),
}

#[cfg(test)]
mod tests;
