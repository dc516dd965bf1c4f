//! Word vectors, and how much they count.

use complaint_contract::decimals::four;
use complaint_contract::{CrossValidation, Sha256Digest};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The word vectors that a training had.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WordVectorsReport {
    /// SHA-256 digest of the file.
    pub sha256: Sha256Digest,
    /// Its licence, as the configuration says.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub license: Option<String>,
    /// Numbers of a vector.
    pub dimensions: usize,
    /// Words in the file.
    pub file_words: u64,
    /// Words that the model has scores for; 0 if it does without the vectors.
    pub words: usize,
    /// Share of the words of all training rows that have vectors.
    #[serde(serialize_with = "four")]
    pub known_share: f64,
    /// The scale that was chosen on the folds: the average length of a row's mean vector, where the length of its words is 1. 0: the
    /// model does without the vectors, because no scale did better by more than the standard error of the difference.
    pub scale: f64,
    /// All scales that were tried, with their scores. The first is without vectors.
    pub scales: Vec<ScaleTrial>,
}

/// The chosen models with the word vectors at one scale.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScaleTrial {
    /// The scale.
    pub scale: f64,
    /// Score over the folds.
    pub cross_validation: CrossValidation,
}
