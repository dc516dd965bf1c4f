//! `show`: shows the contents of a store.

use std::io::Write;
use std::process::ExitCode;

use clap::Args;
use complaint_contract::Promotions;
use complaint_model::Sha256Digest;

use super::job::{self, JobArgs};
use crate::config::{ConfigError, check_name};
use crate::error::TrainError;
use crate::promotions::parse;
use crate::record;
use crate::store::{self, Store};
use crate::stored_result::{StoredResult, Wanted};
use crate::terminal::visible;

/// `show`, as described in `docs/contracts.md`.
#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    what: What,
    /// The digest of --run's spec.
    #[arg(long, value_name = "HEX", requires = "run")]
    spec_hash: Option<String>,
    /// The metadata.uid of --run, if it was passed to the training.
    #[arg(long, value_name = "UID", requires = "run")]
    run_uid: Option<String>,
    /// Root of the artifact store: a directory, or s3://bucket/prefix.
    #[arg(long, value_name = "PLACE")]
    store: String,
    /// The namespace: the first level of the store. Optional only with --modelversions.
    #[arg(long, value_name = "NAME", required_unless_present = "modelversions")]
    namespace: Option<String>,
    /// The classifier: the second level of the store. Optional only with --modelversions.
    #[arg(
        long,
        value_name = "NAME",
        required_unless_present = "modelversions",
        requires = "namespace"
    )]
    classifier: Option<String>,
    /// The PersistentVolumeClaim for the manifests of a store in a directory.
    #[arg(long, value_name = "NAME", requires = "modelversions")]
    claim: Option<String>,
    #[command(flatten)]
    job: JobArgs,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct What {
    /// The result of the training with this name and spec.
    #[arg(long, value_name = "NAME", requires = "spec_hash")]
    run: Option<String>,
    /// The result of the last training that made this artifact.
    #[arg(long, value_name = "HEX")]
    digest: Option<Sha256Digest>,
    /// The promotions, newest first.
    #[arg(long)]
    champion: bool,
    /// Manifests of all versions, for `kubectl apply -f -`.
    #[arg(long)]
    modelversions: bool,
}

/// Runs `show`.
pub(crate) fn execute(arguments: &ShowArgs) -> ExitCode {
    if arguments.what.modelversions {
        return match super::guarded(|| manifests(arguments)) {
            Ok(manifests) => {
                super::print(manifests.trim_end());
                ExitCode::SUCCESS
            }
            Err(error) => super::refuse(crate::cli::OutputForm::Table, &error),
        };
    }
    job::run(&arguments.job, || run(arguments))
}

fn run(arguments: &ShowArgs) -> Result<String, TrainError> {
    let (namespace, classifier) = (
        arguments.namespace.as_deref().unwrap_or_default(),
        arguments.classifier.as_deref().unwrap_or_default(),
    );
    check_name("--namespace", namespace)?;
    check_name("--classifier", classifier)?;
    let store = Store::open(&arguments.store, arguments.job.reach)?;
    if arguments.what.champion {
        return Ok(promotions(&store, namespace, classifier)?.message());
    }
    let (wanted, told) = match (&arguments.what.run, arguments.what.digest) {
        (Some(name), _) => {
            check_name("--run", name)?;
            let wanted = Wanted::Run {
                name,
                spec_hash: arguments.spec_hash.as_deref().unwrap_or_default(),
                uid: arguments.run_uid.as_deref(),
            };
            (wanted, format!("of a training `{name}` with this spec"))
        }
        (None, Some(digest)) => (Wanted::Artifact(digest), format!("for the artifact {digest}")),
        (None, None) => return Err(nothing_asked().into()),
    };
    let folder = format!("{namespace}/{classifier}");
    match StoredResult::find(&store, &folder, wanted)? {
        Some(stored) => Ok(stored.result.message()),
        None => Err(TrainError::ResultNotFound(format!(
            "the store {} has no result {told} below {folder}. Train again",
            arguments.store
        ))),
    }
}

/// Unreachable: the parser requires one of the arguments.
fn nothing_asked() -> ConfigError {
    ConfigError::Invalid {
        field: "show".into(),
        problem: "was not told what".into(),
        fix: "Pass --run, --digest, --champion or --modelversions".into(),
    }
}

/// Path of a classifier's promotions.
pub(super) fn promotions_path(namespace: &str, classifier: &str) -> String {
    format!("{namespace}/{classifier}/{}", store::PROMOTIONS)
}

/// The promotions that a store has on record.
pub(super) fn promotions(store: &Store, namespace: &str, classifier: &str) -> Result<Promotions, TrainError> {
    let path = promotions_path(namespace, classifier);
    let bytes = store.read_file(&path)?;
    parse(bytes.as_deref()).map_err(|error| unreadable(store, &path, &error))
}

/// The error for a record that was not written by a trainer.
pub(super) fn unreadable(store: &Store, path: &str, error: &serde_json::Error) -> TrainError {
    TrainError::Promotions {
        place: format!("{}/{path}", store.place()),
        problem: error.to_string(),
    }
}

/// The manifests of all complete versions, by namespace, classifier and digest.
fn manifests(arguments: &ShowArgs) -> Result<String, TrainError> {
    let levels: Vec<&str> = [&arguments.namespace, &arguments.classifier]
        .into_iter()
        .filter_map(Option::as_deref)
        .collect();
    for level in &levels {
        check_name("--namespace and --classifier", level)?;
    }
    let store = Store::open(&arguments.store, arguments.job.reach)?;
    let root = match &arguments.claim {
        Some(claim) => format!("pvc://{claim}"),
        None => store.root(),
    };
    let mut manifests = String::new();
    for entry in store.list(&levels.join("/"))? {
        let Some(folder) = record::folder_of(&entry.path) else {
            continue;
        };
        let bytes = store.read_file(&entry.path)?.unwrap_or_default();
        match record::imported(&bytes, &root, folder) {
            Some(manifest) => manifests.push_str(&format!("---\n{manifest}")),
            None => {
                let path = visible(&entry.path);
                // If nobody reads it, the other manifests remain.
                let _ = writeln!(
                    std::io::stderr(),
                    "{path} is not the record of its folder, and is left out"
                );
            }
        }
    }
    Ok(manifests)
}
