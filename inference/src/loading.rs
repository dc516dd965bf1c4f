//! From a file to an engine: the digest is compared before a byte is used.

use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use complaint_model::predict::Predictor;
use complaint_model::{Artifact, ArtifactError, Sha256Digest};

use crate::engine::Engine;
use crate::options::Options;

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
    /// The file's bytes are not those that were promised.
    #[error(
        "the model {path} has digest sha256:{actual}, not sha256:{expected}. \
         The file was replaced or damaged: point --model to the right file, or correct --digest"
    )]
    DigestMismatch {
        /// The file.
        path: PathBuf,
        /// What `--digest` asks for.
        expected: Sha256Digest,
        /// What the file has.
        actual: Sha256Digest,
    },
    /// The bytes are the promised ones, but this program can't use them.
    #[error("can't use the model {path}: {source}")]
    Artifact {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: ArtifactError,
    },
}

impl LoadError {
    /// The reason in the termination log.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "ModelNotFound",
            Self::DigestMismatch { .. } => "DigestMismatch",
            Self::Artifact {
                source: ArtifactError::UnsupportedFormat { .. },
                ..
            } => "UnsupportedFormat",
            Self::Artifact { .. } => "CorruptArtifact",
        }
    }

    /// Whether a restart meets the same error. A file that can't be read may appear: a volume can be late.
    #[must_use]
    pub fn is_final(&self) -> bool {
        !matches!(self, Self::NotFound { .. })
    }
}

/// Reads the model that the options name.
///
/// # Errors
/// See [`LoadError`]; with another digest nothing of the file is parsed.
pub fn load(options: &Options) -> Result<Engine, LoadError> {
    let artifact = read_artifact(&options.model, options.digest)?;
    let predictor = Predictor::new(artifact);
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a threshold between 0 and 1; probabilities are 32-bit"
    )]
    let abstain_below = options.abstain_below as f32;
    Ok(Engine::new(
        predictor,
        options.digest,
        options.name.clone(),
        abstain_below,
    ))
}

/// The training report beside a model file. Serving goes on without one.
#[must_use]
pub fn read_report(model: &Path) -> Option<Bytes> {
    let path = model.with_file_name("report.json");
    match std::fs::read(&path) {
        Ok(bytes) => Some(bytes.into()),
        Err(error) => {
            tracing::info!(path = %path.display(), %error, "no report: /report answers 404");
            None
        }
    }
}

fn read_artifact(path: &Path, expected: Sha256Digest) -> Result<Artifact, LoadError> {
    let bytes = std::fs::read(path).map_err(|source| LoadError::NotFound {
        path: path.to_owned(),
        source,
    })?;
    let actual = Sha256Digest::of_bytes(&bytes);
    if actual != expected {
        return Err(LoadError::DigestMismatch {
            path: path.to_owned(),
            expected,
            actual,
        });
    }
    Artifact::from_bytes(&bytes).map_err(|source| LoadError::Artifact {
        path: path.to_owned(),
        source,
    })
}
