//! Decides which window is judged. Pure; the clock is an argument.

use std::sync::Arc;

use complaint_api::{ComplaintClassifier, Monitoring};
use complaint_contract::{
    Sha256Digest,
    statistics::{Counts, ReferenceProfile, SampledWindow},
};
use complaint_drift::{
    Rows,
    verdict::{self, Chances, Thresholds, Verdict},
};
use jiff::Timestamp;

use super::{
    gather::{Seen, judged_last},
    memory::Memory,
    window,
};

/// What to do.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// The window to judge.
    pub(crate) judge: Option<Work>,
}

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

pub(crate) fn plan(
    classifier: &ComplaintClassifier,
    monitoring: &Monitoring,
    seen: &Seen,
    memory: &Memory,
    now: Timestamp,
) -> Plan {
    let seconds = window::seconds(&monitoring.window);
    let last = window::number(now, seconds) - 1;
    let end = window::end(last, seconds);
    let champion = classifier.status.as_ref().and_then(|status| status.champion.as_ref());
    let digest = champion.and_then(|champion| champion.sha256.parse::<Sha256Digest>().ok());
    let is_due = digest.is_some_and(|digest| judged_last(classifier, digest).is_none_or(|judged| judged < end));
    // A pod that could not be read may have counted half of it: it is asked again while the servers keep the window.
    let is_whole = seen.faults.is_empty() || now.duration_since(end).as_secs() * 2 >= seconds as i64;
    // What was read before the window ended is not all of it.
    let is_fresh = memory.polled.is_some_and(|polled| polled >= end);
    let (Some(Some(profile)), Some(counts), Some(labels)) = (&memory.reference, memory.window(last), memory.labels())
    else {
        return Plan::default();
    };
    if !(is_due && is_whole && is_fresh) {
        return Plan::default();
    }
    Plan {
        judge: Some(Work {
            end,
            counts,
            labels: labels.to_vec(),
            samples: memory.samples(last),
            profile: profile.clone(),
            thresholds: Thresholds {
                categories: monitoring.max_category_distance,
                probabilities: monitoring.max_probability_shift,
                unknown_words: monitoring.max_unknown_word_shift,
                accuracy_drop: monitoring.max_accuracy_drop,
            },
            min_answers: monitoring.min_answers.into(),
        }),
    }
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
