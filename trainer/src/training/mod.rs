//! One training, step by step, from the data set to the files.

mod again;
mod auditing;
mod fitting;
mod held_out;
mod holdout;
mod levels;
mod passing;
mod reporting;
mod scaling;
mod searching;

use std::sync::Arc;

use complaint_contract::{
    FeedbackResult, HoldoutResult, Reach, SplitBy, StoredArtifact, TrainingStage, Unchanged, list_labels,
};
use complaint_model::artifact::FORMAT;
use complaint_model::text::TextPipeline;
use complaint_model::vectorize::{TermCounts, TokenizedCorpus};
use complaint_model::{Features, Levels, Preprocessing, Sha256Digest};
use complaint_report::{Choice, Profile, Report};
use rayon::prelude::*;

use crate::compare::Champion;
use crate::config::{ConfigError, Pipeline, RunConfig, TrainingRows};
use crate::dataset::{self, Beside, Dataset, DatasetError, FIELDS_OF_THE_LABEL, Location, Purpose, Source};
use crate::error::TrainError;
use crate::evaluate::evaluate;
use crate::feedback::{Corrections, Rules};
use crate::language::{CommonWords, Languages};
use crate::profile;
use crate::progress::Progress;
use crate::review::{answers_above, review};
use crate::split::{Split, split, split_by_keys};
use crate::store::version_path;
pub(crate) use again::model_error;
pub use again::{Again, compare_again};
pub use auditing::{AuditedDataset, audit_labels};
use fitting::fit_best;
use held_out::{HeldOut, with_reference};
use holdout::HoldoutRows;
use levels::Partial;
use reporting::level_reports;
use searching::run_search;

/// Minimum number of documents that must contain a word's spelling before the spelling is stored. If terms need fewer
/// documents, that lower number applies.
const SURFACE_FORM_DOCUMENTS: usize = 5;
/// Number of terms listed for each class in the report.
const TOP_TERMS: usize = 20;

/// The inputs of a training.
#[derive(Debug)]
pub struct Inputs<'a> {
    /// The configuration.
    pub config: &'a RunConfig,
    /// The location of the data set.
    pub location: &'a Location,
    /// The location of the holdout's rows. It replaces the source that the configuration names.
    pub holdout: Option<&'a str>,
    /// The location of the word vectors. It replaces the source that the configuration names.
    pub word_vectors: Option<&'a str>,
    /// The champion's artifact: a file, or an `s3://` object.
    pub champion: Option<&'a str>,
    /// Corrections that become training rows.
    pub corrections: Option<&'a Corrections>,
    /// The data for which the same settings have already made a version. With the same data, nothing is trained.
    pub known: Option<Known>,
    /// The addresses that may be reached.
    pub reach: Reach,
    /// Whether the report may contain texts.
    pub include_texts: bool,
}

/// The data of an earlier training.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// Digest of its data set.
    pub dataset: Sha256Digest,
    /// Digest of its corrections, if it had some.
    pub feedback: Option<Sha256Digest>,
}

/// The outcome of a training.
#[derive(Debug)]
pub enum Outcome {
    /// The training made a model.
    Trained(Box<Trained>),
    /// The training ended before the search, because the data is known.
    Unchanged(Unchanged),
}

/// A finished training whose files are not written yet.
#[derive(Debug)]
pub struct Trained {
    /// The artifact's bytes.
    pub model: Vec<u8>,
    /// The artifact's reference once it is written.
    pub artifact: StoredArtifact,
    /// The report.
    pub report: Report,
}

/// Rows ready for the search.
struct Prepared {
    dataset: Dataset,
    split: Split,
    words: Words,
    /// The source, if the texts of its rows were not kept and have to be read again.
    source: Option<Source>,
    train_labels: Vec<u32>,
    /// Rows whose label ends above the finest level. They are not among those of the split.
    partial: Partial,
    /// The levels of the labels, if they have some.
    levels: Option<Levels>,
    profile: Profile,
    /// What the settings depend on.
    training_rows: TrainingRows,
    /// The terms of the first text pipeline, until the search takes them.
    terms: Option<Arc<TermCounts>>,
    /// The result of reading the holdout, if there is one. Its rows are the test part.
    holdout: Option<HoldoutResult>,
    /// What became of the corrections, if they were read.
    feedback: Option<FeedbackResult>,
    /// Name of the split. Equal names on equal data mean equal test rows.
    split_name: String,
    /// The configuration for the language of the rows.
    decided: Decided,
}

/// The configuration for the language of the training rows.
struct Decided {
    config: RunConfig,
    choices: Vec<Choice>,
    languages: Languages,
}

/// Which rows are training rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rows {
    /// Those that the split does not hold out.
    NotHeldOut,
    /// All of them.
    All,
}

/// The result of processing the texts.
#[derive(Debug, Clone)]
enum Words {
    /// The words of one text pipeline. Terms are counted from them.
    Corpus(Arc<TokenizedCorpus>),
    /// The terms, counted while texts were read.
    Counts(Arc<TermCounts>),
}

impl Words {
    fn counts(&self, features: &Features) -> Arc<TermCounts> {
        match self {
            Self::Corpus(corpus) => Arc::new(TermCounts::build(corpus, features)),
            Self::Counts(counts) => Arc::clone(counts),
        }
    }
}

/// Trains, calibrates, evaluates and compares.
///
/// # Errors
/// [`TrainError`] with a message that names object, field or row, and the fix.
pub fn train(inputs: &Inputs<'_>, progress: &Progress) -> Result<Outcome, TrainError> {
    let champion = open_champion(inputs)?;
    let name = inputs.location.name();
    progress.tell(TrainingStage::Loading, 0.0, &format!("opening {name}"));
    let holdout = HoldoutRows::read(inputs, progress)?;
    let source = open_source(inputs, progress)?;
    let present = Known {
        dataset: source.sha256(),
        feedback: inputs.corrections.and_then(Corrections::sha256),
    };
    if inputs.known == Some(present) {
        progress.tell(TrainingStage::Done, 1.0, "the data set did not change");
        return Ok(Outcome::Unchanged(Unchanged {
            dataset_sha256: present.dataset,
            feedback_sha256: present.feedback,
        }));
    }
    let mut prepared = prepare(inputs, source, holdout, Rows::NotHeldOut, progress)?;
    let (config, choices) = &prepared.config();
    let inputs = &Inputs { config, ..*inputs };
    let searched = run_search(inputs, &mut prepared, progress)?;
    let (fitted, label_audit) = fit_best(inputs, &prepared, &searched, progress)?;
    progress.tell(
        TrainingStage::Evaluating,
        0.0,
        &format!("{} held-out rows", prepared.split.test.len()),
    );
    let test_labels = labels_of(&prepared.dataset, &prepared.split.test);
    let classes = prepared.dataset.all_labels();
    let seed = config.evaluation.seed;
    let (evaluation, unknown_words) = rayon::join(
        || evaluate(&fitted.artifact, &fitted.test, &test_labels, &classes, seed),
        || match &searched.best.words {
            Words::Corpus(corpus) => fitted.artifact.unknown_word_shares(corpus, &prepared.split.test),
            Words::Counts(_) => Vec::new(),
        },
    );
    let level_reports = level_reports(&prepared, &fitted, &searched, seed);
    let held_out = HeldOut::look(inputs, &prepared, champion.as_ref(), &evaluation, &fitted.artifact)?;
    let unknown_words = match &searched.best.words {
        Words::Corpus(_) => &unknown_words,
        Words::Counts(_) => &held_out.unknown_words,
    };
    let above = answers_above(&config.review, &fitted.artifact, &fitted.test, &test_labels);
    let share_with_vectors = fitted.share_with_vectors;
    let artifact = with_reference(fitted, &prepared, &test_labels, unknown_words)?;
    let model = artifact.to_bytes();
    let digest = Sha256Digest::of_bytes(&model);
    let parts = reporting::Parts {
        searched,
        choices: choices.clone(),
        share_with_vectors,
        review: review(&config.review, &artifact, &evaluation, &above),
        evaluation,
        levels: level_reports,
        held_out,
        label_audit: Some(label_audit),
    };
    let report = reporting::report(inputs, &prepared, &artifact, digest, parts);
    let stored = StoredArtifact {
        path: format!(
            "{}/{}",
            version_path(&config.namespace, &config.classifier, &digest),
            crate::store::MODEL
        ),
        sha256: digest,
        size_bytes: model.len() as u64,
        format: FORMAT.to_owned(),
    };
    Ok(Outcome::Trained(Box::new(Trained {
        model,
        artifact: stored,
        report,
    })))
}

fn open_champion(inputs: &Inputs<'_>) -> Result<Option<Champion>, TrainError> {
    match (&inputs.config.champion, inputs.champion) {
        (Some(champion), Some(path)) => Ok(Some(Champion::open(champion, path, inputs.reach)?)),
        (Some(champion), None) => Err(crate::compare::ChampionError::Missing(champion.name.clone()).into()),
        (None, Some(_)) => Err(ConfigError::Invalid {
            field: "champion".into(),
            problem: "is absent, but an artifact was given with --champion".into(),
            fix: "Name the champion and its digest in the configuration, or omit --champion".into(),
        }
        .into()),
        (None, None) => Ok(None),
    }
}

/// Opens or downloads the data set.
fn open_source(inputs: &Inputs<'_>, progress: &Progress) -> Result<Source, DatasetError> {
    let expected = inputs.config.dataset.sha256;
    Source::open(
        inputs.location,
        expected,
        Purpose::DataSet,
        inputs.reach,
        |done, total| {
            let share = total
                .filter(|total| *total > 0)
                .map_or(0.0, |total| done as f64 / total as f64);
            progress.tell(
                TrainingStage::Loading,
                0.6 * share,
                &format!("{} MiB downloaded", done >> 20),
            );
        },
    )
}

/// Loads, splits, decides the language and tokenises.
fn prepare(
    inputs: &Inputs<'_>,
    source: Source,
    holdout: Option<HoldoutRows>,
    rows: Rows,
    progress: &Progress,
) -> Result<Prepared, TrainError> {
    let config = inputs.config;
    if config.features.hashing_bits.is_some() {
        return prepare_passing(inputs, source, holdout, rows, progress);
    }
    let mut dataset = dataset::load(&config.dataset, &source, beside(inputs, holdout.as_ref()), |rows| {
        progress.tell(TrainingStage::Loading, 0.8, &format!("{rows} rows read"))
    })?;
    if let Some(holdout) = &holdout {
        holdout.add_to(&mut dataset);
    }
    tell_rows(&dataset, progress);
    check_times_of_split(&mut dataset, config, source.name())?;
    let split = split(&dataset, &config.evaluation);
    let mut split = choose(rows, split, &dataset, source.name())?;
    let feedback = join(inputs, &mut dataset, &mut split, source.name())?;
    let (partial, levels) = take_levels(config, &mut dataset, &mut split, rows, source.name())?;
    let holdout = holdout.map(|holdout| holdout.result(&mut dataset)).transpose()?;
    let decided = Decided::of(config, &mut dataset, |dataset| {
        Languages::of(split.train.len(), |row| {
            dataset.text(&dataset.rows[split.train[row] as usize])
        })
    });
    let pipelines = decided.config.pipelines();
    let corpus = tokenise(&dataset, &pipelines[0].preprocessing)?;
    progress.tell(
        TrainingStage::Preprocessing,
        0.6,
        &format!("{} distinct words", corpus.distinct_tokens()),
    );
    let corpus = Arc::new(corpus);
    let words = Words::Corpus(Arc::clone(&corpus));
    let training_rows = training_rows(&dataset, &split, &words);
    let (for_rows, _) = decided.config.for_rows(training_rows);
    // Each has steps for one thread only.
    let (profile, terms) = rayon::join(
        || profile::of_texts(&dataset, &split, &corpus, &decided.languages, decided.common_words()),
        || words.counts(&for_rows.pipelines()[0].features),
    );
    let mut prepared = Prepared {
        profile,
        training_rows,
        terms: Some(terms),
        train_labels: labels_of(&dataset, &split.train),
        partial,
        levels,
        dataset,
        split,
        words,
        source: None,
        split_name: config.split_name(holdout.as_ref().map(|holdout| holdout.sha256)),
        holdout,
        feedback,
        decided,
    };
    prepared.forget_texts(inputs, &pipelines);
    Ok(prepared)
}

/// Loads and counts without keeping texts, then splits.
fn prepare_passing(
    inputs: &Inputs<'_>,
    source: Source,
    holdout: Option<HoldoutRows>,
    rows: Rows,
    progress: &Progress,
) -> Result<Prepared, TrainError> {
    let config = inputs.config;
    let mut passing = passing::load(config, &source, beside(inputs, holdout.as_ref()), |rows| {
        let share = 0.6 + 0.4 * source.share_read();
        progress.tell(TrainingStage::Loading, share, &format!("{rows} rows read and counted"))
    })?;
    if let Some(holdout) = &holdout {
        let own = passing.dataset.rows.len();
        holdout.add_to(&mut passing.dataset);
        passing.count_rows_from(own);
    }
    check_times_of_split(&mut passing.dataset, config, source.name())?;
    tell_rows(&passing.dataset, progress);
    let split = split_by_keys(&passing.dataset, passing.keys(), &config.evaluation);
    let mut split = choose(rows, split, &passing.dataset, source.name())?;
    let read = passing.dataset.rows.len();
    let feedback = join(inputs, &mut passing.dataset, &mut split, source.name())?;
    passing.count_rows_from(read);
    let (partial, levels) = take_levels(config, &mut passing.dataset, &mut split, rows, source.name())?;
    let holdout = holdout
        .map(|holdout| holdout.result(&mut passing.dataset))
        .transpose()?;
    let passing::Passed {
        dataset,
        counts,
        facts,
        decided,
    } = passing.finish();
    let counts = Arc::new(counts);
    let words = Words::Counts(Arc::clone(&counts));
    Ok(Prepared {
        training_rows: training_rows(&dataset, &split, &words),
        profile: profile::of_counts(&dataset, &split, &facts, &counts, &decided.languages),
        train_labels: labels_of(&dataset, &split.train),
        partial,
        levels,
        dataset,
        split,
        words,
        terms: None,
        source: Some(source),
        split_name: config.split_name(holdout.as_ref().map(|holdout| holdout.sha256)),
        holdout,
        feedback,
        decided,
    })
}

/// What the rows of the data set are compared with while they are read.
fn beside<'i>(inputs: &Inputs<'i>, holdout: Option<&'i HoldoutRows>) -> Beside<'i> {
    Beside {
        held_out: holdout.map(HoldoutRows::keys),
        corrected: inputs.corrections.map(Corrections::texts),
    }
}

/// Makes the corrections training rows.
fn join(
    inputs: &Inputs<'_>,
    dataset: &mut Dataset,
    split: &mut Split,
    name: &str,
) -> Result<Option<FeedbackResult>, DatasetError> {
    let rules = Rules {
        seed: inputs.config.evaluation.seed,
        min_samples_per_class: inputs.config.dataset.min_samples_per_class,
        levels: inputs.config.dataset.label_levels.len(),
    };
    let corrections = inputs.corrections;
    corrections
        .map(|corrections| corrections.join(dataset, split, rules, name))
        .transpose()
}

fn tell_rows(dataset: &Dataset, progress: &Progress) {
    let message = format!("{} rows, {} labels", dataset.rows.len(), dataset.labels.len());
    progress.tell(TrainingStage::Preprocessing, 0.0, &message);
}

fn check_times_of_split(dataset: &mut Dataset, config: &RunConfig, name: &str) -> Result<(), DatasetError> {
    match config.evaluation.split {
        SplitBy::Hash => Ok(()),
        SplitBy::Time => dataset::check_times(dataset, name),
    }
}

/// The split, checked, or without held-out rows.
fn choose(rows: Rows, split: Split, dataset: &Dataset, name: &str) -> Result<Split, DatasetError> {
    match rows {
        Rows::NotHeldOut => check_split(dataset, &split, name.to_owned()).map(|()| split),
        Rows::All => Ok(Split {
            train: (0..split.keys.len() as u32).collect(),
            test: Vec::new(),
            keys: split.keys,
        }),
    }
}

/// Takes the rows whose label ends above the finest level out of the split, if labels have levels.
fn take_levels(
    config: &RunConfig,
    dataset: &mut Dataset,
    split: &mut Split,
    rows: Rows,
    name: &str,
) -> Result<(Partial, Option<Levels>), TrainError> {
    if !config.dataset.has_levels() {
        return Ok((Partial::default(), None));
    }
    let partial = Partial::take(dataset, split);
    if dataset.labels.len() < 2 {
        return Err(DatasetError::TooFewClasses {
            name: name.to_owned(),
            left: "one category of the finest level".into(),
            counts: list_labels(dataset.labels.iter().map(|label| (label.as_str(), ())), |label, ()| {
                format!("`{label}`")
            }),
            fix: "Add rows with other labels, or use fewer dataset.labelLevels".into(),
        }
        .into());
    }
    if rows == Rows::NotHeldOut && (split.test.is_empty() || split.train.is_empty()) {
        return Err(DatasetError::NoUsableRows {
            name: name.to_owned(),
            records: dataset.counts.records,
            problem: "on one side of the split, no row has a label of the finest level".into(),
            setting: config.dataset.label_setting(),
        }
        .into());
    }
    let levels = Levels::new(&config.dataset.label_levels, &dataset.labels).map_err(TrainError::Internal)?;
    Ok((partial, Some(levels)))
}

/// Checks that both sides of the split have rows.
fn check_split(dataset: &Dataset, split: &Split, name: String) -> Result<(), DatasetError> {
    let part = match (split.test.is_empty(), split.train.is_empty()) {
        (true, _) => "to hold out",
        (_, true) => "to train on",
        _ => return Ok(()),
    };
    let problem = format!(
        "no row is left {part}: the texts are near copies of each other, which always fall on one side of the split, \
         or no row has that value in dataset.splitField"
    );
    Err(DatasetError::NoUsableRows {
        name,
        records: dataset.counts.records,
        problem,
        setting: FIELDS_OF_THE_LABEL,
    })
}

/// Splits all texts into words.
fn tokenise(dataset: &Dataset, preprocessing: &Preprocessing) -> Result<TokenizedCorpus, TrainError> {
    let pipeline = TextPipeline::new(preprocessing).map_err(ConfigError::from)?;
    let texts: Vec<&str> = dataset.rows.iter().map(|row| dataset.text(row)).collect();
    Ok(TokenizedCorpus::build(&pipeline, &texts))
}

impl Decided {
    fn of(config: &RunConfig, dataset: &mut Dataset, look: impl FnOnce(&Dataset) -> Languages) -> Self {
        let languages = look(dataset);
        let (config, choices, warnings) = config.for_languages(&languages);
        dataset.warnings.extend(warnings);
        Self {
            config,
            choices,
            languages,
        }
    }

    fn common_words(&self) -> CommonWords {
        CommonWords::of(self.config.preprocessing.language)
    }
}

impl Prepared {
    /// The configuration for these rows, and all that was chosen.
    fn config(&self) -> (RunConfig, Vec<Choice>) {
        let Decided { config, choices, .. } = &self.decided;
        let (config, more) = config.for_rows(self.training_rows);
        (config, choices.iter().cloned().chain(more).collect())
    }

    /// The training rows, and then those whose label ends above the finest level.
    fn rows_to_learn_from(&self) -> Vec<u32> {
        self.split.train.iter().chain(&self.partial.train).copied().collect()
    }

    /// The labels of rows.
    fn labels_of(&self, rows: &[u32]) -> Vec<&str> {
        let label = |&row: &u32| self.dataset.label(&self.dataset.rows[row as usize]);
        rows.iter().map(label).collect()
    }

    /// The configuration for a level with so many classes, of which so many training rows have one.
    fn config_of_level(&self, rows: usize, classes: usize) -> RunConfig {
        let finest = self.training_rows;
        let words = finest.words / finest.rows.max(1);
        let (config, _) = self.decided.config.for_rows(TrainingRows {
            rows,
            classes,
            words: words.saturating_mul(rows),
        });
        config
    }

    /// Drops the texts if nothing needs them again. Other text pipelines, the champion's own pipeline, and a report
    /// with texts need them.
    fn forget_texts(&mut self, inputs: &Inputs<'_>, pipelines: &[Pipeline]) {
        let one = pipelines
            .iter()
            .all(|pipeline| pipeline.preprocessing == pipelines[0].preprocessing);
        if one && inputs.champion.is_none() && !inputs.include_texts {
            self.dataset.drop_texts();
        }
    }
}

fn training_rows(dataset: &Dataset, split: &Split, words: &Words) -> TrainingRows {
    TrainingRows {
        rows: split.train.len(),
        classes: dataset.labels.len(),
        words: match words {
            Words::Corpus(corpus) => {
                let words = |&row: &u32| corpus.tokens(row as usize).count();
                split.train.par_iter().map(words).sum()
            }
            // With hashing, no setting depends on it.
            Words::Counts(_) => usize::MAX,
        },
    }
}

fn labels_of(dataset: &Dataset, rows: &[u32]) -> Vec<u32> {
    rows.iter().map(|&row| dataset.rows[row as usize].label).collect()
}
