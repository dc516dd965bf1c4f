//! What a training run tells about its result: the structs of `report.json`.
//!
//! What also stands in statuses and results comes from [`complaint_contract`]. All numbers are written with four decimals
//! at most.

mod dataset;
mod quality;
mod search;

use complaint_contract::Sha256Digest;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::pipeline::{Features, Preprocessing};

pub use complaint_contract::{
    Algorithm, CharNgrams, ClassWeight, Comparison, CrossValidation, DroppedLabel, Loss, Metric, Metrics, OptimalTrial,
    Parameters, TrialCounts, WeakClass, round4,
};
pub use dataset::{ClassBalance, DatasetSummary};
pub use quality::{CalibrationBin, CalibrationReport, ClassMetrics, ClassTerms, ConfusionMatrix, WeightedTerm};
pub use search::{EnsembleMember, Trial, TrialStatus};

/// `report.json`.
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
    /// Text steps.
    pub preprocessing: Preprocessing,
    /// Vectoriser steps.
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
}
