//! Builds the configuration from the arguments of `train` and `audit`: a preset, overridden by a settings file, overridden by
//! options.

use std::path::Path;

use complaint_contract::{Algorithm, EvaluationSettings, Feedback, Holdout, Preset, ReviewRules, WordVectors};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::data::DataArgs;
use crate::cli::{ReviewArgs, SearchArgs, TextArgs, TrainArgs, VectorArgs};
use crate::config::{ConfigError, RunConfig};
use crate::error::TrainError;

/// The arguments that decide how rows become scores.
pub(super) struct Choice<'a> {
    /// Name of the model.
    pub(super) name: &'a str,
    pub(super) data: &'a DataArgs,
    pub(super) min_samples_per_class: usize,
    pub(super) preset: Preset,
    /// A file with more settings.
    pub(super) settings: Option<&'a Path>,
    pub(super) text: &'a TextArgs,
    pub(super) search: &'a SearchArgs,
    pub(super) feedback: Feedback,
    pub(super) evaluation: EvaluationSettings,
    pub(super) review: ReviewRules,
}

/// The configuration of `train`.
pub(super) fn of_train(arguments: &TrainArgs) -> Result<RunConfig, TrainError> {
    let holdout = arguments.holdout.as_ref().map(|source| Holdout {
        source: Some(source.clone()),
        sha256: arguments.holdout_sha256,
        format: Some(arguments.data.format_of(source)),
        text_field: None,
        label_fields: None,
        label_levels: None,
    });
    config(&Choice {
        name: &arguments.name,
        data: &arguments.data,
        min_samples_per_class: arguments.min_samples_per_class,
        preset: arguments.preset.into(),
        settings: arguments.settings.as_deref(),
        text: &arguments.text,
        search: &arguments.search,
        feedback: feedback(arguments.feedback.as_deref()),
        evaluation: EvaluationSettings {
            split: arguments.split.into(),
            holdout,
            ..EvaluationSettings::by_hash(arguments.test_fraction, arguments.seed)
        },
        review: review(&arguments.review)?,
    })
}

/// Whether corrections are read.
pub(super) fn feedback(place: Option<&str>) -> Feedback {
    match place {
        Some(_) => Feedback::Include,
        None => Feedback::Exclude,
    }
}

fn review(arguments: &ReviewArgs) -> Result<ReviewRules, ConfigError> {
    let ReviewArgs {
        abstain_below,
        min_precision,
        min_recall,
    } = arguments;
    ReviewRules::of_arguments(*abstain_below, min_precision, min_recall).map_err(|problem| ConfigError::Invalid {
        field: "--min-precision".into(),
        problem,
        fix: "Give each category one share, with --min-precision or --min-recall".into(),
    })
}

/// Builds the configuration and validates it. The metric of a comparison is that of the search.
pub(super) fn config(choice: &Choice<'_>) -> Result<RunConfig, TrainError> {
    let mut sections = match choice.settings {
        Some(path) => read(path)?,
        None => Map::new(),
    };
    for (name, options) in [
        ("preprocessing", preprocessing(choice.text)),
        ("features", features(choice.text)),
        ("search", search(choice.search)),
    ] {
        let section = sections.entry(name).or_insert_with(|| json!({}));
        if let Value::Object(section) = section {
            section.extend(options);
        }
    }
    let mut evaluation = json!(choice.evaluation);
    if let Some(metric) = sections["search"].get("scoring") {
        evaluation["metric"] = metric.clone();
    }
    let mut all = json!({
        "name": choice.name,
        "namespace": "default",
        "classifier": choice.name,
        "specHash": "",
        "feedback": choice.feedback,
        "preset": choice.preset,
        "dataset": choice.data.config(choice.min_samples_per_class),
        "evaluation": evaluation,
        "review": choice.review,
    });
    if let Value::Object(all) = &mut all {
        all.extend(sections);
    }
    Ok(RunConfig::parse(&serde_json::to_vec(&all).unwrap_or_default())?)
}

fn read(path: &Path) -> Result<Map<String, Value>, ConfigError> {
    let text = std::fs::read(path).map_err(|source| ConfigError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    let sections: Map<String, Value> = serde_json::from_slice(&text).map_err(|error| ConfigError::Malformed {
        field: path.display().to_string(),
        problem: error.to_string(),
    })?;
    let known = ["preprocessing", "features", "search"];
    match sections.keys().find(|name| !known.contains(&name.as_str())) {
        Some(other) => Err(ConfigError::Malformed {
            field: other.clone(),
            problem: format!("a settings file has the sections {}", known.join(", ")),
        }),
        None => Ok(sections),
    }
}

/// The options that the user set.
struct Given(Map<String, Value>);

impl Given {
    fn new() -> Self {
        Self(Map::new())
    }

    fn set(mut self, name: &str, value: Option<impl Serialize>) -> Self {
        if let Some(value) = value.and_then(|value| serde_json::to_value(value).ok()) {
            self.0.insert(name.to_owned(), value);
        }
        self
    }
}

fn preprocessing(text: &TextArgs) -> Map<String, Value> {
    Given::new()
        .set("language", text.language)
        .set("normalizer", text.normalizer.map(complaint_model::Normalizer::from))
        .set("expandContractions", text.expand_contractions)
        .set("removeStopWords", text.remove_stop_words)
        .set("keepNumbers", text.keep_numbers)
        .set("minTokenLength", text.min_token_length)
        .set("redactionPattern", text.redaction_pattern.as_ref())
        .0
}

fn features(text: &TextArgs) -> Map<String, Value> {
    Given::new()
        .set("wordNgrams", text.word_ngrams)
        .set("charNgrams", text.char_ngrams)
        .set("minDocumentFrequency", text.min_document_frequency)
        .set("maxDocumentFraction", text.max_document_fraction)
        .set("maxFeatures", text.max_features)
        .set("sublinearTf", text.sublinear_tf)
        .set("hashingBits", text.hashing_bits)
        .set("wordVectors", word_vectors(&text.vectors))
        .0
}

/// The word vectors, which replace those of a settings file.
fn word_vectors(vectors: &VectorArgs) -> Option<WordVectors> {
    vectors.word_vectors.as_ref().map(|source| WordVectors {
        source: Some(source.clone()),
        sha256: vectors.word_vectors_sha256,
        max_words: vectors.word_vectors_max_words,
        license: vectors.word_vectors_license.clone(),
    })
}

fn search(search: &SearchArgs) -> Map<String, Value> {
    let candidates = (!search.algorithms.is_empty()).then(|| candidates(search));
    Given::new()
        .set("candidates", candidates)
        .set("folds", search.folds)
        .set("repeats", search.repeats)
        .set("scoring", search.scoring.map(complaint_contract::Metric::from))
        .set("strategy", search.strategy.map(complaint_contract::Strategy::from))
        .set(
            "ensemble",
            search.ensemble.map(|models| json!({ "maxMembers": models })),
        )
        .set("earlyStopping", search.early_stopping)
        .set("maxTrialCount", search.max_trial_count)
        .set("maxFailedTrialCount", search.max_failed_trial_count)
        .0
}

/// One candidate per algorithm, with those of the given values that are its parameters.
fn candidates(search: &SearchArgs) -> Vec<Value> {
    let list = |values: Vec<Value>| (!values.is_empty()).then_some(values);
    let numbers = |values: &[f64]| list(values.iter().map(|value| json!(value)).collect());
    let weights = search
        .class_weights
        .iter()
        .map(|&weight| json!(complaint_contract::ClassWeight::from(weight)));
    let losses = search
        .losses
        .iter()
        .map(|&loss| json!(complaint_contract::Loss::from(loss)));
    let (weights, losses) = (list(weights.collect()), list(losses.collect()));
    let grid = |algorithm: Algorithm| {
        use complaint_contract::Parameter::{Alpha, C, ClassWeight, Loss};
        let own = algorithm.parameters();
        Given::new()
            .set("C", numbers(&search.c).filter(|_| own.contains(&C)))
            .set("alpha", numbers(&search.alpha).filter(|_| own.contains(&Alpha)))
            .set("classWeight", weights.clone().filter(|_| own.contains(&ClassWeight)))
            .set("loss", losses.clone().filter(|_| own.contains(&Loss)))
            .0
    };
    search
        .algorithms
        .iter()
        .map(|&algorithm| Algorithm::from(algorithm))
        .map(|algorithm| json!({ "algorithm": algorithm, "grid": grid(algorithm) }))
        .collect()
}
