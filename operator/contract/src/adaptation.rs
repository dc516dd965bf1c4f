//! The adaptation of a model to another mix of categories: the request of its Job, and what it did.

use serde::{Deserialize, Serialize};

use crate::decimals::{self, four};
use crate::message::{parts_left_out, to_json};
use crate::{Sha256Digest, StoredArtifact, VersionEvaluation, is_shown};

/// How much of the accuracy on the held-out rows as they are may be lost, where nothing else is said.
pub const MAX_LOSS: f64 = 0.01;

/// The name of the ModelVersion of an adapted model: the classifier's with the first 8 digits of the digest, so an equal model has
/// the same name. Of a classifier's name of 43 characters it is 52 long, as long as a name may be.
pub fn adapted_name(classifier: &str, sha256: &Sha256Digest) -> String {
    format!("{classifier}-{:.8}", sha256.to_string())
}

/// A model is to be adapted, and stored beside the one that it comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AdaptRequest {
    /// The first level of the store.
    pub namespace: String,
    /// The second level.
    pub classifier: String,
    /// Name of the model's ModelVersion.
    pub version: String,
    /// Digest of the model.
    pub sha256: Sha256Digest,
    /// The share of each category, in the order of the model's.
    pub mix: Vec<f64>,
    /// How much of the trained model's accuracy on the held-out rows as they are may be lost.
    pub max_loss: f64,
}

impl AdaptRequest {
    /// The text of the argument `--request`.
    pub fn to_json(&self) -> String {
        to_json(self)
    }
}

/// A model whose intercepts were moved, as `complaint-trainer adapt` tells of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AdaptResult {
    /// The new model.
    pub artifact: StoredArtifact,
    /// Where it comes from, and how it does on the held-out rows.
    pub adaptation: Adaptation,
    /// Its evaluation on the held-out rows as they are.
    pub evaluation: VersionEvaluation,
    /// The mix before and after, in the order of the model's categories; left out where a message would be too long.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mix: Vec<AdaptedShare>,
}

/// Where an adapted model comes from, and how it does on the held-out rows that its file keeps.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Adaptation {
    /// Digest of the trained model, also where the given one had been adapted before.
    pub parent_sha256: Sha256Digest,
    /// Digest of the model that was given: in a cluster the champion's.
    pub given_sha256: Sha256Digest,
    /// Accuracy on the held-out rows as they are.
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
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AdaptedAccuracy {
    /// Number of rows; for weighed rows Kish's effective number.
    #[serde(serialize_with = "decimals::four")]
    pub rows: f64,
    /// Of the trained model.
    #[serde(serialize_with = "decimals::four")]
    pub trained: f64,
    /// Of the model that was given.
    #[serde(serialize_with = "decimals::four")]
    pub given: f64,
    /// Of the adapted one.
    #[serde(serialize_with = "decimals::four")]
    pub adapted: f64,
}

impl AdaptedAccuracy {
    /// Whether all of them are shares of a number of rows.
    fn is_possible(&self) -> bool {
        let is_share = |value: f64| (0.0..=1.0).contains(&value);
        self.rows >= 0.0 && [self.trained, self.given, self.adapted].into_iter().all(is_share)
    }
}

impl AdaptResult {
    /// The termination message: without labels that may be a person's data, and without the mix, the weakest classes or the levels where
    /// it would be too long.
    pub fn message(&self) -> String {
        let mut shown = self.clone();
        shown.mix.retain(|share| is_shown(&share.label));
        shown.evaluation.weakest_classes.retain(|class| is_shown(&class.label));
        parts_left_out(
            &shown,
            &[
                |result| result.mix.clear(),
                |result| result.evaluation.weakest_classes.clear(),
                |result| result.evaluation.levels.clear(),
            ],
        )
    }

    /// Reads the termination message of a pod that succeeded.
    ///
    /// # Errors
    /// If the message is not this result, or has numbers that are none.
    pub fn read(message: &str) -> Result<Self, serde_json::Error> {
        let result: Self = serde_json::from_str(message)?;
        let accuracies = [result.adaptation.held_out, result.adaptation.reweighted];
        let is_possible =
            result.evaluation.metrics.are_possible() && accuracies.iter().all(AdaptedAccuracy::is_possible);
        match is_possible {
            true => Ok(result),
            false => Err(serde::de::Error::custom("it has figures outside their range")),
        }
    }
}
