//! What a training run tells about its result: the structs of `report.json`.
//!
//! Names are those of the TrainingRun's status and of the termination message in `docs/contracts.md`. All numbers are
//! written with four decimals at most.

mod dataset;
mod quality;
mod search;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};

use crate::digest::Sha256Digest;
use crate::pipeline::{Features, Preprocessing};

pub use dataset::{ClassBalance, DatasetSummary, DroppedLabel};
pub use quality::{
    CalibrationBin, CalibrationReport, ClassMetrics, ClassTerms, Comparison, ConfusionMatrix, Metrics, WeakClass,
    WeightedTerm,
};
pub use search::{
    Algorithm, CharNgrams, ClassWeight, CrossValidation, EnsembleMember, Loss, Metric, OptimalTrial, Parameters, Trial,
    TrialCounts, TrialStatus,
};

/// Rounds to four decimals; `-0` becomes `0`.
pub fn round4(value: f64) -> f64 {
    let rounded = (value * 1e4).round() / 1e4;
    if rounded.is_finite() { rounded + 0.0 } else { value }
}

fn four<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(round4(*value))
}

fn four_each<S: Serializer>(values: &[f64], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(values.iter().map(|value| round4(*value)))
}

fn four_pair<S: Serializer>(value: &[f64; 2], serializer: S) -> Result<S::Ok, S::Error> {
    value.map(round4).serialize(serializer)
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_status() {
        let metrics = Metrics {
            macro_f1: 0.812_345,
            weighted_f1: 0.8,
            accuracy: 1.0,
            log_loss: -0.000_01,
        };
        assert_eq!(
            serde_json::to_string(&metrics).unwrap(),
            r#"{"macroF1":0.8123,"weightedF1":0.8,"accuracy":1.0,"logLoss":0.0}"#
        );
        let parameters = Parameters {
            c: Some(1.0),
            class_weight: Some(ClassWeight::Balanced),
            ..Parameters::default()
        };
        assert_eq!(
            serde_json::to_string(&parameters).unwrap(),
            r#"{"C":1.0,"classWeight":"balanced"}"#
        );
        assert_eq!(parameters.to_string(), "C=1 classWeight=balanced");
        assert!(serde_json::from_str::<Parameters>(r#"{"c":1.0}"#).is_err());
        for algorithm in [
            Algorithm::LogisticRegression,
            Algorithm::LinearSvm,
            Algorithm::NbSvm,
            Algorithm::ComplementNaiveBayes,
            Algorithm::MultinomialNaiveBayes,
            Algorithm::Ensemble,
        ] {
            assert_eq!(serde_json::to_string(&algorithm).unwrap(), format!("\"{algorithm}\""));
        }
    }

    #[test]
    fn comparison_reads_the_contract() {
        let json = format!(
            r#"{{"champion":"cards-2025-05","championSha256":"{}","metric":"macroF1","value":0.81,"championValue":0.79,
            "difference":0.02,"confidenceInterval":[-0.01,0.05],"rows":128,"sameLabels":true,"sameSplit":true}}"#,
            "ab".repeat(32)
        );
        let comparison: Comparison = serde_json::from_str(&json).unwrap();
        let again: serde_json::Value = serde_json::to_value(&comparison).unwrap();
        assert_eq!(again, serde_json::from_str::<serde_json::Value>(&json).unwrap());
    }
}
