//! What can be wrong with a model.

/// Why a model can't be used or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ArtifactError {
    /// The bytes are no model, or were damaged.
    #[error("the file is no usable model: {0}. It may be cut short or damaged; fetch it again or train again")]
    Corrupt(String),
    /// A format this build does not read.
    #[error(
        "the model has {what} {found}, and this program reads {supported}; use a program of the version that wrote it, or train again"
    )]
    UnsupportedFormat {
        /// `format` or `text pipeline`.
        what: &'static str,
        /// The file's version.
        found: u32,
        /// The versions that can be read.
        supported: u32,
    },
    /// The parts given to the builder don't fit together.
    #[error("the model can't be written: {0}")]
    Inconsistent(String),
}
