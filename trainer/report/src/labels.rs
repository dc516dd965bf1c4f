//! The audit of the labels: rows whose label is probably wrong, and categories that are confused.

use complaint_contract::decimals::four;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the folds say about the labels of the training rows: each row is judged by a model that did not see it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LabelAudit {
    /// Rows that were audited.
    pub rows: usize,
    /// Estimated share of wrong labels: those that the model's own doubt does not explain.
    #[serde(serialize_with = "four")]
    pub noise: f64,
    /// Standard error of that share. No row is suspected if the share is not above three of them.
    #[serde(serialize_with = "four")]
    pub standard_error: f64,
    /// Number of suspected rows.
    pub suspects: usize,
    /// The labels of each class, in label order.
    pub classes: Vec<ClassNoise>,
    /// Pairs of categories that are confused, most rows first, at most 20.
    pub confused: Vec<ConfusedLabels>,
    /// Pairs of categories that might be one, the least separate first, at most 20.
    pub look_alikes: Vec<LookAlikes>,
    /// The suspected rows, the least probable label first, at most 200.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub suspected_rows: Vec<SuspectedRow>,
}

impl LabelAudit {
    /// The classes, the largest estimated share of wrong labels first; equal shares in label order.
    pub fn noisiest(&self) -> Vec<&ClassNoise> {
        let mut classes: Vec<_> = self.classes.iter().collect();
        classes.sort_by(|a, b| b.noise.total_cmp(&a.noise).then_with(|| a.label.cmp(&b.label)));
        classes
    }
}

/// The labels of one class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClassNoise {
    /// The class.
    pub label: String,
    /// Audited rows with its label.
    pub rows: usize,
    /// Estimated share of them whose label is wrong.
    #[serde(serialize_with = "four")]
    pub noise: f64,
    /// Suspected rows among them.
    pub suspects: usize,
}

/// Rows with one label that are confidently of another category, wrong or not: categories that overlap are confused, too.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConfusedLabels {
    /// Their label.
    pub given: String,
    /// The category that they are confidently of.
    pub suspected: String,
    /// Their estimated number.
    pub rows: usize,
    /// Their share of the label's rows.
    #[serde(serialize_with = "four")]
    pub share: f64,
}

/// Two categories that might be one: their rows are taken for each other's in both directions, and the scores hardly separate them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LookAlikes {
    /// The categories.
    pub labels: [String; 2],
    /// The share of each one's rows that are confidently of the other.
    pub shares: [f64; 2],
    /// How often the scores tell a row of the one from a row of the other: 0.5 is chance, 1 is always.
    #[serde(serialize_with = "four")]
    pub separation: f64,
}

/// A row whose label is probably wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SuspectedRow {
    /// Number of the record in the source, counted from 1. Absent for a correction that is a row of its own.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub row: Option<u64>,
    /// Its label.
    pub given: String,
    /// The category that it probably belongs to.
    pub suspected: String,
    /// Probability of that category.
    #[serde(serialize_with = "four")]
    pub confidence: f64,
    /// How much more probable that category is than the label.
    #[serde(serialize_with = "four")]
    pub margin: f64,
    /// The text, if the report may hold texts.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub text: Option<String>,
}
