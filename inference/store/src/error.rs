//! Errors, each with its fix.

use std::error::Error;
use std::io;

/// A store or a file in it can't be read or written.
#[derive(Debug, thiserror::Error)]
#[error("the store can't be used: {action} {place} failed: {fault}")]
pub struct StoreError {
    /// The action that failed.
    pub action: &'static str,
    /// The file, directory or address.
    pub place: String,
    /// Why it failed.
    pub fault: Fault,
}

impl StoreError {
    /// Whether the address breaks the rules for addresses. If so, a retry would fail too.
    #[must_use]
    pub fn is_out_of_reach(&self) -> bool {
        matches!(self.fault, Fault::OutOfReach { .. })
    }
}

/// Why bytes can't be read or written. Each message says how to fix it.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// An error of the operating system.
    #[error("{0}. Check that its volume is mounted, writable and not full")]
    File(#[source] io::Error),
    /// The address, or a setting of the environment for it, is invalid.
    #[error("{problem}. {fix}")]
    Settings {
        /// What is wrong.
        problem: String,
        /// How to fix it, as a sentence without its full stop.
        fix: &'static str,
    },
    /// The object or bucket does not exist.
    #[error("{problem}. Check the address, and that the upload is complete")]
    NotFound {
        /// What is missing.
        problem: String,
    },
    /// The server or store denies access with these credentials, or requires credentials.
    #[error("{problem}. {fix}")]
    Denied {
        /// The store's answer.
        problem: String,
        /// How to fix it, as a sentence without its full stop.
        fix: &'static str,
    },
    /// The server refuses the request, and would refuse it again.
    #[error("{problem}. {fix}")]
    Refused {
        /// The server's answer.
        problem: String,
        /// How to fix it, as a sentence without its full stop.
        fix: &'static str,
    },
    /// The address, or one that it redirects to, is not within [`Bounds::reach`](crate::Bounds::reach).
    #[error("{problem}. {fix}")]
    OutOfReach {
        /// The rule that it breaks.
        problem: String,
        /// How to fix it, as a sentence without its full stop.
        fix: &'static str,
    },
    /// The object exceeds the size limit.
    #[error("it has more than {limit} bytes. {fix}")]
    TooLarge {
        /// The limit.
        limit: u64,
        /// How to fix it, as a sentence without its full stop.
        fix: &'static str,
    },
    /// The transfer exceeds the time limit.
    #[error("it did not arrive within {seconds} s. {fix}")]
    TimedOut {
        /// The limit.
        seconds: u64,
        /// How to fix it, as a sentence without its full stop.
        fix: &'static str,
    },
    /// The store can't be reached or fails.
    #[error("{problem}. Check the address, and that the store runs and can be reached from this pod")]
    Unavailable {
        /// What happened.
        problem: String,
    },
    /// The destination can't take the bytes.
    #[error("{0}. Check that the disk is writable and not full")]
    Sink(String),
}

impl Fault {
    /// What happened, without the fix.
    #[must_use]
    pub fn problem(&self) -> String {
        match self {
            Self::File(error) => error.to_string(),
            Self::Settings { problem, .. }
            | Self::NotFound { problem }
            | Self::Denied { problem, .. }
            | Self::Refused { problem, .. }
            | Self::OutOfReach { problem, .. }
            | Self::Unavailable { problem }
            | Self::Sink(problem) => problem.clone(),
            Self::TooLarge { limit, .. } => format!("it has more than {limit} bytes"),
            Self::TimedOut { seconds, .. } => format!("it did not arrive within {seconds} s"),
        }
    }

    /// Adds the action that failed.
    pub(crate) fn when(self, action: &'static str, place: impl Into<String>) -> StoreError {
        StoreError {
            action,
            place: place.into(),
            fault: self,
        }
    }
}

/// The error and its causes in one line.
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
