//! `verify`: what is signed in a version's folder, and by which key; or whether a version can be made again.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use complaint_contract::Reach;
use complaint_model::Sha256Digest;
use complaint_signature::{Manifest, Opened, Provenance, PublicKey, SignatureError, Software, comes_afterwards, open};
use serde::Serialize;

use super::reproduce::{self, Again};
use super::sign::{Covered, covered, has_model, list};
use crate::cli::OutputForm;
use crate::error::TrainError;
use crate::signing::{SignatureFault, read_public_keys};
use crate::store::{self, Store};

/// `verify`.
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// The version's folder: a directory, or s3://bucket/path.
    #[arg(
        long,
        value_name = "PLACE",
        required_unless_present = "dossier",
        conflicts_with = "dossier"
    )]
    folder: Option<String>,
    /// A file with public keys: ECDSA P-256 in PEM. A signature of any key is valid; give the option once for each file.
    #[arg(
        long = "public-key",
        value_name = "FILE",
        required_unless_present = "dossier",
        conflicts_with = "dossier"
    )]
    public_keys: Vec<PathBuf>,
    /// The JSON of a version's dossier: train the version again, and compare.
    #[arg(long, value_name = "FILE", requires = "data")]
    dossier: Option<PathBuf>,
    /// The data set of the dossier's version: a file, or an address as of `train --data`.
    #[arg(long, value_name = "PATH-OR-URL", requires = "dossier")]
    data: Option<String>,
    /// The holdout of that training.
    #[arg(long, value_name = "PATH-OR-URL", requires = "dossier")]
    holdout: Option<String>,
    /// The word vectors of that training.
    #[arg(long, value_name = "PATH-OR-URL", requires = "dossier")]
    word_vectors: Option<String>,
    /// The corrections of that training: a folder, as for `train --feedback`.
    #[arg(long, value_name = "PLACE", requires = "dossier")]
    feedback: Option<String>,
    /// Output format.
    #[arg(long, value_enum, default_value = "table", value_name = "FORM")]
    format: OutputForm,
}

/// What is signed.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Verified {
    /// The key that made the signature.
    key: Sha256Digest,
    files: Vec<Covered>,
    /// Files of the folder that the signature does not cover, signatures and results excepted.
    uncovered: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    provenance: Option<Origin>,
}

/// What the provenance says.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Origin {
    key: Sha256Digest,
    dataset_sha256: Sha256Digest,
    #[serde(skip_serializing_if = "Option::is_none")]
    holdout_sha256: Option<Sha256Digest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    feedback_sha256: Option<Sha256Digest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    word_vectors_sha256: Option<Sha256Digest>,
    report_sha256: Sha256Digest,
    software: Software,
    #[serde(skip_serializing_if = "Option::is_none")]
    run_uid: Option<String>,
}

/// Verifies signature and provenance, and the digest of each covered file.
pub(crate) fn execute(arguments: &VerifyArgs) -> ExitCode {
    match (&arguments.dossier, &arguments.data, &arguments.folder) {
        (Some(dossier), Some(data), _) => {
            let again = Again {
                dossier,
                data,
                holdout: arguments.holdout.as_deref(),
                word_vectors: arguments.word_vectors.as_deref(),
                feedback: arguments.feedback.as_deref(),
            };
            reproduce::execute(&again, arguments.format)
        }
        (_, _, folder) => {
            let folder = folder.as_deref().unwrap_or_default();
            super::answer(arguments.format, || run(folder, arguments), show)
        }
    }
}

fn run(folder: &str, arguments: &VerifyArgs) -> Result<Verified, TrainError> {
    let keys = read_public_keys("--public-key", arguments.public_keys.iter().map(PathBuf::as_path))?;
    let store = Store::open(folder, Reach::Anywhere)?;
    let present: Vec<String> = store.list("")?.into_iter().map(|entry| entry.path).collect();
    has_model(&store, present.iter().map(String::as_str))?;
    let Some(signature) = opened(&store, store::SIGNATURE, &keys)? else {
        return Err(SignatureFault::Missing {
            place: store.place().to_owned(),
        }
        .into());
    };
    let invalid = |source| invalid(&store, store::SIGNATURE, source);
    let manifest = Manifest::of_statement(&signature.statement).map_err(invalid)?;
    let model = digest_in(&store, store::MODEL)?;
    manifest.check(store::MODEL, model).map_err(invalid)?;
    // A signature of the model alone calls it `.`, whatever its name is.
    for (file, _) in manifest.files().iter().filter(|(file, _)| file != ".") {
        manifest.check(file, digest_in(&store, file)?).map_err(invalid)?;
    }
    let is_covered = |file: &String| manifest.files().iter().any(|(covered, _)| covered == file);
    Ok(Verified {
        key: signature.key,
        uncovered: present
            .into_iter()
            .filter(|file| !is_covered(file) && !comes_afterwards(file))
            .collect(),
        files: covered(&manifest),
        provenance: opened(&store, store::PROVENANCE, &keys)?
            .map(|opened| origin(&store, &opened, model))
            .transpose()?,
    })
}

/// The digest of a file in the folder. A missing file is like an empty one: no model is.
fn digest_in(store: &Store, file: &str) -> Result<Sha256Digest, TrainError> {
    Ok(Sha256Digest::of_bytes(&store.read_file(file)?.unwrap_or_default()))
}

/// Verifies a signed file, if it is there.
pub(super) fn opened(store: &Store, file: &'static str, keys: &[PublicKey]) -> Result<Option<Opened>, TrainError> {
    let Some(bytes) = store.read_file(file)? else {
        return Ok(None);
    };
    let opened = open(&bytes, keys).map_err(|source| invalid(store, file, source))?;
    Ok(Some(opened))
}

/// The provenance of the model with this digest.
fn origin(store: &Store, opened: &Opened, model: Sha256Digest) -> Result<Origin, TrainError> {
    let invalid = |source| invalid(store, store::PROVENANCE, source);
    let provenance = Provenance::of_statement(&opened.statement).map_err(invalid)?;
    if provenance.model != model {
        return Err(invalid(SignatureError::OtherDigest {
            file: store::MODEL.to_owned(),
            signed: provenance.model,
            actual: model,
        })
        .into());
    }
    Ok(Origin {
        key: opened.key,
        dataset_sha256: provenance.dataset,
        holdout_sha256: provenance.holdout,
        feedback_sha256: provenance.feedback,
        word_vectors_sha256: provenance.word_vectors,
        report_sha256: provenance.report,
        software: provenance.software,
        run_uid: provenance.run,
    })
}

fn invalid(store: &Store, file: &'static str, source: SignatureError) -> SignatureFault {
    SignatureFault::Invalid {
        place: store.place().to_owned(),
        file,
        source: Box::new(source),
    }
}

fn show(verified: &Verified) -> String {
    let mut parts = vec![format!("signed by the key {}", verified.key), list(&verified.files)];
    if !verified.uncovered.is_empty() {
        parts.push(format!("not covered: {}", verified.uncovered.join(", ")));
    }
    parts.push(match &verified.provenance {
        None => "no provenance".to_owned(),
        Some(origin) => format!(
            "provenance signed by the key {}: trained by complaint-trainer {} on {} from the data set sha256:{}",
            origin.key, origin.software.trainer, origin.software.architecture, origin.dataset_sha256
        ),
    });
    parts.join("\n\n")
}
