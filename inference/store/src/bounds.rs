//! Limits and retries of a transfer.

use std::time::Duration;

use complaint_contract::Reach;
use object_store::{BackoffConfig, RetryConfig};

/// Pause before the second attempt; it doubles with each further one.
pub(crate) const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// Longest pause before an attempt.
pub(crate) const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The limits of a transfer.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Largest size of the object in bytes.
    pub bytes: u64,
    /// Longest time until the last byte, over all attempts.
    pub time: Duration,
    /// Longest time without data on a connection while a response is pending.
    pub silence: Duration,
    /// Attempts without progress after the first one.
    pub retries: usize,
    /// How to allow more bytes: a sentence without its full stop.
    pub larger: &'static str,
    /// How to allow more time: a sentence without its full stop.
    pub longer: &'static str,
    /// Where connections and redirects may lead.
    pub reach: Reach,
}

impl Bounds {
    /// The limits of one file of a store: any size, and five minutes.
    pub const FILE: Self = Self {
        bytes: u64::MAX,
        time: Duration::from_secs(300),
        silence: Duration::from_secs(60),
        retries: 5,
        larger: "",
        longer: "Check the network between this pod and the store",
        reach: Reach::Anywhere,
    };

    /// [`Bounds::FILE`] within `reach`.
    #[must_use]
    pub fn file(reach: Reach) -> Self {
        Self { reach, ..Self::FILE }
    }

    /// The same retries for the providers' clients.
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
