//! `train`: a training on the command line.

use std::process::ExitCode;

use complaint_contract::{Reach, StoredReport, TrainingResult, TrainingStage};
use complaint_model::Sha256Digest;
use complaint_report::{Report, TrialStatus};

use super::settings;
use super::table::{
    Column::{Number, Words},
    shortened, table,
};
use crate::cli::{OutputForm, TrainArgs};
use crate::error::TrainError;
use crate::progress::{Plan, Progress};
use crate::record;
use crate::result::result;
use crate::signing::{Signing, provenance, read_key};
use crate::store::{self, Files, Store};
use crate::terminal::{visible, visible_json};
use crate::training::{Inputs, Outcome, train};

/// Trains, writes to a directory, and prints the result.
pub(crate) fn execute(arguments: &TrainArgs) -> ExitCode {
    match super::guarded(|| run(arguments)) {
        Ok((report, result)) => {
            let text = match arguments.format {
                OutputForm::Json => visible_json(result.message()),
                OutputForm::Table => visible(&show(&report, &arguments.out.display().to_string())).into_owned(),
            };
            super::print(&text);
            ExitCode::SUCCESS
        }
        Err(error) => super::refuse(arguments.format, &error),
    }
}

fn run(arguments: &TrainArgs) -> Result<(Report, TrainingResult), TrainError> {
    let config = settings::of_train(arguments)?;
    let key = read_key(arguments.signing_key.as_deref())?;
    let progress = Progress::for_people(Plan::Training);
    let location = arguments.data.location();
    let corrections = arguments
        .feedback
        .as_deref()
        .map(super::data::read_corrections)
        .transpose()?;
    let inputs = Inputs {
        config: &config,
        location: &location,
        holdout: None,
        word_vectors: None,
        champion: None,
        corrections: corrections.as_ref(),
        known: None,
        reach: Reach::Anywhere,
        include_texts: arguments.include_texts,
    };
    let mut trained = match train(&inputs, &progress)? {
        Outcome::Trained(trained) => *trained,
        Outcome::Unchanged(_) => return Err(TrainError::Internal("no data set was known before".into())),
    };
    progress.tell(
        TrainingStage::Writing,
        0.0,
        &format!("writing to {}", arguments.out.display()),
    );
    let report = serde_json::to_vec_pretty(&trained.report).map_err(|error| TrainError::Internal(error.to_string()))?;
    let reference = StoredReport {
        path: store::REPORT.into(),
        sha256: Sha256Digest::of_bytes(&report),
    };
    trained.artifact.path = store::MODEL.into();
    let files = Files {
        record: record::manifest(
            record::UNKNOWN_CLAIM,
            &config,
            &trained.report,
            &trained.artifact,
            &reference,
        ),
        page: complaint_report::page(&trained.report).into_bytes(),
        model: trained.model,
        report,
    };
    let signing = key.map(|key| Signing {
        key,
        name: super::sign::name_of(&arguments.out.to_string_lossy()),
        model: trained.artifact.sha256,
        provenance: Some(provenance(&config, &trained.report, reference.sha256, None)),
    });
    Store::directory(&arguments.out).replace("", files, signing.as_ref())?;
    progress.tell(TrainingStage::Done, 1.0, "done");
    let result = result(&trained.report, trained.artifact, reference);
    Ok((trained.report, result))
}

/// The summary of a training, for people.
fn show(report: &Report, out: &str) -> String {
    let data = &report.dataset;
    let mut rows = format!(
        "{} rows: {} to train, {} held out, {} classes",
        data.rows, data.train_rows, data.test_rows, data.classes
    );
    let left_out = report.profile.records.reasons();
    if !left_out.is_empty() {
        rows.push_str(&format!("\nleft out: {left_out}"));
    }
    if let Some(feedback) = &data.feedback {
        rows.push_str(&format!("\n{}", feedback.records.summary()));
    }
    for warning in &data.warnings {
        rows.push_str(&format!("\nwarning: {}", super::with_flags(&warning.message)));
    }
    for dropped in &data.dropped_labels {
        let label = shortened(&dropped.label);
        rows.push_str(&format!("\ndropped label: {label} ({} rows)", dropped.rows));
    }
    let metrics = &report.metrics;
    let held_out = format!(
        "held out: macro-F1 {:.4}, weighted F1 {:.4}, accuracy {:.4}, log loss {:.4}, calibration error {:.4}",
        metrics.macro_f1, metrics.weighted_f1, metrics.accuracy, metrics.log_loss, report.calibration.error_after
    );
    let classes = report.per_class.iter().map(|class| {
        [
            class.label.clone(),
            format!("{:.3}", class.precision),
            format!("{:.3}", class.recall),
            format!("{:.3}", class.f1),
            class.support.to_string(),
        ]
    });
    [
        rows,
        trials(report),
        word_vectors(report).unwrap_or_default(),
        held_out,
        table(
            [
                Words("class"),
                Number("precision"),
                Number("recall"),
                Number("F1"),
                Number("rows"),
            ],
            classes,
        ),
        format!("written to {out}: {} (sha256:{})", store::MODEL, report.artifact_sha256),
    ]
    .into_iter()
    .filter(|part| !part.is_empty())
    .collect::<Vec<_>>()
    .join("\n\n")
}

/// What became of the word vectors, if there were some.
fn word_vectors(report: &Report) -> Option<String> {
    let vectors = report.word_vectors.as_ref()?;
    let scales = vectors.scales.iter().map(|trial| {
        let score = trial.cross_validation;
        let mark = if trial.scale == vectors.scale { "best" } else { "" };
        [
            trial.scale.to_string(),
            format!("{:.4} ± {:.4}", score.mean, score.standard_deviation),
            mark.to_owned(),
        ]
    });
    let tried = table([Number("word vectors at scale"), Words("score"), Words("")], scales);
    let words = match vectors.words {
        0 => "the model does without the vectors".to_owned(),
        words => format!("{words} words have scores by their vectors"),
    };
    let known = 100.0 * vectors.known_share;
    Some(format!(
        "{tried}\n{words}; {known:.0} % of the words of the training rows have vectors"
    ))
}

fn trials(report: &Report) -> String {
    let rows = report.trials.iter().map(|trial| {
        let best = trial.algorithm == report.algorithm && trial.parameters == report.parameters;
        let score = match (trial.status, trial.cross_validation) {
            (TrialStatus::Succeeded, Some(score)) => format!("{:.4} ± {:.4}", score.mean, score.standard_deviation),
            (TrialStatus::EarlyStopped, _) => {
                format!(
                    "stopped early, after {} of {} folds",
                    trial.fold_scores.len(),
                    report.folds
                )
            }
            _ => format!("failed: {}", trial.message.as_deref().unwrap_or_default()),
        };
        let mark = if best { "best" } else { "" };
        [
            trial.algorithm.to_string(),
            trial.parameters.to_string(),
            score,
            mark.to_owned(),
        ]
    });
    let score = format!("{} on {} folds", report.scoring, report.folds);
    table(
        [Words("algorithm"), Words("parameters"), Words(&score), Words("")],
        rows.chain(ensemble(report)),
    )
}

/// The row of an ensemble, if one won.
fn ensemble(report: &Report) -> Option<[String; 4]> {
    if report.ensemble.is_empty() {
        return None;
    }
    let members: Vec<String> = report
        .ensemble
        .iter()
        .map(|member| format!("{:.0} % {}", 100.0 * member.weight, member.algorithm))
        .collect();
    let score = report.current_optimal_trial.cross_validation;
    Some([
        report.algorithm.to_string(),
        members.join(", "),
        format!("{:.4} ± {:.4}", score.mean, score.standard_deviation),
        "best".to_owned(),
    ])
}
