//! `sign`: signs the files of a version that exists.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use complaint_contract::Reach;
use complaint_model::Sha256Digest;
use complaint_signature::Manifest;
use serde::Serialize;

use super::verify::opened;
use crate::cli::OutputForm;
use crate::config::ConfigError;
use crate::error::TrainError;
use crate::signing::{read_key, read_public_keys};
use crate::store::{self, Store};

/// `sign`.
#[derive(Debug, Args)]
pub(crate) struct SignArgs {
    /// The version's folder: a directory, or s3://bucket/path.
    #[arg(long, value_name = "PLACE")]
    folder: String,
    /// The private key: ECDSA P-256 in PEM, without a password.
    #[arg(long, value_name = "FILE")]
    signing_key: PathBuf,
    /// A file with public keys: a provenance in the folder that one of them signed is signed again, too. Without any, it is left
    /// as it is.
    #[arg(long = "public-key", value_name = "FILE")]
    public_keys: Vec<PathBuf>,
    /// Output format.
    #[arg(long, value_enum, default_value = "table", value_name = "FORM")]
    format: OutputForm,
}

/// A file that a signature covers.
#[derive(Debug, Serialize)]
pub(super) struct Covered {
    pub(super) name: String,
    pub(super) sha256: Sha256Digest,
}

/// What was signed.
#[derive(Debug, Serialize)]
struct Signed {
    key: Sha256Digest,
    files: Vec<Covered>,
    /// Whether the provenance was signed again.
    provenance: bool,
}

/// Signs all files of the folder. A signature that is there is replaced.
pub(crate) fn execute(arguments: &SignArgs) -> ExitCode {
    super::answer(arguments.format, || run(arguments), show)
}

fn run(arguments: &SignArgs) -> Result<Signed, TrainError> {
    let key = read_key(Some(&arguments.signing_key))?.expect("a file is given");
    let mut keys = read_public_keys("--public-key", arguments.public_keys.iter().map(PathBuf::as_path))?;
    keys.push(key.public().clone());
    let store = Store::open(&arguments.folder, Reach::Anywhere)?;
    let mut files = Vec::new();
    for entry in store.list("")? {
        let bytes = store.read_file(&entry.path)?.unwrap_or_default();
        files.push((entry.path, Sha256Digest::of_bytes(&bytes)));
    }
    has_model(&store, files.iter().map(|(name, _)| name.as_str()))?;
    let manifest = Manifest::new(&name_of(&arguments.folder), files, []);
    let mut provenance = false;
    if !arguments.public_keys.is_empty()
        && let Some(found) = opened(&store, store::PROVENANCE, &keys)?
    {
        store.write_file(
            store::PROVENANCE,
            complaint_signature::sign(&found.statement, &key).into(),
        )?;
        provenance = true;
    }
    let bytes = complaint_signature::sign(&manifest.to_statement(), &key);
    store.write_file(store::SIGNATURE, bytes.into())?;
    Ok(Signed {
        key: key.public().id(),
        files: covered(&manifest),
        provenance,
    })
}

/// Checks that the folder is that of a version.
pub(super) fn has_model<'f>(store: &Store, mut files: impl Iterator<Item = &'f str>) -> Result<(), ConfigError> {
    if files.any(|file| file == store::MODEL) {
        return Ok(());
    }
    Err(ConfigError::Invalid {
        field: "--folder".into(),
        problem: format!("names {}, which has no {}", store.place(), store::MODEL),
        fix: "Name a version's folder: STORE/NAMESPACE/CLASSIFIER/SHA256, or the --out of a training".into(),
    })
}

/// The last part of a folder's path.
pub(super) fn name_of(folder: &str) -> String {
    let mut parts = folder.rsplit('/');
    parts.find(|part| !part.is_empty()).unwrap_or(folder).to_owned()
}

pub(super) fn covered(manifest: &Manifest) -> Vec<Covered> {
    let files = manifest.files().iter();
    files
        .map(|(name, sha256)| Covered {
            name: name.clone(),
            sha256: *sha256,
        })
        .collect()
}

/// The files as `sha256sum` prints them.
pub(super) fn list(files: &[Covered]) -> String {
    let lines = files.iter().map(|file| format!("{}  {}", file.sha256, file.name));
    lines.collect::<Vec<_>>().join("\n")
}

fn show(signed: &Signed) -> String {
    let provenance = if signed.provenance {
        ", and so is the provenance"
    } else {
        ""
    };
    format!(
        "signed by the key {}{provenance}\n\n{}",
        signed.key,
        list(&signed.files)
    )
}
