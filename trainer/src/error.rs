//! What can go wrong, as the operator and the user see it: a reason, an exit code and a message that tells the fix.

use std::path::PathBuf;
use std::process::ExitCode;

use complaint_model::ArtifactError;
use serde::Serialize;

use crate::compare::ChampionError;
use crate::config::ConfigError;
use crate::dataset::DatasetError;
use crate::store::StoreError;

/// Why a training ended without an artifact.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// The configuration can't be honoured; the same file fails again.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The data can't be used; the same bytes fail again (a failed download excepted).
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// The present champion could not be read or scored.
    #[error(transparent)]
    Champion(#[from] ChampionError),
    /// A model that a command was given can't be used.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The result could not be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Every trial failed, or more than `search.maxFailedTrialCount`; the same search fails again.
    #[error("{0}")]
    Training(String),
    /// A defect of the trainer itself.
    #[error("{0}; this is a defect of the trainer, please report it with the data set's size and the configuration")]
    Internal(String),
}

/// Why a model that a user names can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The file can't be read.
    #[error("the model {} can't be read: {source}. Pass the model.safetensors of a training with --model", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// The file is no model that this program reads.
    #[error("the model {} can't be used: {source}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: ArtifactError,
    },
}

/// The process's exit code for one kind of failure: the operator retries only [`ExitKind::Retry`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitKind {
    /// 64, `EX_USAGE`: the configuration is at fault.
    BadConfiguration,
    /// 65, `EX_DATAERR`: the data set is at fault.
    BadData,
    /// 1: worth a retry.
    Retry,
}

impl From<ExitKind> for ExitCode {
    fn from(kind: ExitKind) -> Self {
        match kind {
            ExitKind::BadConfiguration => ExitCode::from(64),
            ExitKind::BadData => ExitCode::from(65),
            ExitKind::Retry => ExitCode::from(1),
        }
    }
}

impl TrainError {
    /// The CamelCase reason that stands in the termination message and in the TrainingRun's conditions.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Config(_) => "InvalidConfiguration",
            Self::Dataset(error) => error.reason(),
            Self::Champion(_) => "ChampionUnreadable",
            Self::Model(_) => "ModelUnreadable",
            Self::Store(_) => "StoreUnavailable",
            Self::Training(_) => "TrainingFailed",
            Self::Internal(_) => "Internal",
        }
    }

    /// How the process ends.
    pub fn exit_kind(&self) -> ExitKind {
        match self {
            Self::Config(_) | Self::Training(_) => ExitKind::BadConfiguration,
            Self::Dataset(error) => error.exit_kind(),
            Self::Model(_) => ExitKind::BadData,
            Self::Champion(_) | Self::Store(_) | Self::Internal(_) => ExitKind::Retry,
        }
    }
}

/// The termination message of a failure: `{"error": {"reason", "message"}}`.
#[derive(Debug, Serialize)]
pub struct ErrorMessage {
    error: ErrorBody,
}

#[derive(Debug, Serialize)]
struct ErrorBody {
    reason: &'static str,
    message: String,
}

impl From<&TrainError> for ErrorMessage {
    fn from(error: &TrainError) -> Self {
        Self {
            error: ErrorBody {
                reason: error.reason(),
                message: error.to_string(),
            },
        }
    }
}
