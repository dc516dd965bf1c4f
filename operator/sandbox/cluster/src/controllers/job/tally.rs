//! Counts finished pods exactly once.
//!
//! As in upstream, a pod has a finalizer until it is counted. Its uid is first written to the status
//! (`uncountedTerminatedPods`), then the finalizer is removed, then the uid is replaced by a count. An interruption
//! between two steps neither loses a pod nor counts it twice.

use std::collections::BTreeSet;

use k8s_openapi::api::batch::v1::{Job, JobStatus, UncountedTerminatedPods};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;

use super::policy::{Verdict, judge};
use super::{TRACKING, indexes, replaces_only_failed};
use crate::controllers::pods::{Phase, phase};

/// The finished pods, including those that are not counted yet.
#[derive(Debug, Default)]
pub struct Tally {
    /// Succeeded pods; of an Indexed Job, succeeded indexes.
    pub succeeded: i32,
    /// Failed pods that count.
    pub failed: i32,
    /// Uids of succeeded pods that are not counted yet.
    pub uncounted_succeeded: BTreeSet<String>,
    /// Uids of failed pods that are not counted yet.
    pub uncounted_failed: BTreeSet<String>,
    /// Indexes that succeeded (Indexed Jobs only).
    pub completed: BTreeSet<i32>,
    /// Names of pods whose finalizer can be removed once the uids are written.
    pub untrack: Vec<String>,
}

/// Whether the pod is not counted yet.
pub fn is_tracked(pod: &Pod) -> bool {
    pod.finalizers().iter().any(|finalizer| finalizer == TRACKING)
}

/// Whether the pod counts as failed: it failed, or it was deleted before it finished, unless the Job replaces only
/// failed pods.
pub fn has_failed(job: &Job, pod: &Pod) -> bool {
    match phase(pod) {
        Phase::Failed => true,
        Phase::Succeeded => false,
        Phase::Pending | Phase::Running => !replaces_only_failed(job) && pod.metadata.deletion_timestamp.is_some(),
    }
}

impl Tally {
    /// Counts the status and the pods. `keep` names pods that must stay tracked.
    pub fn of(job: &Job, status: &JobStatus, pods: &[Pod], completions: Option<i32>, keep: &BTreeSet<String>) -> Self {
        let mut tally = Tally::from_status(status, pods, completions);
        for pod in pods
            .iter()
            .filter(|pod| is_tracked(pod) && !keep.contains(&pod.name_any()))
        {
            if phase(pod) == Phase::Succeeded {
                tally.add_success(pod, completions);
            } else if has_failed(job, pod) {
                tally.add_failure(job, pod);
            } else if job.metadata.deletion_timestamp.is_some() {
                tally.untrack.push(pod.name_any());
            }
        }
        tally
    }

    /// The counts of the status. Uids of pods whose finalizer is already removed are counted here, because the write
    /// that should have done so failed.
    fn from_status(status: &JobStatus, pods: &[Pod], completions: Option<i32>) -> Self {
        let uncounted = status.uncounted_terminated_pods.clone().unwrap_or_default();
        let tracked: BTreeSet<String> = pods.iter().filter(|pod| is_tracked(pod)).filter_map(Pod::uid).collect();
        let split = |uids: Option<Vec<String>>| -> (BTreeSet<String>, i32) {
            let uids = uids.unwrap_or_default();
            let all = uids.len();
            let pending: BTreeSet<String> = uids.into_iter().filter(|uid| tracked.contains(uid)).collect();
            let settled = all - pending.len();
            (pending, i32::try_from(settled).unwrap_or(i32::MAX))
        };
        let (uncounted_succeeded, succeeded) = split(uncounted.succeeded);
        let (uncounted_failed, failed) = split(uncounted.failed);
        let completed = match (completions, &status.completed_indexes) {
            (Some(completions), Some(text)) => indexes::parse(text, completions),
            _ => BTreeSet::new(),
        };
        Tally {
            succeeded: status.succeeded.unwrap_or(0) + succeeded + count(&uncounted_succeeded),
            failed: status.failed.unwrap_or(0) + failed + count(&uncounted_failed),
            uncounted_succeeded,
            uncounted_failed,
            completed,
            untrack: Vec::new(),
        }
    }

    /// `completions` is set for Indexed Jobs, which count each index once.
    fn add_success(&mut self, pod: &Pod, completions: Option<i32>) {
        self.untrack.push(pod.name_any());
        let uid = pod.uid().unwrap_or_default();
        if self.uncounted_failed.contains(&uid) {
            return;
        }
        match (completions, indexes::index_of(pod)) {
            (Some(completions), Some(index)) if index < completions => {
                self.completed.insert(index);
                self.succeeded = i32::try_from(self.completed.len()).unwrap_or(i32::MAX);
            }
            (Some(_), _) => {}
            (None, _) => {
                if self.uncounted_succeeded.insert(uid) {
                    self.succeeded += 1;
                }
            }
        }
    }

    /// Counts a failed pod, unless the Job's policy ignores it.
    pub fn add_failure(&mut self, job: &Job, pod: &Pod) {
        self.untrack.push(pod.name_any());
        let uid = pod.uid().unwrap_or_default();
        if !self.uncounted_failed.contains(&uid) && judge(job, pod) != Verdict::Ignore {
            self.uncounted_failed.insert(uid);
            self.failed += 1;
        }
    }

    /// Writes the tally into the status before the finalizers are removed.
    pub fn write_uncounted(&self, status: &mut JobStatus, indexed: bool) {
        status.succeeded = positive(if indexed {
            self.succeeded
        } else {
            self.succeeded - count(&self.uncounted_succeeded)
        });
        status.failed = positive(self.failed - count(&self.uncounted_failed));
        status.uncounted_terminated_pods = Some(UncountedTerminatedPods {
            succeeded: listed(&self.uncounted_succeeded),
            failed: listed(&self.uncounted_failed),
        });
        if indexed {
            status.completed_indexes = Some(indexes::format(&self.completed)).filter(|text| !text.is_empty());
        }
    }

    /// Writes the tally into the status after the finalizers are removed.
    pub fn write_counted(&self, status: &mut JobStatus, indexed: bool) {
        self.write_uncounted(status, indexed);
        status.succeeded = positive(self.succeeded);
        status.failed = positive(self.failed);
        status.uncounted_terminated_pods = Some(UncountedTerminatedPods::default());
    }
}

/// A count in a Job's status, which leaves out zero.
pub fn positive(count: i32) -> Option<i32> {
    (count > 0).then_some(count)
}

fn count(uids: &BTreeSet<String>) -> i32 {
    i32::try_from(uids.len()).unwrap_or(i32::MAX)
}

fn listed(uids: &BTreeSet<String>) -> Option<Vec<String>> {
    (!uids.is_empty()).then(|| uids.iter().cloned().collect())
}
