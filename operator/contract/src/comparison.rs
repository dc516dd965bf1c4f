//! The comparison of a new model with the champion, and a model's weakest classes.

use serde::{Deserialize, Serialize};

use crate::{Metric, Sha256Digest, decimals};

/// The name of a ModelVersion in the same namespace.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct VersionRef {
    /// Name of the ModelVersion.
    #[cfg_attr(feature = "schema", schemars(length(max = 253)))]
    pub name: String,
}

/// The new model and the champion on the same held-out rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Comparison {
    /// The champion's ModelVersion.
    pub champion_ref: VersionRef,
    /// Digest of the champion's artifact.
    pub champion_sha256: Sha256Digest,
    /// The metric compared.
    pub metric: Metric,
    /// The new model's value.
    #[serde(serialize_with = "decimals::four")]
    pub value: f64,
    /// The champion's value on the same rows.
    #[serde(serialize_with = "decimals::four")]
    pub champion_value: f64,
    /// How much better the new model is; for `logLoss` the champion's value minus the new model's.
    #[serde(serialize_with = "decimals::four")]
    pub difference: f64,
    /// 95 % interval of the difference: Tango's score interval for `accuracy`, a paired bootstrap for the others.
    #[serde(serialize_with = "decimals::four_pair")]
    pub confidence_interval: [f64; 2],
    /// Number of held-out rows.
    pub rows: usize,
    /// Whether both predict the same set of categories.
    pub same_labels: bool,
    /// Whether both were trained with the split of these rows, so that neither saw one of them.
    pub same_split: bool,
}

/// A class with low recall.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct WeakClass {
    /// The category.
    #[cfg_attr(feature = "schema", schemars(length(max = crate::limits::LABEL_BYTES)))]
    pub label: String,
    /// Recall: the share of its held-out rows that were predicted correctly.
    #[serde(serialize_with = "decimals::four")]
    pub recall: f64,
    /// Number of its held-out rows.
    pub support: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comparison_reads_what_it_writes() {
        let json = format!(
            r#"{{"championRef":{{"name":"cards-2025-05"}},"championSha256":"{}","metric":"macroF1","value":0.81,"championValue":0.79,
            "difference":0.02,"confidenceInterval":[-0.01,0.05],"rows":128,"sameLabels":true,"sameSplit":true}}"#,
            "ab".repeat(32)
        );
        let comparison: Comparison = serde_json::from_str(&json).unwrap();
        let again: serde_json::Value = serde_json::to_value(&comparison).unwrap();
        assert_eq!(again, serde_json::from_str::<serde_json::Value>(&json).unwrap());
    }
}
