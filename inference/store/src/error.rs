//! What can go wrong, and what to do about it.

use std::error::Error;
use std::io;

/// A store, or a file of it, can't be read or written.
#[derive(Debug, thiserror::Error)]
#[error("the store can't be used: {action} {place} failed: {fault}")]
pub struct StoreError {
    /// What was tried.
    pub action: &'static str,
    /// The file, directory or address.
    pub place: String,
    /// Why it failed.
    pub fault: Fault,
}

/// Why bytes can't be read or written; each message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The system refuses.
    #[error("{0}. Check that its volume is mounted, writable and not full")]
    File(#[source] io::Error),
    /// The address, or the environment's settings for it, make no sense.
    #[error("{problem}. {fix}")]
    Settings {
        /// What is wrong.
        problem: String,
        /// What to do, as a sentence without its full stop.
        fix: &'static str,
    },
    /// There is no such object.
    #[error("{problem}. Check the address, and that the upload is complete")]
    NotFound {
        /// What does not exist.
        problem: String,
    },
    /// The server or store lets nobody in with these credentials, or without any.
    #[error("{problem}. {fix}")]
    Denied {
        /// The store's answer.
        problem: String,
        /// What to do, as a sentence without its full stop.
        fix: &'static str,
    },
    /// The object is larger than the bounds allow.
    #[error("it has more than {limit} bytes. {fix}")]
    TooLarge {
        /// The limit.
        limit: u64,
        /// What to do, as a sentence without its full stop.
        fix: &'static str,
    },
    /// Time is up.
    #[error("it did not arrive within {seconds} s. {fix}")]
    TimedOut {
        /// The limit.
        seconds: u64,
        /// What to do, as a sentence without its full stop.
        fix: &'static str,
    },
    /// The store can't be reached, or fails.
    #[error("{problem}. Check the address, and that the store runs and can be reached from this pod")]
    Unavailable {
        /// What happened.
        problem: String,
    },
    /// The bytes can't be kept where they go.
    #[error("{0}. Check that the disk is writable and not full")]
    Sink(String),
}

impl Fault {
    /// What happened, without what to do.
    #[must_use]
    pub fn problem(&self) -> String {
        match self {
            Self::File(error) => error.to_string(),
            Self::Settings { problem, .. }
            | Self::NotFound { problem }
            | Self::Denied { problem, .. }
            | Self::Unavailable { problem }
            | Self::Sink(problem) => problem.clone(),
            Self::TooLarge { limit, .. } => format!("it has more than {limit} bytes"),
            Self::TimedOut { seconds, .. } => format!("it did not arrive within {seconds} s"),
        }
    }

    /// The fault with what was tried.
    pub(crate) fn when(self, action: &'static str, place: impl Into<String>) -> StoreError {
        StoreError {
            action,
            place: place.into(),
            fault: self,
        }
    }
}

/// The error with its causes, which say what happened.
pub(crate) fn reasons(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let reason = error.to_string();
        if !text.contains(&reason) {
            text.push_str(&format!(": {reason}"));
        }
        cause = error.source();
    }
    text
}
