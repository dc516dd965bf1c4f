//! Decides whether old rows are to be deleted now, and by which Job. Pure; the clock is an argument.

use complaint_api::{ComplaintClassifier, ExpiryStatus};
use complaint_contract::{ExpireRequest, ExpireResult, ProgramError};
use jiff::{SignedDuration, Timestamp, ToSpan, civil::Date, tz::TimeZone};
use k8s_openapi::{
    api::{batch::v1::Job, core::v1::Pod},
    apimachinery::pkg::apis::meta::v1::OwnerReference,
};
use kube::ResourceExt;

use super::COMPONENT;
use crate::{
    object::digest_of,
    settings::Settings,
    store_job::{self, Answer, StoreJob},
};

/// The Jobs of all classifiers begin within so many seconds after midnight, each at a time of its own.
const SPREAD_SECONDS: u32 = 6 * 3600;

/// For how many days rows are kept; `None`: for ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) feedback: Option<i64>,
    pub(crate) capture: Option<i64>,
}

impl Limits {
    /// The limits that a classifier sets. 0 days: for ever.
    pub(crate) fn of(classifier: &ComplaintClassifier) -> Self {
        let serving = &classifier.spec.serving;
        let days = |days: i32| Some(i64::from(days)).filter(|days| *days > 0);
        Self {
            feedback: serving
                .feedback
                .as_ref()
                .and_then(|feedback| days(feedback.retention_days)),
            capture: serving
                .capture
                .as_ref()
                .and_then(|capture| days(capture.retention_days)),
        }
    }
}

/// The cluster as a classifier's expiry sees it: its Jobs and their pods.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen<'a> {
    pub(crate) jobs: &'a [Job],
    pub(crate) pods: &'a [Pod],
}

/// What to do about old rows.
#[derive(Debug, Default)]
pub(crate) struct Plan<'a> {
    /// A Job to make.
    pub(crate) start: Option<Box<Job>>,
    /// Jobs whose end is on record, or that nobody needs.
    pub(crate) done: Vec<&'a Job>,
    /// What the status says next.
    pub(crate) status: Option<ExpiryStatus>,
    /// What a Job's end says.
    pub(crate) learnt: Option<Result<ExpireResult, ProgramError>>,
    /// When there is something to do again.
    pub(crate) again: Option<Timestamp>,
    /// Whether a Job works.
    pub(crate) works: bool,
}

pub(crate) fn plan<'a>(
    classifier: &ComplaintClassifier,
    limits: Limits,
    seen: Seen<'a>,
    owner: &OwnerReference,
    settings: &Settings,
    now: Timestamp,
) -> Plan<'a> {
    let mut plan = Plan {
        status: classifier.status.as_ref().and_then(|status| status.expiry.clone()),
        ..Plan::default()
    };
    if limits == Limits::default() {
        plan.status = None;
        plan.done = seen.jobs.iter().collect();
        return plan;
    }
    // A classifier that never served has no rows, and perhaps no store.
    let has_served = classifier
        .status
        .as_ref()
        .is_some_and(|status| status.champion.is_some());
    if classifier.spec.paused || !has_served {
        return plan;
    }
    let (day, next_day) = day_of(classifier, now);
    plan.again = Some(next_day);
    if plan.status.as_ref().is_some_and(|status| status.day == day.to_string()) {
        plan.done = seen.jobs.iter().collect();
        return plan;
    }
    let wanted = job(classifier, limits, day, owner, settings);
    let is_wanted =
        |job: &&Job| job.metadata.name == wanted.metadata.name && store_job::asked(job) == store_job::asked(&wanted);
    let at_work = seen.jobs.iter().find(is_wanted);
    plan.done = seen.jobs.iter().filter(|job| !is_wanted(job)).collect();
    let Some(job) = at_work else {
        // A Job of another day goes first; its end is a change that leads here again.
        plan.start = plan.done.is_empty().then(|| Box::new(wanted));
        plan.working();
        return plan;
    };
    let learnt = match store_job::answer(job, seen.pods, ExpireResult::read) {
        Answer::Works { .. } => {
            plan.working();
            return plan;
        }
        Answer::Given(result) => Ok(result),
        // That it is complete is enough: what it said was only about numbers.
        Answer::Lost => Ok(ExpireResult::default()),
        Answer::Failed { error, .. } => Err(error),
    };
    plan.status = Some(expired(day, &learnt));
    plan.learnt = Some(learnt);
    plan.done.push(job);
    plan
}

impl Plan<'_> {
    fn working(&mut self) {
        (self.works, self.again) = (true, None);
    }
}

fn expired(day: Date, learnt: &Result<ExpireResult, ProgramError>) -> ExpiryStatus {
    let (segments, bytes) = match learnt {
        Ok(result) => (
            result.feedback.segments + result.capture.segments,
            result.feedback.bytes + result.capture.bytes,
        ),
        Err(_) => (0, 0),
    };
    ExpiryStatus {
        day: day.to_string(),
        segments,
        bytes,
        problem: learnt
            .as_ref()
            .err()
            .map(|error| format!("{}: {}", error.reason, error.message)),
    }
}

/// The day for which rows expire now, and when the next one begins. The classifier's day begins some hours after midnight (UTC), so
/// that not all Jobs of a cluster do.
fn day_of(classifier: &ComplaintClassifier, now: Timestamp) -> (Date, Timestamp) {
    let digest = digest_of(&(classifier.namespace(), classifier.name_any()));
    let number = digest.get(..8).and_then(|digits| u32::from_str_radix(digits, 16).ok());
    let begin = SignedDuration::from_secs(i64::from(number.unwrap_or_default() % SPREAD_SECONDS));
    let day = (now - begin).to_zoned(TimeZone::UTC).date();
    let midnight = day.saturating_add(1.day()).to_zoned(TimeZone::UTC);
    (day, midnight.map_or(now, |midnight| midnight.timestamp() + begin))
}

/// The Job that deletes what is older on that day.
fn job(
    classifier: &ComplaintClassifier,
    limits: Limits,
    day: Date,
    owner: &OwnerReference,
    settings: &Settings,
) -> Job {
    let before = |days: Option<i64>| days.map(|days| day.saturating_sub(days.max(1).days()).to_string());
    let request = ExpireRequest {
        namespace: classifier.namespace().unwrap_or_default(),
        classifier: classifier.name_any(),
        feedback_before: before(limits.feedback),
        capture_before: before(limits.capture),
        dry_run: false,
    };
    let job = StoreJob {
        name: format!("{}-expire", classifier.name_any()),
        component: COMPONENT,
        owner: owner.clone(),
        mounts: Vec::new(),
        args: ["expire".to_owned(), store_job::REQUEST.into(), request.to_json()].into(),
        reads: false,
        pod_template: None,
    };
    store_job::job(classifier, job, settings)
}
