//! `evaluate`: a model on labelled rows, texts first, as the server would answer them.

use std::io::Write;
use std::process::ExitCode;

use complaint_model::Predictor;
use complaint_model::predict::Scratch;
use complaint_model::report::{ClassMetrics, ConfusionMatrix, Metric, Metrics};
use rayon::prelude::*;
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
    /// Rows whose label the model does not know; they are left out.
    unknown_label_rows: usize,
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
    let labels = predictor.labels();
    let class_of: Vec<Option<u32>> = dataset
        .labels
        .iter()
        .map(|label| labels.iter().position(|own| own == label).map(|class| class as u32))
        .collect();
    let judged = dataset.rows.iter().filter(|row| row.part != Some(Part::Train));
    let (known, unknown): (Vec<_>, Vec<_>) = judged
        .map(|row| (row, class_of[row.label as usize]))
        .partition(|(_, class)| class.is_some());
    let rows: Vec<(&dataset::Row, u32)> = known
        .into_iter()
        .filter_map(|(row, class)| Some((row, class?)))
        .collect();
    let scored = score(&predictor, &dataset, &rows);
    let confusion = scored.confusion();
    Ok(Found {
        rows: rows.len(),
        unknown_label_rows: unknown.len(),
        metrics: confusion.metrics(scored.value(Metric::LogLoss)),
        per_class: confusion.per_class(labels),
        confusion_matrix: confusion.matrix(labels),
    })
}

/// The model's answers to rows of known classes.
fn score(predictor: &Predictor, dataset: &Dataset, rows: &[(&dataset::Row, u32)]) -> Scored {
    let answers: Vec<(u32, f64)> = rows
        .par_iter()
        .map_init(Scratch::default, |scratch, &(row, actual)| {
            let answer = predictor.predict(dataset.text(row), scratch);
            (
                answer.class as u32,
                row_log_loss(f64::from(answer.probabilities[actual as usize])),
            )
        })
        .collect();
    Scored {
        classes: predictor.labels().len(),
        actual: rows.iter().map(|(_, actual)| *actual).collect(),
        predicted: answers.iter().map(|(class, _)| *class).collect(),
        log_loss: answers.iter().map(|(_, loss)| *loss).collect(),
    }
}

fn table(found: &Found) -> String {
    let metrics = &found.metrics;
    let mut text = format!(
        "{} rows ({} more have labels that the model does not know): macro-F1 {:.4}, weighted F1 {:.4}, accuracy {:.4}, log loss {:.4}\n",
        found.rows, found.unknown_label_rows, metrics.macro_f1, metrics.weighted_f1, metrics.accuracy, metrics.log_loss
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
