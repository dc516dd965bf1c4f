//! The reasons why word vectors can't be used.

use complaint_contract::TrainerReason;

use crate::dataset::DatasetError;

/// Why word vectors can't be used. `name` is the path or address without its query.
#[derive(Debug, thiserror::Error)]
pub enum VectorsError {
    /// The file does not exist, or the server answers 404 or 410.
    #[error(
        "there are no word vectors at {name}: {problem}. Check features.wordVectors.source, and that a volume holding it is mounted"
    )]
    NotFound {
        /// Path or address.
        name: String,
        /// The error of the operating system or the server.
        problem: String,
    },
    /// The server or store denies access with these credentials, or refuses the request.
    #[error("the word vectors at {name} can't be read: {problem}. {fix}")]
    Forbidden {
        /// Address without query.
        name: String,
        /// The server's response.
        problem: String,
        /// The fix, as a sentence without its full stop.
        fix: &'static str,
    },
    /// The address can't be read at the moment.
    #[error(
        "the word vectors at {name} can't be downloaded: {problem}. The run will be retried; if it keeps failing, check the address and the network policy"
    )]
    Download {
        /// Address without query.
        name: String,
        /// The error.
        problem: String,
    },
    /// A line is not a word with its numbers.
    #[error(
        "line {line} of {name} {problem}. Give word vectors as text: on each line a word and its numbers, separated by spaces, as \
         GloVe, fastText (.vec) and word2vec write them"
    )]
    Malformed {
        /// Path or address.
        name: String,
        /// Number of the line, from 1.
        line: u64,
        /// What is wrong, as the rest of a sentence. It has no value of the line.
        problem: String,
    },
    /// No line has a word that a text could have.
    #[error("{name} has no word that a text could have. Give word vectors in the language of the texts")]
    NoWords {
        /// Path or address.
        name: String,
    },
    /// The file can't be opened or unpacked.
    #[error(transparent)]
    File(DatasetError),
}

impl VectorsError {
    /// The reason in the status and the termination message.
    pub fn reason(&self) -> TrainerReason {
        match self {
            Self::NotFound { .. } | Self::Forbidden { .. } => TrainerReason::WordVectorsNotFound,
            Self::Download { .. } => TrainerReason::DownloadFailed,
            Self::Malformed { .. } | Self::NoWords { .. } => TrainerReason::MalformedWordVectors,
            Self::File(error) => match error.reason() {
                TrainerReason::MalformedDataset | TrainerReason::InvalidEncoding => TrainerReason::MalformedWordVectors,
                other => other,
            },
        }
    }
}

/// The same fault, of word vectors.
impl From<DatasetError> for VectorsError {
    fn from(error: DatasetError) -> Self {
        match error {
            DatasetError::NotFound { name, problem } => Self::NotFound { name, problem },
            DatasetError::Forbidden { name, problem, fix } => Self::Forbidden { name, problem, fix },
            DatasetError::Download { name, problem } => Self::Download { name, problem },
            DatasetError::DigestMismatch {
                name, actual, expected, ..
            } => Self::File(DatasetError::DigestMismatch {
                name,
                actual,
                expected,
                setting: "features.wordVectors.sha256",
            }),
            other => Self::File(other),
        }
    }
}
