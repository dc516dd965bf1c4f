//! `train`: a training at the command line.

use std::io::Write;
use std::process::ExitCode;

use complaint_model::Sha256Digest;
use complaint_model::report::{Report, TrialStatus};

use super::settings;
use crate::cli::{OutputForm, TrainArgs};
use crate::dataset::Location;
use crate::error::TrainError;
use crate::progress::{Progress, Stage};
use crate::result::{ReportReference, RunResult};
use crate::store::{self, Files};
use crate::training::{Inputs, train};
use crate::{html, record};

/// Trains, writes to a directory, and prints the result.
pub(crate) fn execute(arguments: &TrainArgs) -> ExitCode {
    match super::guarded(|| run(arguments)) {
        Ok((report, result)) => {
            let text = match arguments.format_output {
                OutputForm::Json => result.message(),
                OutputForm::Table => table(&report, &arguments.out.display().to_string()),
            };
            // A closed pipe is no failure of the training.
            let _ = writeln!(std::io::stdout(), "{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error ({}): {error}", error.reason());
            error.exit_kind().into()
        }
    }
}

fn run(arguments: &TrainArgs) -> Result<(Report, RunResult), TrainError> {
    let config = settings::config(arguments)?;
    let progress = Progress::for_people();
    let location = Location::parse(&arguments.data);
    let inputs = Inputs {
        config: &config,
        location: &location,
        champion: None,
        include_texts: arguments.include_texts,
    };
    let mut trained = train(&inputs, &progress)?;
    progress.tell(Stage::Writing, 0.0, &format!("writing to {}", arguments.out.display()));
    let report = serde_json::to_vec_pretty(&trained.report).map_err(|error| TrainError::Internal(error.to_string()))?;
    let reference = ReportReference {
        path: store::REPORT.into(),
        sha256: Sha256Digest::of_bytes(&report),
    };
    trained.artifact.path = store::MODEL.into();
    let files = Files {
        record: record::manifest(&config, &trained.report.report, &trained.artifact, &reference),
        page: html::page(&trained.report).into_bytes(),
        model: trained.model,
        report,
    };
    store::replace(&arguments.out, &files)?;
    progress.tell(Stage::Done, 1.0, "done");
    let result = RunResult::new(&trained.report.report, trained.artifact, reference);
    Ok((trained.report.report, result))
}

/// What a person wants to know at the end.
fn table(report: &Report, out: &str) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    let mut line = |content: String| writeln!(text, "{content}").expect("a String takes any text");
    let data = &report.dataset;
    line(format!(
        "{} rows: {} to train, {} held out, {} classes",
        data.rows, data.train_rows, data.test_rows, data.classes
    ));
    line(format!(
        "left out: {} copies, {} contradictory, {} without text or label",
        data.duplicates, data.contradictions, data.empty_rows
    ));
    for dropped in &data.dropped_labels {
        line(format!("dropped label: {} ({} rows)", dropped.label, dropped.rows));
    }
    let scoring = serde_json::to_value(report.scoring)
        .ok()
        .and_then(|name| name.as_str().map(str::to_owned))
        .unwrap_or_default();
    line(format!(
        "\n{:<28} {:<28} {scoring} on {} folds",
        "algorithm", "parameters", report.folds
    ));
    for trial in &report.trials {
        let best = trial.algorithm == report.algorithm && trial.parameters == report.parameters;
        let score = match (trial.status, trial.cross_validation) {
            (TrialStatus::Succeeded, Some(score)) => format!(
                "{:.4} ± {:.4}{}",
                score.mean,
                score.standard_deviation,
                if best { "  best" } else { "" }
            ),
            _ => format!("failed: {}", trial.message.as_deref().unwrap_or_default()),
        };
        line(format!(
            "{:<28} {:<28} {score}",
            trial.algorithm.to_string(),
            trial.parameters.to_string()
        ));
    }
    let metrics = &report.metrics;
    line(format!(
        "\nheld out: macro-F1 {:.4}, weighted F1 {:.4}, accuracy {:.4}, log loss {:.4}, calibration error {:.4}",
        metrics.macro_f1, metrics.weighted_f1, metrics.accuracy, metrics.log_loss, report.calibration.error_after
    ));
    line(format!(
        "\n{:<60} {:>9} {:>9} {:>9} {:>7}",
        "class", "precision", "recall", "F1", "rows"
    ));
    for class in &report.per_class {
        let label: String = class.label.chars().take(60).collect();
        line(format!(
            "{label:<60} {:>9.3} {:>9.3} {:>9.3} {:>7}",
            class.precision, class.recall, class.f1, class.support
        ));
    }
    line(format!(
        "\nwritten to {out}: {} (sha256:{})",
        store::MODEL,
        report.artifact_sha256
    ));
    text.truncate(text.trim_end().len());
    text
}
