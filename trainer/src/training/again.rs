//! Evaluates a finished version, and the champion, on the rows that the version's training held out, read again.
//!
//! Rows, order, classes and seed are those of the training, so the numbers are equal too.

use std::path::PathBuf;

use complaint_contract::{
    CompareRequest, CompareResult, DatasetSettings, Holdout, HoldoutResult, Reach, VersionEvaluation,
};
use complaint_model::{LevelModels, Predictor, Sha256Digest};
use rustc_hash::FxHashMap;

use super::holdout::{check_labels, place_of, read_rows};
use super::passing::{load_keys, read_again};
use crate::answers::Answers;
use crate::compare::{ArtifactFault, Champion, ChampionAnswers, ChampionError, open_artifact};
use crate::config::{ConfigError, split_name};
use crate::dataset::{Dataset, DatasetError, Location, Purpose, Source};
use crate::error::{ModelError, TrainError};
use crate::evaluate::version_evaluation;
use crate::level_answers::LevelAnswers;
use crate::progress::Progress;
use crate::split::{split_by_keys, split_key};

/// The inputs of a comparison after the training.
#[derive(Debug)]
pub struct Again<'a> {
    /// The request.
    pub request: &'a CompareRequest,
    /// The version's artifact: a file, or an `s3://` object.
    pub model: &'a str,
    /// The champion's artifact.
    pub champion: Option<&'a str>,
    /// The location of the data set, if it is read.
    pub location: Option<&'a Location>,
    /// The location of the holdout's rows. It replaces the source that the request names.
    pub holdout: Option<&'a str>,
    /// The addresses that may be reached.
    pub reach: Reach,
}

/// The models to evaluate.
struct Models<'m> {
    version: &'m Predictor,
    champion: Option<&'m Champion>,
}

/// The evaluated rows and the answers to them.
struct Answered<'m> {
    /// The version's classes, followed by those that only the rows have.
    classes: Vec<String>,
    answers: Answers,
    champion: Option<ChampionAnswers<'m>>,
    /// The version's answers at the coarser levels, if its categories have levels.
    levels: Option<LevelAnswers<'m>>,
    split: String,
    unknown_label_rows: u64,
    holdout: Option<HoldoutResult>,
}

impl<'m> Answered<'m> {
    /// No answers yet.
    fn new(models: &Models<'m>, classes: Vec<String>, split: String, unknown_label_rows: u64) -> Self {
        let (labels, levels) = (models.version.labels(), models.version.artifact().levels());
        Self {
            levels: levels.map(|models| LevelAnswers::new(models.levels(), labels)),
            answers: Answers::new(classes.len()),
            champion: models.champion.map(|champion| ChampionAnswers::new(champion, &classes)),
            classes,
            split,
            unknown_label_rows,
            holdout: None,
        }
    }

    /// Answers texts with these labels. Those whose label ends above the finest level are judged at the coarser levels only.
    fn answer(&mut self, version: &Predictor, texts: &[&str], classes: &[Class<'_>]) {
        let whole = texts.iter().zip(classes);
        let (texts_of_classes, actual): (Vec<&str>, Vec<u32>) =
            whole.filter_map(|(text, class)| Some((*text, class.number?))).unzip();
        self.answers.take(version, &texts_of_classes, &actual);
        if let Some(champion) = &mut self.champion {
            champion.answer(&texts_of_classes, &actual);
        }
        if let Some(levels) = &mut self.levels {
            let labels: Vec<&str> = classes.iter().map(|class| class.label).collect();
            levels.answer(version, texts, &labels);
        }
    }
}

/// Evaluates the version, and compares it with the champion if the request names one.
///
/// # Errors
/// [`TrainError`]; [`DatasetError::Changed`] if the data set has other bytes than when the version was trained.
pub fn compare_again(inputs: &Again<'_>) -> Result<CompareResult, TrainError> {
    let request = inputs.request;
    let champion = match (&request.champion, inputs.champion) {
        (Some(champion), Some(place)) => Some(Champion::open(champion, place, inputs.reach)?),
        (Some(champion), None) => return Err(ChampionError::Missing(champion.name.clone()).into()),
        (None, Some(_)) => return Err(missing("champion", "is absent, but --champion is given").into()),
        (None, None) => None,
    };
    let version = open_version(inputs)?;
    let models = Models {
        version: &version,
        champion: champion.as_ref(),
    };
    let answered = match (&request.evaluation.holdout, &request.dataset) {
        (Some(holdout), dataset) => {
            let dataset = dataset.clone().unwrap_or_default();
            on_holdout(inputs, holdout, &dataset, &models)?
        }
        (None, Some(dataset)) => on_own_rows(inputs, dataset, &models)?,
        (None, None) => return Err(missing("dataset", "is missing, and so is evaluation.holdout").into()),
    };
    let Answers { scored, confidence } = answered.answers;
    let labels = version.labels();
    let same_split = version.artifact().provenance().split == answered.split;
    let (metric, seed) = (request.evaluation.metric, request.evaluation.seed);
    let comparison = answered.champion.map(|champion| {
        let mut comparison = champion.compare(&scored, labels, &answered.split, metric, seed);
        comparison.same_split &= same_split;
        comparison
    });
    Ok(CompareResult {
        sha256: request.sha256,
        evaluation: VersionEvaluation {
            levels: answered
                .levels
                .map_or_else(Vec::new, |levels| levels.evaluations(&scored, &confidence)),
            ..version_evaluation(
                &scored,
                &confidence,
                &answered.classes,
                labels.len(),
                answered.split.clone(),
            )
        },
        comparison,
        split: answered.split,
        same_split,
        unknown_label_rows: answered.unknown_label_rows,
        holdout: answered.holdout,
    })
}

fn missing(field: &str, problem: &str) -> ConfigError {
    ConfigError::Invalid {
        field: field.into(),
        problem: problem.into(),
        fix: "Name it in the request and in the arguments, or in neither".into(),
    }
}

fn open_version(inputs: &Again<'_>) -> Result<Predictor, TrainError> {
    let expected = inputs.request.sha256;
    open_artifact(inputs.model, expected, inputs.reach).map_err(|fault| model_error(fault, inputs.model, expected))
}

/// What is wrong with the model of a request.
pub(crate) fn model_error(fault: ArtifactFault, model: &str, expected: Sha256Digest) -> TrainError {
    match fault {
        ArtifactFault::Unreadable(error) => error.into(),
        ArtifactFault::Digest(actual) => ModelError::Digest {
            place: model.to_owned(),
            actual,
            expected,
        }
        .into(),
        ArtifactFault::Unusable(source) => ModelError::Unusable {
            path: PathBuf::from(model),
            source,
        }
        .into(),
    }
}

/// Answers the test part of the data set that the version was trained on.
fn on_own_rows<'m>(
    inputs: &Again<'_>,
    dataset: &DatasetSettings,
    models: &Models<'m>,
) -> Result<Answered<'m>, TrainError> {
    let evaluation = &inputs.request.evaluation;
    let location = inputs
        .location
        .ok_or_else(|| missing("dataset", "is named, but --dataset is missing"))?;
    let source = Source::open(location, dataset.sha256, Purpose::DataSet, inputs.reach, |_, _| ()).map_err(
        |error| match error {
            DatasetError::DigestMismatch {
                name, actual, expected, ..
            } => DatasetError::Changed { name, actual, expected },
            other => other,
        },
    )?;
    let (read, keys) = load_keys(dataset, &source, evaluation.seed)?;
    let split = split_by_keys(&read, keys, evaluation);
    let classes = Classes::of(&read, &split.test, models.version);
    classes.check(source.name(), read.counts.records)?;
    let name = split_name(dataset, evaluation, None);
    let mut answered = Answered::new(models, classes.names.clone(), name, classes.unknown_rows);
    let is_the_same = |row: u32, text: &str| split_key(text, evaluation.seed) == split.keys[row as usize];
    read_again(dataset, &source, &read, &split.test, is_the_same, |first, texts| {
        answered.answer(models.version, texts, &classes.actual[first..first + texts.len()]);
    })?;
    Ok(answered)
}

/// Answers the rows of the classifier's holdout.
fn on_holdout<'m>(
    inputs: &Again<'_>,
    holdout: &Holdout,
    dataset: &DatasetSettings,
    models: &Models<'m>,
) -> Result<Answered<'m>, TrainError> {
    let place = place_of(holdout, inputs.holdout)?;
    let settings = holdout.settings(dataset);
    let (name, read) = read_rows(place, holdout, &settings, inputs.reach, &Progress::silent())?;
    let all: Vec<u32> = (0..read.rows.len() as u32).collect();
    let classes = Classes::of(&read, &all, models.version);
    classes.check(&name, read.counts.records)?;
    let split = split_name(dataset, &inputs.request.evaluation, Some(read.sha256));
    let mut answered = Answered::new(models, classes.names.clone(), split, classes.unknown_rows);
    let texts: Vec<&str> = read.rows.iter().map(|row| read.text(row)).collect();
    answered.answer(models.version, &texts, &classes.actual);
    answered.holdout = Some(HoldoutResult {
        sha256: read.sha256,
        records: read.counts,
        unknown_label_rows: classes.unknown_rows,
    });
    Ok(answered)
}

/// The classes of rows, numbered as in a training.
struct Classes<'d> {
    /// The model's classes, followed by those that only the rows have.
    names: Vec<String>,
    /// Number of classes that only the rows have.
    unknown: usize,
    /// The class of each row.
    actual: Vec<Class<'d>>,
    /// Rows of an unknown class.
    unknown_rows: u64,
}

/// The class of a row.
#[derive(Debug, Clone, Copy)]
struct Class<'d> {
    /// `None` if the label ends above the finest level.
    number: Option<u32>,
    label: &'d str,
}

impl<'d> Classes<'d> {
    fn of(dataset: &'d Dataset, rows: &[u32], model: &Predictor) -> Self {
        let mut names = model.labels().to_vec();
        let known = names.len();
        let index: FxHashMap<&str, u32> = model
            .labels()
            .iter()
            .zip(0..)
            .map(|(label, class)| (label.as_str(), class))
            .collect();
        let mut class_of = Vec::with_capacity(dataset.labels.len());
        for label in &dataset.labels {
            let ends_above = |levels: &LevelModels| levels.levels().ends_above(label);
            let number = match index.get(label.as_str()) {
                Some(&class) => Some(class),
                None if model.artifact().levels().is_some_and(ends_above) => None,
                None => {
                    names.push(label.clone());
                    Some(names.len() as u32 - 1)
                }
            };
            class_of.push(Class { number, label });
        }
        let actual: Vec<Class<'_>> = rows
            .iter()
            .map(|&row| class_of[dataset.rows[row as usize].label as usize])
            .collect();
        let is_unknown = |class: &&Class<'_>| class.number.is_some_and(|number| number as usize >= known);
        Self {
            unknown: names.len() - known,
            unknown_rows: actual.iter().filter(is_unknown).count() as u64,
            names,
            actual,
        }
    }

    fn check(&self, name: &str, records: u64) -> Result<(), DatasetError> {
        let rows = self.actual.iter().filter(|class| class.number.is_some()).count() as u64;
        let known_rows = rows - self.unknown_rows;
        check_labels(name, records, known_rows, self.unknown)
    }
}
