//! Assembles a trained model.

use complaint_contract::statistics::ReferenceProfile;
use complaint_contract::{Algorithm, Parameters};

use super::check::{self, Terms};
use super::surfaces::{SurfaceForms, SurfaceTable};
use super::{Artifact, ArtifactError, HeldOutRows, Provenance};
use crate::corpus::TokenizedCorpus;
use crate::estimate::Estimate;
use crate::level_models::LevelModels;
use crate::model::{Calibration, LinearModel};
use crate::pipeline::Preprocessing;
use crate::thresholds::OperatingPoints;
use crate::vectorize::Vectorizer;
use crate::word_scores::WordScores;

/// Assembles a trained model.
///
/// The vectoriser must hold exactly the terms to store. The trainer leaves out terms that occur in fewer than five
/// documents, unless the configuration sets a lower limit: it fits with a higher minimum document frequency, or narrows
/// the vocabulary with [`Vectorizer::retain`] before it learns the weights.
///
/// ```
/// use complaint_model::artifact::ArtifactBuilder;
/// use complaint_model::predict::Scratch;
/// use complaint_contract::{Algorithm, Parameters};
/// use complaint_model::text::TextPipeline;
/// use complaint_model::vectorize::{TokenizedCorpus, Vectorizer};
/// use complaint_model::{Artifact, Features, LinearModel, Predictor, Preprocessing};
///
/// let preprocessing = Preprocessing::default();
/// let pipeline = TextPipeline::new(&preprocessing)?;
/// let corpus = TokenizedCorpus::build(&pipeline, &["late fee", "another late fee", "card stolen", "my card"]);
/// let rows = [0, 1, 2, 3];
/// let features = Features { word_ngrams: [1, 1], ..Features::default() };
/// let vectorizer = Vectorizer::fit(&corpus, &rows, &features); // card, fee, late
/// let model = LinearModel {
///     labels: vec!["Cards".into(), "Fees".into()],
///     weights: vec![2.0, -2.0, /* card */ -1.0, 1.0, /* fee */ -1.0, 1.0 /* late */],
///     bias: vec![0.0, 0.0],
/// };
/// let artifact = ArtifactBuilder::new(&preprocessing, &vectorizer, model, Algorithm::LinearSvm, Parameters::default())
///     .surface_forms(&corpus, &rows, 1)
///     .build()?;
///
/// let artifact = Artifact::from_bytes(&artifact.to_bytes())?;
/// let predictor = Predictor::new(artifact);
/// let mut scratch = Scratch::default();
/// let prediction = predictor.predict("They charged LATE FEES again", &mut scratch);
/// assert_eq!(predictor.labels()[prediction.class], "Fees");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct ArtifactBuilder {
    artifact: Artifact,
    terms: Terms,
}

impl ArtifactBuilder {
    /// Starts from the fitted parts. `model` must have one row of weights per term of `vectorizer`.
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
                surfaces: SurfaceForms::default(),
                word_scores: None,
                estimate: None,
                thresholds: None,
                reference: None,
                held_out: None,
                levels: None,
                trained_bias: None,
            },
            terms: Terms::New,
        }
    }

    /// Sets the calibration; without it probabilities are the softmax of the scores.
    pub fn calibration(mut self, calibration: Calibration) -> Self {
        self.artifact.calibration = calibration;
        self
    }

    /// Sets where the model came from.
    pub fn provenance(mut self, provenance: Provenance) -> Self {
        self.artifact.provenance = provenance;
        self
    }

    /// Sets the scores that words add by their vectors.
    pub fn word_scores(mut self, table: WordScores) -> Self {
        self.artifact.word_scores = Some(table);
        self
    }

    /// Sets how scores become estimating probabilities.
    pub fn estimate(mut self, estimate: Estimate) -> Self {
        self.artifact.estimate = Some(estimate);
        self
    }

    /// Sets the models of the coarser levels. The levels must be those of the labels.
    pub fn levels(mut self, levels: LevelModels) -> Self {
        self.artifact.levels = Some(levels);
        self
    }

    /// Sets what thresholds on the classes' answers give, and then on those of the coarser levels' categories.
    pub fn thresholds(mut self, points: OperatingPoints) -> Self {
        self.artifact.thresholds = Some(points);
        self
    }

    /// Sets the figures of the held-out rows. They need an estimate.
    pub fn reference(mut self, reference: ReferenceProfile) -> Self {
        self.artifact.reference = Some(reference);
        self
    }

    /// Sets scores of held-out rows with the trained intercepts, for adaptations. They need an estimate.
    pub fn held_out(mut self, rows: HeldOutRows) -> Self {
        self.artifact.held_out = Some(rows);
        self
    }

    /// Replaces the intercepts. The model keeps those it was trained with beside them, so a later adaptation starts from them. A model
    /// that gets its trained intercepts is no adapted one.
    pub fn adapted(mut self, bias: Vec<f32>) -> Self {
        let trained = self.artifact.trained_bias().to_vec();
        self.artifact.trained_bias = (bias != trained).then_some(trained);
        self.artifact.model.bias = bias;
        self
    }

    /// Adds the table of surface forms that occur in at least `min_documents` of the rows `rows`, so serving does not
    /// normalise them again. Predictions are the same with and without the table.
    pub fn surface_forms(self, corpus: &TokenizedCorpus, rows: &[u32], min_documents: usize) -> Self {
        let terms = (&self.artifact.vocabulary, &self.artifact.features);
        let table = SurfaceTable::of(terms, corpus, rows, min_documents);
        self.surface_table(table)
    }

    /// [`ArtifactBuilder::surface_forms`] with a table that was collected before, from the vectoriser's vocabulary.
    pub fn surface_table(mut self, table: SurfaceTable) -> Self {
        self.terms = table.terms;
        self.artifact.surfaces = table.forms;
        self
    }

    /// Checks that all parts fit together.
    ///
    /// # Errors
    /// [`ArtifactError::Inconsistent`], which names the parts.
    pub fn build(self) -> Result<Artifact, ArtifactError> {
        check::check(&self.artifact, self.terms).map_err(ArtifactError::Inconsistent)?;
        Ok(self.artifact)
    }
}

/// A builder that changes single parts of an existing model.
impl From<Artifact> for ArtifactBuilder {
    fn from(artifact: Artifact) -> Self {
        Self {
            artifact,
            terms: Terms::Checked,
        }
    }
}
