//! Captured answers that wait for a person, as a server lists them for review.
//!
//! The list holds texts of complaints, so it is given only to who has a token for corrections. It never goes into a log, an Event, a
//! status or a metric.

use std::fmt::{self, Display};
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use crate::Sha256Digest;

/// The path of a server at which a [`CapturedList`] is read.
pub const CAPTURED_PATH: &str = "/captured";
/// A header with a token for corrections, instead of `authorization: Bearer TOKEN`. The API server's proxy of a Service keeps
/// `authorization` to itself.
pub const TOKEN_HEADER: &str = "x-feedback-token";
/// Rows that may be asked for.
pub const ROWS: RangeInclusive<usize> = 1..=200;
/// Rows of an answer to who asks for no number.
pub const DEFAULT_ROWS: usize = 50;
/// Most words of a [`ServedAnswer`].
pub const WORDS: usize = 10;

/// Which captured answers are listed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum CapturedKind {
    /// Those marked `needsReview`.
    #[default]
    NeedsReview,
    /// Those of the share that was drawn before anybody looked, of which people check every one.
    Drawn,
    /// All of them.
    All,
}

impl CapturedKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::NeedsReview, Self::Drawn, Self::All];

    /// The word in a query and in arguments.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NeedsReview => "needs-review",
            Self::Drawn => "drawn",
            Self::All => "all",
        }
    }
}

impl Display for CapturedKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What `GET /captured` answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CapturedList {
    /// Captured answers without a correction: those marked `needsReview` first, then by margin, the smallest first. Each text once.
    pub rows: Vec<CapturedRow>,
    /// How many there are, with those that were not asked for.
    pub waiting: u64,
    /// Whether the server read all that the store has. It reads so many bytes at most, the newest days first: of what it did not read,
    /// captured answers are missing, and corrections may be.
    pub complete: bool,
    /// The categories that a correction may name: the served model's.
    pub categories: Vec<String>,
    /// Whether it may name others, too.
    pub new_categories: bool,
    /// Digest of the served model: `sha256:` and 64 hexadecimal digits.
    pub model_digest: String,
}

/// A captured answer that waits for a person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CapturedRow {
    /// The hexadecimal SHA-256 of the text: the `id` of its correction.
    pub id: String,
    /// When it was answered (RFC 3339).
    pub time: String,
    /// The complaint.
    pub text: String,
    /// The answer.
    pub category: String,
    /// Its probability.
    pub probability: f64,
    /// By how much it exceeds the next category's.
    pub margin: f64,
    /// The next category.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second: Option<String>,
    /// Whether the answer was marked so.
    pub needs_review: bool,
    /// Whether the text belongs to the share that was drawn before anybody looked.
    pub drawn: bool,
    /// Digest of the model that answered.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub digest: Sha256Digest,
    /// What the served model answers now, and why.
    pub served: ServedAnswer,
}

/// The served model's answer to a captured text. It is not counted as an answer, and not captured again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ServedAnswer {
    /// The category.
    pub category: String,
    /// Its probability.
    pub probability: f64,
    /// The category with the second highest score.
    pub second: String,
    /// The words that decided between the two: at most ten, by how much they did.
    pub words: Vec<DecidingWord>,
}

/// A word that decided about an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DecidingWord {
    /// What it adds to the difference of both scores: a positive number speaks for the answer, a negative one for the second category.
    pub contribution: f64,
    /// Where it stands: half-open ranges in characters (Unicode scalar values) of the text.
    pub ranges: Vec<[usize; 2]>,
}
