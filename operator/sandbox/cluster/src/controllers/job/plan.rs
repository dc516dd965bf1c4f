//! One pass over a Job. Pure; the clock is an argument.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::batch::v1::{Job, JobSpec, JobStatus};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;

use super::conditions::{self, Ending};
use super::placement::{self, Placement};
use super::policy::{Verdict, judge};
use super::tally::{Tally, has_failed, is_tracked, positive};
use super::{indexes, is_indexed, per_index};
use crate::controllers::events::Notice;
use crate::controllers::pods::{Phase, is_active, is_ready, is_terminating, phase};

/// The actions of a pass, in the order of the fields.
#[derive(Debug, Default)]
pub struct Plan {
    /// Pods to delete that do not count (surplus, suspended): their finalizer is removed first.
    pub remove: Vec<String>,
    /// Pods to delete because the Job has finished.
    pub stop: Vec<String>,
    /// Pods to create.
    pub create: Vec<Pod>,
    /// The status to write before finalizers are removed.
    pub interim: Option<JobStatus>,
    /// Pods that this status counts, whose finalizer is then removed.
    pub untrack: Vec<String>,
    /// The final status to write.
    pub status: Option<JobStatus>,
    /// Events for the Job.
    pub notices: Vec<Notice>,
    /// Whether to delete the Job (TTL).
    pub expire: bool,
    /// Requeue after this time.
    pub again: Option<SignedDuration>,
}

impl Plan {
    fn look_again(&mut self, after: SignedDuration) {
        let after = after.max(SignedDuration::from_millis(10));
        self.again = Some(self.again.map_or(after, |earlier| earlier.min(after)));
    }
}

/// Plans one pass. `pods` are the pods that the Job controls, including finished ones.
pub fn plan(job: &Job, pods: &[Pod], now: Timestamp) -> Plan {
    let Some(spec) = job.spec.as_ref() else {
        return Plan::default();
    };
    if let Some(condition) = conditions::finished(job) {
        let since = condition.last_transition_time.as_ref().map_or(now, |time| time.0);
        return after_finish(spec, pods, since, now);
    }
    let before = job.status.clone().unwrap_or_default();
    let completions = if is_indexed(job) { spec.completions } else { None };
    let mut plan = Plan::default();
    let mut status = before.clone();
    let suspended = spec.suspend == Some(true);
    if status.start_time.is_none() && !suspended {
        status.start_time = Some(Time(now));
    }
    let failed_indexes = placement::failed_indexes(job, pods);
    let keep = placement::awaiting_replacement(job, pods, &failed_indexes);
    let mut tally = Tally::of(job, &before, pods, completions, &keep);
    let mut ending = decide(job, &status, pods, &tally, &failed_indexes, now, &mut plan);

    let active: Vec<&Pod> = pods.iter().filter(|pod| is_active(pod)).collect();
    let mut left = active.clone();
    let mut terminating = pods.iter().filter(|pod| is_terminating(pod)).count();
    let mut created = 0;
    if ending.is_some() {
        terminating += left.len();
        plan.stop = left.drain(..).map(ResourceExt::name_any).collect();
    } else if job.metadata.deletion_timestamp.is_none() {
        let Placement { remove, create, wait } =
            placement::place(job, pods, &tally, &failed_indexes, terminating, suspended, now);
        left.retain(|pod| !remove.contains(&pod.name_any()));
        created = create.len();
        plan.remove = remove;
        plan.create = create;
        if let Some(wait) = wait {
            plan.look_again(wait);
        }
        ending = completion(spec, &tally, left.len() + created);
        if ending.is_none() {
            follow_suspension(&mut status, suspended, now, &mut plan);
        }
    }

    if ending.as_ref().is_some_and(|ending| !ending.success) {
        let counted: BTreeSet<String> = tally.untrack.iter().cloned().collect();
        for pod in pods
            .iter()
            .filter(|pod| is_tracked(pod) && !counted.contains(&pod.name_any()))
        {
            tally.add_failure(job, pod);
        }
    } else if ending.is_some() {
        tally
            .untrack
            .extend(pods.iter().filter(|pod| is_tracked(pod)).map(ResourceExt::name_any));
        tally.untrack.sort();
        tally.untrack.dedup();
    }
    status.active = positive(i32::try_from(left.len() + created).unwrap_or(i32::MAX));
    status.ready = Some(i32::try_from(left.iter().filter(|pod| is_ready(pod)).count()).unwrap_or(i32::MAX));
    status.terminating = Some(i32::try_from(terminating).unwrap_or(i32::MAX));
    if per_index(job) {
        status.failed_indexes = Some(indexes::format(&failed_indexes));
    }
    write(job, &before, status, ending, tally, now, &mut plan);
    plan
}

/// Fills both statuses: with the uids of finished pods, and with the resulting counts.
fn write(
    job: &Job,
    before: &JobStatus,
    mut status: JobStatus,
    ending: Option<Ending>,
    tally: Tally,
    now: Timestamp,
    plan: &mut Plan,
) {
    let indexed = is_indexed(job);
    if let Some(ending) = &ending {
        conditions::set(
            &mut status,
            ending.announced(),
            true,
            &ending.reason,
            &ending.message,
            now,
        );
    }
    if !tally.untrack.is_empty() {
        // Only the counts of finished pods depend on the finalizers.
        let mut interim = status.clone();
        tally.write_uncounted(&mut interim, indexed);
        plan.interim = (interim != *before).then_some(interim);
    }
    tally.write_counted(&mut status, indexed);
    if let Some(ending) = ending.filter(|_| status.terminating == Some(0)) {
        conditions::set(
            &mut status,
            ending.terminal(),
            true,
            &ending.reason,
            &ending.message,
            now,
        );
        if ending.success {
            status.completion_time = Some(Time(now));
            plan.notices.push(Notice::normal("Completed", "Job completed"));
        } else {
            plan.notices
                .push(Notice::warning(failure_reason(&ending.reason), ending.message));
        }
    }
    plan.untrack = tally.untrack;
    plan.status = (plan.interim.is_some() || status != *before).then_some(status);
}

/// The reason of the Event; `Failed` for unknown reasons of persisted objects.
fn failure_reason(reason: &str) -> &'static str {
    [
        "BackoffLimitExceeded",
        "DeadlineExceeded",
        "PodFailurePolicy",
        "FailedIndexes",
        "MaxFailedIndexesExceeded",
    ]
    .into_iter()
    .find(|known| *known == reason)
    .unwrap_or("Failed")
}

/// The result of a Job that ends now: the first reason in order.
fn decide(
    job: &Job,
    status: &JobStatus,
    pods: &[Pod],
    tally: &Tally,
    failed_indexes: &BTreeSet<i32>,
    now: Timestamp,
    plan: &mut Plan,
) -> Option<Ending> {
    let spec = job.spec.as_ref()?;
    if let Some(recorded) = Ending::recorded(status) {
        return Some(recorded);
    }
    let verdicts = pods
        .iter()
        .filter(|pod| has_failed(job, pod) && is_tracked(pod))
        .map(|pod| judge(job, pod));
    if let Some(message) = verdicts.into_iter().find_map(|verdict| match verdict {
        Verdict::FailJob(message) => Some(message),
        _ => None,
    }) {
        return Some(Ending::failure("PodFailurePolicy", message));
    }
    let limit = spec.backoff_limit.unwrap_or(6);
    if tally.failed > limit || restarted_too_often(spec, pods, limit) {
        return Some(Ending::failure(
            "BackoffLimitExceeded",
            "Job has reached the specified backoff limit",
        ));
    }
    if let (Some(deadline), Some(start), false) = (
        spec.active_deadline_seconds,
        &status.start_time,
        spec.suspend == Some(true),
    ) {
        let left = SignedDuration::from_secs(deadline) - now.duration_since(start.0);
        if left <= SignedDuration::ZERO {
            return Some(Ending::failure(
                "DeadlineExceeded",
                "Job was active longer than specified deadline",
            ));
        }
        plan.look_again(left);
    }
    indexed_ending(job, spec, tally, failed_indexes)
}

/// Results of Indexed Jobs.
fn indexed_ending(job: &Job, spec: &JobSpec, tally: &Tally, failed: &BTreeSet<i32>) -> Option<Ending> {
    let completions = usize::try_from(spec.completions?).ok().filter(|_| is_indexed(job))?;
    if let Some(most) = spec.max_failed_indexes.and_then(|most| usize::try_from(most).ok())
        && failed.len() > most
    {
        return Some(Ending::failure(
            "MaxFailedIndexesExceeded",
            "Job has exceeded the specified maximal number of failed indexes",
        ));
    }
    if !failed.is_empty() && failed.len() + tally.completed.len() >= completions {
        return Some(Ending::failure("FailedIndexes", "Job has failed indexes"));
    }
    let rules = spec
        .success_policy
        .as_ref()
        .map(|policy| &policy.rules)
        .into_iter()
        .flatten();
    for (position, rule) in rules.enumerate() {
        let named = rule
            .succeeded_indexes
            .as_deref()
            .map(|text| indexes::parse(text, spec.completions.unwrap_or(0)));
        let met = match &named {
            Some(named) => named.intersection(&tally.completed).count(),
            None => tally.completed.len(),
        };
        let needed = match (rule.succeeded_count, &named) {
            (Some(count), _) => usize::try_from(count).unwrap_or(usize::MAX),
            (None, Some(named)) => named.len(),
            (None, None) => continue,
        };
        if met >= needed {
            return Some(Ending::success(
                "SuccessPolicy",
                &format!("Matched rules at index {position}"),
            ));
        }
    }
    None
}

/// Whether restarts of pods with `OnFailure` exceed the limit.
fn restarted_too_often(spec: &JobSpec, pods: &[Pod], limit: i32) -> bool {
    if spec
        .template
        .spec
        .as_ref()
        .and_then(|pod| pod.restart_policy.as_deref())
        != Some("OnFailure")
    {
        return false;
    }
    let restarts: i32 = pods
        .iter()
        .filter(|pod| matches!(phase(pod), Phase::Running | Phase::Pending))
        .filter_map(|pod| pod.status.as_ref())
        .flat_map(|status| {
            status
                .container_statuses
                .iter()
                .flatten()
                .chain(status.init_container_statuses.iter().flatten())
        })
        .map(|container| container.restart_count)
        .sum();
    if limit == 0 { restarts > 0 } else { restarts >= limit }
}

fn completion(spec: &JobSpec, tally: &Tally, active: usize) -> Option<Ending> {
    let enough = match spec.completions {
        Some(completions) => tally.succeeded >= completions,
        None => tally.succeeded > 0,
    };
    (enough && active == 0).then(|| Ending::success("CompletionsReached", "Reached expected number of succeeded pods"))
}

fn follow_suspension(status: &mut JobStatus, suspended: bool, now: Timestamp, plan: &mut Plan) {
    if suspended {
        status.start_time = None;
        if conditions::set(status, "Suspended", true, "JobSuspended", "Job suspended", now) {
            plan.notices.push(Notice::normal("Suspended", "Job suspended"));
        }
    } else if conditions::set(status, "Suspended", false, "JobResumed", "Job resumed", now) {
        status.start_time = Some(Time(now));
        plan.notices.push(Notice::normal("Resumed", "Job resumed"));
    }
}

/// A finished Job: only remaining finalizers are removed, and its TTL is checked.
fn after_finish(spec: &JobSpec, pods: &[Pod], since: Timestamp, now: Timestamp) -> Plan {
    let mut plan = Plan {
        untrack: pods
            .iter()
            .filter(|pod| is_tracked(pod))
            .map(ResourceExt::name_any)
            .collect(),
        ..Plan::default()
    };
    if let Some(ttl) = spec.ttl_seconds_after_finished {
        let left = SignedDuration::from_secs(i64::from(ttl)) - now.duration_since(since);
        if left <= SignedDuration::ZERO {
            plan.expire = true;
        } else {
            plan.look_again(left);
        }
    }
    plan
}
