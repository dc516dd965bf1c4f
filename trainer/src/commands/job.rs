//! Shared code of the commands that run in Jobs: reading the request and writing the result.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use complaint_contract::{ErrorEnvelope, MESSAGE_BYTES, REQUEST_BYTES, Reach};

use crate::config::{ConfigError, Request, parse_request};
use crate::error::TrainError;
use crate::store::{Store, StoreError, is_refused};
use crate::terminal::{visible, visible_json};

/// Arguments of every short Job.
#[derive(Debug, Args)]
pub(crate) struct JobArgs {
    /// The addresses that may be reached: same-host, any-host or anywhere.
    #[arg(long, value_name = "REACH", default_value_t = Reach::Anywhere)]
    pub(crate) reach: Reach,
    /// File for the result, or for the reason of a failure.
    #[arg(long, value_name = "FILE")]
    pub(crate) termination_log: Option<PathBuf>,
}

/// The request of a short Job, as `docs/contracts.md` describes it.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct RequestArgs {
    /// The request, a JSON object.
    #[arg(long, value_name = "JSON")]
    request: Option<String>,
    /// A file that holds the request.
    #[arg(long, value_name = "FILE")]
    request_file: Option<PathBuf>,
}

impl RequestArgs {
    /// Reads and checks the request.
    pub(crate) fn read<R: Request>(&self) -> Result<R, ConfigError> {
        match (&self.request, &self.request_file) {
            (Some(json), _) => parse_request("--request", json.as_bytes()),
            (None, Some(path)) => parse_request("--request-file", &bytes(path)?),
            (None, None) => parse_request("--request", b""),
        }
    }
}

/// Arguments of a Job that changes a store.
#[derive(Debug, Args)]
pub(crate) struct StoreArgs {
    #[command(flatten)]
    request: RequestArgs,
    /// Root of the artifact store: a directory, or s3://bucket/prefix.
    #[arg(long, value_name = "PLACE")]
    store: String,
    #[command(flatten)]
    job: JobArgs,
}

impl StoreArgs {
    /// The addresses that may be reached.
    pub(super) fn reach(&self) -> Reach {
        self.job.reach
    }

    /// Runs the Job: `work` gets the request and the store, and returns the message.
    pub(super) fn run<R: Request>(&self, work: impl FnOnce(R, &Store) -> Result<String, TrainError>) -> ExitCode {
        run(&self.job, || {
            let request = self.request.read()?;
            let store = Store::open(&self.store, self.job.reach)?;
            work(request, &store)
        })
    }
}

fn bytes(path: &Path) -> Result<Vec<u8>, ConfigError> {
    let mut bytes = Vec::new();
    let most = REQUEST_BYTES as u64 + 1;
    File::open(path)
        .and_then(|file| file.take(most).read_to_end(&mut bytes))
        .map_err(|source| ConfigError::Invalid {
            field: "--request-file".into(),
            problem: format!("names {}, which can't be read: {source}", path.display()),
            fix: "Pass an existing file".into(),
        })?;
    Ok(bytes)
}

/// Runs a short Job: the result goes to standard output and to the termination log.
pub(super) fn run(arguments: &JobArgs, work: impl FnOnce() -> Result<String, TrainError>) -> ExitCode {
    let outcome = super::guarded(work);
    if let Ok(message) = &outcome {
        super::print(&visible_json(message.clone()));
    }
    end(
        outcome.as_ref().map(String::clone),
        arguments.termination_log.as_deref(),
    )
}

/// Writes the message of a Job to the termination log, and chooses the exit code.
pub(super) fn end(outcome: Result<String, &TrainError>, log: Option<&Path>) -> ExitCode {
    let (message, code) = match &outcome {
        Ok(message) => (message.clone(), ExitCode::SUCCESS),
        Err(error) => {
            // If nobody reads the log, the Job still ends the same way.
            let _ = writeln!(std::io::stderr(), "{}: {}", error.reason(), visible(&error.to_string()));
            (error_message(error), error.reason().exit_kind().into())
        }
    };
    match log.map(|path| write_message(path, &message)) {
        Some(Err(error)) => {
            let _ = writeln!(std::io::stderr(), "the termination log can't be written: {error}");
            // The operator can't use a Job without its result, so make the Job fail and be retried.
            if outcome.is_ok() { ExitCode::from(1) } else { code }
        }
        _ => code,
    }
}

/// The message of a failure. A very long message is cut here, because the kubelet would cut it anywhere.
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

/// The error of a failed change in the store. A refusal is final, because the next attempt has the same rights.
pub(super) fn of_change(error: StoreError) -> TrainError {
    if is_refused(&error) {
        TrainError::StoreForbidden(error)
    } else {
        TrainError::Store(error)
    }
}
