//! `dossier`: what has to be known about a stored version, as a page and as JSON.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use complaint_contract::{Documentation, Reach};
use complaint_model::Sha256Digest;
use complaint_report::dossier::VersionFacts;
use complaint_report::{Dossier, Report};
use jiff::Timestamp;
use serde::Serialize;

use crate::cli::OutputForm;
use crate::config::ConfigError;
use crate::error::{ModelError, TrainError};
use crate::record;
use crate::store::{self, Store};

/// `dossier`.
#[derive(Debug, Args)]
pub(crate) struct DossierArgs {
    /// The version's folder: a directory, or s3://bucket/path.
    #[arg(long, value_name = "PLACE")]
    folder: String,
    /// File for the page; browsers print it to PDF.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// File for the same as JSON, which `verify --dossier` reads.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// What the classifier is for, who uses its answers, and what they do with them.
    #[arg(long, value_name = "TEXT")]
    purpose: Option<String>,
    /// Who is responsible.
    #[arg(long, value_name = "NAME")]
    owner: Option<String>,
    /// How they are reached.
    #[arg(long, value_name = "ADDRESS")]
    contact: Option<String>,
    /// What it must not be used for, and where it is known to be weak.
    #[arg(long, value_name = "TEXT")]
    limitations: Option<String>,
    /// Output format.
    #[arg(long, value_enum, default_value = "table", value_name = "FORM")]
    format: OutputForm,
}

/// What was written.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    version: String,
    artifact_sha256: Sha256Digest,
    page: PathBuf,
    #[serde(skip_serializing_if = "Option::is_none")]
    json: Option<PathBuf>,
}

/// Reads the folder and writes the dossier.
pub(crate) fn execute(arguments: &DossierArgs) -> ExitCode {
    super::answer(arguments.format, || run(arguments), show)
}

fn run(arguments: &DossierArgs) -> Result<Written, TrainError> {
    let store = Store::open(&arguments.folder, Reach::Anywhere)?;
    let report = read_report(&store)?;
    let run = report.run.as_ref();
    let version = VersionFacts {
        name: report.name.clone(),
        classifier: run.map_or(String::new(), |run| run.classifier.clone()),
        namespace: namespace(&store)?,
        sha256: report.artifact_sha256,
    };
    let documentation = Documentation {
        purpose: arguments.purpose.clone(),
        owner: arguments.owner.clone(),
        contact: arguments.contact.clone(),
        limitations: arguments.limitations.clone(),
    };
    let created = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let dossier = Dossier::new(version, documentation, report, None, created);
    write(&arguments.out, "--out", &dossier.page())?;
    if let Some(path) = &arguments.json {
        write(path, "--json", &dossier.to_json())?;
    }
    Ok(Written {
        version: dossier.version.name,
        artifact_sha256: dossier.version.sha256,
        page: arguments.out.clone(),
        json: arguments.json.clone(),
    })
}

/// The report of the folder's model.
fn read_report(store: &Store) -> Result<Report, TrainError> {
    let missing = |file: &str| {
        TrainError::ResultNotFound(format!(
            "{} has no {file}. Name the folder of a version, which holds {} and {}",
            store.place(),
            store::MODEL,
            store::REPORT
        ))
    };
    let bytes = store.read_file(store::REPORT)?.ok_or_else(|| missing(store::REPORT))?;
    let model = store.read_file(store::MODEL)?.ok_or_else(|| missing(store::MODEL))?;
    let unreadable = |problem: String| ModelError::Report {
        place: store.place().to_owned(),
        problem,
    };
    let report: Report = serde_json::from_slice(&bytes).map_err(|error| unreadable(error.to_string()))?;
    let actual = Sha256Digest::of_bytes(&model);
    if actual != report.artifact_sha256 {
        let problem = format!(
            "it is about the model sha256:{}, and the folder's model is sha256:{actual}",
            report.artifact_sha256
        );
        return Err(unreadable(problem).into());
    }
    Ok(report)
}

/// The namespace in the folder's record.
fn namespace(store: &Store) -> Result<String, TrainError> {
    let record = store.read_file(store::RECORD)?.unwrap_or_default();
    let namespace =
        record::parse(&record).and_then(|record| record["metadata"]["namespace"].as_str().map(str::to_owned));
    Ok(namespace.unwrap_or_else(|| "default".to_owned()))
}

fn write(path: &Path, argument: &str, text: &str) -> Result<(), TrainError> {
    std::fs::write(path, text).map_err(|error| {
        ConfigError::Invalid {
            field: argument.to_owned(),
            problem: format!("names {}, which can't be written: {error}", path.display()),
            fix: "Name a file in a directory that exists".into(),
        }
        .into()
    })
}

fn show(written: &Written) -> String {
    let json = written.json.as_ref();
    let json = json.map_or(String::new(), |path| format!(" and {}", path.display()));
    format!(
        "the dossier of {} (sha256:{}) is in {}{json}",
        written.version,
        written.artifact_sha256,
        written.page.display()
    )
}
