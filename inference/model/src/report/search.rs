//! The search: algorithms, parameters, trials.

use serde::{Deserialize, Serialize};

use super::{four, four_each};

/// A training algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Algorithm {
    /// Multinomial logistic regression, L2-regularised.
    LogisticRegression,
    /// One-vs-rest linear support vector machine with squared hinge loss (Hsieh et al. 2008).
    LinearSvm,
    /// Complement naive Bayes (Rennie et al. 2003).
    ComplementNaiveBayes,
}

impl Algorithm {
    /// The name as the configuration spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LogisticRegression => "logisticRegression",
            Self::LinearSvm => "linearSvm",
            Self::ComplementNaiveBayes => "complementNaiveBayes",
        }
    }
}

impl std::fmt::Display for Algorithm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How rows of different classes count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ClassWeight {
    /// Every row counts the same.
    #[default]
    None,
    /// Rows count inversely to their class's frequency: `rows / (classes × rows of the class)`.
    Balanced,
}

/// One point of the grid. Only the parameters that the algorithm has are present.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Parameters {
    /// Inverse regularisation strength of the linear models, as scikit-learn scales it.
    #[serde(rename = "C", skip_serializing_if = "Option::is_none", default)]
    pub c: Option<f64>,
    /// Additive smoothing of naive Bayes.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub alpha: Option<f64>,
    /// Weighting of classes.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub class_weight: Option<ClassWeight>,
}

impl std::fmt::Display for Parameters {
    /// `C=1 classWeight=balanced`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let weight = self.class_weight.map(|w| match w {
            ClassWeight::None => "classWeight=none".to_owned(),
            ClassWeight::Balanced => "classWeight=balanced".to_owned(),
        });
        let parts = [
            self.c.map(|c| format!("C={c}")),
            self.alpha.map(|a| format!("alpha={a}")),
            weight,
        ];
        f.write_str(&parts.into_iter().flatten().collect::<Vec<_>>().join(" "))
    }
}

/// What the search maximises (`logLoss` is minimised).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
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

/// Mean and spread of the search metric over the folds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TrialStatus {
    /// It has a score.
    Succeeded,
    /// It has an error.
    Failed,
}

/// One point of the search.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OptimalTrial {
    /// The algorithm.
    pub algorithm: Algorithm,
    /// Its parameters.
    pub parameters: Parameters,
    /// Its score over the folds.
    pub cross_validation: CrossValidation,
}
