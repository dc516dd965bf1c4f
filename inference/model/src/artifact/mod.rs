//! The model file: everything a prediction needs, in one `safetensors` file.
//!
//! | tensor | type, shape | what |
//! |---|---|---|
//! | `weights` | f32, terms × classes | feature-major: a term's class weights are adjacent |
//! | `bias` | f32, classes | |
//! | `idf` | f32, terms | |
//! | `vocabulary.bytes`, `vocabulary.offsets` | u8; u32, terms + 1 | the terms' UTF-8, in column order |
//! | `surface.bytes`, `surface.offsets` | u8; u32, words + 1 | words as they occur in texts, in lower case |
//! | `surface.tokens`, `surface.tokenOffsets` | u32; u32, words + 1 | the tokens that each word gives |
//! | `trained.bias` | f32, classes | only in an adapted model: the intercepts it was trained with |
//! | `levels.weights`, `levels.bias` | f32, terms × categories; f32, categories | only in a model with levels: weights of the coarser levels' categories, level after level |
//! | `wordScores.bytes`, `wordScores.offsets` | u8; u32, words + 1 | only in a model trained with word vectors ([`WordScores`]): words, ascending |
//! | `wordScores.weights`, `wordScores.steps` | f32, words | each word's weight, and the size of a step of its scores |
//! | `wordScores.scores` | i16, words × classes | each word's scores in steps, its weight included |
//! | `thresholds.classes` | u32, classes × 2 | rows and number of points of each class; then of each category of coarser levels |
//! | `thresholds.probabilities`, `thresholds.counts` | f32, points; u32, points × 2 | what a threshold gives ([`OperatingPoints`]): answers, right ones |
//! | `reference.scores`, `reference.steps` | i16, rows × classes; f32, rows | scores of held-out rows: steps below the row's highest |
//! | `reference.labels`, `reference.unknownWords` | u32, rows; f32, rows | those rows' classes and shares of unknown words |
//!
//! The header's one metadata entry, `complaintModel`, is JSON with a fixed field order: `formatVersion`,
//! `pipelineVersion`, `labels`, `wordTerms`, `preprocessing`, `features`, `algorithm`, `parameters`, `calibration`,
//! `provenance`, and where the model has them `estimate` ([`Estimate`]), `reference` ([`ReferenceProfile`]) and `levels` (names and
//! calibrations of the labels' levels, [`LevelModels`]). The tensors
//! `wordScores.*`, `thresholds.*` and `reference.*` are optional too, but come together. A model from elsewhere needs none of these. Tokens in `surface.tokens` are numbered in the order in which they first occur in the vocabulary.
//!
//! With `features.hashingBits` a term is a bucket: its text is `#` and six hexadecimal digits below `2^hashingBits`.
//! Buckets of word n-grams come first, then those of character n-grams, each ascending. There are no surface forms.
//!
//! Reading a file runs no code and trusts nothing: every size, offset and number is checked first, memory use is at
//! most a small multiple of the file's size, and every problem is an [`ArtifactError`].
//!
//! **Privacy.** A file contains the words of its terms and surface forms. The trainer decides which terms are too rare
//! to store. [`ArtifactBuilder`] stores the terms of the given [`Vectorizer`], and surface forms only of tokens in
//! those terms. With the tensors `reference.*` it contains the scores and class of single held-out rows (at most 2,000, see
//! [`HeldOutRows`]), without text, row number or order. Whoever has the file, and a text that could be one of those rows, can find
//! that this row was held out and which class it had; so a model is no less confidential than the classes of its data set.

mod builder;
mod check;
mod error;
mod file;
mod held_out;
mod surfaces;

use serde::{Deserialize, Serialize};

pub use builder::ArtifactBuilder;
pub use error::ArtifactError;
pub use held_out::{HeldOutRow, HeldOutRows};
pub(crate) use surfaces::SurfaceForms;
pub use surfaces::SurfaceTable;

use complaint_contract::statistics::ReferenceProfile;
use complaint_contract::{Algorithm, Parameters, Sha256Digest};

use crate::corpus::TokenizedCorpus;
use crate::estimate::{Estimate, Estimator};
use crate::level_models::{self, LevelModels};
use crate::model::{Calibration, LinearModel};
use crate::pipeline::{Features, Preprocessing};
use crate::sparse::CsrMatrix;
use crate::text::TextPipeline;
use crate::thresholds::OperatingPoints;
use crate::vectorize::{TermLookup, Vectorizer, Vocabulary};
use crate::word_scores::{FoundWords, WordScores};

/// The format that [`Artifact::to_bytes`] writes, as `artifact.format` names it.
pub const FORMAT: &str = "safetensors/2";

/// The origin of a model, for comparing two artifacts.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Provenance {
    /// The split's key, such as `v1/seed=42/testFraction=0.2`.
    pub split: String,
    /// Digest of the data set's bytes.
    pub dataset_sha256: Option<Sha256Digest>,
    /// Digest of the corrections among the training rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub feedback_sha256: Option<Sha256Digest>,
    /// Digest of the file of word vectors, if the model has scores from them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub word_vectors_sha256: Option<Sha256Digest>,
    /// Version of the trainer.
    pub trainer_version: String,
    /// Digest of the trained model, if this one was adapted from it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<Sha256Digest>,
}

/// Texts as a model reads them.
#[derive(Debug, Clone, PartialEq)]
pub struct TextRows {
    /// Their weighted terms.
    pub terms: CsrMatrix,
    /// Their words in the model's table of word scores, if it has one.
    words: Option<FoundWords>,
}

impl From<CsrMatrix> for TextRows {
    /// The rows of a model without a table of word scores.
    fn from(terms: CsrMatrix) -> Self {
        Self { terms, words: None }
    }
}

/// A model with everything that prediction needs. [`ArtifactBuilder`] and [`Artifact::from_bytes`] make one, and both
/// check that its parts fit together.
#[derive(Debug, Clone, PartialEq)]
pub struct Artifact {
    preprocessing: Preprocessing,
    features: Features,
    vocabulary: Vocabulary,
    idf: Vec<f32>,
    model: LinearModel,
    calibration: Calibration,
    algorithm: Algorithm,
    parameters: Parameters,
    provenance: Provenance,
    surfaces: SurfaceForms,
    word_scores: Option<WordScores>,
    estimate: Option<Estimate>,
    thresholds: Option<OperatingPoints>,
    reference: Option<ReferenceProfile>,
    held_out: Option<HeldOutRows>,
    levels: Option<LevelModels>,
    /// The intercepts before an adaptation moved them.
    trained_bias: Option<Vec<f32>>,
}

impl Artifact {
    /// Reads and checks a model file.
    ///
    /// # Errors
    /// [`ArtifactError`] if the bytes are not a valid model.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ArtifactError> {
        file::read(bytes)
    }

    /// The file's bytes. Equal artifacts give equal bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        file::write(self)
    }

    /// Transforms the rows `rows` of `corpus` into weighted rows. `corpus` must have been tokenised with this model's
    /// [`Artifact::preprocessing`].
    pub fn transform(&self, corpus: &TokenizedCorpus, rows: &[u32]) -> CsrMatrix {
        Vectorizer::from_parts(
            self.vocabulary.clone(),
            self.idf.clone(),
            Vec::new(),
            self.features.clone(),
        )
        .transform(corpus, rows)
    }

    /// The rows `rows` of `corpus` as the model reads them. `corpus` must have been tokenised with this model's
    /// [`Artifact::preprocessing`].
    pub fn rows(&self, corpus: &TokenizedCorpus, rows: &[u32]) -> TextRows {
        self.with_words(self.transform(corpus, rows), corpus, rows)
    }

    /// [`Artifact::rows`], where the weighted terms are known.
    pub fn with_words(&self, terms: CsrMatrix, corpus: &TokenizedCorpus, rows: &[u32]) -> TextRows {
        let words = self.word_scores.as_ref().map(|table| table.words_of(corpus, rows));
        TextRows { terms, words }
    }

    /// Writes the score of each class for one of `rows` into `scores`, as prediction does.
    ///
    /// # Panics
    /// If `rows` are those of another model, or have no such row, or `scores` does not have one entry per class.
    pub fn decide(&self, rows: &TextRows, row: usize, scores: &mut [f32]) {
        let (indices, values) = rows.terms.row(row);
        self.model.decide(indices, values, scores);
        if let (Some(table), Some(words)) = (&self.word_scores, &rows.words) {
            table.add(words.of(row), scores);
        }
        if let Some(models) = &self.levels {
            let mut coarser = vec![0.0; models.model().classes()];
            models.model().decide(indices, values, &mut coarser);
            self.join_levels(scores, &mut coarser, &mut Vec::new());
        }
    }

    /// For each of the rows `rows` of `corpus`, the share of its tokens that the model does not know, as
    /// [`Prediction::unknown_word_share`](crate::predict::Prediction::unknown_word_share). `corpus` must have been tokenised with
    /// this model's [`Artifact::preprocessing`].
    pub fn unknown_word_shares(&self, corpus: &TokenizedCorpus, rows: &[u32]) -> Vec<f32> {
        let lookup = TermLookup::new(&self.vocabulary, &self.features);
        lookup.unknown_word_shares(corpus, rows)
    }

    /// The model's text pipeline.
    pub fn pipeline(&self) -> TextPipeline {
        TextPipeline::new(&self.preprocessing).expect("the settings were checked when the artifact was made")
    }

    /// The text steps.
    pub fn preprocessing(&self) -> &Preprocessing {
        &self.preprocessing
    }

    /// The vectoriser steps.
    pub fn features(&self) -> &Features {
        &self.features
    }

    /// The terms, in column order.
    pub fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    /// The terms' inverse document frequencies.
    pub fn idf(&self) -> &[f32] {
        &self.idf
    }

    /// The classifier.
    pub fn model(&self) -> &LinearModel {
        &self.model
    }

    /// The class names, in score order.
    pub fn labels(&self) -> &[String] {
        &self.model.labels
    }

    /// The calibration from scores to probabilities.
    pub fn calibration(&self) -> &Calibration {
        &self.calibration
    }

    /// The algorithm that the model was trained with.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The algorithm's parameters.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// The origin of the model.
    pub fn provenance(&self) -> &Provenance {
        &self.provenance
    }

    /// The scores that words add by their vectors, if the model was trained with some.
    pub fn word_scores(&self) -> Option<&WordScores> {
        self.word_scores.as_ref()
    }

    /// How scores become estimating probabilities.
    pub fn estimate(&self) -> Option<&Estimate> {
        self.estimate.as_ref()
    }

    /// [`Artifact::estimate`], ready for this model's scores.
    pub fn estimator(&self) -> Option<Estimator> {
        let estimate = self.estimate.as_ref()?;
        Some(estimate.estimator(&self.model.bias, self.trained_bias()))
    }

    /// The levels of the categories, if they have some.
    pub fn levels(&self) -> Option<&LevelModels> {
        self.levels.as_ref()
    }

    /// Writes the probabilities of a row's scores into `probabilities`, and returns the class that is the answer: the one with the
    /// highest score, or with [`Artifact::levels`] the most probable path ([`Levels::answer`](crate::Levels::answer)).
    ///
    /// # Panics
    /// If the slices differ in length or are empty.
    pub fn answer(&self, scores: &[f32], probabilities: &mut [f32]) -> usize {
        match &self.levels {
            None => self.calibration.probabilities(scores, probabilities),
            Some(models) => level_models::probabilities(models.levels(), scores, probabilities),
        }
    }

    /// The same model without calibration.
    pub fn without_calibration(&self) -> Self {
        Self {
            calibration: Calibration::default(),
            levels: self.levels.as_ref().map(LevelModels::without_calibrations),
            ..self.clone()
        }
    }

    /// Turns scores of the finest level into those of classes, if the model has levels. `coarser` is a buffer with the scores of
    /// the coarser levels.
    pub(crate) fn join_levels(&self, scores: &mut [f32], coarser: &mut [f32], buffer: &mut Vec<f32>) {
        let Some(models) = &self.levels else { return };
        // An adaptation moves the scores of classes, not those below one category.
        let moves = || self.model.bias.iter().zip(self.trained_bias());
        let is_adapted = self.trained_bias.is_some();
        if is_adapted {
            for (score, (now, then)) in scores.iter_mut().zip(moves()) {
                *score -= now - then;
            }
        }
        models.join(scores, coarser, &self.calibration, buffer);
        if is_adapted {
            for (score, (now, then)) in scores.iter_mut().zip(moves()) {
                *score += now - then;
            }
        }
    }

    /// What thresholds on the answers give: those of each class, then those of each category of the coarser [`Artifact::levels`].
    pub fn thresholds(&self) -> Option<&OperatingPoints> {
        self.thresholds.as_ref()
    }

    /// The figures of the held-out rows.
    pub fn reference(&self) -> Option<&ReferenceProfile> {
        self.reference.as_ref()
    }

    /// Scores of held-out rows with the trained intercepts.
    pub fn held_out(&self) -> Option<&HeldOutRows> {
        self.held_out.as_ref()
    }

    /// The intercepts that the model was trained with: those of the model, unless it was adapted.
    pub fn trained_bias(&self) -> &[f32] {
        self.trained_bias.as_deref().unwrap_or(&self.model.bias)
    }

    /// Number of surface forms in the serving table.
    pub fn surface_forms(&self) -> usize {
        self.surfaces.len()
    }

    pub(crate) fn surfaces(&self) -> &SurfaceForms {
        &self.surfaces
    }
}

#[cfg(test)]
pub(crate) mod tests;
