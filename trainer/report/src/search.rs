//! Trials, and the models of an ensemble.

use complaint_contract::decimals::{four, four_each};
use complaint_contract::{Algorithm, CrossValidation, Parameters};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a trial ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum TrialStatus {
    /// The trial has a score.
    Succeeded,
    /// The trial has an error.
    Failed,
    /// The first folds showed that the trial is behind, and it did not run on the others.
    EarlyStopped,
}

/// One trial of the search.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Trial {
    /// The algorithm.
    pub algorithm: Algorithm,
    /// Its parameters.
    pub parameters: Parameters,
    /// How it ended.
    pub status: TrialStatus,
    /// Score over all folds, if it succeeded.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cross_validation: Option<CrossValidation>,
    /// Score of each fold that it ran on, in order; none if it failed.
    #[serde(skip_serializing_if = "Vec::is_empty", default, serialize_with = "four_each")]
    pub fold_scores: Vec<f64>,
    /// Why it failed or was stopped, if it did not succeed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub message: Option<String>,
}

/// A setting that the preset left to the data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Choice {
    /// The field of the run's spec, such as `features.charNgrams`.
    pub field: String,
    /// The value, or the values to try.
    pub value: String,
    /// Why it was chosen.
    pub reason: String,
}

/// One model of an ensemble.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EnsembleMember {
    /// Its algorithm.
    pub algorithm: Algorithm,
    /// Its parameters.
    pub parameters: Parameters,
    /// Its weight in the average; the weights sum to 1.
    #[serde(serialize_with = "four")]
    pub weight: f64,
    /// The temperature that its scores were divided by before averaging.
    #[serde(serialize_with = "four")]
    pub temperature: f64,
}
