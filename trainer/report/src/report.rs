//! The whole of `report.json`.

use complaint_contract::{
    Algorithm, Comparison, Features, Metric, Metrics, OptimalTrial, Parameters, Preprocessing, Sha256Digest, WeakClass,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::dataset::DatasetSummary;
use crate::profile::Profile;
use crate::quality::{CalibrationReport, ClassMetrics, ClassTerms, ConfusionMatrix, Intervals, Mistake};
use crate::search::{EnsembleMember, Trial};

/// The report of a training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Name of the run, and of the ModelVersion it makes.
    pub name: String,
    /// The artifact this report belongs to.
    pub artifact_sha256: Sha256Digest,
    /// Algorithm of the model.
    pub algorithm: Algorithm,
    /// Its parameters.
    pub parameters: Parameters,
    /// Overall quality on the held-out part.
    pub metrics: Metrics,
    /// Quality class by class, in label order.
    pub per_class: Vec<ClassMetrics>,
    /// Actual against predicted classes.
    pub confusion_matrix: ConfusionMatrix,
    /// Quality of the probabilities.
    pub calibration: CalibrationReport,
    /// The classes with the lowest recall, at most five.
    pub weakest_classes: Vec<WeakClass>,
    /// What became of the rows.
    pub dataset: DatasetSummary,
    /// The split's key, such as `v1/seed=42/testFraction=0.2`.
    pub split: String,
    /// Text steps, with the values that were used.
    pub preprocessing: Preprocessing,
    /// Vectoriser steps, with the values that were used.
    pub features: Features,
    /// Terms in the artifact.
    pub term_count: usize,
    /// What the search maximised.
    pub scoring: Metric,
    /// Number of folds.
    pub folds: usize,
    /// All trials, in search order.
    pub trials: Vec<Trial>,
    /// The one that won, or the ensemble that beat it.
    pub current_optimal_trial: OptimalTrial,
    /// The models that were averaged, where an ensemble won.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub ensemble: Vec<EnsembleMember>,
    /// The terms that speak most for each class; with hashing, buckets such as `#0012ab`.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub top_terms: Vec<ClassTerms>,
    /// Against the champion, when there was one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub comparison: Option<Comparison>,
    /// Version of the trainer.
    pub trainer_version: String,
    /// 95 % bootstrap intervals of the metrics.
    pub confidence_intervals: Intervals,
    /// The most confident wrong answers.
    pub mistakes: Vec<Mistake>,
    /// A description of the data set.
    pub profile: Profile,
    /// Digest of the specification the run was made from.
    pub spec_hash: String,
}
