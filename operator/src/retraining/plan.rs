//! Decides which run is made now. Pure; the clock is an argument.
//!
//! `status.nextScheduleTime` is the promise: a scheduled time is due once the promised one has come, and whatever happens then
//! (a run is made, or the time is skipped or missed) the promise moves on. A schedule that is new, or changed, makes a promise
//! first; so it never makes a run for a time before it was there.

use complaint_api::{
    ComplaintClassifier, ConcurrencyPolicy, OnDrift, Retraining, TrainingRun,
    condition::{self, DRIFTED, whole_seconds},
    labels,
};
use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt;

use super::schedule::Schedule;
use crate::{
    context::Notice,
    object::{digest_of, is_owned_by},
    training_run,
};

/// Runs of one scheduled time start within this time after it.
pub(crate) const SPREAD: SignedDuration = SignedDuration::from_secs(60);

/// What a run is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trigger {
    /// A time of the schedule.
    Schedule,
    /// `spec.retraining.requestTime`.
    Request,
    /// The traffic has drifted, and `spec.monitoring.onDrift` is `Retrain`.
    Drift,
    /// So many corrections have come as `spec.retraining.minFeedbackRows` asks for.
    Feedback,
}

impl Trigger {
    /// The value of the label.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Schedule => "Schedule",
            Self::Request => "Request",
            Self::Drift => "Drift",
            Self::Feedback => "Feedback",
        }
    }
}

/// A run to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Start {
    pub(crate) name: String,
    pub(crate) trigger: Trigger,
    pub(crate) time: Timestamp,
}

/// The times in the status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Times {
    pub(crate) last_schedule: Option<Timestamp>,
    pub(crate) next_schedule: Option<Timestamp>,
    pub(crate) last_request: Option<Timestamp>,
    pub(crate) last_drift: Option<Timestamp>,
    /// Corrections when the last run was made.
    pub(crate) last_feedback: Option<u64>,
}

/// What to do.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Plan {
    /// Active runs that the new one replaces.
    pub(crate) replaced: Vec<TrainingRun>,
    /// The run to make.
    pub(crate) start: Option<Start>,
    /// The times after that.
    pub(crate) times: Times,
    /// What became of the times that were due.
    pub(crate) notices: Vec<Notice>,
    /// When there is something to do again, if nothing happens before.
    pub(crate) again: Option<Timestamp>,
}

/// The name of the run for a time: several triggers of one minute are one run.
pub(crate) fn run_name(classifier: &str, time: Timestamp) -> String {
    format!("{classifier}-{}", time.as_second().div_euclid(60))
}

/// How long after a scheduled time the classifier's run starts: the same for the same name, and evenly spread over all names.
pub(crate) fn jitter(classifier: &ComplaintClassifier) -> SignedDuration {
    let digest = digest_of(&(classifier.namespace(), classifier.name_any()));
    let number = i64::from_str_radix(&digest[..15], 16).unwrap_or_default();
    SignedDuration::from_secs(number % SPREAD.as_secs())
}

pub(crate) fn plan(classifier: &ComplaintClassifier, runs: &[TrainingRun], now: Timestamp) -> Plan {
    let mut plan = Plan {
        times: times_of(classifier),
        ..Plan::default()
    };
    let Some(retraining) = &classifier.spec.retraining else {
        plan.times.next_schedule = None;
        return plan;
    };
    let is_held = retraining.suspend || classifier.spec.paused;
    let cluster = Cluster {
        classifier,
        retraining,
        runs,
    };
    // A person waits for a request, so it goes first.
    if let Some(time) = retraining.request_time.as_ref().map(|time| whole_seconds(time.0))
        && !is_held
        && plan.times.last_request.is_none_or(|last| last < time)
    {
        cluster.requested(time, now, &mut plan);
    }
    if let Some(drift) = Drift::of(classifier).filter(|_| !is_held)
        && plan.times.last_drift.is_none_or(|last| last < drift.time)
        && let Outcome::Run = cluster.trigger(Trigger::Drift, drift.time, &mut plan)
    {
        // Else the end of the active run is seen, and the drift is looked at again, if it lasts.
        plan.times.last_drift = Some(drift.time);
    }
    // Where another run is active, its end is seen, and the corrections are looked at again.
    let reads_corrections = Feedback::of(classifier, retraining)
        .filter(|_| !is_held)
        .is_some_and(|feedback| {
            matches!(
                cluster.trigger(Trigger::Feedback, feedback.time, &mut plan),
                Outcome::Run
            )
        });
    match Schedule::of(retraining).and_then(Result::ok) {
        Some(schedule) => cluster.scheduled(&schedule, is_held, now, &mut plan),
        None => plan.times.next_schedule = None,
    }
    if reads_corrections || plan.start.is_some() {
        // Whatever a run is made for, it reads all corrections that there are.
        plan.times.last_feedback = feedback_rows(classifier).or(plan.times.last_feedback);
    }
    plan
}

fn times_of(classifier: &ComplaintClassifier) -> Times {
    let Some(status) = &classifier.status else {
        return Times::default();
    };
    let time = |time: &Option<k8s_openapi::apimachinery::pkg::apis::meta::v1::Time>| time.as_ref().map(|time| time.0);
    Times {
        last_schedule: time(&status.last_schedule_time),
        next_schedule: time(&status.next_schedule_time),
        last_request: time(&status.last_request_time),
        last_drift: time(&status.last_drift_time),
        last_feedback: status.last_feedback_rows,
    }
}

/// A drift that lasts, and that a run is to be made for: each episode has one.
pub(super) struct Drift<'a> {
    time: Timestamp,
    /// In what the traffic has drifted.
    pub(super) reason: &'a str,
}

impl<'a> Drift<'a> {
    pub(super) fn of(classifier: &'a ComplaintClassifier) -> Option<Self> {
        let wants = classifier.spec.monitoring.as_ref()?.on_drift == OnDrift::Retrain;
        let status = classifier.status.as_ref().filter(|_| wants)?;
        let told = condition::find(&status.conditions, DRIFTED).filter(|told| told.status == "True")?;
        Some(Self {
            time: status.monitoring.as_ref()?.drift_time.as_ref()?.0,
            reason: &told.reason,
        })
    }
}

/// Corrections of all windows that were looked at.
fn feedback_rows(classifier: &ComplaintClassifier) -> Option<u64> {
    Some(classifier.status.as_ref()?.monitoring.as_ref()?.feedback_rows)
}

/// Enough corrections since the last run.
struct Feedback {
    /// The end of the window with the last of them.
    time: Timestamp,
}

impl Feedback {
    fn of(classifier: &ComplaintClassifier, retraining: &Retraining) -> Option<Self> {
        let least = retraining.min_feedback_rows?;
        let status = classifier.status.as_ref()?;
        let rows = feedback_rows(classifier)?.saturating_sub(status.last_feedback_rows.unwrap_or_default());
        let window = status.monitoring.as_ref()?.windows.first()?;
        (rows >= least).then_some(Self {
            time: window.end_time.0,
        })
    }
}

/// The cluster as the classifier sees it.
struct Cluster<'a> {
    classifier: &'a ComplaintClassifier,
    retraining: &'a Retraining,
    runs: &'a [TrainingRun],
}

/// What becomes of a time that is due.
enum Outcome {
    /// A run is made, or is there already.
    Run,
    /// Another run is active.
    Active(String),
}

impl Cluster<'_> {
    fn requested(&self, time: Timestamp, now: Timestamp, plan: &mut Plan) {
        if time > now {
            plan.wake(time);
        } else if let Outcome::Run = self.trigger(Trigger::Request, time, plan) {
            plan.times.last_request = Some(time);
        }
        // Else the end of the active run is seen, and the request is looked at again.
    }

    fn scheduled(&self, schedule: &Schedule, is_held: bool, now: Timestamp, plan: &mut Plan) {
        let jitter = jitter(self.classifier);
        // The clock by which this classifier's runs are made.
        let late = now - jitter;
        let promised = plan.times.next_schedule.filter(|time| schedule.includes(*time));
        // A run may have been made, and the status not written.
        let made = self.runs.iter().filter_map(|run| self.made_for(run)).max();
        let made = made.filter(|made| promised.is_some_and(|promised| promised <= *made && *made <= late));
        let last = plan.times.last_schedule.max(made);
        plan.times.last_schedule = last;
        plan.times.next_schedule = match promised {
            // Missed, for as long as it is held.
            Some(promised) if promised <= late && is_held => return,
            Some(promised) if promised <= late => {
                let due = schedule.last(late).filter(|due| last.is_none_or(|last| last < *due));
                if let Some(due) = due {
                    self.due(schedule, promised, due, late, plan);
                }
                schedule.next(late)
            }
            // The next time may be another one since the schedule was changed.
            promised => promised.into_iter().chain(schedule.next(now)).min(),
        };
        if let (Some(next), false) = (plan.times.next_schedule, is_held) {
            plan.wake(next + jitter);
        }
    }

    /// Makes the run of `due`, the last of the times since `promised`, or says why there is none.
    fn due(&self, schedule: &Schedule, promised: Timestamp, due: Timestamp, now: Timestamp, plan: &mut Plan) {
        let name = run_name(&self.classifier.name_any(), due);
        let next = schedule
            .next(now)
            .map_or(String::new(), |next| format!("; the next time is {next}"));
        let mut tell = |warning: bool, reason: &str, note: String| {
            let notice = if warning {
                Notice::warning(reason, note)
            } else {
                Notice::normal(reason, note)
            };
            plan.notices.push(notice.about(&name).at(due));
        };
        let deadline = self.retraining.starting_deadline_seconds.map(SignedDuration::from_secs);
        if deadline.is_some_and(|deadline| now.duration_since(due) > deadline) {
            return tell(
                true,
                "RetrainingMissed",
                format!(
                    "no run was made for {}, because spec.retraining.startingDeadlineSeconds had passed when the operator could make one{next}",
                    times(schedule, promised, due)
                ),
            );
        }
        if promised < due {
            tell(
                true,
                "RetrainingMissed",
                format!(
                    "{} passed without a run; one run is made, for the last of them",
                    times(schedule, promised, due)
                ),
            );
        }
        match self.trigger(Trigger::Schedule, due, plan) {
            Outcome::Run => plan.times.last_schedule = Some(due),
            Outcome::Active(active) => plan.notices.push(
                Notice::normal(
                    "RetrainingSkipped",
                    format!("no run was made for {due}, because TrainingRun {active} is still active{next}"),
                )
                .about(&name)
                .at(due),
            ),
        }
    }

    /// Makes a run for a time that is due, unless one of its name exists or another one is active.
    fn trigger(&self, trigger: Trigger, time: Timestamp, plan: &mut Plan) -> Outcome {
        let name = run_name(&self.classifier.name_any(), time);
        let planned = plan.start.as_ref().map(|start| &start.name);
        if planned == Some(&name) || self.runs.iter().any(|run| run.name_any() == name) {
            return Outcome::Run;
        }
        if let Some(planned) = planned {
            return Outcome::Active(planned.clone());
        }
        let active: Vec<_> = self.runs.iter().filter(|run| is_active(run)).collect();
        let in_the_way = active.iter().find(|run| {
            self.retraining.concurrency_policy == ConcurrencyPolicy::Forbid || !is_owned_by(**run, self.classifier)
        });
        if let Some(run) = in_the_way {
            return Outcome::Active(run.name_any());
        }
        plan.replaced = active.into_iter().cloned().collect();
        plan.start = Some(Start { name, trigger, time });
        Outcome::Run
    }

    /// The scheduled minute of a run that the schedule made.
    fn made_for(&self, run: &TrainingRun) -> Option<Timestamp> {
        let by_schedule = run.labels().get(labels::TRIGGER).map(String::as_str) == Some(Trigger::Schedule.name());
        if !by_schedule || !is_owned_by(run, self.classifier) {
            return None;
        }
        let name = run.name_any();
        let minute = name.strip_prefix(&self.classifier.name_any())?.strip_prefix('-')?;
        Timestamp::from_second(minute.parse::<i64>().ok()?.checked_mul(60)?).ok()
    }
}

impl Plan {
    fn wake(&mut self, time: Timestamp) {
        self.again = Some(self.again.map_or(time, |again| again.min(time)));
    }
}

/// Whether a run trains, or will as soon as it can.
pub(crate) fn is_active(run: &TrainingRun) -> bool {
    !training_run::ended(run) && !run.spec.suspend && run.metadata.deletion_timestamp.is_none()
}

/// The times from `first` to `last`, in words.
fn times(schedule: &Schedule, first: Timestamp, last: Timestamp) -> String {
    const MOST: usize = 1000;
    let all = std::iter::successors(Some(first), |time| schedule.next(*time));
    match all.take_while(|time| *time <= last).take(MOST).count() {
        0 | 1 => format!("the scheduled time {last}"),
        MOST => format!("{MOST} scheduled times or more from {first} to {last}"),
        count => format!("{count} scheduled times from {first} to {last}"),
    }
}
