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
    /// The server takes no corrections.
    #[error(
        "this server takes no corrections: start it with --store and --feedback-token-file, or set serving.feedback of the ComplaintClassifier"
    )]
    FeedbackOff,
    /// There is no token with which corrections could be sent.
    #[error(
        "there is no token for corrections yet: put one into the file of --feedback-token-file, or create the Secret that serving.feedback.tokenSecretRef names"
    )]
    NoFeedbackTokens,
    /// A correction names a category that the model does not have.
    #[error(
        "correction {index} has a category that the model does not have, and new ones are not taken here (serving.feedback.allowNewCategories, --feedback-new-categories). The model's categories: {categories}"
    )]
    UnknownCategory {
        /// Position in the request, from 0.
        index: usize,
        /// The model's categories, for the message.
        categories: String,
    },
    /// A correction is not complete or too long.
    #[error("correction {index}: {problem}")]
    InvalidCorrection {
        /// Position in the request, from 0.
        index: usize,
        /// What is wrong, and how to fix it.
        problem: &'static str,
    },
    /// The corrections of a request need more bytes than may wait for the store.
    #[error("the corrections have more than {limit} bytes with what the server adds; send fewer in a request")]
    CorrectionsTooLarge {
        /// The limit.
        limit: usize,
    },
    /// Too many corrections wait for the store.
    #[error("too many corrections wait for the store; none of this request was taken")]
    FeedbackQueueFull,
    /// The store did not take the corrections.
    #[error(
        "the store failed, so none of these corrections is sure to be kept: {problem}. Send the request again; if this lasts, the server's log says which store to mend"
    )]
    NotKept {
        /// Why the store failed.
        problem: String,
    },
    /// Another client is reading captured answers.
    #[error("another client is reading captured answers, and one may at a time")]
    ReviewBusy,
    /// The store can't be read.
    #[error(
        "the store can't be read: {problem}. Try again; if this lasts, the server's log says which store to mend, or whose keys may not read"
    )]
    NotRead {
        /// Why.
        problem: String,
    },
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
