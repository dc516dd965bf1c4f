//! The metrics of what is collected.

use complaint_contract::statistics::FeedbackCounts;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FeedbackLabels {
    agrees: bool,
    drawn: bool,
}

/// Counts corrections.
#[derive(Debug, Clone, Default)]
pub struct FeedbackSeries {
    taken: Family<FeedbackLabels, Counter>,
    failed: Counter,
}

impl FeedbackSeries {
    /// The series, all of them at 0.
    pub fn new(registry: &mut Registry) -> Self {
        let series = Self::default();
        registry.register(
            "feedback",
            "Corrections that were taken, by whether the model's answer agrees and whether the complaint is of the drawn share",
            series.taken.clone(),
        );
        registry.register(
            "feedback_failed",
            "Corrections that were refused because the store failed",
            series.failed.clone(),
        );
        series.taken(&FeedbackCounts::default());
        series
    }

    pub(super) fn taken(&self, counts: &FeedbackCounts) {
        let (others, others_correct) = (counts.rows - counts.drawn_rows, counts.correct - counts.drawn_correct);
        for (drawn, rows, correct) in [
            (true, counts.drawn_rows, counts.drawn_correct),
            (false, others, others_correct),
        ] {
            let series = |agrees| self.taken.get_or_create_owned(&FeedbackLabels { agrees, drawn });
            series(true).inc_by(correct);
            series(false).inc_by(rows - correct);
        }
    }

    pub(super) fn failed(&self, rows: u64) {
        self.failed.inc_by(rows);
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DroppedLabels {
    reason: Dropped,
}

/// Why an answer that was to be captured was not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
#[allow(non_camel_case_types, reason = "the variants are the label's values")]
pub enum Dropped {
    /// The queue was full: answers came faster than the store took them.
    queue,
    /// The day's bytes are used up.
    budget,
    /// The store failed.
    store,
}

/// Counts captured answers.
#[derive(Debug, Clone, Default)]
pub struct CaptureSeries {
    captured: Counter,
    dropped: Family<DroppedLabels, Counter>,
}

impl CaptureSeries {
    /// The series, all of them at 0.
    pub fn new(registry: &mut Registry) -> Self {
        let series = Self::default();
        registry.register(
            "captured",
            "Answers that were appended to the store with their texts",
            series.captured.clone(),
        );
        registry.register(
            "capture_dropped",
            "Answers that were to be captured and were not",
            series.dropped.clone(),
        );
        for reason in [Dropped::queue, Dropped::budget, Dropped::store] {
            series.dropped(reason, 0);
        }
        series
    }

    pub(super) fn captured(&self, rows: u64) {
        self.captured.inc_by(rows);
    }

    pub(super) fn dropped(&self, reason: Dropped, rows: u64) {
        self.dropped.get_or_create_owned(&DroppedLabels { reason }).inc_by(rows);
    }
}
