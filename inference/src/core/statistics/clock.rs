//! The time, for requests that take microseconds.

use std::cell::Cell;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How long a thread reckons with the time that it has read: so much too late it sees that somebody has set the clock.
const READ_EVERY: Duration = Duration::from_millis(100);

/// The time, in milliseconds since 1970.
#[must_use]
pub fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    milliseconds(since)
}

/// The same, for a caller that has just measured `instant`: most calls read no clock again.
#[must_use]
pub fn now_at(instant: Instant) -> u64 {
    thread_local! {
        static READ: Cell<Option<Reading>> = const { Cell::new(None) };
    }
    READ.get()
        .and_then(|reading| reading.reckon(instant))
        .unwrap_or_else(|| {
            let reading = Reading {
                instant: Instant::now(),
                time: now(),
            };
            READ.set(Some(reading));
            reading.time
        })
}

/// The time at an instant.
#[derive(Debug, Clone, Copy)]
struct Reading {
    instant: Instant,
    time: u64,
}

impl Reading {
    /// The time at another instant, if it is soon after.
    fn reckon(self, instant: Instant) -> Option<u64> {
        let passed = instant.checked_duration_since(self.instant)?;
        (passed < READ_EVERY).then(|| self.time + milliseconds(passed))
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reading_is_good_for_a_moment() {
        let (instant, time) = (Instant::now() + READ_EVERY, 5_000);
        let reading = Reading { instant, time };
        for (later, expected) in [(0, Some(5_000)), (7, Some(5_007)), (99, Some(5_099)), (100, None)] {
            assert_eq!(
                reading.reckon(instant + Duration::from_millis(later)),
                expected,
                "{later}"
            );
        }
        assert_eq!(
            reading.reckon(instant - Duration::from_millis(1)),
            None,
            "an instant before it"
        );
    }

    #[test]
    fn both_ways_to_read_the_time_agree() {
        let begun = Instant::now();
        while begun.elapsed() < 3 * READ_EVERY {
            for instant in [Instant::now(), begun] {
                assert!(now_at(instant).abs_diff(now()) < 2_000);
            }
        }
    }
}
