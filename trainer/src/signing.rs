//! Signatures of what a training writes.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use bytes::Bytes;
use complaint_contract::WordVectors;
use complaint_model::Sha256Digest;
use complaint_report::Report;
use complaint_signature::{
    KeyError, MAX_KEY_BYTES, Manifest, Provenance, PublicKey, SignatureError, SigningKey, Software, open, sign,
    verify_model,
};
use complaint_store::layout::{MODEL, PROVENANCE, SIGNATURE};
use serde_json::json;

use crate::config::{ConfigError, RunConfig};

/// The field with the private key, for messages.
const KEY_FIELD: &str = "signing.keySecretRef";

/// Why a model's signature is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum SignatureFault {
    /// There is none.
    #[error("{place} has no signature ({SIGNATURE}). Sign it with `complaint-trainer sign`")]
    Missing {
        /// The folder.
        place: String,
    },
    /// It does not hold.
    #[error(
        "the signature {file} in {place} {source}. If the files are trusted, sign them again with `complaint-trainer sign` \
         or give the public key of their signer; if not, find out who may write to the store"
    )]
    Invalid {
        /// The folder.
        place: String,
        /// The file with the signature.
        file: &'static str,
        /// Why it does not hold.
        source: Box<SignatureError>,
    },
}

/// Reads a private key; `None` if no file is given.
///
/// # Errors
/// [`ConfigError`]; no message quotes the file.
pub(crate) fn read_key(path: Option<&Path>) -> Result<Option<SigningKey>, ConfigError> {
    let Some(path) = path else { return Ok(None) };
    let text = read(KEY_FIELD, path)?;
    let key = SigningKey::from_pem(&text).map_err(|error| unusable(KEY_FIELD, path, error))?;
    Ok(Some(key))
}

/// Reads the public keys in files, for the argument `field`.
///
/// # Errors
/// [`ConfigError`].
pub(crate) fn read_public_keys<'p>(
    field: &str,
    paths: impl IntoIterator<Item = &'p Path>,
) -> Result<Vec<PublicKey>, ConfigError> {
    let mut keys = Vec::new();
    for path in paths {
        let text = read(field, path)?;
        keys.extend(PublicKey::all_from_pem(&text).map_err(|error| unusable(field, path, error))?);
    }
    Ok(keys)
}

fn read(field: &str, path: &Path) -> Result<Vec<u8>, ConfigError> {
    let mut text = Vec::new();
    let outcome = File::open(path).and_then(|file| file.take(MAX_KEY_BYTES).read_to_end(&mut text));
    match outcome {
        Ok(_) => Ok(text),
        Err(error) => Err(ConfigError::Invalid {
            field: field.to_owned(),
            problem: match error.kind() {
                ErrorKind::NotFound => format!("leads to {}, which does not exist", path.display()),
                _ => format!("leads to {}, which can't be read: {error}", path.display()),
            },
            fix: "Name an existing file; in a cluster, create the Secret with that key: `kubectl create secret generic NAME \
                  --from-file=KEY=signing.key`"
                .to_owned(),
        }),
    }
}

fn unusable(field: &str, path: &Path, error: KeyError) -> ConfigError {
    ConfigError::Invalid {
        field: field.to_owned(),
        problem: format!("leads to {}, which {error}", path.display()),
        fix: error.fix().to_owned(),
    }
}

/// What the provenance of a training says. It has no name of a file, and no address: only digests and settings.
pub(crate) fn provenance(
    config: &RunConfig,
    report: &Report,
    report_sha256: Sha256Digest,
    run_uid: Option<&str>,
) -> Provenance {
    let mut evaluation = config.evaluation.clone();
    if let Some(holdout) = &mut evaluation.holdout {
        holdout.source = None;
    }
    let mut settings = json!({
        "name": config.name, "namespace": config.namespace, "classifier": config.classifier,
        "specHash": config.spec_hash, "dataset": config.dataset, "feedback": config.feedback,
        "evaluation": evaluation,
        "preprocessing": config.preprocessing, "features": config.features, "search": config.search,
        "champion": config.champion,
    });
    if let Some(vectors) = &config.word_vectors {
        settings["features"]["wordVectors"] = json!(WordVectors {
            source: None,
            ..vectors.clone()
        });
    }
    Provenance {
        model: report.artifact_sha256,
        report: report_sha256,
        dataset: report.dataset.sha256,
        holdout: report.dataset.holdout.as_ref().map(|holdout| holdout.sha256),
        feedback: report.dataset.feedback.as_ref().and_then(|feedback| feedback.sha256),
        word_vectors: report.word_vectors.as_ref().map(|vectors| vectors.sha256),
        settings,
        chosen: json!({ "algorithm": report.algorithm, "parameters": report.parameters }),
        software: Software {
            trainer: report.trainer_version.clone(),
            architecture: std::env::consts::ARCH.to_owned(),
            operating_system: std::env::consts::OS.to_owned(),
        },
        run: run_uid.map(str::to_owned),
    }
}

/// How the files of a version are signed.
#[derive(Debug)]
pub struct Signing {
    /// The private key.
    pub key: SigningKey,
    /// The name of the version's folder.
    pub name: String,
    /// Digest of its model.
    pub model: Sha256Digest,
    /// What the provenance says; `None` for a version that no training made.
    pub provenance: Option<Provenance>,
}

impl Signing {
    /// The signed files of a version with these files, in the order in which they are written. The signature says nothing about
    /// `others`.
    pub(crate) fn files(&self, files: &[(&'static str, Bytes)], others: &[&str]) -> Vec<(&'static str, Bytes)> {
        let digests = files
            .iter()
            .map(|(name, bytes)| ((*name).to_owned(), Sha256Digest::of_bytes(bytes)));
        let manifest = Manifest::new(&self.name, digests, others.iter().map(|name| (*name).to_owned()));
        let provenance = self
            .provenance
            .iter()
            .map(|provenance| (PROVENANCE, provenance.to_statement()));
        let statements = provenance.chain([(SIGNATURE, manifest.to_statement())]);
        statements
            .map(|(name, statement)| (name, sign(&statement, &self.key).into()))
            .collect()
    }

    /// Whether this key has signed the model in the file `name` before.
    pub(crate) fn has_made(&self, name: &str, bytes: &[u8]) -> bool {
        let keys = std::slice::from_ref(self.key.public());
        let model = self.model;
        if name == SIGNATURE {
            return verify_model(bytes, keys, MODEL, model).is_ok();
        }
        let opened = open(bytes, keys).and_then(|opened| Provenance::of_statement(&opened.statement));
        opened.is_ok_and(|provenance| provenance.model == model)
    }
}
