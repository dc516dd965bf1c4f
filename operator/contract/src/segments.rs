//! Rows that servers append to the store: corrections that people send, and answers that are captured.
//!
//! A classifier's rows lie in its part of the store, in `feedback/<day>/` and `capture/<day>/` ([`Kind`]), the day in UTC. Each file
//! is a *segment* and belongs to one process, so servers share no file. A segment is a sequence of gzip members, each with whole
//! JSON lines (`zcat` reads it): whoever finds a torn member at the end, because the process was killed, reads up to it and loses
//! nothing that was acknowledged. On a volume a segment grows; in a bucket each is written once.
//!
//! These are the only messages with texts of complaints. They never go into a log, an Event, a status or a metric.

use std::fmt::{self, Display};

use serde::{Deserialize, Serialize};

use crate::Sha256Digest;

/// The end of a segment's name.
pub const SUFFIX: &str = ".jsonl.gz";
/// The path of a server at which [`Correction`]s are sent, without their answers.
pub const FEEDBACK_PATH: &str = "/feedback";
/// Longest `id` and `by` of a [`Correction`], in bytes of UTF-8.
pub const NAME_BYTES: usize = 256;

/// What the rows of a segment are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// [`Correction`]s.
    Feedback,
    /// [`CapturedAnswer`]s.
    Capture,
}

impl Kind {
    /// The folder in the classifier's part of the store.
    pub fn folder(self) -> &'static str {
        match self {
            Self::Feedback => "feedback",
            Self::Capture => "capture",
        }
    }

    /// Path of all segments of a classifier from the store's root.
    pub fn path(self, namespace: &str, classifier: &str) -> String {
        format!("{namespace}/{classifier}/{}", self.folder())
    }
}

/// The path of a segment in the folder of its [`Kind`]: `2026-11-29/<instance>-000001.jsonl.gz`. `day` is written `YYYY-MM-DD`,
/// `instance` is the process's.
pub fn segment_path(day: impl Display, instance: &str, number: u64) -> String {
    format!("{day}/{instance}-{number:06}{SUFFIX}")
}

/// The day (`YYYY-MM-DD`) of a segment's path in the folder of its [`Kind`]. `None` for a file that is no segment.
pub fn day_of(path: &str) -> Option<&str> {
    let (day, name) = path.split_once('/')?;
    let is_date = day.len() == 10
        && day.bytes().enumerate().all(|(place, byte)| match place {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    (is_date && !name.contains('/') && name.ends_with(SUFFIX)).then_some(day)
}

/// What somebody says a complaint is about, after the model answered or without any answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Correction {
    /// When the server got it (RFC 3339).
    pub time: String,
    /// The sender's name for the complaint, or the hexadecimal SHA-256 of the text: of two rows with the same one, the later counts.
    pub id: String,
    /// The complaint.
    pub text: String,
    /// The right category. Trainings learn this one.
    pub category: String,
    /// A second category that is right, too, where a person says that two are. Whoever answers with it was right; trainings don't learn it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub also: Option<String>,
    /// Who says so, in the sender's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Digest of the model that was served then.
    pub digest: Sha256Digest,
    /// What that model answers.
    pub answer: String,
    /// Whether the text belongs to the share that was drawn before anybody looked ([`is_drawn`]).
    pub drawn: bool,
}

/// An answer of the server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CapturedAnswer {
    /// When (RFC 3339).
    pub time: String,
    /// The hexadecimal SHA-256 of the text.
    pub id: String,
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
    /// Whether the text belongs to the share that is drawn by [`is_drawn`].
    pub drawn: bool,
    /// Digest of the model.
    pub digest: Sha256Digest,
}

/// The name of a text: its SHA-256.
pub fn text_id(text: &str) -> Sha256Digest {
    Sha256Digest::of_bytes(text.as_bytes())
}

/// Whether a text belongs to a share from 0 to 1. Only the text decides: the same one always gets the same verdict, from every
/// server and for every share that is as large, so a smaller share is a part of a larger one.
pub fn is_drawn(id: &Sha256Digest, share: f64) -> bool {
    let hexadecimal = id.to_string();
    let number = hexadecimal
        .get(..13)
        .and_then(|digits| u64::from_str_radix(digits, 16).ok());
    // 52 bits, which a double holds exactly.
    number.is_some_and(|number| (number as f64) < share * (1_u64 << 52) as f64)
}

/// When answers are captured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum CaptureMode {
    /// Never.
    #[default]
    Disabled,
    /// Answers marked `needsReview`, and the share that is drawn.
    NeedsReview,
    /// The share that is drawn, by default every answer.
    All,
}

impl CaptureMode {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Disabled, Self::NeedsReview, Self::All];

    /// The word in arguments.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::NeedsReview => "needs-review",
            Self::All => "all",
        }
    }
}

impl Display for CaptureMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_drawn_by_the_text_alone() {
        let ids: Vec<_> = (0..20_000)
            .map(|number| text_id(&format!("complaint {number}")))
            .collect();
        for share in [0.0, 0.01, 0.25, 1.0] {
            let drawn = ids.iter().filter(|id| is_drawn(id, share)).count() as f64 / ids.len() as f64;
            assert!((drawn - share).abs() < 0.01, "{share}: {drawn}");
        }
        assert!(ids.iter().all(|id| !is_drawn(id, 0.1) || is_drawn(id, 0.2)));
    }

    #[test]
    fn a_segment_says_its_day() {
        assert_eq!(day_of(&segment_path("2026-11-29", "00ff", 7)), Some("2026-11-29"));
        let others = [
            "2026-11-29",
            "2026-11-29/a.txt",
            "2026-11-29/a/b.jsonl.gz",
            "today/a.jsonl.gz",
            "2026_11_29/a.jsonl.gz",
            "a.jsonl.gz",
        ];
        assert_eq!(others.map(day_of), [None; 6]);
    }
}
