//! `verify --dossier`: trains a version again and says whether the bytes are the same.

use std::path::Path;
use std::process::ExitCode;

use complaint_contract::{ExitKind, Reach};
use complaint_model::Sha256Digest;
use complaint_report::Dossier;
use serde::Serialize;

use super::data::read_corrections;
use crate::cli::OutputForm;
use crate::config::{ConfigError, RunConfig};
use crate::dataset::Location;
use crate::error::TrainError;
use crate::progress::{Plan, Progress};
use crate::training::{Inputs, Outcome, train};

/// What to train again.
pub(super) struct Again<'a> {
    pub(super) dossier: &'a Path,
    pub(super) data: &'a str,
    pub(super) holdout: Option<&'a str>,
    pub(super) word_vectors: Option<&'a str>,
    pub(super) feedback: Option<&'a str>,
}

/// What came of it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Reproduced {
    /// Whether the bytes are the same.
    same: bool,
    version: String,
    expected_sha256: Sha256Digest,
    artifact_sha256: Sha256Digest,
    dataset_sha256: Sha256Digest,
    trained: Software,
    trained_again: Software,
}

/// What trained.
#[derive(Debug, PartialEq, Serialize)]
struct Software {
    version: String,
    architecture: String,
}

/// Trains and compares. Exit code 1 if the bytes differ.
pub(super) fn execute(again: &Again<'_>, form: OutputForm) -> ExitCode {
    let outcome = super::guarded(|| run(again));
    let differs = outcome.as_ref().is_ok_and(|found| !found.same);
    let code = super::answer(form, || outcome, show);
    if differs { ExitKind::Retry.into() } else { code }
}

fn run(again: &Again<'_>) -> Result<Reproduced, TrainError> {
    let dossier = read(again.dossier)?;
    let report = &dossier.report;
    let unusable = |problem: &str, fix: &str| ConfigError::Invalid {
        field: "--dossier".into(),
        problem: problem.into(),
        fix: fix.into(),
    };
    let Some(mut run) = report.run.clone() else {
        return Err(unusable(
            "has no configuration",
            "Make it anew from a version that this release trained",
        )
        .into());
    };
    run.namespace.clone_from(&dossier.version.namespace);
    run.dataset.sha256 = Some(report.dataset.sha256);
    match (&mut run.evaluation.holdout, &report.dataset.holdout, again.holdout) {
        (Some(_), _, None) => {
            return Err(unusable("is of a version with a holdout", "Name its rows with --holdout").into());
        }
        (Some(holdout), Some(read), Some(_)) => holdout.sha256 = Some(read.sha256),
        _ => {}
    }
    let vectors = run
        .features
        .as_mut()
        .and_then(|features| features.word_vectors.as_mut());
    match (vectors, &report.word_vectors, again.word_vectors) {
        (Some(_), _, None) => {
            let fix = "Name their file with --word-vectors";
            return Err(unusable("is of a version with word vectors", fix).into());
        }
        (Some(vectors), Some(read), Some(_)) => vectors.sha256 = Some(read.sha256),
        _ => {}
    }
    let trained_on = report.dataset.feedback.as_ref().and_then(|feedback| feedback.sha256);
    let corrections = again.feedback.map(read_corrections).transpose()?;
    let given = corrections.as_ref().and_then(|corrections| corrections.sha256());
    if trained_on != given {
        let problem = match (trained_on, given) {
            (Some(sha256), None) => format!("is of a version that was trained with corrections (sha256:{sha256})"),
            (Some(sha256), Some(other)) => {
                format!(
                    "is of a version that was trained with the corrections sha256:{sha256}; those of --feedback are sha256:{other}"
                )
            }
            (None, _) => "is of a version that was trained without corrections".into(),
        };
        return Err(unusable(
            &problem,
            "Name the corrections of that time with --feedback, or leave it out",
        )
        .into());
    }
    let config = RunConfig::parse(run.to_json().as_bytes())?;
    let inputs = Inputs {
        config: &config,
        location: &Location::parse(again.data),
        holdout: again.holdout,
        word_vectors: again.word_vectors,
        champion: None,
        corrections: corrections.as_ref(),
        known: None,
        reach: Reach::Anywhere,
        include_texts: false,
    };
    let Outcome::Trained(trained) = train(&inputs, &Progress::for_people(Plan::Training))? else {
        return Err(TrainError::Internal("no data set was known before".into()));
    };
    let software = |report: &complaint_report::Report| Software {
        version: report.trainer_version.clone(),
        architecture: report.architecture.clone().unwrap_or_default(),
    };
    Ok(Reproduced {
        same: trained.artifact.sha256 == dossier.version.sha256,
        expected_sha256: dossier.version.sha256,
        artifact_sha256: trained.artifact.sha256,
        dataset_sha256: trained.report.dataset.sha256,
        trained: software(report),
        trained_again: software(&trained.report),
        version: dossier.version.name,
    })
}

fn read(path: &Path) -> Result<Dossier, ConfigError> {
    let bytes = std::fs::read(path).map_err(|source| ConfigError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    Dossier::read(&bytes).map_err(|problem| ConfigError::Invalid {
        field: "--dossier".into(),
        problem: format!("names {}: {problem}", path.display()),
        fix: "Name the JSON that `dossier --json` or `kubectl complaints dossier -o json` wrote".into(),
    })
}

fn show(found: &Reproduced) -> String {
    if found.same {
        return format!(
            "the same bytes: sha256:{} is version {}, trained on the data set sha256:{}",
            found.artifact_sha256, found.version, found.dataset_sha256
        );
    }
    let why = match found.trained == found.trained_again {
        true => "Release and architecture are the same, so that is a defect: please report it",
        false => "Releases and architectures may differ in the last bits: train with the one that the dossier names",
    };
    let software = |software: &Software| format!("{} on {}", software.version, software.architecture);
    format!(
        "OTHER bytes: the dossier's version {} is sha256:{}, trained by {}; this training gave sha256:{}, by {}. {why}",
        found.version,
        found.expected_sha256,
        software(&found.trained),
        found.artifact_sha256,
        software(&found.trained_again)
    )
}
