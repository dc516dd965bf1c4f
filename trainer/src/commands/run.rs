//! `run`: a training in a Job.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use complaint_contract::{ErrorEnvelope, MESSAGE_BYTES, StoredReport, TrainingResult, TrainingStage};

use crate::cli::RunArgs;
use crate::config::RunConfig;
use crate::dataset::Location;
use crate::error::TrainError;
use crate::progress::Progress;
use crate::record;
use crate::result::result;
use crate::store::{self, Files, Store, version_path};
use crate::terminal::visible;
use crate::training::{Inputs, train};

/// Trains, writes into the store, and leaves the result in the termination log.
pub(crate) fn execute(arguments: &RunArgs) -> ExitCode {
    let outcome = super::guarded(|| run(arguments));
    let (message, code) = match &outcome {
        Ok(result) => (result.message(), ExitCode::SUCCESS),
        Err(error) => {
            // If nobody reads the log, the run still ends the same way.
            let _ = writeln!(std::io::stderr(), "{}: {}", error.reason(), visible(&error.to_string()));
            (error_message(error), error.reason().exit_kind().into())
        }
    };
    match arguments
        .termination_log
        .as_deref()
        .map(|path| write_message(path, &message))
    {
        Some(Err(error)) => {
            let _ = writeln!(std::io::stderr(), "the termination log can't be written: {error}");
            // Without its result the operator can't use a training, so let it be retried.
            if outcome.is_ok() { ExitCode::from(1) } else { code }
        }
        _ => code,
    }
}

fn run(arguments: &RunArgs) -> Result<TrainingResult, TrainError> {
    let config = RunConfig::read(&arguments.config)?;
    let progress = Progress::contract();
    let location = Location::parse(&arguments.dataset);
    // Open the store before hours of work, not after.
    let store = Store::open(&arguments.store, arguments.reach)?;
    let inputs = Inputs {
        config: &config,
        location: &location,
        holdout: arguments.holdout.as_deref(),
        champion: arguments.champion.as_deref(),
        reach: arguments.reach,
        include_texts: false,
    };
    let trained = train(&inputs, &progress)?;
    progress.tell(TrainingStage::Writing, 0.0, "writing artifact and report");
    let report = serde_json::to_vec_pretty(&trained.report).map_err(|error| TrainError::Internal(error.to_string()))?;
    let version = version_path(&config.namespace, &config.classifier, &trained.artifact.sha256);
    let mut reference = StoredReport {
        path: format!("{version}/{}", store::REPORT),
        sha256: complaint_model::Sha256Digest::of_bytes(&report),
    };
    let files = Files {
        record: record::manifest(&store.root(), &config, &trained.report, &trained.artifact, &reference),
        page: complaint_report::page(&trained.report).into_bytes(),
        model: trained.model,
        report,
    };
    reference.sha256 = store.write(&version, files)?;
    let result = result(&trained.report, trained.artifact, reference);
    progress.tell(TrainingStage::Done, 1.0, &format!("{version}/{}", store::MODEL));
    Ok(result)
}

/// The message of a failure. A very long detail is cut here, because the kubelet would cut it anywhere.
fn error_message(error: &TrainError) -> String {
    let text = error.to_string();
    let message = ErrorEnvelope::new(error.reason().as_str(), &text).to_json();
    if message.len() <= MESSAGE_BYTES {
        return message;
    }
    let short: String = text.chars().take(900).collect();
    ErrorEnvelope::new(error.reason().as_str(), format!("{short}…")).to_json()
}

/// Writes in place: the kubelet mounts the file itself, so it can't be replaced by another file.
fn write_message(path: &Path, message: &str) -> std::io::Result<()> {
    std::fs::write(path, message)
}
