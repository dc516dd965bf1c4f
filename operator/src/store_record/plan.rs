//! Decides what is written to the store's record, and when it is asked. Pure; the clock is an argument.

use std::time::Duration;

use complaint_api::{ComplaintClassifier, PromotionRecord, VersionDigest};
use complaint_contract::{ProgramError, Promotions};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::{
    api::{batch::v1::Job, core::v1::Pod},
    apimachinery::pkg::apis::meta::v1::OwnerReference,
};
use kube::ResourceExt;

use super::{build, gather::Seen};
use crate::{
    candidate,
    settings::Settings,
    store_job::{self, Answer},
    trainer,
};

/// How long after a Job that could not read the store another one tries.
const TRY_AGAIN: SignedDuration = SignedDuration::from_mins(10);

/// What to do about the store's record.
#[derive(Debug, Default)]
pub(crate) struct Plan<'a> {
    /// A Job to make.
    pub(crate) start: Option<Box<Job>>,
    /// What a Job's end says.
    pub(crate) learnt: Option<Learnt>,
    /// Jobs whose end is on record, or that nobody needs.
    pub(crate) done: Vec<&'a Job>,
    /// When there is something to do again, if nothing happens before.
    pub(crate) again: Option<Duration>,
    is_at_work: bool,
}

/// What a Job's end says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Learnt {
    /// The store has this promotion.
    Recorded(PromotionRecord),
    /// The store does not take it.
    Refused(PromotionRecord, ProgramError),
    /// The last champion by the store's record, if it names one.
    Restored(Option<VersionDigest>),
    /// The store's record can't be read.
    Unreadable(ProgramError),
}

impl Plan<'_> {
    /// Whether a Job works.
    pub(crate) fn works(&self) -> bool {
        self.is_at_work || self.start.is_some()
    }
}

pub(crate) fn plan<'a>(
    classifier: &ComplaintClassifier,
    seen: &'a Seen,
    owner: &OwnerReference,
    settings: &Settings,
    now: Timestamp,
) -> Plan<'a> {
    let mut plan = Plan::default();
    if classifier.spec.paused {
        return plan;
    }
    let wanted = match pending(classifier) {
        Some(promotion) => build::record(classifier, promotion, owner, settings).map(|job| (Some(promotion), job)),
        None if asks(classifier, seen) => Some((None, build::restore(classifier, owner, settings))),
        None => None,
    };
    let job = wanted.as_ref().and_then(|(_, wanted)| {
        let mut jobs = seen.jobs.iter();
        jobs.find(|job| job.metadata.name == wanted.metadata.name && store_job::asked(job) == store_job::asked(wanted))
    });
    plan.done = seen
        .jobs
        .iter()
        .filter(|other| !job.is_some_and(|job| std::ptr::eq(*other, job)))
        .collect();
    let Some((promotion, wanted)) = wanted else {
        return plan;
    };
    let Some(job) = job else {
        // A Job with this name and another question goes first; its end is a change that leads here again.
        let is_taken = plan.done.iter().any(|job| job.metadata.name == wanted.metadata.name);
        plan.start = (!is_taken).then(|| Box::new(wanted));
        return plan;
    };
    match promotion {
        Some(promotion) => plan.recording(job, &seen.pods, promotion),
        None => plan.asking(job, &seen.pods, now),
    }
    plan
}

impl<'a> Plan<'a> {
    fn recording(&mut self, job: &'a Job, pods: &[Pod], promotion: &PromotionRecord) {
        // That it is complete says it all, even if its words are lost.
        self.learnt = match store_job::answer(job, pods, |_| Ok::<_, ()>(())) {
            Answer::Works { .. } => {
                self.is_at_work = true;
                return;
            }
            Answer::Given(()) | Answer::Lost => Some(Learnt::Recorded(promotion.clone())),
            Answer::Failed { error, .. } => Some(Learnt::Refused(promotion.clone(), error)),
        };
        self.done.push(job);
    }

    fn asking(&mut self, job: &'a Job, pods: &[Pod], now: Timestamp) {
        match store_job::answer(job, pods, Promotions::read) {
            Answer::Works { .. } => self.is_at_work = true,
            Answer::Lost => self.done.push(job),
            Answer::Given(promotions) => {
                let last = promotions.promotions.into_iter().next();
                self.learnt = Some(Learnt::Restored(last.map(|last| VersionDigest {
                    name: last.version,
                    sha256: last.sha256.to_string(),
                })));
                self.done.push(job);
            }
            Answer::Failed { error, .. } => {
                // The Job stays until it is tried again: its end tells when that is.
                let failed = trainer::condition(job, "Failed").and_then(|failed| failed.last_transition_time.as_ref());
                let due = failed.map_or(now, |failed| failed.0) + TRY_AGAIN;
                match Duration::try_from(due.duration_since(now)) {
                    Ok(pause) if !pause.is_zero() => self.again = Some(pause),
                    _ => {
                        self.done.push(job);
                        self.again = Some(Duration::from_secs(1));
                    }
                }
                self.learnt = Some(Learnt::Unreadable(error));
            }
        }
    }
}

/// The oldest promotion that the store does not have. After one that it refused the next promotion tries again.
fn pending(classifier: &ComplaintClassifier) -> Option<&PromotionRecord> {
    let status = classifier.status.as_ref()?;
    let record = status.store_record.clone().unwrap_or_default();
    let newest = status.promotions.first()?;
    if record.refused_time.is_some_and(|refused| newest.time.0 <= refused.0) {
        return None;
    }
    let recorded = record.promotion_time.map(|time| time.0);
    let mut oldest_first = status.promotions.iter().rev();
    oldest_first.find(|promotion| recorded.is_none_or(|recorded| recorded < promotion.time.0))
}

/// Whether a version waits for what the store says.
fn asks(classifier: &ComplaintClassifier, seen: &Seen) -> bool {
    seen.versions
        .iter()
        .any(|version| candidate::asks_store(version, classifier) && !seen.recording.contains(&version.name_any()))
}
