//! What is answered without a person.

use complaint_contract::decimals::{four, four_if_any, four_pair};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the classifier's `serving.abstainBelow` and `serving.thresholds` give on the held-out rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReviewReport {
    /// Answers with a lower probability need review, in categories without a threshold of their own.
    #[serde(serialize_with = "four")]
    pub abstain_below: f64,
    /// The share of the held-out rows that are answered without a person.
    #[serde(serialize_with = "four")]
    pub answered: f64,
    /// The share of right ones among these answers. Absent if all need review.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub accuracy: Option<MeasuredShare>,
    /// Categories with a threshold of their own.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub thresholds: Vec<ThresholdReport>,
    /// Categories that the classifier sets a threshold for, and that the model does not have: it can't be served until that changes.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub unknown_categories: Vec<String>,
}

/// The threshold of a category, and what it gives on the held-out rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ThresholdReport {
    /// The category.
    pub category: String,
    /// The share of right answers that is asked for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub min_precision: Option<f64>,
    /// The share of the category's rows that is to be answered.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub min_recall: Option<f64>,
    /// Whether the out-of-fold answers reach it.
    pub is_reached: bool,
    /// The probability below which an answer of this category needs review. Absent if all of them do.
    #[serde(serialize_with = "four_if_any", skip_serializing_if = "Option::is_none", default)]
    pub probability: Option<f64>,
    /// Held-out rows with this answer.
    pub answers: usize,
    /// Those among them that need no review.
    pub answered: usize,
    /// The share of right ones among the latter. Absent if there are none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub precision: Option<MeasuredShare>,
    /// The share of the category's held-out rows that get this answer without review. Absent if no held-out row has the category.
    #[serde(serialize_with = "four_if_any", skip_serializing_if = "Option::is_none", default)]
    pub recall: Option<f64>,
}

/// A share of held-out rows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MeasuredShare {
    /// The share.
    #[serde(serialize_with = "four")]
    pub value: f64,
    /// Its 95 % interval (Wilson 1927).
    #[serde(serialize_with = "four_pair")]
    pub confidence_interval: [f64; 2],
}
