//! `track`: logs versions to an MLflow tracking server, in a Job.

use std::process::ExitCode;

use bytes::Bytes;
use complaint_contract::{ProgramError, TrackRequest, TrackResult, TrackedOutcome, TrackedVersion, TrainerReason};
use complaint_model::Sha256Digest;
use complaint_report::Report;
use complaint_store::layout;
use jiff::Timestamp;

use super::job::StoreArgs;
use crate::error::TrainError;
use crate::mlflow::{Content, Files, Found, Place, Settings, TrackingError, is_of_one_version};
use crate::record;
use crate::store::Store;
use crate::waiting::wait;

/// Files that are logged beside the model, where the version has them. None holds a complaint's text.
const FILES: [&str; 3] = [layout::REPORT, layout::REPORT_PAGE, layout::RECORD];
/// Names of a version's dossier begin so.
const DOSSIER: &str = "dossier.";

/// Runs `track`, as described in `docs/contracts.md`.
pub(crate) fn execute(arguments: &StoreArgs) -> ExitCode {
    arguments.run(|request, store| {
        let settings = Settings::from_environment(arguments.reach())?;
        run(&request, store, &settings)
    })
}

fn run(request: &TrackRequest, store: &Store, settings: &Settings) -> Result<String, TrainError> {
    let mut result = TrackResult::default();
    for version in &request.versions {
        result.versions.push(one(request, version, store, settings)?);
    }
    result.missing_aliases = connected(async { Place::open(settings, request).await?.set_aliases().await })?;
    Ok(result.message())
}

/// Logs one version. What would fail again for this version alone is in its outcome.
fn one(
    request: &TrackRequest,
    version: &TrackedVersion,
    store: &Store,
    settings: &Settings,
) -> Result<TrackedOutcome, TrainError> {
    // The files are read between two connections: a model may be large, and is not needed where it is logged already.
    let found = connected(async { Ok(Place::open(settings, request).await?.find(version).await) })?;
    let run = match found {
        Ok(Found::Complete(outcome)) => return Ok(outcome),
        Ok(Found::Partial(run)) => run,
        Err(error) => return told(version, error),
    };
    let content = match content(request, version, store)? {
        Ok(content) => content,
        Err(error) => return Ok(failed(version, error)),
    };
    let logging = async { Ok(Place::open(settings, request).await?.log(version, run, &content).await) };
    connected(logging)?.or_else(|error| told(version, error))
}

/// An error that concerns this version alone is its outcome; any other ends the Job.
fn told(version: &TrackedVersion, error: TrackingError) -> Result<TrackedOutcome, TrainError> {
    if is_of_one_version(&error) {
        Ok(failed(version, error.into()))
    } else {
        Err(error.into())
    }
}

fn failed(version: &TrackedVersion, error: ProgramError) -> TrackedOutcome {
    TrackedOutcome {
        name: version.name.clone(),
        error: Some(error),
        ..TrackedOutcome::default()
    }
}

fn connected<T>(work: impl Future<Output = Result<T, TrackingError>>) -> Result<T, TrainError> {
    let outcome = wait(work).map_err(|error| TrackingError {
        reason: TrainerReason::TrackingUnreachable,
        message: format!("no connection can be opened: {error}"),
    })?;
    Ok(outcome?)
}

/// Reads what a version's files say. The inner error concerns this version only.
fn content(
    request: &TrackRequest,
    version: &TrackedVersion,
    store: &Store,
) -> Result<Result<Content, ProgramError>, TrainError> {
    let path = |file: &str| format!("{}/{file}", version.folder);
    let unreadable = |reason: TrainerReason, file: &str, problem: &str| ProgramError {
        reason: reason.as_str().to_owned(),
        message: format!(
            "{} in the store {problem}. Restore the version's folder from a backup, or train again",
            path(file)
        ),
    };
    let read = |file: &str| store.read_file(&path(file));
    let Some(model) = read(layout::MODEL)?.filter(|model| Sha256Digest::of_bytes(model) == version.sha256) else {
        let problem = "is missing, or has another digest";
        return Ok(Err(unreadable(TrainerReason::ModelUnreadable, layout::MODEL, problem)));
    };
    let report = read(layout::REPORT)?;
    let Some(report) = report
        .as_deref()
        .and_then(|report| serde_json::from_slice::<Report>(report).ok())
        .filter(|report| report.artifact_sha256 == version.sha256)
    else {
        let problem = "is missing, or is not the report of this model in this release's format";
        return Ok(Err(unreadable(
            TrainerReason::ReportUnreadable,
            layout::REPORT,
            problem,
        )));
    };
    let record = read(layout::RECORD)?;
    let record = record.as_deref().and_then(record::parse).unwrap_or_default();
    let mut others: Vec<(String, Bytes)> = Vec::new();
    for entry in store.list(&version.folder)? {
        let name = entry
            .path
            .strip_prefix(&version.folder)
            .and_then(|path| path.strip_prefix('/'));
        let wanted = |name: &&str| FILES.contains(name) || (name.starts_with(DOSSIER) && !name.contains('/'));
        if let Some(name) = name.filter(wanted)
            && let Some(bytes) = store.read_file(&entry.path)?
        {
            others.push((name.to_owned(), bytes));
        }
    }
    let time = version.time.parse::<Timestamp>().unwrap_or_default().as_millisecond();
    let files = Files { model, others };
    Ok(Ok(Content::new(request, version, time, &report, &record, files)))
}
