//! `evaluate`: tests a model on labelled rows, from text to answer, like the server.
//!
//! Every row counts, including copies. Rows are scored while they are read, so memory does not grow with their texts.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use complaint_contract::{DatasetSettings, Metric, Metrics, TrainingStage, list_labels, round4};
use complaint_model::{Predictor, Sha256Digest};
use complaint_report::{CalibrationBin, ClassMetrics, ConfusionMatrix, Intervals, LevelReport};
use serde::Serialize;

use super::answer::open_model;
use super::data::DataArgs;
use super::table::{
    Column::{Number, Words},
    bar, shortened, table,
};
use crate::answers::Answers;
use crate::cli::OutputForm;
use crate::dataset::{self, DatasetError, Record, Source};
use crate::error::TrainError;
use crate::evaluate::intervals;
use crate::level_answers::LevelAnswers;
use crate::metrics::{expected_calibration_error, reliability_bins};
use crate::progress::{Plan, Progress};

/// Rows that are scored together.
const BATCH: usize = 4096;
/// Seed of the bootstrap: the same rows give the same intervals.
const SEED: u64 = 42;
/// Maximum number of classes for a confusion matrix in the table.
const MATRIX_CLASSES: usize = 12;
/// Number of confused pairs in the table.
const PAIRS: usize = 10;

/// `evaluate`.
#[derive(Debug, Args)]
pub(crate) struct EvaluateArgs {
    /// The model.
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    #[command(flatten)]
    data: DataArgs,
    /// Output format.
    #[arg(long, value_enum, default_value = "table", value_name = "FORM")]
    format: OutputForm,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Found {
    rows: usize,
    dataset_sha256: Sha256Digest,
    /// Whether the model was trained on the same file. If so, its training rows may be among the evaluated rows.
    trained_on_these_bytes: bool,
    /// Whether the user selected rows and so could exclude the training rows.
    #[serde(skip)]
    chosen: bool,
    /// Rows with a label that the model does not know. They are not evaluated, except at a coarser level that knows its category there.
    unknown_label_rows: usize,
    unknown_labels: BTreeMap<String, usize>,
    /// Rows whose label ends above the finest level. They are evaluated at the coarser levels.
    #[serde(skip_serializing_if = "is_zero")]
    partial_label_rows: usize,
    metrics: Metrics,
    confidence_intervals: Intervals,
    calibration: Calibration,
    per_class: Vec<ClassMetrics>,
    confusion_matrix: ConfusionMatrix,
    /// The levels above the finest, the coarsest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    levels: Vec<LevelReport>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(rows: &usize) -> bool {
    *rows == 0
}

#[derive(Serialize)]
struct Calibration {
    /// Expected calibration error.
    error: f64,
    bins: Vec<CalibrationBin>,
}

/// Evaluates and prints.
pub(crate) fn execute(arguments: &EvaluateArgs) -> ExitCode {
    super::answer(arguments.format, || run(arguments), show)
}

fn run(arguments: &EvaluateArgs) -> Result<Found, TrainError> {
    let predictor = open_model(&arguments.model)?;
    let config = arguments.data.config(1);
    let progress = Progress::for_people(Plan::Evaluation);
    let source = arguments
        .data
        .open(|share, message| progress.tell(TrainingStage::Loading, share, message))?;
    let scores = score(&predictor, &config, &source, &progress)?;
    progress.tell(TrainingStage::Done, 1.0, "done");
    let labels = predictor.labels();
    let Answers { scored, confidence } = scores.answers;
    let confusion = scored.confusion();
    let bins = reliability_bins(confidence);
    let trained_on = predictor.artifact().provenance().dataset_sha256;
    Ok(Found {
        rows: scored.actual.len(),
        dataset_sha256: source.sha256(),
        trained_on_these_bytes: trained_on == Some(source.sha256()),
        chosen: !config.filter.is_empty() || config.split_field.is_some(),
        unknown_label_rows: scores.unknown.values().sum(),
        unknown_labels: scores.unknown,
        partial_label_rows: scores.partial,
        levels: scores.levels.map_or_else(Vec::new, |levels| levels.reports(SEED)),
        metrics: confusion.metrics(scored.value(Metric::LogLoss)),
        confidence_intervals: intervals(&scored, SEED),
        calibration: Calibration {
            error: round4(expected_calibration_error(&bins)),
            bins,
        },
        per_class: confusion.per_class(labels),
        confusion_matrix: confusion.matrix(labels),
    })
}

/// The model's answers to all rows with a label that it knows.
struct Scores<'m> {
    answers: Answers,
    unknown: BTreeMap<String, usize>,
    /// Rows whose label ends above the finest level.
    partial: usize,
    levels: Option<LevelAnswers<'m>>,
}

fn score<'m>(
    predictor: &'m Predictor,
    config: &DatasetSettings,
    source: &Source,
    progress: &Progress,
) -> Result<Scores<'m>, DatasetError> {
    let classes: BTreeMap<&str, u32> = predictor
        .labels()
        .iter()
        .zip(0..)
        .map(|(label, class)| (label.as_str(), class))
        .collect();
    let levels = predictor.artifact().levels();
    let mut scores = Scores {
        answers: Answers::new(classes.len()),
        unknown: BTreeMap::new(),
        partial: 0,
        levels: levels.map(|models| LevelAnswers::new(models.levels(), predictor.labels())),
    };
    let (mut texts, mut actual) = (Vec::with_capacity(BATCH), Vec::with_capacity(BATCH));
    let mut partial: (Vec<String>, Vec<String>) = Default::default();
    let mut records = 0;
    dataset::each_record(config, source, |record| {
        records = record.number;
        let Some((text, label)) = usable(&record, config) else {
            return Ok(());
        };
        match classes.get(label) {
            Some(&class) => {
                texts.push(text.to_owned());
                actual.push(class);
            }
            None => {
                if levels.is_some_and(|models| models.levels().ends_above(label)) {
                    scores.partial += 1;
                } else {
                    *scores.unknown.entry(label.to_owned()).or_default() += 1;
                }
                // A coarser level may know its category.
                if levels.is_some_and(|models| models.levels().coarser().any(|(_, level)| level.find(label).is_some()))
                {
                    partial.0.push(text.to_owned());
                    partial.1.push(label.to_owned());
                }
            }
        }
        if texts.len() + partial.0.len() >= BATCH {
            scores.take(predictor, &texts, &actual, &partial);
            texts.clear();
            actual.clear();
            partial.0.clear();
            partial.1.clear();
            let rows = scores.answers.scored.actual.len();
            progress.tell(TrainingStage::Evaluating, source.share_read(), &format!("{rows} rows"));
        }
        Ok(())
    })?;
    scores.take(predictor, &texts, &actual, &partial);
    if scores.answers.scored.actual.is_empty() {
        return Err(nothing_to_score(config, source, records, &scores));
    }
    Ok(scores)
}

impl Scores<'_> {
    /// Answers more texts with their classes, and `partial` ones with their labels.
    fn take(&mut self, predictor: &Predictor, texts: &[String], actual: &[u32], partial: &(Vec<String>, Vec<String>)) {
        self.answers.take(predictor, texts, actual);
        if let Some(levels) = &mut self.levels {
            let labels = predictor.labels();
            let known: Vec<&str> = actual.iter().map(|&class| labels[class as usize].as_str()).collect();
            levels.answer(predictor, texts, &known);
            let labels: Vec<&str> = partial.1.iter().map(String::as_str).collect();
            levels.answer(predictor, &partial.0, &labels);
        }
    }
}

/// Text and label of a record, if it has both.
fn usable<'r>(record: &'r Record<'_>, config: &'r DatasetSettings) -> Option<(&'r str, &'r str)> {
    let held_out = config.split_field.is_none() || record.split.map(str::trim) == Some("test");
    if !record.selected || !held_out {
        return None;
    }
    Some((record.text.text()?, config.renamed(record.label.text()?)))
}

fn nothing_to_score(config: &DatasetSettings, source: &Source, records: u64, scores: &Scores<'_>) -> DatasetError {
    let unknown = &scores.unknown;
    let listed = list_labels(unknown.keys().map(|label| (label.as_str(), ())), |label, ()| {
        format!("`{label}`")
    });
    let problem = if scores.partial > 0 {
        "all labels end above the model's finest level; name the fields of all its levels with --label-level".to_owned()
    } else if unknown.is_empty() {
        "no selected row has both text and label".to_owned()
    } else {
        format!("the model knows none of their labels ({listed}); rename them with --label-map")
    };
    DatasetError::NoUsableRows {
        name: source.name().to_owned(),
        records,
        problem,
        setting: config.label_setting(),
    }
}

fn show(found: &Found) -> String {
    let mut parts = vec![heading(found), metrics(found)];
    parts.push(table(
        [
            Words("class"),
            Number("precision"),
            Number("recall"),
            Number("F1"),
            Number("rows"),
            Words(""),
        ],
        found.per_class.iter().map(|class| {
            [
                class.label.clone(),
                format!("{:.3}", class.precision),
                format!("{:.3}", class.recall),
                format!("{:.3}", class.f1),
                class.support.to_string(),
                bar(class.f1, 10),
            ]
        }),
    ));
    parts.extend(confusion(&found.confusion_matrix));
    parts.extend((!found.levels.is_empty()).then(|| levels(&found.levels)));
    parts.join("\n\n")
}

/// The coarser levels in a table.
fn levels(levels: &[LevelReport]) -> String {
    table(
        [
            Words("level"),
            Number("accuracy"),
            Number("macroF1"),
            Number("calibration error"),
            Number("rows"),
        ],
        levels.iter().map(|level| {
            [
                level.level.clone(),
                format!("{:.4}", level.metrics.accuracy),
                format!("{:.4}", level.metrics.macro_f1),
                format!("{:.4}", level.calibration_error),
                level.rows.to_string(),
            ]
        }),
    )
}

fn heading(found: &Found) -> String {
    let mut text = format!("{} rows", found.rows);
    if found.unknown_label_rows > 0 {
        let labels: Vec<&str> = found.unknown_labels.keys().take(5).map(String::as_str).collect();
        text.push_str(&format!(
            "; {} more have labels that the model does not know ({})",
            found.unknown_label_rows,
            shortened(&labels.join(", "))
        ));
    }
    if found.trained_on_these_bytes && !found.chosen {
        text.push_str(
            "\nnote: the model was trained on this file; figures for its training rows say nothing about new complaints. Select the other rows with --where or --split-field",
        );
    }
    text
}

fn metrics(found: &Found) -> String {
    let (metrics, intervals) = (&found.metrics, &found.confidence_intervals);
    let row = |name: &str, value: f64, [low, high]: [f64; 2]| {
        [name.to_owned(), format!("{value:.4}"), format!("{low:.4} to {high:.4}")]
    };
    let rows = [
        row("macro-F1", metrics.macro_f1, intervals.macro_f1),
        row("weighted F1", metrics.weighted_f1, intervals.weighted_f1),
        row("accuracy", metrics.accuracy, intervals.accuracy),
        row("log loss", metrics.log_loss, intervals.log_loss),
        [
            "calibration error".to_owned(),
            format!("{:.4}", found.calibration.error),
            String::new(),
        ],
    ];
    table([Words("metric"), Number("value"), Number("95 % interval")], rows)
}

fn confusion(matrix: &ConfusionMatrix) -> Vec<String> {
    let mut parts = Vec::new();
    if matrix.labels.len() <= MATRIX_CLASSES {
        let width = matrix
            .rows
            .iter()
            .flatten()
            .max()
            .map_or(1, |most| most.to_string().len())
            + 2;
        let mut text = String::from("rows by class (down) and answer (across)");
        for (number, (label, row)) in matrix.labels.iter().zip(&matrix.rows).enumerate() {
            let cells: String = row.iter().map(|count| format!("{count:>width$}")).collect();
            text.push_str(&format!("\n{:>2}{cells}  {}", number + 1, shortened(label)));
        }
        parts.push(text);
    }
    let pairs = matrix.most_confused(PAIRS);
    if !pairs.is_empty() {
        let rows = pairs.iter().map(|pair| {
            [
                pair.actual.to_owned(),
                pair.predicted.to_owned(),
                pair.rows.to_string(),
                format!("{:.1} %", 100.0 * pair.share),
            ]
        });
        parts.push(table(
            [
                Words("most often confused: class"),
                Words("answer"),
                Number("rows"),
                Number("of the class"),
            ],
            rows,
        ));
    }
    parts
}
