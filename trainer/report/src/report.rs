//! `report.json`.

use complaint_contract::{
    Algorithm, Comparison, Features, Metric, Metrics, OptimalTrial, Parameters, Preprocessing, RunFile, Sha256Digest,
    WeakClass,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::dataset::DatasetSummary;
use crate::labels::LabelAudit;
use crate::levels::LevelsReport;
use crate::profile::Profile;
use crate::quality::{CalibrationReport, ClassMetrics, ClassTerms, ConfusionMatrix, Intervals, Mistake, MonthAccuracy};
use crate::review::ReviewReport;
use crate::search::{Choice, EnsembleMember, Trial};
use crate::word_vectors::WordVectorsReport;

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
    /// Quality per class, in label order.
    pub per_class: Vec<ClassMetrics>,
    /// Quality by month, in the order of time, if `dataset.timeField` names one. Rows without a time are left out.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub months: Vec<MonthAccuracy>,
    /// The confusion matrix of actual and predicted classes.
    pub confusion_matrix: ConfusionMatrix,
    /// Quality of the probabilities.
    pub calibration: CalibrationReport,
    /// What is answered without a person. Absent without rules about that.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub review: Option<ReviewReport>,
    /// The classes with the lowest recall, at most five.
    pub weakest_classes: Vec<WeakClass>,
    /// Numbers of rows, used and removed.
    pub dataset: DatasetSummary,
    /// The split's key, such as `v1/seed=42/testFraction=0.2`.
    pub split: String,
    /// The text steps and their values.
    pub preprocessing: Preprocessing,
    /// The vectoriser steps and their values.
    pub features: Features,
    /// Number of terms in the artifact.
    pub term_count: usize,
    /// The metric of the search.
    pub scoring: Metric,
    /// Number of folds.
    pub folds: usize,
    /// How often the rows were divided into folds.
    #[serde(default = "once")]
    pub repeats: usize,
    /// Settings that followed the training rows: their language, number and length.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub choices: Vec<Choice>,
    /// All trials, in search order.
    pub trials: Vec<Trial>,
    /// The best trial, or the ensemble if it was better.
    pub current_optimal_trial: OptimalTrial,
    /// The averaged models, if the model is an ensemble.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub ensemble: Vec<EnsembleMember>,
    /// The word vectors, if the training had some.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub word_vectors: Option<WordVectorsReport>,
    /// The coarser levels of the categories, if `dataset.labelLevels` names some.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub levels: Option<LevelsReport>,
    /// The terms with the largest weights for each class; with hashing, buckets such as `#0012ab`.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub top_terms: Vec<ClassTerms>,
    /// The comparison with the champion, if there was one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub comparison: Option<Comparison>,
    /// Version of the trainer.
    pub trainer_version: String,
    /// Architecture that it ran on, such as `x86_64`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub architecture: Option<String>,
    /// 95 % bootstrap intervals of the metrics.
    pub confidence_intervals: Intervals,
    /// The most confident wrong answers.
    pub mistakes: Vec<Mistake>,
    /// The audit of the training rows' labels. Absent in reports of earlier versions.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub label_audit: Option<LabelAudit>,
    /// The profile of the data set.
    pub profile: Profile,
    /// Digest of the run's spec.
    pub spec_hash: String,
    /// The configuration, `run.json`, without the addresses of a holdout and of word vectors, the namespace and the champion: with the same bytes of data it makes
    /// the same model. Absent in reports of earlier versions.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub run: Option<RunFile>,
}

fn once() -> usize {
    1
}
