//! The search: algorithms, parameters, trials.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{four, four_each};
use crate::pipeline::Normalizer;

/// A training algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Algorithm {
    /// Multinomial logistic regression, L2-regularised.
    LogisticRegression,
    /// One-vs-rest linear support vector machine (Hsieh et al. 2008).
    LinearSvm,
    /// Linear support vector machine over terms weighted by naive Bayes (Wang & Manning 2012).
    NbSvm,
    /// Complement naive Bayes (Rennie et al. 2003).
    ComplementNaiveBayes,
    /// Multinomial naive Bayes.
    MultinomialNaiveBayes,
    /// Several of the above, their calibrated scores averaged, folded back into one linear model.
    Ensemble,
}

impl Algorithm {
    /// The name as the configuration spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LogisticRegression => "logisticRegression",
            Self::LinearSvm => "linearSvm",
            Self::NbSvm => "nbSvm",
            Self::ComplementNaiveBayes => "complementNaiveBayes",
            Self::MultinomialNaiveBayes => "multinomialNaiveBayes",
            Self::Ensemble => "ensemble",
        }
    }
}

impl std::fmt::Display for Algorithm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How rows of different classes count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ClassWeight {
    /// Every row counts the same.
    #[default]
    None,
    /// Rows count inversely to their class's frequency: `rows / (classes × rows of the class)`.
    Balanced,
}

/// What a support vector machine loses on a row on the wrong side of the margin, by distance `d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Loss {
    /// `d²`, as scikit-learn's `LinearSVC` by default.
    #[default]
    SquaredHinge,
    /// `d`.
    Hinge,
}

/// A range of character n-grams, or none: `[3, 5]` or `[]` in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CharNgrams(pub Option<[usize; 2]>);

impl JsonSchema for CharNgrams {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "CharNgrams".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let mut schema = Vec::<usize>::json_schema(generator);
        schema.insert("maxItems".into(), 2.into());
        schema
    }
}

impl Serialize for CharNgrams {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0
            .as_ref()
            .map_or(&[][..], |range| &range[..])
            .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for CharNgrams {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Vec::deserialize(deserializer)?[..] {
            [] => Ok(Self(None)),
            [low, high] => Ok(Self(Some([low, high]))),
            _ => Err(serde::de::Error::custom(
                "write the shortest and the longest length, such as [3, 5], or [] for none",
            )),
        }
    }
}

/// One point of the grid. Only the parameters that the algorithm has are present, and of the text pipeline's only those
/// that the search varied.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Parameters {
    /// Inverse regularisation strength of the linear models, as scikit-learn scales it.
    #[serde(rename = "C", skip_serializing_if = "Option::is_none", default)]
    pub c: Option<f64>,
    /// Additive smoothing of naive Bayes.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub alpha: Option<f64>,
    /// How rows of different classes counted.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub class_weight: Option<ClassWeight>,
    /// The support vector machine's loss.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub loss: Option<Loss>,
    /// How words were reduced.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub normalizer: Option<Normalizer>,
    /// Whether stop words were left out.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub remove_stop_words: Option<bool>,
    /// Shortest and longest word n-gram.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub word_ngrams: Option<[usize; 2]>,
    /// Shortest and longest character n-gram.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub char_ngrams: Option<CharNgrams>,
    /// Whether counts were dampened.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sublinear_tf: Option<bool>,
}

impl std::fmt::Display for Parameters {
    /// `C=1 classWeight=balanced`: the JSON, easier to read.
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

/// What the search maximises (`logLoss` is minimised).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Metric {
    /// Mean of the classes' F1.
    #[default]
    MacroF1,
    /// Mean of the classes' F1, weighted by support.
    WeightedF1,
    /// Share of right answers.
    Accuracy,
    /// Mean negative log-probability of the right class; lower is better.
    LogLoss,
}

impl std::fmt::Display for Metric {
    /// The name as the configuration spells it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::MacroF1 => "macroF1",
            Self::WeightedF1 => "weightedF1",
            Self::Accuracy => "accuracy",
            Self::LogLoss => "logLoss",
        })
    }
}

/// Mean and spread of the search metric over the folds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CrossValidation {
    /// Mean over the folds.
    #[serde(serialize_with = "four")]
    pub mean: f64,
    /// Standard deviation over the folds (population).
    #[serde(serialize_with = "four")]
    pub standard_deviation: f64,
}

/// How a trial ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum TrialStatus {
    /// It has a score.
    Succeeded,
    /// It has an error.
    Failed,
}

/// One point of the search.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Trial {
    /// The algorithm.
    pub algorithm: Algorithm,
    /// Its parameters.
    pub parameters: Parameters,
    /// How it ended.
    pub status: TrialStatus,
    /// Score over the folds, when it succeeded.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cross_validation: Option<CrossValidation>,
    /// Score of each fold, in order.
    #[serde(skip_serializing_if = "Vec::is_empty", default, serialize_with = "four_each")]
    pub fold_scores: Vec<f64>,
    /// Why it failed, when it did.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub message: Option<String>,
}

/// How many trials ended how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TrialCounts {
    /// Trials with a score.
    pub succeeded: usize,
    /// Trials with an error.
    pub failed: usize,
    /// Both.
    pub total: usize,
}

/// The trial that won the search.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OptimalTrial {
    /// The algorithm.
    pub algorithm: Algorithm,
    /// Its parameters.
    pub parameters: Parameters,
    /// Its score over the folds.
    pub cross_validation: CrossValidation,
}

/// One model of an ensemble.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EnsembleMember {
    /// Its algorithm.
    pub algorithm: Algorithm,
    /// Its parameters.
    pub parameters: Parameters,
    /// Its share of the averaged scores; the shares sum to 1.
    #[serde(serialize_with = "four")]
    pub weight: f64,
    /// The temperature that its scores were divided by before averaging.
    #[serde(serialize_with = "four")]
    pub temperature: f64,
}
