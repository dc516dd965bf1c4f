//! Verifies the signature of a model whose digest is known already.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use clap::Args;
use complaint_contract::VerificationPolicy;
use complaint_model::Sha256Digest;
use complaint_signature::{KeyError, MAX_BYTES, MAX_KEY_BYTES, PublicKey, SignatureError, verify_model};
use complaint_store::{Fault, layout};

use crate::core::cache::Cache;
use crate::core::loading::{LoadError, fetch_beside, read_bounded};
use crate::core::location::Location;
use crate::core::source::Source;

/// A public key itself, in place of the file with it.
const PEM: &str = "-----BEGIN";

/// Whether and with which keys the signature of a model is verified.
#[derive(Debug, Clone, Args)]
pub struct Verification {
    /// What the signature beside the model (`model.sig`) decides: required (only a model with a valid one is served),
    /// if-signed (one without a signature, too), or ignore (no signature is read)
    #[arg(long = "verification", value_name = "POLICY", default_value_t = VerificationPolicy::Ignore)]
    pub policy: VerificationPolicy,

    /// A file with public keys, or the text of one: ECDSA P-256 in PEM. A signature of any key is valid; give the option
    /// once for each file. Files are read again on SIGHUP
    #[arg(long = "public-key", value_name = "FILE|PEM", allow_hyphen_values = true)]
    pub public_keys: Vec<String>,
}

/// Why the public keys can't be used.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// There is none.
    #[error("--verification {0} needs a public key: add --public-key, or leave --verification out")]
    None(VerificationPolicy),
    /// The file can't be read.
    #[error("can't read the public key {path}: {source}. Check --public-key")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The file has no usable key.
    #[error("--public-key: {place} {source}. {}", source.fix())]
    Unusable {
        /// The file, or which argument it is.
        place: String,
        /// What is wrong.
        source: KeyError,
    },
}

impl Verification {
    /// The public keys. There is at least one.
    fn keys(&self) -> Result<Vec<PublicKey>, KeysError> {
        let mut keys = Vec::new();
        for (number, given) in self.public_keys.iter().enumerate() {
            let (place, read) = if given.trim_start().starts_with(PEM) {
                let place = format!("the text given as number {}", number + 1);
                (place, PublicKey::all_from_pem(given.as_bytes()))
            } else {
                let text = read_bounded(Path::new(given), MAX_KEY_BYTES).map_err(|source| KeysError::Unreadable {
                    path: given.into(),
                    source,
                })?;
                (format!("the file {given}"), PublicKey::all_from_pem(&text))
            };
            keys.extend(read.map_err(|source| KeysError::Unusable { place, source })?);
        }
        if keys.is_empty() {
            return Err(KeysError::None(self.policy));
        }
        Ok(keys)
    }
}

/// Verifies the signature beside the model of `source`, whose digest is `digest`, as the policy demands. Without a policy
/// nothing is read.
pub(crate) async fn verify(source: &Source, digest: Sha256Digest) -> Result<(), LoadError> {
    let policy = source.verification.policy;
    if policy == VerificationPolicy::Ignore {
        return Ok(());
    }
    let keys = source.verification.keys()?;
    let file = source.model.file_name();
    let holds = |signature: &[u8]| verify_model(signature, &keys, &file, digest);
    let cache = source.cache.clone().map(Cache::new);
    // A signature that came with the cached model saves a request for as long as its key counts.
    if let (Location::Remote(_), Some(cache)) = (&source.model, &cache)
        && cache.read_signature(digest).is_some_and(|kept| holds(&kept).is_ok())
    {
        return Ok(());
    }
    let Some(signature) = read(source).await? else {
        return match policy {
            VerificationPolicy::Required => Err(LoadError::SignatureMissing {
                location: source.model.clone(),
            }),
            _ => {
                tracing::info!(model = %source.model, "the model has no signature, which --verification if-signed allows");
                Ok(())
            }
        };
    };
    let opened = holds(&signature).map_err(|error| invalid(source, error))?;
    tracing::info!(model = %source.model, key = %opened.key, "the model's signature is valid");
    if let (Location::Remote(_), Some(cache)) = (&source.model, &cache) {
        cache.write_signature(digest, &signature);
    }
    Ok(())
}

/// The signature beside the model, if there is one.
async fn read(source: &Source) -> Result<Option<Bytes>, LoadError> {
    let found = match &source.model {
        Location::File(path) => match read_bounded(&path.with_file_name(layout::SIGNATURE), MAX_BYTES) {
            Ok(bytes) => Ok(bytes.into()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                return Err(invalid(source, SignatureError::TooLarge));
            }
            Err(error) => Err(Fault::File(error)),
        },
        Location::Remote(url) => fetch_beside(source, url, layout::SIGNATURE, MAX_BYTES, Duration::MAX).await,
    };
    match found {
        Ok(bytes) => Ok(Some(bytes)),
        Err(Fault::NotFound { .. }) => Ok(None),
        Err(Fault::TooLarge { .. }) => Err(invalid(source, SignatureError::TooLarge)),
        Err(fault) => Err(LoadError::SignatureUnreadable {
            location: source.model.clone(),
            source: fault,
        }),
    }
}

fn invalid(source: &Source, why: SignatureError) -> LoadError {
    LoadError::SignatureInvalid {
        location: source.model.clone(),
        source: why,
    }
}
