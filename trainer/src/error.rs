//! Errors for the operator and the user: each has a reason, which decides the exit code, and a message with the fix.

use std::path::PathBuf;

use complaint_contract::TrainerReason;
use complaint_model::{ArtifactError, Sha256Digest};

use crate::adapt::AdaptError;
use crate::compare::ChampionError;
use crate::config::ConfigError;
use crate::dataset::DatasetError;
use crate::mlflow::TrackingError;
use crate::signing::SignatureFault;
use crate::store::StoreError;
use crate::word_vectors::VectorsError;

/// Why a training ended without an artifact.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// The configuration can't be used. The same file would fail again.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The data can't be used. The same bytes would fail again (except for a failed download).
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// The word vectors can't be used.
    #[error(transparent)]
    WordVectors(#[from] VectorsError),
    /// The current champion can't be read or scored.
    #[error(transparent)]
    Champion(#[from] ChampionError),
    /// A model that was passed to a command can't be used.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A model can't be adapted to another mix.
    #[error(transparent)]
    Adaptation(#[from] AdaptError),
    /// The signature of a model is missing, or does not hold.
    #[error(transparent)]
    Signature(#[from] SignatureFault),
    /// The store can't be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store refuses a change, and would refuse it again.
    #[error("{0}")]
    StoreForbidden(StoreError),
    /// The store has no result for the requested training.
    #[error("{0}")]
    ResultNotFound(String),
    /// The store's record of promotions is not in the trainer's format.
    #[error("{place} can't be read: {problem}. Correct it, or restore it from a backup; nothing was changed")]
    Promotions {
        /// The file.
        place: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A tracking server does not take what is to be logged.
    #[error(transparent)]
    Tracking(#[from] TrackingError),
    /// Every trial failed, or more than `search.maxFailedTrialCount`. The same search would fail again.
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
        /// The operating system's error.
        source: std::io::Error,
    },
    /// The file is another model.
    #[error(
        "the model {place} has the SHA-256 {actual}, not {expected}. Restore the file in the store, or record it under a new name"
    )]
    Digest {
        /// The file or object.
        place: String,
        /// Digest of its bytes.
        actual: Sha256Digest,
        /// The expected digest.
        expected: Sha256Digest,
    },
    /// The model's report can't be used.
    #[error("the report in {place} can't be used: {problem}. Name the folder of a version that this release trained")]
    Report {
        /// The folder.
        place: String,
        /// What is wrong.
        problem: String,
    },
    /// This program can't read the file as a model.
    #[error("the model {} can't be used: {source}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: ArtifactError,
    },
}

impl TrainError {
    /// The reason in the termination message and in the TrainingRun's conditions.
    pub fn reason(&self) -> TrainerReason {
        match self {
            Self::Config(_) => TrainerReason::InvalidConfiguration,
            Self::Dataset(error) => error.reason(),
            Self::WordVectors(error) => error.reason(),
            Self::Champion(ChampionError::Unreadable(error)) if error.is_out_of_reach() => {
                TrainerReason::StoreOutOfReach
            }
            Self::Champion(_) => TrainerReason::ChampionUnreadable,
            Self::Model(ModelError::Report { .. }) => TrainerReason::ReportUnreadable,
            Self::Model(_) => TrainerReason::ModelUnreadable,
            Self::Adaptation(error) => error.reason(),
            Self::Signature(SignatureFault::Missing { .. }) => TrainerReason::SignatureMissing,
            Self::Signature(SignatureFault::Invalid { .. }) => TrainerReason::SignatureInvalid,
            Self::Store(error) if error.is_out_of_reach() => TrainerReason::StoreOutOfReach,
            Self::Store(_) => TrainerReason::StoreUnavailable,
            Self::StoreForbidden(_) => TrainerReason::StoreForbidden,
            Self::ResultNotFound(_) => TrainerReason::ResultNotFound,
            Self::Promotions { .. } => TrainerReason::PromotionsUnreadable,
            Self::Tracking(error) => error.reason,
            Self::Training(_) => TrainerReason::TrainingFailed,
            Self::Internal(_) => TrainerReason::Internal,
        }
    }
}
