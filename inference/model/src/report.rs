//! What a training run tells about its result: the structs of `report.json`.
//!
//! Names are those of the TrainingRun's status and of the termination message in `docs/contracts.md`. All numbers are
//! written with four decimals at most.

use serde::{Deserialize, Serialize, Serializer};

use crate::digest::Sha256Digest;
use crate::pipeline::{Features, Preprocessing};

/// Rounds to four decimals; `-0` becomes `0`.
pub fn round4(value: f64) -> f64 {
    let rounded = (value * 1e4).round() / 1e4;
    if rounded.is_finite() { rounded + 0.0 } else { value }
}

fn four<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(round4(*value))
}

fn four_pair<S: Serializer>(value: &[f64; 2], serializer: S) -> Result<S::Ok, S::Error> {
    value.map(round4).serialize(serializer)
}

/// A training algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Algorithm {
    /// Multinomial logistic regression, L2-regularised.
    LogisticRegression,
    /// One-vs-rest linear support vector machine with squared hinge loss (Hsieh et al. 2008).
    LinearSvm,
    /// Complement naive Bayes (Rennie et al. 2003).
    ComplementNaiveBayes,
}

impl Algorithm {
    /// The name as the configuration spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LogisticRegression => "logisticRegression",
            Self::LinearSvm => "linearSvm",
            Self::ComplementNaiveBayes => "complementNaiveBayes",
        }
    }
}

impl std::fmt::Display for Algorithm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How rows of different classes count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ClassWeight {
    /// Every row counts the same.
    #[default]
    None,
    /// Rows count inversely to their class's frequency: `rows / (classes × rows of the class)`.
    Balanced,
}

/// One point of the grid. Only the parameters that the algorithm has are present.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Parameters {
    /// Inverse regularisation strength of the linear models, as scikit-learn scales it.
    #[serde(rename = "C", skip_serializing_if = "Option::is_none", default)]
    pub c: Option<f64>,
    /// Additive smoothing of naive Bayes.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub alpha: Option<f64>,
    /// Weighting of classes.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub class_weight: Option<ClassWeight>,
}

impl std::fmt::Display for Parameters {
    /// `C=1 classWeight=balanced`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let weight = self.class_weight.map(|w| match w {
            ClassWeight::None => "classWeight=none".to_owned(),
            ClassWeight::Balanced => "classWeight=balanced".to_owned(),
        });
        let parts = [
            self.c.map(|c| format!("C={c}")),
            self.alpha.map(|a| format!("alpha={a}")),
            weight,
        ];
        f.write_str(&parts.into_iter().flatten().collect::<Vec<_>>().join(" "))
    }
}

/// What the search maximises (`logLoss` is minimised).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Metric {
    /// Mean of the classes' F1.
    #[default]
    MacroF1,
    /// Mean of the classes' F1, weighted by support.
    WeightedF1,
    /// Share of right answers.
    Accuracy,
    /// Mean negative log-probability of the right class; lower is better.
    LogLoss,
}

/// Overall quality on the held-out part.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Metrics {
    /// Mean of the classes' F1.
    #[serde(serialize_with = "four")]
    pub macro_f1: f64,
    /// Mean of the classes' F1, weighted by support.
    #[serde(serialize_with = "four")]
    pub weighted_f1: f64,
    /// Share of right answers.
    #[serde(serialize_with = "four")]
    pub accuracy: f64,
    /// Mean negative natural logarithm of the right class's probability.
    #[serde(serialize_with = "four")]
    pub log_loss: f64,
}

impl Metrics {
    /// The metric by name.
    pub fn get(&self, metric: Metric) -> f64 {
        match metric {
            Metric::MacroF1 => self.macro_f1,
            Metric::WeightedF1 => self.weighted_f1,
            Metric::Accuracy => self.accuracy,
            Metric::LogLoss => self.log_loss,
        }
    }
}

/// Quality for one class on the held-out part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClassMetrics {
    /// The class.
    pub label: String,
    /// Share of right answers among the rows given this class; 0 when there are none.
    #[serde(serialize_with = "four")]
    pub precision: f64,
    /// Share of this class's rows that were found.
    #[serde(serialize_with = "four")]
    pub recall: f64,
    /// Harmonic mean of precision and recall.
    #[serde(serialize_with = "four")]
    pub f1: f64,
    /// Rows of the class.
    pub support: usize,
}

/// Counts of held-out rows: `rows[actual][predicted]`, in the order of `labels`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfusionMatrix {
    /// Class names.
    pub labels: Vec<String>,
    /// One row per actual class, one column per predicted class.
    pub rows: Vec<Vec<usize>>,
}

/// Mean and spread of the search metric over the folds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CrossValidation {
    /// Mean over the folds.
    #[serde(serialize_with = "four")]
    pub mean: f64,
    /// Standard deviation over the folds (population).
    #[serde(serialize_with = "four")]
    pub standard_deviation: f64,
}

/// How a trial ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TrialStatus {
    /// It has a score.
    Succeeded,
    /// It has an error.
    Failed,
}

/// One point of the search.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Trial {
    /// The algorithm.
    pub algorithm: Algorithm,
    /// Its parameters.
    pub parameters: Parameters,
    /// How it ended.
    pub status: TrialStatus,
    /// Score over the folds, when it succeeded.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cross_validation: Option<CrossValidation>,
    /// Score of each fold, in order.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub fold_scores: Vec<f64>,
    /// Why it failed, when it did.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub message: Option<String>,
}

/// How many trials ended how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TrialCounts {
    /// Trials with a score.
    pub succeeded: usize,
    /// Trials with an error.
    pub failed: usize,
    /// Both.
    pub total: usize,
}

/// The trial that won the search.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OptimalTrial {
    /// The algorithm.
    pub algorithm: Algorithm,
    /// Its parameters.
    pub parameters: Parameters,
    /// Its score over the folds.
    pub cross_validation: CrossValidation,
}

/// A label left out for having too few rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DroppedLabel {
    /// The label.
    pub label: String,
    /// How many rows it had.
    pub rows: usize,
}

/// What became of the data set's rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DatasetSummary {
    /// Rows that were used: training and test.
    pub rows: usize,
    /// Rows of the training part.
    pub train_rows: usize,
    /// Rows of the held-out part.
    pub test_rows: usize,
    /// Copies that were left out.
    pub duplicates: usize,
    /// Rows left out because copies of their text carry different labels.
    #[serde(default)]
    pub contradictions: usize,
    /// Rows left out for having no text or no label.
    #[serde(default)]
    pub empty_rows: usize,
    /// Number of classes.
    pub classes: usize,
    /// Digest of the source's bytes.
    pub sha256: Sha256Digest,
    /// Labels under `minSamplesPerClass`.
    #[serde(default)]
    pub dropped_labels: Vec<DroppedLabel>,
    /// Each class's rows in both parts.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub class_balance: Vec<ClassBalance>,
}

/// One class's rows in training and held-out part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClassBalance {
    /// The class.
    pub label: String,
    /// Its training rows.
    pub train_rows: usize,
    /// Its held-out rows.
    pub test_rows: usize,
}

/// A class that the model finds badly.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WeakClass {
    /// The class.
    pub label: String,
    /// Share of its rows that were found.
    #[serde(serialize_with = "four")]
    pub recall: f64,
    /// Rows of the class.
    pub support: usize,
}

/// Newcomer and champion on the same held-out rows (paired bootstrap).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Comparison {
    /// The champion's ModelVersion.
    pub champion: String,
    /// Digest of its artifact.
    pub champion_sha256: Sha256Digest,
    /// What was compared.
    pub metric: Metric,
    /// The newcomer's value.
    #[serde(serialize_with = "four")]
    pub value: f64,
    /// The champion's value.
    #[serde(serialize_with = "four")]
    pub champion_value: f64,
    /// Positive is better: newcomer minus champion; for `logLoss`, champion minus newcomer.
    #[serde(serialize_with = "four")]
    pub difference: f64,
    /// 95 % interval of the difference.
    #[serde(serialize_with = "four_pair")]
    pub confidence_interval: [f64; 2],
    /// Rows compared.
    pub rows: usize,
    /// Whether both know the same classes.
    pub same_labels: bool,
    /// Whether both were trained with the same split.
    pub same_split: bool,
}

/// One bar of the reliability diagram: predictions whose probability lies in `[lower, upper)`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CalibrationBin {
    /// Lower end.
    #[serde(serialize_with = "four")]
    pub lower: f64,
    /// Upper end.
    #[serde(serialize_with = "four")]
    pub upper: f64,
    /// Predictions in the bin.
    pub rows: usize,
    /// Their mean probability.
    #[serde(serialize_with = "four")]
    pub mean_probability: f64,
    /// Share of them that were right.
    #[serde(serialize_with = "four")]
    pub accuracy: f64,
}

/// How well probabilities say how often the answer is right.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CalibrationReport {
    /// Expected calibration error (15 equal bins) with temperature 1 and no map.
    #[serde(serialize_with = "four")]
    pub error_before: f64,
    /// The same with the model's calibration.
    #[serde(serialize_with = "four")]
    pub error_after: f64,
    /// The temperature.
    #[serde(serialize_with = "four")]
    pub temperature: f64,
    /// Whether a monotone map of the top probability is applied after it.
    pub monotone_map: bool,
    /// The reliability diagram after calibration.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub bins: Vec<CalibrationBin>,
}

/// A term and its weight for a class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WeightedTerm {
    /// The term.
    pub term: String,
    /// Its weight.
    #[serde(serialize_with = "four")]
    pub weight: f64,
}

/// The terms that speak most for a class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClassTerms {
    /// The class.
    pub label: String,
    /// Heaviest first.
    pub terms: Vec<WeightedTerm>,
}

/// `report.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
    /// The one that won.
    pub current_optimal_trial: OptimalTrial,
    /// The terms that speak most for each class.
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
            alpha: None,
            class_weight: Some(ClassWeight::Balanced),
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
            Algorithm::ComplementNaiveBayes,
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
