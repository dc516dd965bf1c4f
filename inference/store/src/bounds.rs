//! What a transfer may take, and how often it is tried.

use std::time::Duration;

use object_store::{BackoffConfig, RetryConfig};

/// Wait before the second attempt; doubled before each further one.
pub(crate) const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// Longest wait before an attempt.
pub(crate) const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What a transfer may take.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Bytes of the object.
    pub bytes: u64,
    /// Time until the last byte, all attempts included.
    pub time: Duration,
    /// Longest time that a connection may bring nothing while an answer is due.
    pub silence: Duration,
    /// Attempts after the first one that may bring nothing.
    pub retries: usize,
    /// How a user allows more bytes, as a sentence without its full stop.
    pub larger: &'static str,
    /// How a user allows more time, as a sentence without its full stop.
    pub longer: &'static str,
}

impl Bounds {
    /// What one file of a store may take: any size, and five minutes.
    pub const FILE: Self = Self {
        bytes: u64::MAX,
        time: Duration::from_secs(300),
        silence: Duration::from_secs(60),
        retries: 5,
        larger: "",
        longer: "Check the network between this pod and the store",
    };

    /// The same rule for the providers' clients.
    pub(crate) fn retry(&self) -> RetryConfig {
        RetryConfig {
            backoff: BackoffConfig {
                init_backoff: FIRST_PAUSE,
                max_backoff: LONGEST_PAUSE,
                ..BackoffConfig::default()
            },
            max_retries: self.retries,
            retry_timeout: self.time,
        }
    }
}
