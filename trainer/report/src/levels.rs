//! Quality at the coarser levels of categories.

use complaint_contract::decimals::four;
use complaint_contract::{Algorithm, Coverage, CrossValidation, Metrics, Parameters};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::quality::{ClassMetrics, ConfusionMatrix, Intervals};
use crate::search::{EnsembleMember, Trial};

/// The levels of categories. The report's other figures are those of the finest level.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LevelsReport {
    /// Names of all levels, the coarsest first.
    pub names: Vec<String>,
    /// Training rows whose label ends above the finest level. Only the coarser levels are learned from them.
    pub partial_train_rows: usize,
    /// Such rows of the held-out part. Only the coarser levels are judged by them.
    pub partial_test_rows: usize,
    /// The levels above the finest, the coarsest first.
    pub coarser: Vec<LevelReport>,
}

/// The quality of the answers at one level: an answer's category there, with the sum of the probabilities below it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LevelReport {
    /// The level's name.
    pub level: String,
    /// Held-out rows with a category of this level.
    pub rows: usize,
    /// Overall quality.
    pub metrics: Metrics,
    /// 95 % bootstrap intervals of the metrics.
    pub confidence_intervals: Intervals,
    /// Quality per category.
    pub per_class: Vec<ClassMetrics>,
    /// The confusion matrix of actual and predicted categories.
    pub confusion_matrix: ConfusionMatrix,
    /// Expected calibration error (15 equal bins).
    #[serde(serialize_with = "four")]
    pub calibration_error: f64,
    /// How many answers are right if the least probable ones are left to people.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub coverage: Vec<Coverage>,
    /// Wrong answers of the finest level whose category here is right.
    pub wrong_inside: usize,
    /// Wrong answers of the finest level whose category here is wrong too.
    pub wrong_across: usize,
    /// The model of this level. Absent where the level has a single category.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub model: Option<LevelModel>,
}

/// The model of a coarser level. It chooses among the categories below the same category of the level above.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LevelModel {
    /// Its algorithm.
    pub algorithm: Algorithm,
    /// Its parameters.
    pub parameters: Parameters,
    /// The averaged models, if it is an ensemble.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub ensemble: Vec<EnsembleMember>,
    /// The temperature of its calibration.
    #[serde(serialize_with = "four")]
    pub temperature: f64,
    /// Whether a monotone map of the top probability is applied after it.
    pub monotone_map: bool,
    /// Its score over the folds, alone.
    pub cross_validation: CrossValidation,
    /// All trials, in search order.
    pub trials: Vec<Trial>,
}
