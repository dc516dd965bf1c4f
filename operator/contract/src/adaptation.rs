//! What an adaptation to another mix of categories did.

use serde::{Deserialize, Serialize};

use crate::decimals::four;
use crate::message::parts_left_out;
use crate::{Sha256Digest, StoredArtifact, is_shown};

/// A model whose intercepts were moved, as `complaint-trainer adapt` tells of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AdaptResult {
    /// Digest of the trained model that it comes from, also where the given model had been adapted before.
    pub parent: Sha256Digest,
    /// The new model.
    pub artifact: StoredArtifact,
    /// The mix before and after, in the order of the model's categories; left out where a message would be too long.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mix: Vec<AdaptedShare>,
    /// Accuracy on held-out rows as they are.
    pub held_out: AdaptedAccuracy,
    /// Accuracy on the same rows, weighed as if they had the new mix. It favours the new model, which is made for this mix.
    pub reweighted: AdaptedAccuracy,
}

/// A category's share among the complaints.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AdaptedShare {
    /// The category.
    pub label: String,
    /// In the training rows.
    #[serde(serialize_with = "four")]
    pub trained: f64,
    /// In the mix that the model is adapted to.
    #[serde(serialize_with = "four")]
    pub adapted: f64,
}

/// Shares of right answers on the same rows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AdaptedAccuracy {
    /// Number of rows; for weighed rows Kish's effective number.
    #[serde(serialize_with = "four")]
    pub rows: f64,
    /// Of the trained model.
    #[serde(serialize_with = "four")]
    pub parent: f64,
    /// Of the adapted one.
    #[serde(serialize_with = "four")]
    pub adapted: f64,
}

impl AdaptResult {
    /// The termination message: without labels that may be a person's data, and without the mix where it would be too long.
    pub fn message(&self) -> String {
        let mut shown = self.clone();
        shown.mix.retain(|share| is_shown(&share.label));
        parts_left_out(&shown, &[|result| result.mix.clear()])
    }
}
