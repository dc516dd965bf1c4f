//! Why the core refuses a request, independent of the transport.

use complaint_model::Sha256Digest;

/// Why the core refuses a request. The message says what is wrong and, where it does not depend on the transport, how
/// to fix it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The request holds no complaint.
    #[error("the request has no text; send one or more")]
    NoText,
    /// A complaint has no words.
    #[error("text {index} is blank; leave it out, or send the complaint's words")]
    BlankText {
        /// Position in the request, from 0.
        index: usize,
    },
    /// A complaint is longer than `--max-text-bytes`.
    #[error(
        "text {index} has {bytes} bytes; this server takes at most {limit} a text. Shorten it, or start the server with a larger --max-text-bytes"
    )]
    TextTooLong {
        /// Position in the request, from 0.
        index: usize,
        /// Its length in UTF-8.
        bytes: usize,
        /// The server's limit.
        limit: usize,
    },
    /// The request holds more complaints than `--max-texts`.
    #[error("the request has {count} texts; this server takes at most {limit}")]
    TooManyTexts {
        /// Texts in the request.
        count: usize,
        /// The server's limit.
        limit: usize,
    },
    /// All `--max-concurrency` slots are taken.
    #[error("the server is at its limit of {limit} requests in flight")]
    Overloaded {
        /// The server's limit.
        limit: usize,
    },
    /// The budget of `--max-bytes-in-flight` is exhausted.
    #[error("the server is at its limit of {limit} bytes in flight, which large requests and answers share")]
    MemoryTaken {
        /// The server's limit.
        limit: usize,
    },
    /// The request names a model that this server does not serve.
    #[error("there is no model `{found}` here; this server serves `{served}`")]
    ModelNotFound {
        /// The requested name, shortened.
        found: String,
        /// The model's name.
        served: String,
    },
    /// The request names a version that this server does not serve.
    #[error("model `{model}` has no version `{found}` here; this server serves version `{served}`")]
    VersionNotFound {
        /// The model's name.
        model: String,
        /// The requested version, shortened.
        found: String,
        /// The served version: the digest without its prefix.
        served: String,
    },
    /// The server is draining.
    #[error("the server is shutting down; ask another replica")]
    ShuttingDown,
    /// A probe asks for a model that this server does not serve.
    #[error(
        "this server serves sha256:{served}, not sha256:{asked}; wait for a server with that model, or ask for the served one"
    )]
    OtherDigest {
        /// The served model's digest.
        served: Sha256Digest,
        /// The requested digest.
        asked: Sha256Digest,
    },
    /// The model came without a report.
    #[error("the model came without a report; put `report.json` beside the model file before the server starts")]
    NoReport,
    /// The model has no reference profile.
    #[error(
        "the model has no reference profile: it was not trained here, or with too few held-out rows. Train it with complaint-trainer to compare its answers with a reference"
    )]
    NoReferenceProfile,
}

/// The start of a client's text, short enough to quote in a message.
#[must_use]
pub fn shorten(text: &str) -> String {
    const LIMIT: usize = 60;
    match text.char_indices().nth(LIMIT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
