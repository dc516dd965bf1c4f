//! The search, as a user writes it.

use serde::{Deserialize, Serialize};

#[cfg(feature = "schema")]
use crate::limits;
use crate::{CharNgrams, Metric, Normalizer};

/// A preset: the values of fields left out of `preprocessing`, `features` and `search` (see `docs/training.md`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Preset {
    /// The search of a usual scikit-learn stack, for comparison.
    Reference,
    /// Recommended: balanced class weights, and an average of the best of six trials.
    #[default]
    Standard,
    /// Also character n-grams, with and without stop words, and more models; minutes in place of seconds.
    Thorough,
}

impl Preset {
    /// All presets.
    pub const ALL: [Self; 3] = [Self::Reference, Self::Standard, Self::Thorough];

    /// Number of points in the grids of its candidates.
    pub const fn estimators(self) -> usize {
        match self {
            Self::Reference | Self::Standard => 6,
            Self::Thorough => 17,
        }
    }

    /// Number of text pipelines that it tries.
    pub const fn pipelines(self) -> usize {
        match self {
            Self::Reference | Self::Standard => 1,
            Self::Thorough => 2,
        }
    }
}

/// Which models are tried, and how the best is chosen. A field that is left out is the preset's.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Search {
    /// Folds of the cross-validation.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = *limits::FOLDS.start(), max = *limits::FOLDS.end())))]
    pub folds: Option<usize>,
    /// How often the rows are divided into folds anew; a trial's score is the mean over all of them. Left out: 1, and 3 where
    /// rows are few.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = *limits::REPEATS.start(), max = *limits::REPEATS.end())))]
    pub repeats: Option<usize>,
    /// The metric that chooses the best trial, averaged over the folds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scoring: Option<Metric>,
    /// `Grid` tries every combination, `Random` draws `maxTrialCount` of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strategy: Option<Strategy>,
    /// Text pipelines to try.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pipeline_grid: Option<PipelineGrid>,
    /// Algorithms with their grids; every combination is one trial.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "schema",
        schemars(length(min = *limits::CANDIDATES.start(), max = *limits::CANDIDATES.end()))
    )]
    pub candidates: Option<Vec<Candidate>>,
    /// Average the best trials into one model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ensemble: Option<Ensemble>,
    /// Whether a trial that the first folds show to be behind is stopped. Left out: as the preset says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub early_stopping: Option<bool>,
    /// A grid with more trials than this is refused; a random search draws this many.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = *limits::TRIALS.start(), max = *limits::TRIALS.end())))]
    pub max_trial_count: Option<usize>,
    /// The run fails when more trials than this fail.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 0, max = limits::FAILED_TRIALS)))]
    pub max_failed_trial_count: Option<usize>,
}

/// Which points of the grid are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Strategy {
    /// All.
    #[default]
    Grid,
    /// `maxTrialCount` of them, drawn without replacement (Bergstra & Bengio 2012).
    Random,
}

/// Values to try for steps of the text pipeline; every combination is tried with every candidate. Steps that are left
/// out are set by `preprocessing` and `features`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(extend("x-kubernetes-validations" = [
    {
        "rule": "!has(self.wordNgrams) || self.wordNgrams.all(range, range[0] <= range[1])",
        "message": "wordNgrams is a list of [shortest, longest]: the first number of each must not be the larger one",
    },
    {
        "rule": "!has(self.charNgrams) || self.charNgrams.all(range, size(range) == 0 || (size(range) == 2 && range[0] <= range[1]))",
        "message": "charNgrams is a list of [shortest, longest], or [] for none: the first number of each must not be the larger one",
    },
    {
        "rule": format!("{} <= {}", PipelineGrid::count("self"), limits::PIPELINES),
        "message": format!("pipelineGrid makes more than {} text pipelines: take values out", limits::PIPELINES),
    },
])))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct PipelineGrid {
    /// Normalizers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(length(max = limits::NORMALIZERS)))]
    pub normalizer: Vec<Normalizer>,
    /// With and without stop words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(length(max = limits::BOTH)))]
    pub remove_stop_words: Vec<bool>,
    /// Shortest and longest word n-grams.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(
        length(max = limits::GRID_NGRAMS),
        inner(inner(range(min = *limits::WORD_NGRAMS.start(), max = *limits::WORD_NGRAMS.end())))
    ))]
    pub word_ngrams: Vec<[usize; 2]>,
    /// Shortest and longest character n-grams; an empty list is none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(
        length(max = limits::GRID_NGRAMS),
        inner(inner(range(min = *limits::CHAR_NGRAMS.start(), max = *limits::CHAR_NGRAMS.end())))
    ))]
    pub char_ngrams: Vec<CharNgrams>,
    /// Dampened and plain counts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(length(max = limits::BOTH)))]
    pub sublinear_tf: Vec<bool>,
}

#[cfg(feature = "schema")]
impl PipelineGrid {
    /// CEL for the number of text pipelines in `grid`.
    fn count(grid: &str) -> String {
        product(
            grid,
            &[
                "normalizer",
                "removeStopWords",
                "wordNgrams",
                "charNgrams",
                "sublinearTf",
            ],
        )
    }
}

/// CEL for the number of combinations of the lists `fields` of `object`. A list that is left out has one value.
#[cfg(feature = "schema")]
fn product(object: &str, fields: &[&str]) -> String {
    let size =
        |field: &&str| format!("(has({object}.{field}) && size({object}.{field}) > 0 ? size({object}.{field}) : 1)");
    fields.iter().map(size).collect::<Vec<_>>().join(" * ")
}

/// CEL rules of a TrainingRun's spec about several sections, with their messages. They reject what the trainer would
/// reject for any data. `preset` gives the values of fields that are left out.
#[cfg(feature = "schema")]
pub mod rules {
    use super::{PipelineGrid, Preset, product};
    use crate::{SPACES, limits};

    /// With hashing, texts are counted once, so only the weighting may vary.
    pub const HASHING: &str = "!has(self.features) || !has(self.features.hashingBits) || !has(self.search) || \
        !has(self.search.pipelineGrid) || !(has(self.search.pipelineGrid.normalizer) || \
        has(self.search.pipelineGrid.removeStopWords) || has(self.search.pipelineGrid.wordNgrams) || \
        has(self.search.pipelineGrid.charNgrams))";
    /// The message of [`HASHING`].
    pub const HASHING_MESSAGE: &str = "with features.hashingBits, search.pipelineGrid can vary sublinearTf only: set the other \
        steps in preprocessing and features, or leave hashingBits out";

    /// A table of words is what hashing does without.
    pub const WORD_VECTORS: &str =
        "!has(self.features) || !has(self.features.hashingBits) || !has(self.features.wordVectors)";
    /// The message of [`WORD_VECTORS`].
    pub const WORD_VECTORS_MESSAGE: &str =
        "features.wordVectors needs the words that features.hashingBits hides: leave one of them out";

    /// A word has no scores of levels.
    pub const LEVELS: &str = "!has(self.dataset.labelLevels) || !has(self.features) || \
        !has(self.features.wordVectors)";
    /// The message of [`LEVELS`].
    pub const LEVELS_MESSAGE: &str = "features.wordVectors is for categories without levels: leave it out, or use labelFields instead of labelLevels";

    /// Contractions and lemmas are known for English only.
    pub const LANGUAGE: &str = "!has(self.preprocessing) || !has(self.preprocessing.language) || \
        self.preprocessing.language in ['Auto', 'en'] || (!(has(self.preprocessing.normalizer) && \
        self.preprocessing.normalizer == 'Lemma') && !(has(self.preprocessing.expandContractions) && \
        self.preprocessing.expandContractions) && !(has(self.search) && has(self.search.pipelineGrid) && \
        has(self.search.pipelineGrid.normalizer) && 'Lemma' in self.search.pipelineGrid.normalizer))";
    /// The message of [`LANGUAGE`].
    pub const LANGUAGE_MESSAGE: &str = "normalizer Lemma and expandContractions are for English: with another \
        preprocessing.language use Stem or None, and leave expandContractions out";

    /// The text is no label of itself.
    pub const OWN_LABEL: &str = "!(has(self.labelFields) && self.textField in self.labelFields) && \
        !(has(self.labelLevels) && self.textField in self.labelLevels)";
    /// The message of [`OWN_LABEL`].
    pub const OWN_LABEL_MESSAGE: &str = "textField is one of labelFields or labelLevels, so that the text would be its own label: name another field for the label";

    /// A label comes from fields that are joined, or from levels.
    pub const ONE_LABEL: &str = "has(self.labelFields) != has(self.labelLevels)";
    /// The message of [`ONE_LABEL`].
    pub const ONE_LABEL_MESSAGE: &str = "set exactly one of labelFields and labelLevels";

    /// No label of `labelMap` begins or ends with a space: rows' labels are trimmed.
    ///
    /// Each space is written out, because an API server estimates what a rule costs: a constant costs nothing, while a regular
    /// expression over keys without a longest length, or a loop over spaces, would pass the limit.
    pub fn trimmed_label_map() -> String {
        let ends = |label: &str| {
            let one = |space: &char| {
                let space = format!("'\\u{:04x}'", u32::from(*space));
                format!("{label}.startsWith({space}) || {label}.endsWith({space})")
            };
            SPACES.iter().map(one).collect::<Vec<_>>().join(" || ")
        };
        format!(
            "!has(self.labelMap) || self.labelMap.all(label, !({} || {}))",
            ends("label"),
            ends("self.labelMap[label]")
        )
    }
    /// The message of [`trimmed_label_map`].
    pub const TRIMMED_LABEL_MAP_MESSAGE: &str =
        "a label in labelMap begins or ends with a space: rows' labels are trimmed, so write it without";

    /// A grid has no more points than `search.maxTrialCount` allows.
    pub fn trials() -> String {
        let most = limits::PRESET_TRIALS;
        let candidate = product("c.grid", &["C", "alpha", "classWeight", "loss"]);
        let by_preset = |count: fn(Preset) -> usize| {
            format!(
                "(self.preset == 'Thorough' ? {} : self.preset == 'Standard' ? {} : {})",
                count(Preset::Thorough),
                count(Preset::Standard),
                count(Preset::Reference)
            )
        };
        let points = format!(
            "(has(self.search.candidates) ? self.search.candidates.map(c, has(c.grid) ? {candidate} : 1).sum() : {})",
            by_preset(Preset::estimators)
        );
        let pipelines = format!(
            "(has(self.search.pipelineGrid) ? {} : (has(self.features) && has(self.features.hashingBits)) || \
             (has(self.preprocessing) && has(self.preprocessing.removeStopWords)) ? 1 : {})",
            PipelineGrid::count("self.search.pipelineGrid"),
            by_preset(Preset::pipelines)
        );
        format!(
            "!has(self.search) || (has(self.search.strategy) && self.search.strategy == 'Random') || {points} * {pipelines} <= \
             (has(self.search.maxTrialCount) ? self.search.maxTrialCount : {most})"
        )
    }
    /// The message of [`trials`].
    pub const TRIALS_MESSAGE: &str = "the grid has more points than search.maxTrialCount (100 where it is left out): raise it, \
        take values out of the grids, or set search.strategy to Random, which draws that many";
}

/// Averages the best trials of one text pipeline into one linear model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Ensemble {
    /// Different models at most; 1 averages nothing.
    #[cfg_attr(
        feature = "schema",
        schemars(range(min = *limits::ENSEMBLE_MEMBERS.start(), max = *limits::ENSEMBLE_MEMBERS.end()))
    )]
    pub max_members: usize,
}

/// One algorithm and the values to try for each of its parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(extend("x-kubernetes-validations" = [
    {
        "rule": "self.algorithm != 'Ensemble'",
        "message": "Ensemble is made of other algorithms: name those, and set search.ensemble to average the best of them",
    },
    {
        "rule": "self.algorithm in ['NbSvm', 'ComplementNaiveBayes', 'MultinomialNaiveBayes'] || !has(self.grid) || !has(self.grid.alpha)",
        "message": "alpha is a parameter of NbSvm, ComplementNaiveBayes and MultinomialNaiveBayes; for the linear models set grid.C",
    },
    {
        "rule": "self.algorithm in ['LogisticRegression', 'LinearSvm', 'NbSvm'] || !has(self.grid) || (!has(self.grid.C) && !has(self.grid.classWeight))",
        "message": "C and classWeight are parameters of the linear models; for naive Bayes set grid.alpha",
    },
    {
        "rule": "self.algorithm == 'LinearSvm' || !has(self.grid) || !has(self.grid.loss)",
        "message": "loss is a parameter of LinearSvm only",
    },
])))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Candidate {
    /// The algorithm.
    pub algorithm: Algorithm,
    /// Values to try; every combination is one trial. A parameter that is left out keeps its default.
    #[serde(default)]
    pub grid: Grid,
}

/// Values to try for each parameter, named as in scikit-learn.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Grid {
    /// Inverse of the regularisation strength (linear models; default 1).
    #[serde(rename = "C", default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(
        length(min = *limits::GRID_VALUES.start(), max = *limits::GRID_VALUES.end()),
        inner(range(min = *limits::C.start(), max = *limits::C.end()))
    ))]
    pub c: Vec<f64>,
    /// Additive smoothing (naive Bayes; default 1).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(
        length(min = *limits::GRID_VALUES.start(), max = *limits::GRID_VALUES.end()),
        inner(range(min = *limits::ALPHA.start(), max = *limits::ALPHA.end()))
    ))]
    pub alpha: Vec<f64>,
    /// Whether rows of rare classes count more (linear models; default `None`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = limits::BOTH)))]
    pub class_weight: Vec<ClassWeight>,
    /// The support vector machine's loss (LinearSvm; default `SquaredHinge`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = limits::BOTH)))]
    pub loss: Vec<Loss>,
}

/// The parameters of [`Grid`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parameter {
    /// Inverse of the regularisation strength.
    C,
    /// Additive smoothing.
    Alpha,
    /// How much a row counts.
    ClassWeight,
    /// Loss of a support vector machine.
    Loss,
}

/// A learning algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
    /// The name in specs, results and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::LogisticRegression => "LogisticRegression",
            Self::LinearSvm => "LinearSvm",
            Self::NbSvm => "NbSvm",
            Self::ComplementNaiveBayes => "ComplementNaiveBayes",
            Self::MultinomialNaiveBayes => "MultinomialNaiveBayes",
            Self::Ensemble => "Ensemble",
        }
    }

    /// The parameters that the algorithm has.
    pub fn parameters(self) -> &'static [Parameter] {
        match self {
            Self::LogisticRegression => &[Parameter::C, Parameter::ClassWeight],
            Self::LinearSvm => &[Parameter::C, Parameter::ClassWeight, Parameter::Loss],
            Self::NbSvm => &[Parameter::C, Parameter::ClassWeight, Parameter::Alpha],
            Self::ComplementNaiveBayes | Self::MultinomialNaiveBayes => &[Parameter::Alpha],
            Self::Ensemble => &[],
        }
    }
}

impl std::fmt::Display for Algorithm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// How much a row counts in training.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum ClassWeight {
    /// Every row counts the same.
    #[default]
    None,
    /// Inversely to the frequency of the row's class: `rows / (classes × rows of the class)`.
    Balanced,
}

/// The loss of a support vector machine for a row at distance `d` on the wrong side of the margin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Loss {
    /// `d²`, the default of scikit-learn's `LinearSVC`.
    #[default]
    SquaredHinge,
    /// `d`.
    Hinge,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn algorithms_are_written_by_their_name() {
        for algorithm in [
            Algorithm::LogisticRegression,
            Algorithm::LinearSvm,
            Algorithm::NbSvm,
            Algorithm::ComplementNaiveBayes,
            Algorithm::MultinomialNaiveBayes,
            Algorithm::Ensemble,
        ] {
            assert_eq!(serde_json::to_string(&algorithm).unwrap(), format!("\"{algorithm}\""));
        }
    }

    #[test]
    fn what_a_user_writes_is_read_strictly() {
        assert!(serde_json::from_str::<Search>(r#"{"foldz":5}"#).is_err());
        assert!(serde_json::from_str::<Candidate>(r#"{"algorithm":"LinearSvm","grid":{"c":[1]}}"#).is_err());
    }
}
