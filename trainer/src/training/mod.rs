//! One training from data set to files, step by step.

mod reporting;

use std::path::Path;

use complaint_model::artifact::{FORMAT, Provenance};
use complaint_model::sparse::CsrMatrix;
use complaint_model::text::TextPipeline;
use complaint_model::vectorize::{TermCounts, TokenizedCorpus};
use complaint_model::{Artifact, ArtifactBuilder, LinearModel, Sha256Digest};

use crate::calibration::{OutOfFold, calibrate};
use crate::compare::{Champion, compare};
use crate::config::{ConfigError, RunConfig};
use crate::dataset::{self, Dataset, DatasetError, Location, Source};
use crate::error::TrainError;
use crate::evaluate::evaluate;
use crate::progress::{Progress, Stage};
use crate::report::{Profile, TrainingReport};
use crate::result::ArtifactReference;
use crate::search::{SearchOutcome, SearchSettings, TrainingPart, no_terms, search};
use crate::solve::estimator::{FitParameters, fit_trial};
use crate::solve::{Effort, Problem};
use crate::split::{Split, split, stratified_group_folds};
use crate::store::version_path;

/// Terms listed for each class in the report.
const TOP_TERMS: usize = 20;
/// A word's own spelling is stored only if it stands in so many documents, whatever the terms' limit.
const SURFACE_FORM_DOCUMENTS: usize = 5;

/// What a training needs besides its configuration.
#[derive(Debug)]
pub struct Inputs<'a> {
    /// The configuration.
    pub config: &'a RunConfig,
    /// Where the data set is.
    pub location: &'a Location,
    /// The champion's artifact.
    pub champion: Option<&'a Path>,
    /// Whether the report may hold texts.
    pub include_texts: bool,
}

/// A finished training, not yet written.
#[derive(Debug)]
pub struct Trained {
    /// The artifact's bytes.
    pub model: Vec<u8>,
    /// Where they will stand.
    pub artifact: ArtifactReference,
    /// The report.
    pub report: TrainingReport,
}

/// Rows ready for the search.
struct Prepared {
    dataset: Dataset,
    split: Split,
    corpus: TokenizedCorpus,
    terms: TermCounts,
    train_labels: Vec<u32>,
    profile: Profile,
}

/// The final model and what it was evaluated on.
struct Fitted {
    artifact: Artifact,
    test: CsrMatrix,
}

/// Trains, calibrates, evaluates and compares.
///
/// # Errors
/// [`TrainError`], whose message names object, field or row and the fix.
pub fn train(inputs: &Inputs<'_>, progress: &Progress) -> Result<Trained, TrainError> {
    let config = inputs.config;
    let champion = open_champion(inputs)?;
    let prepared = prepare(inputs, progress)?;
    let outcome = run_search(config, &prepared, progress)?;
    let fitted = fit(config, &prepared, &outcome, progress)?;
    progress.tell(
        Stage::Evaluating,
        0.0,
        &format!("{} held-out rows", prepared.split.test.len()),
    );
    let test_labels = labels_of(&prepared.dataset, &prepared.split.test);
    let evaluation = evaluate(&fitted.artifact, &fitted.test, &test_labels, config.evaluation.seed);
    let comparison = champion.map(|champion| {
        let texts: Vec<&str> = prepared
            .split
            .test
            .iter()
            .map(|&row| prepared.dataset.text(&prepared.dataset.rows[row as usize]))
            .collect();
        compare(
            &champion,
            &evaluation.scored,
            &prepared.dataset.labels,
            &texts,
            &config.split_name(),
            config.evaluation.metric,
            config.evaluation.seed,
        )
    });
    let model = fitted.artifact.to_bytes();
    let digest = Sha256Digest::of_bytes(&model);
    let mut report = reporting::report(inputs, &prepared, outcome, &fitted.artifact, evaluation, digest);
    report.report.comparison = comparison;
    let artifact = ArtifactReference {
        path: format!(
            "{}/{}",
            version_path(&config.namespace, &config.classifier, &digest),
            crate::store::MODEL
        ),
        sha256: digest,
        size_bytes: model.len() as u64,
        format: FORMAT.to_owned(),
    };
    Ok(Trained {
        model,
        artifact,
        report,
    })
}

fn open_champion(inputs: &Inputs<'_>) -> Result<Option<Champion>, TrainError> {
    match (&inputs.config.champion, inputs.champion) {
        (Some(champion), Some(path)) => Ok(Some(Champion::open(champion, path)?)),
        (Some(champion), None) => Err(crate::compare::ChampionError::Missing(champion.name.clone()).into()),
        (None, Some(_)) => Err(ConfigError::Invalid {
            field: "champion".into(),
            problem: "is absent, but an artifact was given with --champion".into(),
            fix: "Name the champion and its digest in the configuration, or leave --champion out".into(),
        }
        .into()),
        (None, None) => Ok(None),
    }
}

/// Loads, splits and tokenises.
fn prepare(inputs: &Inputs<'_>, progress: &Progress) -> Result<Prepared, TrainError> {
    let config = inputs.config;
    let name = inputs.location.name();
    progress.tell(Stage::Loading, 0.0, &format!("opening {name}"));
    let source = Source::open(inputs.location, config.dataset.sha256, |done, total| {
        let share = total
            .filter(|total| *total > 0)
            .map_or(0.0, |total| done as f64 / total as f64);
        progress.tell(Stage::Loading, 0.6 * share, &format!("{} MiB downloaded", done >> 20));
    })?;
    let dataset = dataset::load(&config.dataset, &source, |rows| {
        progress.tell(Stage::Loading, 0.8, &format!("{rows} rows read"))
    })?;
    progress.tell(
        Stage::Preprocessing,
        0.0,
        &format!("{} rows, {} labels", dataset.rows.len(), dataset.labels.len()),
    );
    let split = split(&dataset, config.evaluation.test_fraction, config.evaluation.seed);
    if split.test.is_empty() || split.train.is_empty() {
        let part = if split.test.is_empty() {
            "to hold out"
        } else {
            "to train on"
        };
        let problem = format!(
            "no row is left {part}: the texts are near copies of each other, which always fall on one side of the split, \
             or no row has that value in dataset.splitField"
        );
        return Err(DatasetError::NoUsableRows {
            name,
            records: dataset.counts.records,
            problem,
        }
        .into());
    }
    let pipeline = TextPipeline::new(&config.preprocessing).map_err(ConfigError::from)?;
    let texts: Vec<&str> = dataset.rows.iter().map(|row| dataset.text(row)).collect();
    let corpus = TokenizedCorpus::build(&pipeline, &texts);
    drop(texts);
    progress.tell(
        Stage::Preprocessing,
        0.6,
        &format!("{} distinct words", corpus.distinct_tokens()),
    );
    let terms = TermCounts::build(&corpus, &config.features);
    let profile = Profile::of(&dataset, &split, corpus.distinct_tokens(), |row| corpus.tokens(row));
    let train_labels = labels_of(&dataset, &split.train);
    let mut prepared = Prepared {
        dataset,
        split,
        corpus,
        terms,
        train_labels,
        profile,
    };
    prepared.forget_texts(inputs);
    Ok(prepared)
}

impl Prepared {
    /// Texts are needed again only for the champion, which has a pipeline of its own, and for a report with texts.
    fn forget_texts(&mut self, inputs: &Inputs<'_>) {
        if inputs.champion.is_none() && !inputs.include_texts {
            self.dataset.drop_texts();
        }
    }
}

fn labels_of(dataset: &Dataset, rows: &[u32]) -> Vec<u32> {
    rows.iter().map(|&row| dataset.rows[row as usize].label).collect()
}

/// The search's outcome with the folds it used.
struct Searched {
    outcome: SearchOutcome,
    folds: Vec<u8>,
}

fn run_search(config: &RunConfig, prepared: &Prepared, progress: &Progress) -> Result<Searched, TrainError> {
    let trials = config.trials();
    let classes = prepared.dataset.labels.len();
    let keys: Vec<u64> = prepared
        .split
        .train
        .iter()
        .map(|&row| prepared.split.keys[row as usize])
        .collect();
    let folds = stratified_group_folds(
        &prepared.train_labels,
        &keys,
        classes,
        config.search.folds,
        config.evaluation.seed,
    );
    progress.tell(
        Stage::Searching,
        0.0,
        &format!("{} trials on {} folds", trials.len(), config.search.folds),
    );
    let part = TrainingPart {
        terms: &prepared.terms,
        rows: &prepared.split.train,
        labels: &prepared.train_labels,
        folds: &folds,
        fold_count: config.search.folds,
        classes,
    };
    let settings = SearchSettings {
        features: &config.features,
        scoring: config.search.scoring,
        max_failed: config.search.max_failed_trial_count,
        seed: config.evaluation.seed,
    };
    let outcome = search(part, &trials, settings, &|done, all, trial| {
        let finished = done * trials.len() / all.max(1);
        progress.tell(
            Stage::Searching,
            done as f64 / all as f64,
            &format!("{finished} of {} trials: {trial}", trials.len()),
        );
    })?;
    Ok(Searched { outcome, folds })
}

/// Fits the best trial on all training rows and calibrates it on the out-of-fold scores.
fn fit(
    config: &RunConfig,
    prepared: &Prepared,
    searched: &Searched,
    progress: &Progress,
) -> Result<Fitted, TrainError> {
    let trial = config.trials()[searched.outcome.best];
    progress.tell(
        Stage::Fitting,
        0.0,
        &format!("{trial} on {} rows", prepared.split.train.len()),
    );
    let terms = prepared.terms.fit(&prepared.split.train, &config.features);
    let rows = terms.transform(&prepared.split.train);
    if rows.cols == 0 {
        return Err(no_terms().into());
    }
    let labels = &prepared.dataset.labels;
    let parameters = FitParameters {
        trial,
        effort: Effort::fit(config.evaluation.seed),
        classes: labels.len(),
    };
    let problem = Problem {
        rows: &rows,
        labels: &prepared.train_labels,
        classes: labels.len(),
    };
    let (coefficients, calibration) = rayon::join(
        || fit_trial(problem, &parameters),
        || {
            calibrate(OutOfFold {
                scores: &searched.outcome.scores,
                labels: &prepared.train_labels,
                folds: &searched.folds,
                classes: labels.len(),
            })
        },
    );
    let coefficients = coefficients
        .map_err(|error| TrainError::Training(format!("{trial} could not be fitted on all training rows: {error}")))?;
    progress.tell(Stage::Fitting, 0.9, "putting the artifact together");
    let test = terms.transform(&prepared.split.test);
    let model = LinearModel {
        labels: labels.clone(),
        weights: coefficients.weights,
        bias: coefficients.bias,
    };
    let artifact = ArtifactBuilder::new(
        &config.preprocessing,
        &terms.vectorizer(),
        model,
        trial.algorithm(),
        trial.parameters(),
    )
    .calibration(calibration)
    .provenance(Provenance {
        split: config.split_name(),
        dataset_sha256: Some(prepared.dataset.sha256),
        trainer_version: env!("CARGO_PKG_VERSION").to_owned(),
    })
    .surface_forms(
        &prepared.corpus,
        &prepared.split.train,
        SURFACE_FORM_DOCUMENTS.min(config.features.min_document_frequency),
    )
    .build()
    .map_err(|error| TrainError::Internal(error.to_string()))?;
    Ok(Fitted { artifact, test })
}
