//! The Job's plan, executed on objects in memory until it has no more actions.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::batch::v1::{Job, JobStatus};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use serde_json::{Value, json};

use super::plan::plan;
use super::tally::is_tracked;
use super::{TRACKING, conditions};

/// A Job with its pods, and a clock that the test sets.
struct World {
    job: Job,
    pods: Vec<Pod>,
    now: Timestamp,
    made: usize,
    reasons: Vec<String>,
}

impl World {
    fn new(spec: Value) -> Self {
        let mut spec = spec;
        let defaults = json!({
            "backoffLimit": 6, "parallelism": 1,
            "template": { "metadata": { "labels": { "job-name": "j" } },
                          "spec": { "restartPolicy": "Never", "containers": [{ "name": "main", "image": "x" }] } },
        });
        for (key, value) in defaults.as_object().expect("an object") {
            spec.as_object_mut()
                .expect("an object")
                .entry(key)
                .or_insert(value.clone());
        }
        let job = json!({ "metadata": { "name": "j", "namespace": "ns", "uid": "u" }, "spec": spec });
        Self {
            job: serde_json::from_value(job).expect("a Job"),
            pods: Vec::new(),
            now: "2026-01-01T00:00:00Z".parse().expect("a time"),
            made: 0,
            reasons: Vec::new(),
        }
    }

    /// Runs passes until one has no actions. Returns the requeue time of the last pass.
    fn settle(&mut self) -> Option<SignedDuration> {
        for _ in 0..50 {
            let plan = plan(&self.job, &self.pods, self.now);
            let mut idle = true;
            for name in plan.remove.iter().chain(&plan.untrack) {
                let Some(pod) = self.pods.iter_mut().find(|pod| pod.name_any() == *name) else {
                    continue;
                };
                idle &= !is_tracked(pod);
                pod.finalizers_mut().retain(|finalizer| finalizer != TRACKING);
            }
            for pod in plan.create {
                self.made += 1;
                let name = format!("{}{}", pod.metadata.generate_name.as_deref().unwrap_or(""), self.made);
                let mut pod = pod;
                pod.metadata.name = Some(name.clone());
                pod.metadata.uid = Some(format!("uid-{name}"));
                self.pods.push(pod);
                idle = false;
            }
            for name in plan.remove.iter().chain(&plan.stop) {
                self.delete(name);
                idle = false;
            }
            for status in [plan.interim, plan.status].into_iter().flatten() {
                self.job.status = Some(status);
                idle = false;
            }
            self.reasons
                .extend(plan.notices.iter().map(|notice| notice.reason.to_string()));
            self.pods
                .retain(|pod| pod.metadata.deletion_timestamp.is_none() || !pod.finalizers().is_empty());
            if idle {
                return plan.again;
            }
        }
        panic!("the plan does not converge: {:?}", self.status());
    }

    fn delete(&mut self, name: &str) {
        for pod in self.pods.iter_mut().filter(|pod| pod.name_any() == name) {
            pod.metadata.deletion_timestamp = Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(self.now));
        }
    }

    fn pending(&self) -> Vec<String> {
        self.pods
            .iter()
            .filter(|pod| pod.status.is_none())
            .map(ResourceExt::name_any)
            .collect()
    }

    /// Ends a pending pod with an exit code.
    fn end(&mut self, position: usize, code: i32) {
        let name = self.pending().swap_remove(position);
        let phase = if code == 0 { "Succeeded" } else { "Failed" };
        let status = json!({ "phase": phase, "containerStatuses": [{
            "name": "main", "image": "x", "imageID": "", "ready": false, "restartCount": 0,
            "state": { "terminated": { "exitCode": code, "finishedAt": self.now.to_string() } } }] });
        let pod = self
            .pods
            .iter_mut()
            .find(|pod| pod.name_any() == name)
            .expect("the pod");
        pod.status = Some(serde_json::from_value(status).expect("a status"));
    }

    fn status(&self) -> JobStatus {
        self.job.status.clone().unwrap_or_default()
    }

    fn conditions(&self) -> Vec<(String, String)> {
        let status = self.status();
        let conditions = status.conditions.into_iter().flatten();
        conditions
            .map(|condition| (condition.type_, condition.reason.unwrap_or_default()))
            .collect()
    }
}

fn named(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(kind, reason)| (kind.to_string(), reason.to_string()))
        .collect()
}

#[test]
fn a_success_completes_the_job_and_releases_its_pod() {
    let mut world = World::new(json!({ "completions": 1 }));
    world.settle();
    assert_eq!(
        (world.status().active, world.status().ready, world.status().terminating),
        (Some(1), Some(0), Some(0))
    );
    world.end(0, 0);
    world.settle();
    let status = world.status();
    assert_eq!((status.succeeded, status.active, status.failed), (Some(1), None, None));
    assert!(status.completion_time.is_some());
    assert_eq!(
        world.conditions(),
        named(&[
            ("SuccessCriteriaMet", "CompletionsReached"),
            ("Complete", "CompletionsReached")
        ])
    );
    assert!(world.pods.iter().all(|pod| !is_tracked(pod)));
    assert_eq!(world.reasons, ["Completed"]);
}

#[test]
fn a_failed_pod_is_replaced_after_a_delay_that_doubles() {
    let mut world = World::new(json!({ "completions": 1, "backoffLimit": 3 }));
    world.settle();
    for delay in [10, 20, 40] {
        world.end(0, 1);
        let wait = world.settle().expect("a delay");
        assert_eq!(wait, SignedDuration::from_secs(delay));
        assert!(world.pending().is_empty());
        world.now += wait;
        world.settle();
        assert_eq!(world.pending().len(), 1);
    }
    world.end(0, 1);
    world.settle();
    assert_eq!(world.status().failed, Some(4));
    assert_eq!(
        world.conditions(),
        named(&[
            ("FailureTarget", "BackoffLimitExceeded"),
            ("Failed", "BackoffLimitExceeded")
        ])
    );
}

#[test]
fn the_failure_policy_decides_what_a_failure_means() {
    let policy = json!({ "rules": [
        { "action": "FailJob", "onExitCodes": { "containerName": "main", "operator": "In", "values": [64, 65] } },
        { "action": "Ignore", "onExitCodes": { "operator": "In", "values": [75] } },
        { "action": "Ignore", "onPodConditions": [{ "type": "DisruptionTarget" }] },
    ] });
    for (code, failed, ends) in [(65, Some(1), true), (75, None, false), (1, Some(1), false)] {
        let mut world = World::new(json!({ "completions": 1, "podFailurePolicy": policy }));
        world.settle();
        world.end(0, code);
        world.settle();
        assert_eq!(world.status().failed, failed, "exit code {code}");
        assert_eq!(conditions::finished(&world.job).is_some(), ends, "exit code {code}");
    }
    let mut world = World::new(json!({ "completions": 1, "podFailurePolicy": policy }));
    world.settle();
    world.end(0, 65);
    world.settle();
    let message = conditions::find(&world.status(), "Failed").and_then(|condition| condition.message.clone());
    let expected = "Container main for pod ns/j-1 failed with exit code 65 matching FailJob rule at index 0";
    assert_eq!(message.as_deref(), Some(expected));
}

#[test]
fn no_pod_is_counted_twice_when_a_write_was_lost() {
    let mut world = World::new(json!({ "completions": 2, "parallelism": 2 }));
    world.settle();
    world.end(0, 0);
    let first = plan(&world.job, &world.pods, world.now);
    // Only the first write happens; then the controller stops.
    world.job.status = first.interim;
    assert_eq!(world.status().succeeded, None);
    world.settle();
    assert_eq!(world.status().succeeded, Some(1));

    // The finalizer went, the counting write did not.
    world.end(0, 0);
    let second = plan(&world.job, &world.pods, world.now);
    world.job.status = second.interim;
    world.pods.iter_mut().for_each(|pod| pod.metadata.finalizers = None);
    world.settle();
    assert_eq!(world.status().succeeded, Some(2));
    assert!(conditions::finished(&world.job).is_some());
}

#[test]
fn the_deadline_stops_pods_and_counts_them_as_failed() {
    let mut world = World::new(json!({ "completions": 1, "activeDeadlineSeconds": 5 }));
    assert_eq!(world.settle(), Some(SignedDuration::from_secs(5)));
    world.now += SignedDuration::from_secs(5);
    world.settle();
    assert!(world.pods.is_empty());
    assert_eq!((world.status().failed, world.status().active), (Some(1), None));
    assert_eq!(
        world.conditions(),
        named(&[("FailureTarget", "DeadlineExceeded"), ("Failed", "DeadlineExceeded")])
    );
}

#[test]
fn a_job_is_failed_only_when_its_pods_are_gone() {
    let mut world = World::new(json!({ "completions": 2, "parallelism": 2, "backoffLimit": 0 }));
    world.settle();
    world.pods[1]
        .metadata
        .finalizers
        .get_or_insert_default()
        .push("example.com/slow".into());
    world.end(0, 1);
    world.settle();
    assert_eq!(world.conditions(), named(&[("FailureTarget", "BackoffLimitExceeded")]));
    assert_eq!(world.status().terminating, Some(1));
    world.pods.retain(|pod| pod.finalizers().is_empty());
    world.settle();
    assert_eq!(world.conditions().len(), 2);
    assert_eq!(world.status().failed, Some(2));
}

#[test]
fn suspending_removes_pods_without_counting_and_resuming_restarts_the_clock() {
    let mut world = World::new(json!({ "completions": 1 }));
    world.settle();
    world.job.spec.as_mut().expect("a spec").suspend = Some(true);
    world.settle();
    let status = world.status();
    assert_eq!(
        (world.pods.len(), status.failed, status.active, status.start_time),
        (0, None, None, None)
    );
    assert_eq!(world.conditions(), named(&[("Suspended", "JobSuspended")]));
    world.now += SignedDuration::from_secs(60);
    world.job.spec.as_mut().expect("a spec").suspend = Some(false);
    world.settle();
    assert_eq!(world.conditions(), named(&[("Suspended", "JobResumed")]));
    assert_eq!(world.status().start_time.map(|time| time.0), Some(world.now));
    assert_eq!(world.status().active, Some(1));
}

#[test]
fn a_pod_being_deleted_is_not_replaced_before_it_has_failed() {
    for (replacement, pods) in [("Failed", 1), ("TerminatingOrFailed", 2)] {
        let mut world = World::new(json!({ "completions": 1, "podReplacementPolicy": replacement }));
        world.settle();
        world.pods[0]
            .metadata
            .finalizers
            .get_or_insert_default()
            .push("example.com/slow".into());
        let name = world.pods[0].name_any();
        world.delete(&name);
        world.settle();
        assert_eq!(world.pods.len(), pods, "{replacement}");
        assert_eq!(world.status().terminating, Some(1), "{replacement}");
    }
}

#[test]
fn an_indexed_job_runs_each_index_once() {
    let mut world = World::new(json!({ "completionMode": "Indexed", "completions": 4, "parallelism": 2 }));
    world.settle();
    assert_eq!(world.pending(), ["j-0-1", "j-1-2"]);
    world.end(1, 0);
    world.settle();
    assert_eq!(world.status().completed_indexes.as_deref(), Some("1"));
    assert_eq!(world.pending(), ["j-0-1", "j-2-3"]);
    for _ in 0..3 {
        world.end(0, 0);
        world.settle();
    }
    assert_eq!(
        (world.status().completed_indexes.as_deref(), world.status().succeeded),
        (Some("0-3"), Some(4))
    );
    assert!(conditions::finished(&world.job).is_some());
}

#[test]
fn an_index_has_its_own_limit() {
    let mut world = World::new(json!({ "completionMode": "Indexed", "completions": 2, "parallelism": 2,
                                       "backoffLimit": i32::MAX, "backoffLimitPerIndex": 1 }));
    world.settle();
    world.end(0, 1);
    let wait = world.settle().expect("a delay for the index");
    world.now += wait;
    world.settle();
    assert_eq!(world.pending(), ["j-1-2", "j-0-3"]);
    let count = world
        .pods
        .iter()
        .find(|pod| pod.name_any() == "j-0-3")
        .expect("the pod")
        .annotations()
        .clone();
    assert_eq!(count["batch.kubernetes.io/job-index-failure-count"], "1");
    world.end(1, 1);
    world.settle();
    assert_eq!(world.status().failed_indexes.as_deref(), Some("0"));
    assert!(conditions::finished(&world.job).is_none());
    world.end(0, 0);
    world.settle();
    assert_eq!(
        world.conditions(),
        named(&[("FailureTarget", "FailedIndexes"), ("Failed", "FailedIndexes")])
    );
}

#[test]
fn a_finished_job_goes_when_its_time_is_over() {
    let mut world = World::new(json!({ "completions": 1, "ttlSecondsAfterFinished": 60 }));
    world.settle();
    world.end(0, 0);
    world.settle();
    let early = plan(&world.job, &world.pods, world.now);
    assert_eq!(
        (early.expire, early.again),
        (false, Some(SignedDuration::from_secs(60)))
    );
    assert!(plan(&world.job, &world.pods, world.now + SignedDuration::from_secs(60)).expire);
}

#[test]
fn a_work_queue_ends_with_its_last_pod() {
    let mut world = World::new(json!({ "parallelism": 2 }));
    world.settle();
    assert_eq!(world.pending().len(), 2);
    world.end(0, 0);
    world.settle();
    assert_eq!(
        (world.pending().len(), conditions::finished(&world.job).is_none()),
        (1, true)
    );
    world.end(0, 0);
    world.settle();
    assert_eq!(world.status().succeeded, Some(2));
    assert!(conditions::finished(&world.job).is_some());
}
