//! Decides which window is judged. Pure; the clock is an argument.

use std::sync::Arc;

use complaint_api::{ComplaintClassifier, DrawnCorrections, Monitoring};
use complaint_contract::statistics::{Counts, FeedbackCounts, ReferenceProfile, SampledWindow};
use complaint_drift::{
    Rows,
    accuracy::{self, Estimate},
    verdict::{self, Chances, MEASURED_ROWS, Reason, Thresholds, Verdict},
};
use jiff::Timestamp;

use super::{
    gather::{Seen, champion, is_due, known},
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
    /// Drawn corrections of the windows before, newest first.
    earlier: Vec<DrawnCorrections>,
    thresholds: Thresholds,
    min_answers: u64,
}

/// What a window showed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Judged {
    pub(crate) end: Timestamp,
    pub(crate) answers: u64,
    /// What its corrections say.
    pub(crate) feedback: FeedbackCounts,
    /// `None` where there were too few answers.
    pub(crate) verdict: Option<Verdict>,
    /// The share of right answers by drawn corrections; `None` where there were too few.
    pub(crate) measured: Option<Estimate>,
    /// Why it has drifted.
    pub(crate) reasons: Vec<Reason>,
    pub(crate) labels: Vec<String>,
    pub(crate) profile: Arc<ReferenceProfile>,
}

/// Those of the corrections that were drawn before anybody looked.
pub(super) fn drawn(feedback: &FeedbackCounts) -> DrawnCorrections {
    DrawnCorrections {
        rows: feedback.drawn_rows,
        correct: feedback.drawn_correct,
    }
}

impl Judged {
    /// The estimated share of each category.
    pub(crate) fn mix(&self) -> Option<&[f64]> {
        Some(&self.verdict.as_ref()?.performance.as_ref()?.mix)
    }
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
    // Since a promotion nothing may have been read of the new champion, and the figures of the old one are not its own.
    let is_its_own = champion(classifier).is_some_and(|digest| memory.knows(digest, seconds));
    if !(is_whole && is_fresh && is_its_own && is_due(classifier, monitoring, end)) {
        return None;
    }
    Some(Work {
        end,
        counts: memory.window(last)?,
        labels: memory.labels()?.to_vec(),
        samples: memory.samples(last),
        profile: memory.reference.clone()??,
        earlier: known(classifier, monitoring).map_or_else(Vec::new, |known| {
            let windows = known.windows.iter();
            windows.filter_map(|window| window.corrections).collect()
        }),
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
        let (answers, feedback) = (self.counts.answered(), self.counts.feedback);
        let measured = self.measured();
        let verdict = (answers >= self.min_answers).then(|| {
            let rows = Rows::of_windows(&self.samples, self.labels.len());
            let chances = Chances::new(&self.profile, answers);
            verdict::judge(&self.profile, &self.counts, &rows, &self.thresholds, &chances)
        });
        Judged {
            end: self.end,
            answers,
            feedback,
            reasons: verdict::reasons(verdict.as_ref(), measured.as_ref(), &self.profile, &self.thresholds),
            verdict,
            measured,
            labels: self.labels,
            profile: self.profile,
        }
    }

    /// The accuracy on the drawn corrections of this window, if it has any, and of those before until there are enough.
    fn measured(&self) -> Option<Estimate> {
        let of_window = drawn(&self.counts.feedback);
        if of_window.rows == 0 {
            return None;
        }
        let mut sum = DrawnCorrections::default();
        for counted in std::iter::once(&of_window).chain(&self.earlier) {
            if sum.rows >= MEASURED_ROWS {
                break;
            }
            sum.rows = sum.rows.saturating_add(counted.rows);
            sum.correct = sum.correct.saturating_add(counted.correct);
        }
        accuracy::measured(sum.correct, sum.rows).filter(|_| sum.rows >= MEASURED_ROWS)
    }
}
