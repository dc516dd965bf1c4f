//! Loads an engine from a file or an address. The digest is checked before any byte is parsed.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use complaint_contract::{ParseDigestError, ServerReason};
use complaint_model::predict::Predictor;
use complaint_model::{Artifact, ArtifactError, Sha256Digest};
use complaint_signature::SignatureError;
use complaint_store::{Address, Bounds, Fault, Purpose, Reach, layout};
use serde::Deserialize;
use url::Url;

use crate::core::cache::Cache;
use crate::core::engine::Engine;
use crate::core::location::{Location, address_beside, report_beside};
use crate::core::review::{ReviewError, Thresholds};
use crate::core::source::Source;
use crate::core::verification::{KeysError, verify};

/// Largest report that is kept, in bytes.
pub(crate) const MAX_REPORT_BYTES: u64 = 32 << 20;
/// Longest time without data on a connection.
const SILENCE: Duration = Duration::from_secs(10);
/// Longest time that a start waits for a report.
const REPORT_TIME: Duration = Duration::from_secs(5);

/// Why the model can't be served.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file can't be read.
    #[error("can't read the model {path}: {source}. Check --model and that the volume is mounted")]
    NotFound {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A model from an address needs a digest.
    #[error("the model {url} comes from elsewhere, so its digest must be known: add --digest or --digest-file")]
    NoDigest {
        /// Its address.
        url: Box<Url>,
    },
    /// The model can't be fetched.
    #[error("can't fetch the model {url}: {source}")]
    Fetch {
        /// Its address.
        url: Box<Url>,
        /// Why the fetch failed.
        source: Fault,
    },
    /// The file is larger than `--max-model-bytes`.
    #[error(
        "the model {path} has {bytes} bytes, more than {limit}. Point --model to the right file, or start the server \
         with a larger --max-model-bytes"
    )]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
        /// The limit.
        limit: usize,
    },
    /// The digest file can't be used.
    #[error(
        "can't read a digest from {path}: {detail}. It needs `sha256:` and 64 hexadecimal digits, or what sha256sum prints"
    )]
    DigestFile {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// The bytes have another digest than the expected one.
    #[error(
        "the model {location} has digest sha256:{actual}, not sha256:{expected}. \
         The file was replaced or damaged: point --model to the right file, or correct --digest"
    )]
    DigestMismatch {
        /// The model's location.
        location: Location,
        /// The digest that the server expects.
        expected: Sha256Digest,
        /// The digest of the bytes.
        actual: Sha256Digest,
    },
    /// The public keys can't be used.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The model has no signature, and only signed ones are served.
    #[error(
        "the model {location} has no signature (model.sig beside it), and --verification is required. Train with \
         spec.signing, or sign the model with `complaint-trainer sign`"
    )]
    SignatureMissing {
        /// The model's location.
        location: Location,
    },
    /// The signature beside the model does not hold.
    #[error(
        "the signature of the model {location} (model.sig beside it) {source}. If the file is trusted, sign it again with \
         `complaint-trainer sign` or give the public key of its signer; if not, find out who may write to the store"
    )]
    SignatureInvalid {
        /// The model's location.
        location: Location,
        /// Why it does not hold.
        source: SignatureError,
    },
    /// The signature beside the model can't be read.
    #[error("can't read the signature of the model {location} (model.sig beside it): {source}")]
    SignatureUnreadable {
        /// The model's location.
        location: Location,
        /// Why not.
        source: Fault,
    },
    /// The rules by which answers are left to people don't fit the model.
    #[error(transparent)]
    Review(#[from] ReviewError),
    /// The digest matches, but this program can't use the model.
    #[error("can't use the model {location}: {source}")]
    Artifact {
        /// The model's location.
        location: Location,
        /// Why the model can't be used.
        source: ArtifactError,
    },
}

impl LoadError {
    /// The reason for the termination log. It decides the exit code.
    #[must_use]
    pub fn reason(&self) -> ServerReason {
        match self {
            Self::NotFound { .. } => ServerReason::ModelNotFound,
            Self::NoDigest { .. } | Self::Keys(_) => ServerReason::InvalidArguments,
            Self::Fetch { source, .. } => match source {
                Fault::NotFound { .. } => ServerReason::ModelNotFound,
                Fault::TooLarge { .. } => ServerReason::ModelTooLarge,
                Fault::Settings { .. } => ServerReason::InvalidArguments,
                _ => ServerReason::ModelUnavailable,
            },
            Self::TooLarge { .. } => ServerReason::ModelTooLarge,
            Self::DigestFile { .. } => ServerReason::DigestUnreadable,
            Self::DigestMismatch { .. } => ServerReason::DigestMismatch,
            Self::SignatureMissing { .. } => ServerReason::SignatureMissing,
            Self::SignatureInvalid { .. } => ServerReason::SignatureInvalid,
            Self::SignatureUnreadable { .. } => ServerReason::ModelUnavailable,
            Self::Review(ReviewError::Invalid(_)) => ServerReason::InvalidArguments,
            Self::Review(ReviewError::UnknownCategory { .. }) => ServerReason::UnknownCategory,
            Self::Artifact {
                source: ArtifactError::UnsupportedFormat { .. },
                ..
            } => ServerReason::UnsupportedFormat,
            Self::Artifact { .. } => ServerReason::CorruptArtifact,
        }
    }
}

/// A model and its report.
#[derive(Debug)]
pub struct Loaded {
    /// The model.
    pub engine: Engine,
    /// Its report, if there is one that names this model's digest.
    pub report: Option<Bytes>,
}

/// Loads the model that `source` names. Returns `None` if the model has the digest `present`, that of the model in
/// service.
///
/// # Errors
/// See [`LoadError`]. Bytes with the wrong digest, or without the signature that the source demands, are never parsed.
pub async fn load(source: &Source, present: Option<Sha256Digest>) -> Result<Option<Loaded>, LoadError> {
    let expected = expected_digest(source)?;
    let (model, report, digest) = match (&source.model, expected) {
        (Location::Remote(_), Some(expected)) if present == Some(expected) => return Ok(None),
        (Location::Remote(url), Some(expected)) => {
            let (model, report) = read_remote(source, url, expected).await?;
            (model, report, expected)
        }
        (Location::Remote(url), None) => return Err(LoadError::NoDigest { url: url.clone() }),
        (Location::File(path), _) => {
            let (model, digest) = read_file(path, source, expected)?;
            if present == Some(digest) {
                return Ok(None);
            }
            (model, read_report(&report_beside(path)), digest)
        }
    };
    verify(source, digest).await?;
    let artifact = Artifact::from_bytes(&model).map_err(|error| LoadError::Artifact {
        location: source.model.clone(),
        source: error,
    })?;
    let thresholds = Thresholds::new(&source.review, &artifact)?;
    Ok(Some(Loaded {
        engine: Engine::new(Predictor::new(artifact), digest, source.name.clone(), thresholds),
        report: report.filter(|report| belongs(report, digest)),
    }))
}

/// The digest that the source expects, from the digest file if there is one, otherwise from `--digest`.
fn expected_digest(source: &Source) -> Result<Option<Sha256Digest>, LoadError> {
    let Some(path) = &source.digest_file else {
        return Ok(source.digest);
    };
    let unusable = |detail: String| LoadError::DigestFile {
        path: path.clone(),
        detail,
    };
    let text = std::fs::read_to_string(path).map_err(|error| unusable(error.to_string()))?;
    let first = text.split_whitespace().next().unwrap_or_default();
    first
        .parse()
        .map(Some)
        .map_err(|error: ParseDigestError| unusable(error.to_string()))
}

fn read_file(path: &Path, source: &Source, expected: Option<Sha256Digest>) -> Result<(Bytes, Sha256Digest), LoadError> {
    let unreadable = |source| LoadError::NotFound {
        path: path.to_owned(),
        source,
    };
    let (bytes, limit) = (path.metadata().map_err(unreadable)?.len(), source.max_model_bytes);
    if bytes > limit as u64 {
        return Err(LoadError::TooLarge {
            path: path.to_owned(),
            bytes,
            limit,
        });
    }
    let bytes = std::fs::read(path).map_err(unreadable)?;
    let actual = check_digest(&bytes, &source.model, expected)?;
    Ok((bytes.into(), actual))
}

fn check_digest(bytes: &[u8], location: &Location, expected: Option<Sha256Digest>) -> Result<Sha256Digest, LoadError> {
    let actual = Sha256Digest::of_bytes(bytes);
    match expected {
        Some(expected) if expected != actual => Err(LoadError::DigestMismatch {
            location: location.clone(),
            expected,
            actual,
        }),
        _ => Ok(actual),
    }
}

/// Reads the model and its report from the cache, or fetches them from their address.
async fn read_remote(source: &Source, url: &Url, digest: Sha256Digest) -> Result<(Bytes, Option<Bytes>), LoadError> {
    let cache = source.cache.clone().map(Cache::new);
    if let Some(cache) = &cache
        && let Some(model) = cache.read(digest)
    {
        return Ok((model.into(), cache.read_report(digest).map(Bytes::from)));
    }
    let model = fetch(url, bounds(source, source.max_model_bytes as u64))
        .await
        .map_err(|source| LoadError::Fetch {
            url: Box::new(url.clone()),
            source,
        })?;
    check_digest(&model, &source.model, Some(digest))?;
    let report = fetch_beside(source, url, layout::REPORT, MAX_REPORT_BYTES, REPORT_TIME)
        .await
        .inspect_err(|error| tracing::info!(%error, "no report beside the model: /report answers 404"))
        .ok();
    if let Some(cache) = &cache {
        cache.write(digest, &model, report.as_deref());
    }
    Ok((model, report))
}

/// The bounds of fetching one file of at most `bytes` bytes.
fn bounds(source: &Source, bytes: u64) -> Bounds {
    Bounds {
        bytes,
        time: source.fetch_timeout,
        silence: SILENCE,
        retries: usize::MAX,
        larger: "Check the address, or start the server with a larger --max-model-bytes",
        longer: "Check the network, or start the server with a larger --fetch-timeout",
        reach: Reach::Anywhere,
    }
}

/// Fetches another file beside a model's address, for at most `time`.
pub(crate) async fn fetch_beside(
    source: &Source,
    model: &Url,
    file: &str,
    bytes: u64,
    time: Duration,
) -> Result<Bytes, Fault> {
    let mut bounds = bounds(source, bytes);
    bounds.time = bounds.time.min(time);
    fetch(&address_beside(model, file), bounds).await
}

async fn fetch(url: &Url, bounds: Bounds) -> Result<Bytes, Fault> {
    complaint_store::read(&Address::of_url(url)?, Purpose::Artifacts, &bounds).await
}

/// The training report beside a model file. A missing or unreadable report does not stop the server.
fn read_report(path: &Path) -> Option<Bytes> {
    match read_bounded(path, MAX_REPORT_BYTES) {
        Ok(bytes) => Some(bytes.into()),
        Err(error) => {
            tracing::info!(path = %path.display(), %error, "no report: /report answers 404");
            None
        }
    }
}

/// Reads a file of at most `limit` bytes. It ignores the size in the metadata, because a pipe has no size and a file
/// can grow.
pub(crate) fn read_bounded(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?
        .take(limit.saturating_add(1))
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        let words = format!("it is larger than {limit} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, words));
    }
    Ok(bytes)
}

/// Whether a report belongs to this model: it must name the digest.
fn belongs(report: &[u8], digest: Sha256Digest) -> bool {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Named {
        artifact_sha256: Sha256Digest,
    }
    match serde_json::from_slice::<Named>(report) {
        Ok(named) if named.artifact_sha256 == digest => true,
        Ok(named) => {
            tracing::warn!(report = %named.artifact_sha256, model = %digest, "the report beside the model is another model's: /report answers 404");
            false
        }
        Err(error) => {
            tracing::warn!(%error, "the report beside the model names no model: /report answers 404");
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_over_the_limit_is_left_out() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "{}").unwrap();
        assert_eq!(read_report(file.path()).as_deref(), Some(&b"{}"[..]));
        file.as_file().set_len(MAX_REPORT_BYTES).unwrap();
        assert_eq!(read_report(file.path()).unwrap().len() as u64, MAX_REPORT_BYTES);
        file.as_file().set_len(MAX_REPORT_BYTES + 1).unwrap();
        assert_eq!(read_report(file.path()), None);
    }
}
