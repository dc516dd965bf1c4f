//! What the model in service answers: counts by slots of a window and since it came into service, and a sample of its
//! probabilities. [`complaint_contract::statistics`] has the types that clients read.
//!
//! Each thread counts in a place of its own. The counts of a place are added to those of all when its slot ends or when
//! somebody reads them, so nothing is lost and no thread waits for another. The clock is an argument: milliseconds since
//! 1970.

mod reservoir;
mod ring;
mod series;
#[cfg(test)]
mod tests;

pub use series::Estimates;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Args;
use complaint_contract::statistics::{
    Counts, FeedbackCounts, SLOTS_PER_WINDOW, Sample, Statistics, latency_bin, probability_bin, unknown_word_bin,
};

use crate::core::engine::{Answer, Engine};
use crate::core::limits::parse_duration;
use reservoir::Reservoirs;
use ring::Ring;

/// What the statistics count.
#[derive(Debug, Clone, Args)]
pub struct StatisticsOptions {
    /// Length of a window of the statistics, from 10s to 31d. Counts of the last two windows are kept by 24ths of it
    #[arg(long = "statistics-window", value_name = "DURATION", default_value = "24h", value_parser = Window::parse)]
    pub window: Window,

    /// Count nothing, to measure what counting costs
    #[arg(long, hide = true)]
    pub without_statistics: bool,
}

/// The length of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    milliseconds: u64,
}

impl Window {
    const SHORTEST: Duration = Duration::from_secs(10);
    const LONGEST: Duration = Duration::from_secs(31 * 86_400);

    fn parse(text: &str) -> Result<Self, String> {
        let length = parse_duration(text)?;
        if !(Self::SHORTEST..=Self::LONGEST).contains(&length) {
            return Err("a window has 10s to 31d".into());
        }
        let milliseconds = u64::try_from(length.as_millis()).expect("31 days are few milliseconds");
        Ok(Self { milliseconds })
    }

    /// The number of the window at this time.
    fn number(self, now: u64) -> u64 {
        now / self.milliseconds
    }

    /// The number of the slot at this time.
    fn slot(self, now: u64) -> u64 {
        now.saturating_mul(SLOTS_PER_WINDOW) / self.milliseconds
    }
}

/// The time, in milliseconds since 1970.
#[must_use]
pub fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// A time of [`now`] in RFC 3339.
pub(crate) fn time_of(now: u64) -> String {
    humantime::format_rfc3339_millis(UNIX_EPOCH + Duration::from_millis(now)).to_string()
}

/// Counts the requests and answers of one model in one process.
#[derive(Debug)]
pub struct Tally {
    instance: String,
    start: u64,
    window: Window,
    off: bool,
    ring: Ring,
    reservoirs: Reservoirs,
}

impl Tally {
    /// Begins to count for this model.
    #[must_use]
    pub fn new(engine: &Engine, options: &StatisticsOptions, now: u64) -> Self {
        let classes = engine.labels().len();
        let sampled = if engine.estimates() {
            reservoir::capacity(classes)
        } else {
            0
        };
        Self {
            instance: format!("{:016x}", rand::random::<u64>()),
            start: now,
            window: options.window,
            off: options.without_statistics,
            ring: Ring::new(classes),
            reservoirs: Reservoirs::new(classes, sampled, rand::random()),
        }
    }

    /// Counts an answer.
    pub fn answered(&self, now: u64, answer: &Answer) {
        if self.off {
            return;
        }
        self.ring.count(self.window.slot(now), |counts| add(counts, answer));
        self.reservoirs.offer(self.window.number(now), answer);
    }

    /// Counts a request for answers that ended with this HTTP status.
    pub fn requested(&self, now: u64, status: u16, elapsed: Duration) {
        if self.off {
            return;
        }
        self.ring.count(self.window.slot(now), |counts| {
            counts.requests += 1;
            counts.errors += u64::from(status >= 500);
            counts.latency[latency_bin(elapsed.as_secs_f64())] += 1;
        });
    }

    /// Counts corrections that were acknowledged.
    pub fn corrected(&self, now: u64, more: &FeedbackCounts) {
        if self.off {
            return;
        }
        self.ring
            .count(self.window.slot(now), |counts| counts.feedback.add(more));
    }

    /// All counts. `engine` is the one that this was made for.
    #[must_use]
    pub fn statistics(&self, now: u64, engine: &Engine) -> Statistics {
        let (total, slots) = self.ring.read(self.window.slot(now));
        Statistics {
            instance: self.instance.clone(),
            digest: engine.digest(),
            labels: engine.labels().to_vec(),
            start_time: time_of(self.start),
            time: time_of(now),
            window_milliseconds: self.window.milliseconds,
            total,
            slots,
        }
    }

    /// The sample of this window and the one before. `engine` is the one that this was made for.
    #[must_use]
    pub fn sample(&self, now: u64, engine: &Engine) -> Sample {
        Sample {
            instance: self.instance.clone(),
            digest: engine.digest(),
            window_milliseconds: self.window.milliseconds,
            windows: self.reservoirs.read(self.window.number(now)),
        }
    }

    /// Upper bound of a sample's size as JSON.
    #[must_use]
    pub fn sample_bytes(&self) -> usize {
        self.reservoirs.numbers() * "65535,".len()
    }

    /// The counts since the start.
    fn total(&self, now: u64) -> Counts {
        self.ring.total(self.window.slot(now))
    }
}

fn add(counts: &mut Counts, answer: &Answer) {
    let won = answer.ranking[0];
    counts.answers[won.category] += 1;
    counts.needs_review += u64::from(answer.needs_review);
    counts.top_probability[probability_bin(won.probability.into())] += 1;
    counts.unknown_words[unknown_word_bin(answer.unknown_word_share.into())] += 1;
    for ranked in &answer.ranking {
        counts.probability[ranked.category] += f64::from(ranked.estimating);
    }
    counts.won_probability[won.category] += f64::from(won.estimating);
}
