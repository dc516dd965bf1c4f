//! What a server counts of its answers, and what the same figures were on the model's held-out rows.
//!
//! Nothing here comes from a text: there are counts, sums and, in a [`Sample`], probabilities.

use serde::{Deserialize, Serialize};

use crate::Sha256Digest;

/// Slots of a window. A slot's counts leave when two windows have passed, so the last complete window can be read as a whole.
pub const SLOTS_PER_WINDOW: u64 = 24;
/// Slots that a server keeps.
pub const SLOTS_KEPT: u64 = 2 * SLOTS_PER_WINDOW;
/// Bins of the top probability, of equal width; a value on a border belongs to the upper one, 1 to the last.
pub const PROBABILITY_BINS: usize = 20;
/// Bins of the share of unknown words: none at all, then up to 0.1, up to 0.2 … up to 1, the upper border included.
pub const UNKNOWN_WORD_BINS: usize = 11;
/// Upper borders of all bins of the latency but the last, in seconds.
pub const LATENCY_BORDERS: [f64; 16] = [
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
];
/// Most rows of one window's sample.
pub const SAMPLED_ROWS: usize = 2_000;
/// Most bytes that the probabilities of all samples of a server take.
pub const SAMPLE_BYTES: usize = 4 << 20;
/// The number that stands for the probability 1 in a [`SampledRow`].
pub const PROBABILITY_ONE: u16 = u16::MAX;

/// The paths of a server at which these types are read. They need no token, like `/metrics`.
pub mod paths {
    /// [`Statistics`](super::Statistics).
    pub const STATISTICS: &str = "/statistics";
    /// [`Sample`](super::Sample).
    pub const SAMPLE: &str = "/statistics/sample";
    /// [`ReferenceProfile`](super::ReferenceProfile); 404 where the model has none.
    pub const REFERENCE: &str = "/statistics/reference";
}

/// The bin of a top probability from 0 to 1.
pub fn probability_bin(probability: f64) -> usize {
    // A negative number or NaN counts as 0.
    ((probability * PROBABILITY_BINS as f64) as usize).min(PROBABILITY_BINS - 1)
}

/// The bin of a share of unknown words from 0 to 1.
pub fn unknown_word_bin(share: f64) -> usize {
    // Shares are fractions of small whole numbers: 0.3 stands for three tenths, though it is a little more.
    ((share * 10.0 - 1e-6).ceil().max(0.0) as usize).min(UNKNOWN_WORD_BINS - 1)
}

/// The bin of a latency in seconds.
pub fn latency_bin(seconds: f64) -> usize {
    LATENCY_BORDERS.partition_point(|border| *border < seconds)
}

/// What `GET /statistics` answers: the counts of one process for one model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Statistics {
    /// The process and the model in it: 16 hexadecimal digits, drawn at random when the model was loaded. Counts of one instance
    /// never fall.
    pub instance: String,
    /// The model's digest.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub digest: Sha256Digest,
    /// The categories. All lists by category have this order.
    pub labels: Vec<String>,
    /// When counting began (RFC 3339).
    pub start_time: String,
    /// The time of this answer (RFC 3339).
    pub time: String,
    /// The length of a window. Window `n` begins `n` times as long after 1970; so all pods have the same ones.
    pub window_milliseconds: u64,
    /// All counts since the start.
    pub total: Counts,
    /// The counts of the last [`SLOTS_KEPT`] slots, oldest first; those with nothing to count are left out.
    pub slots: Vec<Slot>,
}

impl Statistics {
    /// The counts of window `number`, as far as they are kept.
    pub fn window(&self, number: u64) -> Counts {
        let mut sum = Counts::new(self.labels.len());
        let of_window = self.slots.iter().filter(|slot| slot.window() == number);
        of_window.for_each(|slot| sum.add(&slot.counts));
        sum
    }

    /// Whether the lists have the lengths that the labels and this release ask for, and every number is finite.
    pub fn is_consistent(&self) -> bool {
        let classes = self.labels.len();
        self.window_milliseconds > 0
            && self.slots.len() as u64 <= SLOTS_KEPT
            && self.total.fits(classes)
            && self.slots.iter().all(|slot| slot.counts.fits(classes))
    }
}

/// The counts of a 24th of a window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Slot {
    /// Slots since 1970. [`SLOTS_PER_WINDOW`] of them make a window.
    pub number: u64,
    /// Its counts.
    pub counts: Counts,
}

impl Slot {
    /// The number of its window.
    pub fn window(&self) -> u64 {
        self.number / SLOTS_PER_WINDOW
    }
}

/// Counts of requests and answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Counts {
    /// Requests for answers.
    pub requests: u64,
    /// Those that ended in an error of the server (5xx).
    pub errors: u64,
    /// Requests by their latency: [`LATENCY_BORDERS`], and one bin above.
    pub latency: Vec<u64>,
    /// Answers by their category.
    pub answers: Vec<u64>,
    /// Answers marked `needsReview`.
    pub needs_review: u64,
    /// Answers by the probability of their category: [`PROBABILITY_BINS`].
    pub top_probability: Vec<u64>,
    /// Answers by the share of unknown words: [`UNKNOWN_WORD_BINS`].
    pub unknown_words: Vec<u64>,
    /// For each category, the sum over all answers of the probability that a [`ReferenceProfile`] speaks of: zeros where the
    /// model has none.
    pub probability: Vec<f64>,
    /// The same sum over the answers of that category alone.
    pub won_probability: Vec<f64>,
    /// What people said to be right.
    pub feedback: FeedbackCounts,
}

/// Counts of corrections that the server acknowledged, by the time they came.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FeedbackCounts {
    /// Corrections.
    pub rows: u64,
    /// Those whose category is the model's answer.
    pub correct: u64,
    /// Those of the share that is drawn before anybody looks: [`is_drawn`](crate::segments::is_drawn).
    pub drawn_rows: u64,
    /// Those of the share whose category is the model's answer.
    pub drawn_correct: u64,
}

impl FeedbackCounts {
    /// Adds those of `other`.
    pub fn add(&mut self, other: &Self) {
        self.rows += other.rows;
        self.correct += other.correct;
        self.drawn_rows += other.drawn_rows;
        self.drawn_correct += other.drawn_correct;
    }
}

impl Counts {
    /// Nothing yet, for that many categories.
    pub fn new(classes: usize) -> Self {
        Self {
            requests: 0,
            errors: 0,
            latency: vec![0; LATENCY_BORDERS.len() + 1],
            answers: vec![0; classes],
            needs_review: 0,
            top_probability: vec![0; PROBABILITY_BINS],
            unknown_words: vec![0; UNKNOWN_WORD_BINS],
            probability: vec![0.0; classes],
            won_probability: vec![0.0; classes],
            feedback: FeedbackCounts::default(),
        }
    }

    /// How many answers were given.
    pub fn answered(&self) -> u64 {
        self.answers.iter().sum()
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.requests == 0 && self.errors == 0 && self.answered() == 0 && self.feedback.rows == 0
    }

    /// Adds those of `other`, which has as many categories.
    pub fn add(&mut self, other: &Self) {
        fn each<T: Copy + std::ops::AddAssign>(sums: &mut [T], more: &[T]) {
            sums.iter_mut().zip(more).for_each(|(sum, more)| *sum += *more);
        }
        self.requests += other.requests;
        self.errors += other.errors;
        self.needs_review += other.needs_review;
        self.feedback.add(&other.feedback);
        each(&mut self.latency, &other.latency);
        each(&mut self.answers, &other.answers);
        each(&mut self.top_probability, &other.top_probability);
        each(&mut self.unknown_words, &other.unknown_words);
        each(&mut self.probability, &other.probability);
        each(&mut self.won_probability, &other.won_probability);
    }

    fn fits(&self, classes: usize) -> bool {
        let by_class = [self.answers.len(), self.probability.len(), self.won_probability.len()];
        let sums = self.probability.iter().chain(&self.won_probability);
        by_class.iter().all(|len| *len == classes)
            && self.latency.len() == LATENCY_BORDERS.len() + 1
            && self.top_probability.len() == PROBABILITY_BINS
            && self.unknown_words.len() == UNKNOWN_WORD_BINS
            && sums.into_iter().all(|sum| sum.is_finite() && *sum >= 0.0)
    }
}

/// What `GET /statistics/sample` answers: answers of this window and the one before, drawn uniformly.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Sample {
    /// As in [`Statistics::instance`].
    pub instance: String,
    /// The model's digest.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub digest: Sha256Digest,
    /// The length of a window.
    pub window_milliseconds: u64,
    /// The windows, older first; those without answers are left out.
    pub windows: Vec<SampledWindow>,
}

/// A sample of the answers of one window: at most [`SAMPLED_ROWS`], and fewer where many categories would make them larger than
/// [`SAMPLE_BYTES`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SampledWindow {
    /// The window's number.
    pub number: u64,
    /// How many answers these rows stand for.
    pub answers: u64,
    /// The rows.
    pub rows: Vec<SampledRow>,
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SampledRow {
    /// Its category, by its place in the labels.
    pub answer: u32,
    /// The probability of each category that a [`ReferenceProfile`] speaks of, in units of 1/65535.
    pub probabilities: Vec<u16>,
}

/// The figures of a model on its held-out rows, with which those of production are compared. It is part of the artifact.
///
/// *Estimating probabilities* are those of vector scaling (a temperature and a bias for each class, fitted on out-of-fold scores):
/// better calibrated for each class than the probabilities of answers, and never part of one. They belong to the mix of the
/// training, also in a version that was adapted to another mix.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReferenceProfile {
    /// How many held-out rows these figures tell of; less for weighted ones (Kish's effective number).
    pub rows: f64,
    /// Shares of the categories in the training rows: the mix that the estimating probabilities assume.
    pub trained_mix: Vec<f64>,
    /// Shares of the true categories in the held-out rows.
    pub mix: Vec<f64>,
    /// Shares of the categories in the answers.
    pub answers: Vec<f64>,
    /// Shares of the answers by top probability: [`PROBABILITY_BINS`].
    pub top_probability: Vec<f64>,
    /// Shares of the answers by unknown words: [`UNKNOWN_WORD_BINS`].
    pub unknown_words: Vec<f64>,
    /// The share of right answers.
    pub accuracy: ReferenceFigure,
    /// The F1 score of each category.
    pub f1: Vec<ReferenceFigure>,
}

/// What the estimating probabilities expect, and what the labels show.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReferenceFigure {
    /// From the probabilities alone.
    pub expected: f64,
    /// From the labels.
    pub measured: f64,
    /// Standard error of the difference of both over samples of held-out rows.
    pub standard_error: f64,
}

impl ReferenceProfile {
    /// Whether the lists have the lengths for that many categories, every share is one, and shares that belong together sum to 1.
    pub fn is_consistent(&self, classes: usize) -> bool {
        let sums_to_one = |shares: &[f64], len: usize| {
            let sum: f64 = shares.iter().sum();
            shares.len() == len && shares.iter().all(|share| (0.0..=1.0).contains(share)) && (sum - 1.0).abs() < 1e-3
        };
        let figures = std::iter::once(&self.accuracy).chain(&self.f1);
        self.rows >= 1.0
            && self.rows.is_finite()
            && sums_to_one(&self.trained_mix, classes)
            && sums_to_one(&self.mix, classes)
            && sums_to_one(&self.answers, classes)
            && sums_to_one(&self.top_probability, PROBABILITY_BINS)
            && sums_to_one(&self.unknown_words, UNKNOWN_WORD_BINS)
            && self.f1.len() == classes
            && figures.into_iter().all(|figure| {
                let shares = [figure.expected, figure.measured, figure.standard_error];
                shares.iter().all(|share| (0.0..=1.0).contains(share))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_has_a_bin() {
        assert_eq!(
            [0.0, 0.049, 0.05, 0.999, 1.0, f64::NAN].map(probability_bin),
            [0, 0, 1, 19, 19, 0]
        );
        assert_eq!(
            [0.0, 0.01, 0.1, 0.3, 0.31, 1.0].map(unknown_word_bin),
            [0, 1, 1, 3, 4, 10]
        );
        assert_eq!((3.0_f64 / 10.0, unknown_word_bin(f64::from(0.3_f32))), (0.3, 3));
        assert_eq!([0.0, 0.000_05, 0.001_1, 99.0].map(latency_bin), [0, 0, 5, 16]);
    }

    #[test]
    fn a_window_is_the_sum_of_its_slots() {
        let mut counts = Counts::new(2);
        counts.answers[1] = 3;
        counts.probability = vec![0.5, 2.5];
        let slot = |number| Slot {
            number,
            counts: counts.clone(),
        };
        let statistics = Statistics {
            instance: "0123456789abcdef".into(),
            digest: Sha256Digest::of_bytes(b""),
            labels: vec!["Fees".into(), "Fraud".into()],
            start_time: String::new(),
            time: String::new(),
            window_milliseconds: 24_000,
            total: counts.clone(),
            slots: vec![slot(23), slot(24), slot(47), slot(48)],
        };
        assert_eq!(statistics.window(1).answered(), 6);
        assert_eq!(statistics.window(1).probability, [1.0, 5.0]);
        assert!(statistics.window(9).is_empty() && statistics.is_consistent());
        let mut other = statistics.clone();
        other.slots[0].counts.probability[0] = f64::NAN;
        assert!(!other.is_consistent());
        let json = serde_json::to_string(&statistics).unwrap();
        assert_eq!(serde_json::from_str::<Statistics>(&json).unwrap(), statistics);
    }
}
