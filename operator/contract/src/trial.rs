//! Trials and their scores.

use serde::{Deserialize, Serialize};

use crate::{Algorithm, CharNgrams, ClassWeight, Loss, Normalizer, decimals};

/// The parameters of one trial or model: those of its algorithm, and the steps of the text pipeline that the search
/// varied.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct Parameters {
    /// Inverse of the regularisation strength, as scikit-learn scales it.
    #[serde(rename = "C", skip_serializing_if = "Option::is_none")]
    pub c: Option<f64>,
    /// Additive smoothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alpha: Option<f64>,
    /// How much a row counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class_weight: Option<ClassWeight>,
    /// Loss of a support vector machine, if it is not the default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loss: Option<Loss>,
    /// The normalizer, if several were tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub normalizer: Option<Normalizer>,
    /// Whether stop words were removed, if both were tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remove_stop_words: Option<bool>,
    /// Word n-grams, if several were tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub word_ngrams: Option<[usize; 2]>,
    /// Character n-grams, if several were tried; an empty list is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub char_ngrams: Option<CharNgrams>,
    /// Least number of rows with a term, if several were tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_document_frequency: Option<usize>,
    /// Whether counts were dampened (`sublinearTf`), if both were tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sublinear_tf: Option<bool>,
}

/// `C=1 classWeight=Balanced`: the JSON in a readable form.
impl std::fmt::Display for Parameters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let serde_json::Value::Object(fields) = serde_json::to_value(self).map_err(|_| std::fmt::Error)? else {
            return Err(std::fmt::Error);
        };
        let parts = fields.iter().map(|(name, value)| match value {
            serde_json::Value::String(text) => format!("{name}={text}"),
            // 1, not 1.0.
            serde_json::Value::Number(number) => format!("{name}={}", number.as_f64().unwrap_or_default()),
            other => format!("{name}={other}"),
        });
        f.write_str(&parts.collect::<Vec<_>>().join(" "))
    }
}

/// A score over the folds.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct CrossValidation {
    /// Mean over the folds.
    #[serde(serialize_with = "decimals::four")]
    pub mean: f64,
    /// Standard deviation over the folds (population).
    #[serde(serialize_with = "decimals::four")]
    pub standard_deviation: f64,
}

/// How many trials there were.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct TrialCounts {
    /// Trials with a score.
    pub succeeded: usize,
    /// Trials that failed.
    pub failed: usize,
    /// Trials that were stopped because the first folds showed them to be behind.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub early_stopped: usize,
    /// All.
    pub total: usize,
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// The trial with the best cross-validation score.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct OptimalTrial {
    /// Its algorithm.
    pub algorithm: Algorithm,
    /// Its parameters.
    pub parameters: Parameters,
    /// Its score over the folds.
    pub cross_validation: CrossValidation,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_shown_as_in_json_but_shorter() {
        let parameters = Parameters {
            c: Some(1.0),
            class_weight: Some(ClassWeight::Balanced),
            ..Parameters::default()
        };
        assert_eq!(
            serde_json::to_string(&parameters).unwrap(),
            r#"{"C":1.0,"classWeight":"Balanced"}"#
        );
        assert_eq!(parameters.to_string(), "C=1 classWeight=Balanced");
    }
}
