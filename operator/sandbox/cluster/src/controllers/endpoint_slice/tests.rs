use k8s_openapi::api::core::v1::{Pod, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use serde_json::{Value, json};

use super::plan::plan;

fn service(spec: Value) -> Service {
    let service =
        json!({ "metadata": { "name": "s", "namespace": "ns", "uid": "u", "labels": { "team": "x" } }, "spec": spec });
    serde_json::from_value(service).expect("a Service")
}

fn selecting() -> Service {
    service(json!({ "selector": { "app": "a" }, "clusterIP": "127.64.0.1",
                    "ports": [{ "name": "http", "port": 80, "targetPort": "web", "protocol": "TCP" }] }))
}

fn pod(name: &str, ip: &str, ready: bool, deleted: bool, port: i32) -> Pod {
    let mut pod = json!({
        "metadata": { "name": name, "namespace": "ns", "uid": name },
        "spec": { "nodeName": "n", "containers": [{ "name": "c", "ports": [{ "name": "web", "containerPort": port }] }] },
        "status": { "phase": "Running", "podIP": ip,
                    "conditions": [{ "type": "Ready", "status": if ready { "True" } else { "False" } }] },
    });
    if deleted {
        pod["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    }
    serde_json::from_value(pod).expect("a Pod")
}

fn states(slice: &EndpointSlice) -> Vec<(String, [Option<bool>; 3])> {
    let endpoints = slice.endpoints.clone().unwrap_or_default();
    let state = |conditions: k8s_openapi::api::discovery::v1::EndpointConditions| {
        [conditions.ready, conditions.serving, conditions.terminating]
    };
    endpoints
        .into_iter()
        .map(|endpoint| {
            (
                endpoint.addresses[0].clone(),
                state(endpoint.conditions.unwrap_or_default()),
            )
        })
        .collect()
}

#[test]
fn endpoints_say_who_is_ready_and_who_is_leaving() {
    let pods = [
        pod("a", "127.80.0.1", true, false, 8080),
        pod("b", "127.80.0.2", false, false, 8080),
        pod("c", "127.80.0.3", true, true, 8080),
    ];
    let plan = plan(&selecting(), &pods, &[]);
    let [slice] = plan.create.as_slice() else {
        panic!("one slice, not {}", plan.create.len())
    };
    let yes = Some(true);
    let no = Some(false);
    assert_eq!(
        states(slice),
        [
            ("127.80.0.1".to_string(), [yes, yes, no]),
            ("127.80.0.2".to_string(), [no, no, no]),
            ("127.80.0.3".to_string(), [no, yes, yes]),
        ]
    );
    let port = &slice.ports.as_ref().expect("ports")[0];
    assert_eq!(
        (port.name.as_deref(), port.port, port.protocol.as_deref()),
        (Some("http"), Some(8080), Some("TCP"))
    );
    let labels = slice.metadata.labels.as_ref().expect("labels");
    assert_eq!(
        (labels["kubernetes.io/service-name"].as_str(), labels["team"].as_str()),
        ("s", "x")
    );
}

#[test]
fn a_service_may_publish_addresses_before_they_are_ready() {
    let mut service = selecting();
    service.spec.as_mut().expect("a spec").publish_not_ready_addresses = Some(true);
    let plan = plan(&service, &[pod("b", "127.80.0.2", false, false, 8080)], &[]);
    assert_eq!(states(&plan.create[0])[0].1[0], Some(true));
}

#[test]
fn a_named_port_may_differ_from_pod_to_pod() {
    let pods = [
        pod("a", "127.80.0.1", true, false, 8080),
        pod("b", "127.80.0.2", true, false, 9090),
    ];
    let plan = plan(&selecting(), &pods, &[]);
    let ports: Vec<Option<i32>> = plan
        .create
        .iter()
        .map(|slice| slice.ports.as_ref().expect("ports")[0].port)
        .collect();
    assert_eq!(ports, [Some(8080), Some(9090)]);
}

#[test]
fn what_stands_already_is_not_written_again_and_surplus_goes() {
    let pods = [pod("a", "127.80.0.1", true, false, 8080)];
    let mut made = plan(&selecting(), &pods, &[]).create.remove(0);
    made.metadata.name = Some("s-abc".into());
    let mut other = made.clone();
    other.metadata.name = Some("s-def".into());
    let again = plan(&selecting(), &pods, &[made.clone(), other]);
    assert!(again.create.is_empty() && again.replace.is_empty());
    assert_eq!(again.delete, ["s-def"]);
    let emptied = plan(&selecting(), &[], &[made]);
    assert_eq!(emptied.replace.len(), 1);
    assert_eq!(states(&emptied.replace[0]), []);
}

#[test]
fn a_service_without_a_selector_has_no_slices_from_us() {
    let plan = plan(&service(json!({ "ports": [{ "port": 80 }] })), &[], &[]);
    assert!(plan.create.is_empty());
}
