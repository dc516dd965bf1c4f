use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::apps::v1::ReplicaSet;
use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

use super::plan::plan;

fn now() -> Timestamp {
    "2026-01-01T00:01:00Z".parse().expect("a time")
}

fn set(replicas: i32, min_ready: i32) -> ReplicaSet {
    let template = json!({ "metadata": { "labels": { "app": "a" } }, "spec": { "containers": [] } });
    let spec = json!({ "replicas": replicas, "minReadySeconds": min_ready, "template": template,
                       "selector": { "matchLabels": { "app": "a" } } });
    let set = json!({ "metadata": { "name": "s", "namespace": "ns", "uid": "u", "generation": 3 }, "spec": spec });
    serde_json::from_value(set).expect("a ReplicaSet")
}

fn pod(name: &str, phase: &str, ready_since: Option<&str>, node: Option<&str>) -> Pod {
    let conditions: Vec<Value> = ready_since
        .map(|since| json!({ "type": "Ready", "status": "True", "lastTransitionTime": since }))
        .into_iter()
        .collect();
    let pod = json!({ "metadata": { "name": name, "labels": { "app": "a" } },
                      "spec": { "containers": [], "nodeName": node },
                      "status": { "phase": phase, "conditions": conditions } });
    serde_json::from_value(pod).expect("a Pod")
}

#[test]
fn missing_pods_are_created_with_the_sets_name_and_owner() {
    let plan = plan(&set(2, 0), &[pod("old", "Failed", None, None)], now());
    assert_eq!(plan.create.len(), 2);
    let metadata = &plan.create[0].metadata;
    assert_eq!(metadata.generate_name.as_deref(), Some("s-"));
    let owner = &metadata.owner_references.as_ref().expect("an owner")[0];
    assert_eq!(
        (owner.kind.as_str(), owner.controller, owner.block_owner_deletion),
        ("ReplicaSet", Some(true), Some(true))
    );
    let status = plan.status.expect("a status");
    assert_eq!(
        (status.replicas, status.ready_replicas, status.observed_generation),
        (2, None, Some(3))
    );
}

#[test]
fn the_pods_that_serve_least_are_deleted_first() {
    let since = Some("2026-01-01T00:00:00Z");
    let pods = [
        pod("serves", "Running", since, Some("n")),
        pod("starts", "Running", None, Some("n")),
        pod("waits", "Pending", None, Some("n")),
        pod("nowhere", "Pending", None, None),
    ];
    assert_eq!(plan(&set(1, 0), &pods, now()).delete, ["nowhere", "waits", "starts"]);
    assert_eq!(plan(&set(3, 0), &pods, now()).delete, ["nowhere"]);
}

#[test]
fn a_ready_pod_is_available_only_after_min_ready_seconds() {
    let pods = [pod("a", "Running", Some("2026-01-01T00:00:40Z"), Some("n"))];
    let early = plan(&set(1, 30), &pods, now());
    let status = early.status.expect("a status");
    assert_eq!((status.ready_replicas, status.available_replicas), (Some(1), None));
    assert_eq!(early.again, Some(SignedDuration::from_secs(10)));
    let later = plan(&set(1, 20), &pods, now());
    assert_eq!(later.status.expect("a status").available_replicas, Some(1));
}
