//! `evaluate`: a model on labelled rows, texts first, as the server would answer them.

use std::io::Write;
use std::process::ExitCode;

use complaint_model::predict::Scratch;
use complaint_model::report::{ClassMetrics, ConfusionMatrix, Metric, Metrics};
use rayon::prelude::*;
use rustc_hash::FxHashMap;
use serde::Serialize;

use crate::cli::{EvaluateArgs, OutputForm};
use crate::config::{DatasetConfig, DatasetFormat};
use crate::dataset::{self, Dataset, Location, Part, Source};
use crate::error::TrainError;
use crate::metrics::{Scored, row_log_loss};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Found {
    rows: usize,
    metrics: Metrics,
    per_class: Vec<ClassMetrics>,
    confusion_matrix: ConfusionMatrix,
}

/// Evaluates and prints.
pub(crate) fn execute(arguments: &EvaluateArgs) -> ExitCode {
    match super::guarded(|| run(arguments)) {
        Ok(found) => {
            let text = match arguments.format_output {
                OutputForm::Json => serde_json::to_string(&found).expect("strings, numbers and lists are JSON"),
                OutputForm::Table => table(&found),
            };
            // A closed pipe is no failure of the evaluation.
            let _ = writeln!(std::io::stdout(), "{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error ({}): {error}", error.reason());
            error.exit_kind().into()
        }
    }
}

fn run(arguments: &EvaluateArgs) -> Result<Found, TrainError> {
    let predictor = super::predict::open_model(&arguments.model)?;
    let config = DatasetConfig {
        format: arguments
            .format
            .map_or_else(|| DatasetFormat::of_name(&arguments.data), DatasetFormat::from),
        text_field: arguments.text_field.clone(),
        label_fields: arguments.label_fields.clone(),
        split_field: arguments.split_field.clone(),
        min_samples_per_class: 1,
        label_map: arguments.label_map.iter().cloned().collect(),
        sha256: None,
    };
    let source = Source::open(&Location::parse(&arguments.data), None, |_, _| ())?;
    let dataset = dataset::load(&config, &source, |_| ())?;
    let rows: Vec<&dataset::Row> = dataset
        .rows
        .iter()
        .filter(|row| row.part != Some(Part::Train))
        .collect();
    let (labels, scored) = score(&predictor, &dataset, &rows);
    let confusion = scored.confusion();
    Ok(Found {
        rows: rows.len(),
        metrics: confusion.metrics(scored.value(Metric::LogLoss)),
        per_class: confusion.per_class(&labels),
        confusion_matrix: confusion.matrix(&labels),
    })
}

/// The model's classes, then those that only the data has: a row of such a class is never right.
fn score(predictor: &complaint_model::Predictor, dataset: &Dataset, rows: &[&dataset::Row]) -> (Vec<String>, Scored) {
    let mut labels = predictor.labels().to_vec();
    let index: FxHashMap<String, u32> = labels.iter().cloned().zip(0..).collect();
    let class_of: Vec<u32> = dataset
        .labels
        .iter()
        .map(|label| {
            index.get(label).copied().unwrap_or_else(|| {
                labels.push(label.clone());
                labels.len() as u32 - 1
            })
        })
        .collect();
    let answers: Vec<(u32, u32, f64)> = rows
        .par_iter()
        .map_init(Scratch::default, |scratch, row| {
            let answer = predictor.predict(dataset.text(row), scratch);
            let actual = class_of[row.label as usize];
            let right = answer.probabilities.get(actual as usize).copied().unwrap_or(0.0);
            (actual, answer.class as u32, row_log_loss(f64::from(right)))
        })
        .collect();
    let scored = Scored {
        classes: labels.len(),
        actual: answers.iter().map(|answer| answer.0).collect(),
        predicted: answers.iter().map(|answer| answer.1).collect(),
        log_loss: answers.iter().map(|answer| answer.2).collect(),
    };
    (labels, scored)
}

fn table(found: &Found) -> String {
    let metrics = &found.metrics;
    let mut text = format!(
        "{} rows: macro-F1 {:.4}, weighted F1 {:.4}, accuracy {:.4}, log loss {:.4}\n",
        found.rows, metrics.macro_f1, metrics.weighted_f1, metrics.accuracy, metrics.log_loss
    );
    for class in &found.per_class {
        let label: String = class.label.chars().take(60).collect();
        text.push_str(&format!(
            "\n{label:<60} precision {:.3}  recall {:.3}  F1 {:.3}  rows {}",
            class.precision, class.recall, class.f1, class.support
        ));
    }
    text
}
