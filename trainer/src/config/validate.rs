//! Checks the values of a configuration. Each error names the field, the problem and the fix.

use std::fmt::Display;
use std::ops::RangeInclusive;

use complaint_contract::{
    Algorithm, Candidate, ChampionSettings, DatasetSettings, EvaluationSettings, Holdout, Parameter, SplitBy, Strategy,
    is_path, limits, renamed_twice, untrimmed,
};

use super::pipelines::first_step_before_counting;
use super::{ConfigError, RunConfig};

pub(super) fn invalid(field: impl Into<String>, problem: impl Into<String>, fix: impl Into<String>) -> ConfigError {
    ConfigError::Invalid {
        field: field.into(),
        problem: problem.into(),
        fix: fix.into(),
    }
}

pub(super) fn require(
    holds: bool,
    field: &str,
    problem: impl FnOnce() -> String,
    fix: &str,
) -> Result<(), ConfigError> {
    if holds {
        Ok(())
    } else {
        Err(invalid(field, problem(), fix))
    }
}

fn within<T: PartialOrd + Display>(
    field: &str,
    value: T,
    accepted: &RangeInclusive<T>,
    hint: &str,
) -> Result<(), ConfigError> {
    let (low, high) = (accepted.start(), accepted.end());
    require(
        accepted.contains(&value),
        field,
        || format!("is {value}"),
        &format!("Set it between {low} and {high}{hint}"),
    )
}

/// Checks a count, or the number of entries in a list or map.
fn at_most(field: &str, count: usize, most: usize) -> Result<(), ConfigError> {
    require(
        count <= most,
        field,
        || format!("has or is {count}"),
        &format!("Use at most {most}"),
    )
}

/// Checks a name. Names become directories of the store, so they must be DNS labels or subdomains.
pub(crate) fn check_name(field: &str, value: &str) -> Result<(), ConfigError> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'.';
    let edges = value.bytes().next().zip(value.bytes().last());
    let holds = (1..=253).contains(&value.len())
        && value.bytes().all(plain)
        && edges.is_some_and(|(first, last)| first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric())
        && !value.contains("..");
    require(
        holds,
        field,
        || format!("is `{value}`, which is not a valid Kubernetes name"),
        "Use lower-case letters, digits and `-`, and begin and end with a letter or digit",
    )
}

pub(super) fn check_champion(champion: &ChampionSettings) -> Result<(), ConfigError> {
    require(
        !champion.name.is_empty(),
        "champion.name",
        || "is empty".into(),
        "Name the champion's ModelVersion",
    )
}

fn is_field(field: &str) -> bool {
    !field.trim().is_empty() && field.chars().count() <= limits::FIELD
}

/// Checks the names of the fields of the label, which come from `of`.
fn check_label(of: &str, settings: &DatasetSettings) -> Result<(), ConfigError> {
    let (fields, levels) = (&settings.label_fields, &settings.label_levels);
    require(
        levels.is_empty() || fields.is_empty(),
        &format!("{of}.labelLevels"),
        || "is set beside labelFields".into(),
        "Leave out one of them: labelFields joins fields to one label, labelLevels gives a label levels",
    )?;
    if !levels.is_empty() {
        let (first, last) = (limits::LABEL_LEVELS.start(), limits::LABEL_LEVELS.end());
        let repeats = (1..levels.len()).any(|place| levels[..place].contains(&levels[place]));
        return require(
            limits::LABEL_LEVELS.contains(&levels.len()) && levels.iter().all(|field| is_field(field)) && !repeats,
            &format!("{of}.labelLevels"),
            || {
                format!(
                    "does not have {first} to {last} names, or has a name twice, or one that is empty or longer than 256 \
                     characters"
                )
            },
            "Name the columns of the levels, the coarsest first; a label without levels has dataset.labelFields",
        );
    }
    require(
        limits::LABEL_FIELDS.contains(&fields.len()) && fields.iter().all(|field| is_field(field)),
        &format!("{of}.labelFields"),
        || "is empty, has more than 8 names, or has a name that is empty or longer than 256 characters".into(),
        "Name one or more columns with the label",
    )
}

pub(super) fn check_dataset(dataset: &DatasetSettings) -> Result<(), ConfigError> {
    require(
        is_field(&dataset.text_field),
        "dataset.textField",
        || "is empty or longer than 256 characters".into(),
        "Name the column with the text",
    )?;
    check_label("dataset", dataset)?;
    require(
        !dataset.label_columns().contains(&dataset.text_field),
        dataset.label_setting(),
        || {
            format!(
                "contains dataset.textField `{}`, so the text would be its own label",
                dataset.text_field
            )
        },
        "Name another column for the label",
    )?;
    require(
        dataset.split_field.as_deref().is_none_or(is_field),
        "dataset.splitField",
        || "is empty or longer than 256 characters".into(),
        "Name the column with the split, or leave it out",
    )?;
    require(
        dataset.time_field.as_deref().is_none_or(is_field),
        "dataset.timeField",
        || "is empty or longer than 256 characters".into(),
        "Name the column with the time, or leave it out",
    )?;
    within(
        "dataset.minSamplesPerClass",
        dataset.min_samples_per_class,
        &limits::MIN_SAMPLES_PER_CLASS,
        "; 20 is a good start",
    )?;
    at_most("dataset.labelMap", dataset.label_map.len(), limits::LABEL_MAP)?;
    let label = |label: &String| !label.is_empty() && label.chars().count() <= limits::LABEL;
    require(
        dataset.label_map.values().all(label),
        "dataset.labelMap",
        || "maps a label to one that is empty or longer than 256 characters".into(),
        "Give each old label a new name",
    )?;
    require(
        untrimmed(&dataset.label_map).is_none(),
        "dataset.labelMap",
        || "has a label that begins or ends with a space".into(),
        "Rows' labels are trimmed, so write it without",
    )?;
    let levels = dataset.label_levels.len();
    require(
        !dataset.has_levels() || dataset.label_map.values().all(|label| is_path(label, levels)),
        "dataset.labelMap",
        || format!("has a new label with more parts than the {levels} levels of dataset.labelLevels, or an empty part"),
        "Write it as its levels, joined with ` > `: `Credit card > Fees`",
    )?;
    match renamed_twice(&dataset.label_map) {
        None => Ok(()),
        Some((from, to)) => Err(invalid(
            "dataset.labelMap",
            format!("renames {from} to {to}, which is itself renamed"),
            format!("Labels are renamed once: map {from} to the label that is meant, or {to} to itself to merge them"),
        )),
    }
}

pub(super) fn check_evaluation(evaluation: &EvaluationSettings, dataset: &DatasetSettings) -> Result<(), ConfigError> {
    within(
        "evaluation.testFraction",
        evaluation.test_fraction,
        &limits::TEST_FRACTION,
        "; 0.2 is a good start",
    )?;
    within("evaluation.seed", evaluation.seed, &(0..=limits::SEED), "")?;
    if evaluation.split == SplitBy::Time {
        require(
            evaluation.holdout.is_none(),
            "evaluation.split",
            || "is Time, but the classifier has an evaluation.holdout, whose rows are the test part".into(),
            "Leave out one of them",
        )?;
        require(
            dataset.split_field.is_none(),
            "dataset.splitField",
            || "is set, but the classifier's evaluation.split is Time".into(),
            "Leave out one of them",
        )?;
        require(
            dataset.time_field.is_some(),
            "dataset.timeField",
            || "is missing, but the classifier's evaluation.split is Time".into(),
            "Name the column with the time of each complaint",
        )?;
    }
    evaluation
        .holdout
        .as_ref()
        .map_or(Ok(()), |holdout| check_holdout(holdout, dataset))
}

fn check_holdout(holdout: &Holdout, dataset: &DatasetSettings) -> Result<(), ConfigError> {
    require(
        holdout.source.as_ref().is_none_or(|source| !source.trim().is_empty()),
        "evaluation.holdout.source",
        || "is empty".into(),
        "Name the file or address with the rows that decide",
    )?;
    require(
        dataset.split_field.is_none(),
        "dataset.splitField",
        || "is set, but the classifier has an evaluation.holdout, whose rows are the test part".into(),
        "Leave out one of them",
    )?;
    let settings = holdout.settings(dataset);
    require(
        is_field(&settings.text_field),
        "evaluation.holdout.textField",
        || "is empty or longer than 256 characters".into(),
        "Name the column with the text",
    )?;
    check_label("evaluation.holdout", &settings)?;
    require(
        settings.has_levels() == dataset.has_levels()
            && (!dataset.has_levels() || settings.label_levels.len() == dataset.label_levels.len()),
        "evaluation.holdout.labelLevels",
        || "does not give the label as many levels as the data set's dataset.labelLevels".into(),
        "Name the holdout's fields of the same levels, or leave them out where they have the same names",
    )?;
    require(
        !settings.label_columns().contains(&settings.text_field),
        "evaluation.holdout.labelFields",
        || "contains its textField, so the text would be its own label".into(),
        "Name the columns with the label",
    )
}

impl RunConfig {
    /// Checks every value.
    pub(crate) fn validate(&self) -> Result<(), ConfigError> {
        for (field, name) in [
            ("name", &self.name),
            ("namespace", &self.namespace),
            ("classifier", &self.classifier),
        ] {
            check_name(field, name)?;
        }
        self.champion.as_ref().map_or(Ok(()), check_champion)?;
        check_dataset(&self.dataset)?;
        check_evaluation(&self.evaluation, &self.dataset)?;
        self.review
            .validate()
            .map_err(|problem| invalid("review", problem, "Correct serving.abstainBelow or serving.thresholds"))?;
        self.validate_language()?;
        self.validate_features()?;
        self.validate_word_vectors()?;
        self.validate_search()
    }

    /// Checks the text and vectoriser steps with the crate that runs them.
    fn validate_features(&self) -> Result<(), ConfigError> {
        self.preprocessing
            .validate()
            .and_then(|()| self.features.validate())
            .map_err(ConfigError::from)
    }

    /// Checks what is said of word vectors. Their file is checked when it is read.
    fn validate_word_vectors(&self) -> Result<(), ConfigError> {
        let Some(vectors) = &self.word_vectors else {
            return Ok(());
        };
        require(
            self.features.hashing_bits.is_none(),
            "features.wordVectors",
            || "is set, but features.hashingBits hides the words that vectors belong to".into(),
            "Leave out one of them",
        )?;
        require(
            !self.dataset.has_levels(),
            "features.wordVectors",
            || "is set, but dataset.labelLevels gives the categories levels, which words have no scores for".into(),
            "Leave it out, or use dataset.labelFields instead of dataset.labelLevels",
        )?;
        require(
            vectors.source.as_ref().is_none_or(|source| !source.trim().is_empty()),
            "features.wordVectors.source",
            || "is empty".into(),
            "Name the file or address of the vectors",
        )?;
        if let Some(words) = vectors.max_words {
            within(
                "features.wordVectors.maxWords",
                words,
                &limits::WORD_VECTOR_WORDS,
                "; 50000 is a good start",
            )?;
        }
        let license = vectors.license.as_deref().unwrap_or_default().chars().count();
        require(
            license <= limits::LICENSE,
            "features.wordVectors.license",
            || format!("has {license} characters"),
            "Shorten it to 256 characters",
        )
    }

    fn validate_search(&self) -> Result<(), ConfigError> {
        let search = &self.search;
        within("search.folds", search.folds, &limits::FOLDS, "; 5 is a good start")?;
        if let Some(repeats) = search.repeats {
            within(
                "search.repeats",
                repeats,
                &limits::REPEATS,
                "; 3 is a good start for few rows",
            )?;
        }
        within(
            "search.maxTrialCount",
            search.max_trial_count,
            &limits::TRIALS,
            "; 100 is a good start",
        )?;
        at_most(
            "search.maxFailedTrialCount",
            search.max_failed_trial_count,
            limits::FAILED_TRIALS,
        )?;
        require(
            limits::CANDIDATES.contains(&search.candidates.len()),
            "search.candidates",
            || format!("has {} algorithms", search.candidates.len()),
            "Name at least one algorithm, and at most 16",
        )?;
        search
            .candidates
            .iter()
            .enumerate()
            .try_for_each(|(index, candidate)| validate_candidate(index, candidate))?;
        self.validate_pipelines()?;
        if let Some(ensemble) = search.ensemble {
            within(
                "search.ensemble.maxMembers",
                ensemble.max_members,
                &limits::ENSEMBLE_MEMBERS,
                "; with 1 nothing is averaged",
            )?;
        }
        let (points, most) = (self.grid_points(), search.max_trial_count);
        require(
            search.strategy == Strategy::Random || points <= most,
            "search.maxTrialCount",
            || format!("allows {most} trials, and the grid has {points}"),
            "Raise it, remove values from the grids, or set search.strategy to Random, which draws that many",
        )
    }

    /// Checks the steps of every pipeline. With hashing, all pipelines must count the same buckets, because texts are
    /// counted once while they are read.
    fn validate_pipelines(&self) -> Result<(), ConfigError> {
        if self.features.hashing_bits.is_some()
            && let Some(step) = first_step_before_counting(&self.search.pipeline_grid)
        {
            return Err(invalid(
                format!("search.pipelineGrid.{step}"),
                "changes the terms, and with features.hashingBits texts are counted only once",
                "Set one value in preprocessing or features, or leave features.hashingBits out; sublinearTf can be varied",
            ));
        }
        let grid = &self.search.pipeline_grid;
        for (step, values, most) in [
            ("normalizer", grid.normalizer.len(), limits::NORMALIZERS),
            ("removeStopWords", grid.remove_stop_words.len(), limits::BOTH),
            ("wordNgrams", grid.word_ngrams.len(), limits::GRID_NGRAMS),
            ("charNgrams", grid.char_ngrams.len(), limits::GRID_NGRAMS),
            ("sublinearTf", grid.sublinear_tf.len(), limits::BOTH),
        ] {
            at_most(&format!("search.pipelineGrid.{step}"), values, most)?;
        }
        let pipelines = self.pipelines();
        require(
            pipelines.len() <= limits::PIPELINES,
            "search.pipelineGrid",
            || format!("makes {} text pipelines", pipelines.len()),
            "Remove values: at most 64 pipelines are possible",
        )?;
        pipelines.iter().try_for_each(|pipeline| {
            pipeline
                .preprocessing
                .validate()
                .and_then(|()| pipeline.features.validate())
                .map_err(ConfigError::from)
        })
    }
}

fn validate_candidate(index: usize, candidate: &Candidate) -> Result<(), ConfigError> {
    let grid = &candidate.grid;
    let field = |parameter: &str| format!("search.candidates[{index}].grid.{parameter}");
    if candidate.algorithm == Algorithm::Ensemble {
        return Err(invalid(
            format!("search.candidates[{index}].algorithm"),
            "is Ensemble, which combines other algorithms",
            "Name the algorithms, and set search.ensemble to average the best trials",
        ));
    }
    let own = candidate.algorithm.parameters();
    let values = *limits::GRID_VALUES.end();
    let given = [
        (Parameter::C, "C", grid.c.len(), values),
        (Parameter::Alpha, "alpha", grid.alpha.len(), values),
        (
            Parameter::ClassWeight,
            "classWeight",
            grid.class_weight.len(),
            limits::BOTH,
        ),
        (Parameter::Loss, "loss", grid.loss.len(), limits::BOTH),
    ];
    for (_, name, count, most) in given {
        at_most(&field(name), count, most)?;
    }
    if let Some((_, name, ..)) = given
        .iter()
        .find(|(parameter, _, count, _)| *count > 0 && !own.contains(parameter))
    {
        return Err(invalid(
            field(name),
            format!("is not a parameter of {}", candidate.algorithm),
            "Remove it",
        ));
    }
    for (parameter, values, accepted) in [("C", &grid.c, limits::C), ("alpha", &grid.alpha, limits::ALPHA)] {
        let (low, high) = (accepted.start(), accepted.end());
        if let Some(value) = values.iter().find(|value| !accepted.contains(value)) {
            return Err(invalid(
                field(parameter),
                format!("contains {value}"),
                format!("Use values between {low} and {high}"),
            ));
        }
    }
    Ok(())
}
