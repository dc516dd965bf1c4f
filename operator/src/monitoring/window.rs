//! Windows: equal parts of time since 1970, so that all pods and the operator have the same ones.

use jiff::{SignedDuration, Timestamp};

/// The length of a window as a spec writes it, in seconds; 24 hours where it says nothing that can be read.
pub(crate) fn seconds(window: &str) -> u64 {
    let parsed = window.parse::<SignedDuration>().ok();
    let seconds = parsed.and_then(|window| u64::try_from(window.as_secs()).ok());
    seconds.filter(|seconds| *seconds > 0).unwrap_or(86_400)
}

/// The number of the last window that has ended at `now`.
pub(crate) fn last(now: Timestamp, seconds: u64) -> u64 {
    (u64::try_from(now.as_second()).unwrap_or_default() / seconds).saturating_sub(1)
}

/// When a window ends.
pub(crate) fn end(number: u64, seconds: u64) -> Timestamp {
    let second = (number + 1).saturating_mul(seconds);
    i64::try_from(second)
        .ok()
        .and_then(|second| Timestamp::from_second(second).ok())
        .unwrap_or(Timestamp::MAX)
}
