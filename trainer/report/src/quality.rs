//! Quality metrics of a model.

use complaint_contract::Coverage;
use complaint_contract::decimals::four;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Quality for one class on the held-out part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClassMetrics {
    /// The class.
    pub label: String,
    /// Share of correct answers among the rows predicted as this class; 0 if there are none.
    #[serde(serialize_with = "four")]
    pub precision: f64,
    /// Share of this class's rows that were predicted correctly.
    #[serde(serialize_with = "four")]
    pub recall: f64,
    /// Harmonic mean of precision and recall.
    #[serde(serialize_with = "four")]
    pub f1: f64,
    /// Rows of the class.
    pub support: usize,
}

/// The right answers among the held-out rows of a month.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MonthAccuracy {
    /// The month, such as `2026-03`, in UTC.
    pub month: String,
    /// Held-out rows.
    pub rows: usize,
    /// Share of correct answers among them.
    #[serde(serialize_with = "four")]
    pub accuracy: f64,
}

/// Counts of held-out rows: `rows[actual][predicted]`, in the order of `labels`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConfusionMatrix {
    /// Class names.
    pub labels: Vec<String>,
    /// One row per actual class, one column per predicted class.
    pub rows: Vec<Vec<usize>>,
}

/// One bin of the reliability diagram: predictions with a probability in `[lower, upper)`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    /// Share of correct predictions.
    #[serde(serialize_with = "four")]
    pub accuracy: f64,
}

/// The calibration of the probabilities.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    /// How many answers are right if the least probable ones are left to people.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub coverage: Vec<Coverage>,
    /// The reliability diagram after calibration.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub bins: Vec<CalibrationBin>,
    /// The same before calibration: temperature 1 and no map.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub bins_before: Vec<CalibrationBin>,
}

/// A term and its weight for a class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WeightedTerm {
    /// The term.
    pub term: String,
    /// Its weight.
    #[serde(serialize_with = "four")]
    pub weight: f64,
}

/// The terms with the largest weights for a class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClassTerms {
    /// The class.
    pub label: String,
    /// The terms, largest weight first.
    pub terms: Vec<WeightedTerm>,
}

/// 95 % bootstrap intervals of the metrics.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Intervals {
    /// Interval of the macro-averaged F1.
    #[serde(rename = "macroF1")]
    pub macro_f1: [f64; 2],
    /// Interval of the weighted average of the F1 scores.
    #[serde(rename = "weightedF1")]
    pub weighted_f1: [f64; 2],
    /// Interval of the accuracy.
    pub accuracy: [f64; 2],
    /// Interval of the log loss.
    pub log_loss: [f64; 2],
}

/// A wrong answer with a high probability.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Mistake {
    /// Number of the record in the source, counted from 1.
    pub row: u64,
    /// The actual class.
    pub actual: String,
    /// The predicted class.
    pub predicted: String,
    /// The probability of the predicted class.
    pub probability: f64,
    /// The text, if the report may hold texts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}
