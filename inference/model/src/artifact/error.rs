//! Errors of model files.

/// Why a model can't be used or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ArtifactError {
    /// The bytes are not a model, or are damaged.
    #[error("the file is not a usable model: {0}. It may be truncated or damaged; fetch it again or train again")]
    Corrupt(String),
    /// The file has a version that this build does not read.
    #[error(
        "the model has {what} {found}, and this program reads {supported}; use the version that wrote it, or train again"
    )]
    UnsupportedFormat {
        /// `format` or `text pipeline`.
        what: &'static str,
        /// The file's version.
        found: u32,
        /// The version that this build reads.
        supported: u32,
    },
    /// The parts given to the builder don't fit together.
    #[error("the model can't be written: {0}")]
    Inconsistent(String),
}
