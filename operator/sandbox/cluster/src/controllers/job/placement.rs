//! The pods of a Job to create or remove.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;

use super::pod::{INDEX_FAILURES, build};
use super::policy::{Verdict, judge};
use super::tally::{Tally, has_failed, is_tracked};
use super::{indexes, is_indexed, per_index, replaces_only_failed};
use crate::controllers::pods::{Phase, condition, is_active, is_terminating, phase, sort_for_removal};

/// First delay before a failed pod is replaced; it doubles with each failure.
const BACK_OFF: SignedDuration = SignedDuration::from_secs(10);
/// Longest delay before a failed pod is replaced.
const LONGEST_BACK_OFF: SignedDuration = SignedDuration::from_secs(600);

/// Pods to create and to remove.
#[derive(Debug, Default)]
pub struct Placement {
    /// Names of pods to remove.
    pub remove: Vec<String>,
    /// Pods to create.
    pub create: Vec<Pod>,
    /// Time after which more pods may be created.
    pub wait: Option<SignedDuration>,
}

/// Decides for an unfinished Job.
pub fn place(
    job: &Job,
    pods: &[Pod],
    tally: &Tally,
    failed_indexes: &BTreeSet<i32>,
    terminating: usize,
    suspended: bool,
    now: Timestamp,
) -> Placement {
    let active: Vec<&Pod> = pods.iter().filter(|pod| is_active(pod)).collect();
    if suspended {
        return Placement {
            remove: names(&active),
            ..Placement::default()
        };
    }
    let wanted = wanted(job, tally, failed_indexes, active.len());
    let mut placement = Placement {
        remove: surplus(job, &active, wanted),
        ..Placement::default()
    };
    let staying = active.len() - placement.remove.len();
    let held = if replaces_only_failed(job) { terminating } else { 0 };
    let missing = wanted.saturating_sub(staying + held);
    if missing == 0 {
        return placement;
    }
    if is_indexed(job) {
        add_indexes(job, pods, tally, failed_indexes, missing, now, &mut placement);
    } else if let Some(wait) = back_off(job, pods.iter(), now) {
        placement.wait = Some(wait);
    } else {
        placement.create = (0..missing).map(|_| build(job, None, false)).collect();
    }
    placement
}

fn wanted(job: &Job, tally: &Tally, failed_indexes: &BTreeSet<i32>, active: usize) -> usize {
    let Some(spec) = job.spec.as_ref() else { return 0 };
    let parallelism = usize::try_from(spec.parallelism.unwrap_or(1)).unwrap_or(0);
    match spec.completions {
        // A work queue starts no pods after the first success.
        None if tally.succeeded > 0 => active,
        None => parallelism,
        Some(completions) => {
            let open = usize::try_from(completions - tally.succeeded).unwrap_or(0);
            open.saturating_sub(failed_indexes.len()).min(parallelism)
        }
    }
}

/// Surplus pods; of an Indexed Job, first those with a duplicate or invalid index.
fn surplus(job: &Job, active: &[&Pod], wanted: usize) -> Vec<String> {
    let mut remove = Vec::new();
    let mut rest: Vec<&Pod> = active.to_vec();
    if is_indexed(job) {
        let completions = job.spec.as_ref().and_then(|spec| spec.completions).unwrap_or(0);
        let mut seen = BTreeSet::new();
        rest.retain(|pod| {
            let fine = indexes::index_of(pod).is_some_and(|index| index < completions && seen.insert(index));
            if !fine {
                remove.push(pod.name_any());
            }
            fine
        });
    }
    sort_for_removal(&mut rest);
    remove.extend(names(&rest[..rest.len().saturating_sub(wanted)]));
    remove
}

fn add_indexes(
    job: &Job,
    pods: &[Pod],
    tally: &Tally,
    failed_indexes: &BTreeSet<i32>,
    missing: usize,
    now: Timestamp,
    placement: &mut Placement,
) {
    let alone = per_index(job);
    if !alone && let Some(wait) = back_off(job, pods.iter(), now) {
        placement.wait = Some(wait);
        return;
    }
    let occupies = |pod: &&Pod| is_active(pod) || (replaces_only_failed(job) && is_terminating(pod));
    let taken: BTreeSet<i32> = pods.iter().filter(occupies).filter_map(indexes::index_of).collect();
    let completions = job.spec.as_ref().and_then(|spec| spec.completions).unwrap_or(0);
    let open = (0..completions)
        .filter(|index| !taken.contains(index) && !tally.completed.contains(index) && !failed_indexes.contains(index));
    for index in open {
        if placement.create.len() == missing {
            break;
        }
        let earlier = pods.iter().filter(|pod| indexes::index_of(pod) == Some(index));
        if alone && let Some(wait) = back_off(job, earlier.clone(), now) {
            placement.wait = Some(placement.wait.map_or(wait, |other| other.min(wait)));
            continue;
        }
        let failures = earlier
            .filter(|pod| has_failed(job, pod))
            .map(|pod| failures_with(job, pod))
            .max()
            .unwrap_or(0);
        placement.create.push(build(job, Some((index, failures)), alone));
    }
}

/// Failures of an index up to and including this failed pod.
fn failures_with(job: &Job, pod: &Pod) -> i32 {
    let before: i32 = pod
        .annotations()
        .get(INDEX_FAILURES)
        .and_then(|text| text.parse().ok())
        .unwrap_or(0);
    if judge(job, pod) == Verdict::Ignore {
        before
    } else {
        before + 1
    }
}

/// Failed indexes: their back-off limit is reached, or a rule fails them.
pub fn failed_indexes(job: &Job, pods: &[Pod]) -> BTreeSet<i32> {
    let Some(spec) = job.spec.as_ref().filter(|_| per_index(job)) else {
        return BTreeSet::new();
    };
    let limit = spec.backoff_limit_per_index.unwrap_or(0);
    let completions = spec.completions.unwrap_or(0);
    let recorded = job
        .status
        .as_ref()
        .and_then(|status| status.failed_indexes.as_deref())
        .unwrap_or_default();
    let mut failed = indexes::parse(recorded, completions);
    for pod in pods.iter().filter(|pod| has_failed(job, pod) && is_tracked(pod)) {
        let Some(index) = indexes::index_of(pod).filter(|index| *index < completions) else {
            continue;
        };
        if judge(job, pod) == Verdict::FailIndex || failures_with(job, pod) > limit {
            failed.insert(index);
        }
    }
    failed
}

/// The last failed pod of each open index is kept until its replacement has taken over its failure count.
pub fn awaiting_replacement(job: &Job, pods: &[Pod], failed_indexes: &BTreeSet<i32>) -> BTreeSet<String> {
    if !per_index(job) || job.metadata.deletion_timestamp.is_some() {
        return BTreeSet::new();
    }
    let failed = |pod: &&Pod| is_tracked(pod) && has_failed(job, pod);
    pods.iter()
        .filter(failed)
        .filter(|pod| {
            let Some(index) = indexes::index_of(pod).filter(|index| !failed_indexes.contains(index)) else {
                return false;
            };
            let count = failures_with(job, pod);
            let same = |other: &&Pod| indexes::index_of(other) == Some(index) && other.name_any() != pod.name_any();
            !pods.iter().filter(same).any(|other| {
                is_active(other)
                    || phase(other) == Phase::Succeeded
                    || (has_failed(job, other) && failures_with(job, other) > count)
            })
        })
        .map(ResourceExt::name_any)
        .collect()
}

/// The back-off before the next pod, from the failures since the last success.
fn back_off<'a>(job: &Job, pods: impl Iterator<Item = &'a Pod> + Clone, now: Timestamp) -> Option<SignedDuration> {
    let success = pods
        .clone()
        .filter(|pod| phase(pod) == Phase::Succeeded)
        .map(finished_at)
        .max();
    let failures: Vec<Timestamp> = pods
        .filter(|pod| phase(pod) == Phase::Failed && has_failed(job, pod))
        .map(finished_at)
        .filter(|time| success.is_none_or(|success| *time > success))
        .collect();
    let last = failures.iter().max()?;
    let doublings = u32::try_from(failures.len() - 1).unwrap_or(u32::MAX).min(10);
    let delay = (BACK_OFF * 2_i32.pow(doublings)).min(LONGEST_BACK_OFF);
    let left = delay - now.duration_since(*last);
    (left > SignedDuration::ZERO).then_some(left)
}

fn finished_at(pod: &Pod) -> Timestamp {
    let containers = pod
        .status
        .iter()
        .flat_map(|status| status.container_statuses.iter().flatten());
    let ended =
        containers.filter_map(|container| Some(container.state.as_ref()?.terminated.as_ref()?.finished_at.as_ref()?.0));
    let unready = || {
        condition(pod, "Ready")?
            .last_transition_time
            .as_ref()
            .map(|time| time.0)
    };
    let created = || pod.metadata.creation_timestamp.as_ref().map(|time| time.0);
    ended
        .max()
        .or_else(unready)
        .or_else(created)
        .unwrap_or(Timestamp::UNIX_EPOCH)
}

fn names(pods: &[&Pod]) -> Vec<String> {
    pods.iter().map(|pod| pod.name_any()).collect()
}
