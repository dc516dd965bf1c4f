//! Text preprocessing, features and model search, as they stand in a TrainingRun's spec.
//!
//! The trainer has its own types for the same JSON (`docs/contracts.md`); a test in the sandbox crate feeds it what the
//! operator renders.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What stands behind the fields that `preprocessing`, `features` and `search` leave out (`docs/training.md` shows each).
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Preset {
    /// The search of a usual scikit-learn stack, for comparison.
    Reference,
    /// Recommended: balanced class weights, the best of six trials averaged.
    #[default]
    Standard,
    /// Also character n-grams, with and without stop words, and more models; minutes in place of seconds.
    Thorough,
}

/// How a text becomes words. A field that is left out is the preset's.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Preprocessing {
    /// Expand English contractions (`won't` becomes `will not`) before words are cut.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expand_contractions: Option<bool>,
    /// Remove English stop words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remove_stop_words: Option<bool>,
    /// How words are brought to one form: `lemma` (WordNet), `stem` (Snowball) or `none`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub normalizer: Option<Normalizer>,
    /// Keep numbers of up to four digits as words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_numbers: Option<bool>,
    /// Words with fewer characters are removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 20))]
    pub min_token_length: Option<u8>,
    /// Regular expression of what publishers put in place of names and numbers; matches are removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub redaction_pattern: Option<String>,
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

/// How words become numbers: TF-IDF over n-grams, each row of unit length. A field that is left out is the preset's.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("x-kubernetes-validations" = [
    {
        "rule": "!has(self.wordNgrams) || self.wordNgrams[0] <= self.wordNgrams[1]",
        "message": "wordNgrams is [shortest, longest]: the first number must not be the larger one",
    },
    {
        "rule": "!has(self.charNgrams) || self.charNgrams[0] <= self.charNgrams[1]",
        "message": "charNgrams is [shortest, longest]: the first number must not be the larger one",
    },
]))]
pub struct Features {
    /// Shortest and longest word n-gram.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(inner(range(min = 1, max = 5)))]
    pub word_ngrams: Option<[u8; 2]>,
    /// Shortest and longest character n-gram within words.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(inner(range(min = 1, max = 8)))]
    pub char_ngrams: Option<[u8; 2]>,
    /// Terms in fewer rows are left out; 5 hides single customers' words.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub min_document_frequency: Option<u32>,
    /// Terms in a larger share of the training rows are left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.01, max = 1.0))]
    pub max_document_fraction: Option<f64>,
    /// At most this many terms, the most frequent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 5_000_000))]
    pub max_features: Option<u32>,
    /// Use `1 + ln(count)` in place of a term's count in a row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sublinear_tf: Option<bool>,
    /// Hash n-grams into 2^N buckets.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 10, max = 24))]
    pub hashing_bits: Option<u8>,
}

/// Which models are tried, and how the best is chosen. A field that is left out is the preset's.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Search {
    /// Folds of the cross-validation.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 2, max = 20))]
    pub folds: Option<u8>,
    /// The metric that chooses the best trial, averaged over the folds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scoring: Option<super::Metric>,
    /// `grid` tries every combination, `random` draws `maxTrialCount` of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strategy: Option<Strategy>,
    /// Text pipelines to try.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pipeline_grid: Option<PipelineGrid>,
    /// Algorithms with their grids; every combination is one trial.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 16))]
    pub candidates: Option<Vec<Candidate>>,
    /// Average the best trials into one model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ensemble: Option<Ensemble>,
    /// A grid with more trials than this is refused; a random search draws this many.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub max_trial_count: Option<u32>,
    /// The run fails when more trials than this fail.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1000))]
    pub max_failed_trial_count: Option<u32>,
}

/// Which points of the grid are tried.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Strategy {
    /// All.
    #[default]
    Grid,
    /// A draw without replacement.
    Random,
}

/// Values to try for steps of the text pipeline; every combination is tried with every candidate.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PipelineGrid {
    /// Normalizers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 3))]
    pub normalizer: Vec<Normalizer>,
    /// With and without stop words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 2))]
    pub remove_stop_words: Vec<bool>,
    /// Shortest and longest word n-grams.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8), inner(inner(range(min = 1, max = 5))))]
    pub word_ngrams: Vec<[u8; 2]>,
    /// Shortest and longest character n-grams; an empty list is none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8), inner(length(max = 2), inner(range(min = 1, max = 8))))]
    pub char_ngrams: Vec<Vec<u8>>,
    /// Dampened and plain counts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 2))]
    pub sublinear_tf: Vec<bool>,
}

/// Averaging of the best trials of one text pipeline, folded back into one linear model.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Ensemble {
    /// Different models at most; 1 averages nothing.
    #[schemars(range(min = 1, max = 10))]
    pub max_members: u8,
}

/// One algorithm and the values to try for each of its parameters.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.algorithm != 'ensemble'")
    .message("ensemble is made of other algorithms: name those, and set search.ensemble to average the best of them"))]
#[x_kube(validation = Rule::new("self.algorithm in ['nbSvm', 'complementNaiveBayes', 'multinomialNaiveBayes'] || !has(self.grid) || !has(self.grid.alpha)")
    .message("alpha is a parameter of nbSvm, complementNaiveBayes and multinomialNaiveBayes; for the linear models set grid.C"))]
#[x_kube(validation = Rule::new("self.algorithm in ['logisticRegression', 'linearSvm', 'nbSvm'] || !has(self.grid) || (!has(self.grid.C) && !has(self.grid.classWeight))")
    .message("C and classWeight are parameters of the linear models; for naive Bayes set grid.alpha"))]
#[x_kube(validation = Rule::new("self.algorithm == 'linearSvm' || !has(self.grid) || !has(self.grid.loss)")
    .message("loss is a parameter of linearSvm only"))]
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
    /// The support vector machine's loss (linearSvm; default `squaredHinge`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 2))]
    pub loss: Vec<Loss>,
}

/// Loss of a support vector machine.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Loss {
    /// The square of the distance.
    #[default]
    SquaredHinge,
    /// The distance.
    Hinge,
}

/// A learning algorithm.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Algorithm {
    /// Multinomial logistic regression with L2 regularisation.
    LogisticRegression,
    /// Linear support vector machine, one versus rest, L2-regularised (Hsieh et al. 2008).
    LinearSvm,
    /// Linear support vector machine over terms weighted by naive Bayes (Wang & Manning 2012).
    NbSvm,
    /// Complement naive Bayes (Rennie et al. 2003).
    ComplementNaiveBayes,
    /// Multinomial naive Bayes.
    MultinomialNaiveBayes,
    /// Several of the above, averaged: what `search.ensemble` makes.
    Ensemble,
}

impl Algorithm {
    /// The name in specs and reports.
    pub fn name(self) -> &'static str {
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
    /// Loss of a support vector machine, where it is not the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss: Option<Loss>,
    /// The normalizer, where several were tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub normalizer: Option<Normalizer>,
    /// Stop words removed, where both were tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remove_stop_words: Option<bool>,
    /// Word n-grams, where several were tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub word_ngrams: Option<[u8; 2]>,
    /// Character n-grams, where several were tried; empty: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2))]
    pub char_ngrams: Option<Vec<u8>>,
    /// Counts dampened, where both were tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sublinear_tf: Option<bool>,
}
