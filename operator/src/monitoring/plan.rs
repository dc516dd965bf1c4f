//! Decides which window is judged. Pure; the clock is an argument.

use std::sync::Arc;

use complaint_api::{ComplaintClassifier, Monitoring};
use complaint_contract::statistics::{Counts, ReferenceProfile, SampledWindow};
use complaint_drift::{
    Rows,
    verdict::{self, Chances, Thresholds, Verdict},
};
use jiff::Timestamp;

use super::{
    gather::{Seen, champion, is_due},
    memory::Memory,
    window,
};

/// A window that has passed.
#[derive(Debug)]
pub(crate) struct Work {
    end: Timestamp,
    counts: Counts,
    labels: Vec<String>,
    samples: Vec<SampledWindow>,
    profile: Arc<ReferenceProfile>,
    thresholds: Thresholds,
    min_answers: u64,
}

/// What a window showed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Judged {
    pub(crate) end: Timestamp,
    pub(crate) answers: u64,
    /// `None` where there were too few answers.
    pub(crate) verdict: Option<Verdict>,
    pub(crate) labels: Vec<String>,
    pub(crate) profile: Arc<ReferenceProfile>,
}

/// The window to judge, if it is time.
pub(crate) fn plan(
    classifier: &ComplaintClassifier,
    monitoring: &Monitoring,
    seen: &Seen,
    memory: &Memory,
    now: Timestamp,
) -> Option<Work> {
    let seconds = window::seconds(&monitoring.window);
    let last = window::last(now, seconds);
    let end = window::end(last, seconds);
    // A pod that could not be read may have counted half of it: it is asked again while the servers keep the window.
    let is_whole = seen.faults.is_empty() || now.duration_since(end).as_secs() * 2 >= seconds as i64;
    // What was read before the window ended is not all of it.
    let is_fresh = memory.polled.is_some_and(|polled| polled >= end);
    if !(is_whole && is_fresh && champion(classifier).is_some() && is_due(classifier, monitoring, end)) {
        return None;
    }
    Some(Work {
        end,
        counts: memory.window(last)?,
        labels: memory.labels()?.to_vec(),
        samples: memory.samples(last),
        profile: memory.reference.clone()??,
        thresholds: Thresholds {
            categories: monitoring.max_category_distance,
            probabilities: monitoring.max_probability_shift,
            unknown_words: monitoring.max_unknown_word_shift,
            accuracy_drop: monitoring.max_accuracy_drop,
        },
        min_answers: monitoring.min_answers.into(),
    })
}

impl Work {
    /// Judges the window.
    pub(crate) fn verdict(self) -> Judged {
        let answers = self.counts.answered();
        let verdict = (answers >= self.min_answers).then(|| {
            let rows = Rows::of_windows(&self.samples, self.labels.len());
            let chances = Chances::new(&self.profile, answers);
            verdict::judge(&self.profile, &self.counts, &rows, &self.thresholds, &chances)
        });
        Judged {
            end: self.end,
            answers,
            verdict,
            labels: self.labels,
            profile: self.profile,
        }
    }
}
