//! Text preprocessing, features and model search, as they stand in a TrainingRun's spec.
//!
//! The trainer has its own types for the same JSON (`docs/contracts.md`); a test in the sandbox crate feeds it what the
//! operator renders.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a text becomes words.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Preprocessing {
    /// Expand English contractions (`won't` becomes `will not`) before words are cut.
    pub expand_contractions: bool,
    /// Remove English stop words.
    pub remove_stop_words: bool,
    /// How words are brought to one form: `lemma` (WordNet), `stem` (Snowball) or `none`.
    pub normalizer: Normalizer,
    /// Words with fewer characters are removed.
    #[schemars(range(min = 1, max = 20))]
    pub min_token_length: u8,
    /// Regular expression of what publishers put in place of names and numbers; matches are removed.
    #[schemars(length(max = 256))]
    pub redaction_pattern: String,
}

impl Default for Preprocessing {
    fn default() -> Self {
        Self {
            expand_contractions: true,
            remove_stop_words: true,
            normalizer: Normalizer::Lemma,
            min_token_length: 2,
            redaction_pattern: "x{2,}".into(),
        }
    }
}

/// How words are brought to one form.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Normalizer {
    /// WordNet lemma (noun morphy).
    #[default]
    Lemma,
    /// Snowball English stem.
    Stem,
    /// The word as it stands, case-folded.
    None,
}

/// How words become numbers: TF-IDF over n-grams, each row of unit length.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("x-kubernetes-validations" = [
    {
        "rule": "self.wordNgrams[0] <= self.wordNgrams[1]",
        "message": "wordNgrams is [shortest, longest]: the first number must not be the larger one",
    },
    {
        "rule": "!has(self.charNgrams) || self.charNgrams[0] <= self.charNgrams[1]",
        "message": "charNgrams is [shortest, longest]: the first number must not be the larger one",
    },
]))]
pub struct Features {
    /// Shortest and longest word n-gram.
    #[schemars(inner(range(min = 1, max = 5)))]
    pub word_ngrams: [u8; 2],
    /// Shortest and longest character n-gram within words; absent: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(inner(range(min = 1, max = 8)))]
    pub char_ngrams: Option<[u8; 2]>,
    /// Terms in fewer training rows are left out. Five and more keep rare words of single customers out of the artifact.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub min_document_frequency: u32,
    /// Terms in a larger share of the training rows are left out.
    #[schemars(range(min = 0.01, max = 1.0))]
    pub max_document_fraction: f64,
    /// At most this many terms, the most frequent ones.
    #[schemars(range(min = 1, max = 5_000_000))]
    pub max_features: u32,
    /// Use `1 + ln(count)` in place of the count of a term in a row.
    pub sublinear_tf: bool,
}

impl Default for Features {
    fn default() -> Self {
        Self {
            word_ngrams: [1, 2],
            char_ngrams: None,
            min_document_frequency: 5,
            max_document_fraction: 1.0,
            max_features: 100_000,
            sublinear_tf: true,
        }
    }
}

/// Which models are tried, and how the best is chosen.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Search {
    /// Folds of the cross-validation.
    #[schemars(range(min = 2, max = 20))]
    pub folds: u8,
    /// The metric that chooses the best trial, averaged over the folds.
    pub scoring: super::Metric,
    /// Algorithms with their grids; every combination is one trial.
    #[schemars(length(min = 1, max = 16))]
    pub candidates: Vec<Candidate>,
    /// A search with more trials than this is refused before it starts.
    #[schemars(range(min = 1, max = 1000))]
    pub max_trial_count: u32,
    /// The run fails when more trials than this fail.
    #[schemars(range(min = 0, max = 1000))]
    pub max_failed_trial_count: u32,
}

impl Default for Search {
    fn default() -> Self {
        let linear = |algorithm| Candidate {
            algorithm,
            grid: Grid {
                c: vec![0.1, 1.0, 10.0],
                alpha: vec![],
                class_weight: vec![ClassWeight::Balanced],
            },
        };
        Self {
            folds: 5,
            scoring: super::Metric::MacroF1,
            candidates: vec![linear(Algorithm::LogisticRegression), linear(Algorithm::LinearSvm)],
            max_trial_count: 100,
            max_failed_trial_count: 3,
        }
    }
}

/// One algorithm and the values to try for each of its parameters.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.algorithm == 'complementNaiveBayes' || !has(self.grid) || !has(self.grid.alpha)")
    .message("alpha is a parameter of complementNaiveBayes only; for the linear models set grid.C"))]
#[x_kube(validation = Rule::new("self.algorithm != 'complementNaiveBayes' || !has(self.grid) || (!has(self.grid.C) && !has(self.grid.classWeight))")
    .message("C and classWeight are parameters of the linear models; for complementNaiveBayes set grid.alpha"))]
pub struct Candidate {
    /// The algorithm.
    pub algorithm: Algorithm,
    /// Values to try; every combination is one trial. A parameter that is left out keeps its default.
    #[serde(default)]
    pub grid: Grid,
}

/// Values to try for each parameter, named as in scikit-learn.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Grid {
    /// Inverse of the regularisation strength (linear models; default 1).
    #[serde(rename = "C", default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 20), inner(range(min = 0.000_001, max = 1_000_000.0)))]
    pub c: Vec<f64>,
    /// Additive smoothing (naive Bayes; default 1).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 20), inner(range(min = 0.000_001, max = 1_000.0)))]
    pub alpha: Vec<f64>,
    /// Whether rows of rare classes count more (linear models; default `none`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 2))]
    pub class_weight: Vec<ClassWeight>,
}

/// A learning algorithm.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Algorithm {
    /// Multinomial logistic regression with L2 regularisation.
    LogisticRegression,
    /// Linear support vector machine, one versus rest, L2-regularised squared hinge (Hsieh et al. 2008).
    LinearSvm,
    /// Complement naive Bayes (Rennie et al. 2003).
    ComplementNaiveBayes,
}

impl Algorithm {
    /// The name in specs and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::LogisticRegression => "logisticRegression",
            Self::LinearSvm => "linearSvm",
            Self::ComplementNaiveBayes => "complementNaiveBayes",
        }
    }
}

/// How much a row counts in training.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ClassWeight {
    /// Every row the same.
    #[default]
    None,
    /// Inversely to the frequency of the row's class.
    Balanced,
}

/// The parameters of one trial or model.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Parameters {
    /// Inverse of the regularisation strength.
    #[serde(rename = "C", default, skip_serializing_if = "Option::is_none")]
    pub c: Option<f64>,
    /// Additive smoothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alpha: Option<f64>,
    /// How much a row counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class_weight: Option<ClassWeight>,
}
