//! How the operator behaves towards an API server, whatever it decides: what it asks and how often, how it waits, and how it
//! ends.

mod caches;
mod costs;
mod retention;
mod turns;
mod world;

use std::time::Duration;

use complaint_api::{
    TrainingRun,
    condition::{self, READY},
};
use complaint_harness::tap::{Act, tapped};
use complaint_operator::client;
use futures::TryStreamExt;
use k8s_openapi::api::{coordination::v1::Lease, core::v1::ConfigMap};
use kube::{
    Api, ResourceExt,
    api::{Patch, PatchParams},
    runtime::{conditions::is_deleted, wait::await_condition, watcher},
};
use serde_json::json;
use world::{PATIENCE, World, pass, pinned};

fn holder(lease: &Lease) -> Option<&str> {
    let holder = lease.spec.as_ref()?.holder_identity.as_deref()?;
    Some(holder).filter(|holder| !holder.is_empty())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_stops_hands_over_within_two_seconds() {
    let world = World::open().await;
    let first = world.start(true, pass);
    let held = |lease: &Lease| holder(lease).is_some();
    let before = world.until::<Lease>("complaint-operator", "held", held).await;
    let leader = holder(&before).expect("a leader").to_owned();
    world.classifier("cards", json!({})).await;
    world.until_reason("cards", "NoChampion").await;
    let second = world.start(true, pass);
    // It has looked, and waits.
    second.log.until(&["GET", "/leases/"], 1).await;

    let stopped = std::time::Instant::now();
    first.stop().await;
    let taken = |lease: &Lease| holder(lease).is_some_and(|holder| holder != leader);
    world.until::<Lease>("complaint-operator", "taken", taken).await;
    let took = stopped.elapsed();
    assert!(took < Duration::from_secs(2), "the successor led after {took:?}");
    world.classifier("loans", json!({})).await;
    world.until_reason("loans", "NoChampion").await;
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_carry_the_programs_name_and_version() {
    let world = World::open().await;
    let operator = world.start(true, pass);
    world.classifier("cards", json!({})).await;
    world.until_reason("cards", "NoChampion").await;
    assert_eq!(operator.log.agents(), [client::AGENT]);
    assert!(client::AGENT.starts_with("complaint-operator/0."), "{}", client::AGENT);
    operator.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_never_answered_fails_in_time_and_a_watch_goes_on() {
    let world = World::open().await;
    let (tapped, _) = tapped(world.client.clone(), |line| {
        if line.contains("/configmaps/") {
            Act::Hang
        } else {
            Act::Pass
        }
    });
    let patient = client::patient(tapped, Duration::from_millis(500));
    let api: Api<ConfigMap> = Api::default_namespaced(patient);
    let error = api.get("data").await.expect_err("no answer");
    assert!(error.to_string().contains("did not answer GET"), "{error}");

    let mut events = std::pin::pin!(watcher(api.clone(), watcher::Config::default()));
    while !matches!(events.try_next().await, Ok(Some(watcher::Event::InitDone))) {}
    // The watch is older than any other answer may become: another one has run out of patience by now.
    api.get("data").await.expect_err("no answer");
    world.make::<ConfigMap>(json!({ "metadata": { "name": "data" } })).await;
    let event = tokio::time::timeout(PATIENCE, events.try_next())
        .await
        .expect("an event");
    assert!(matches!(event, Ok(Some(watcher::Event::Apply(_)))), "{event:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_waits_for_an_answer_does_not_keep_others_waiting() {
    let world = World::open().await;
    let operator = world.start(false, |line| {
        if line.contains("/configmaps/silent") {
            Act::Hang
        } else {
            Act::Pass
        }
    });
    world.classifier("cards", json!({})).await;
    world.until_reason("cards", "NoChampion").await;
    for data in ["silent", "missing"] {
        let dataset = json!({ "source": { "configMap": { "name": data, "key": "d.csv" } }, "format": "Csv",
                              "textField": "narrative", "labelFields": ["category"] });
        let spec = json!({ "classifierRef": { "name": "cards" }, "dataset": dataset });
        world
            .make::<TrainingRun>(json!({ "metadata": { "name": data }, "spec": spec }))
            .await;
    }
    world
        .until("missing", "told what is missing", |run: &TrainingRun| {
            let status = run.status.as_ref();
            let ready = status.and_then(|status| condition::find(&status.conditions, READY));
            ready.is_some_and(|ready| ready.reason == "DatasetNotFound")
        })
        .await;
    operator.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_whose_text_changes_are_tried_again_ever_more_rarely() {
    let world = World::open().await;
    let attempts = std::sync::atomic::AtomicUsize::new(0);
    let operator = world.start(false, move |line| {
        if line.starts_with("PATCH") && line.contains("/deployments/") {
            let attempt = attempts.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            return Act::Refuse(403, format!("denied, request {attempt}"));
        }
        Act::Pass
    });
    world.version("v1", "cards").await;
    world.classifier("cards", pinned("v1")).await;
    world.until_reason("cards", "ApplyRefused").await;
    let many = operator.log.until(&["PATCH", "/deployments/"], 8);
    let loops = tokio::time::timeout(Duration::from_secs(5), many).await;
    assert!(loops.is_err(), "it does not wait: {:?}", operator.log.calls());
    operator.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_whose_deletion_meets_a_conflict_is_deleted_in_the_end() {
    let world = World::open().await;
    let conflicts = std::sync::atomic::AtomicUsize::new(2);
    let operator = world.start(false, move |line| {
        let is_deletion = line.starts_with("DELETE") && line.contains("/trainingruns/");
        let left = |left: usize| left.checked_sub(1).filter(|_| is_deletion);
        let order = std::sync::atomic::Ordering::Relaxed;
        match conflicts.fetch_update(order, order, left) {
            Ok(_) => Act::Refuse(409, "the object has been modified".into()),
            Err(_) => Act::Pass,
        }
    });
    let dataset = json!({ "source": { "uri": "https://data.example/cards.csv" }, "format": "Csv",
                          "textField": "narrative", "labelFields": ["product"] });
    let spec = json!({ "classifierRef": { "name": "cards" }, "dataset": dataset, "suspend": true,
                       "ttlSecondsAfterFinished": 0 });
    let run: TrainingRun = world
        .make(json!({ "metadata": { "name": "ended" }, "spec": spec }))
        .await;
    let complete = json!({ "type": "Complete", "status": "True", "reason": "Trained", "message": "",
                           "lastTransitionTime": "2026-11-29T00:00:00Z" });
    let status = json!({ "status": { "conditions": [complete], "completionTime": "2026-11-29T00:00:00Z" } });
    let runs = world.api::<TrainingRun>();
    let patched = runs
        .patch_status("ended", &PatchParams::default(), &Patch::Merge(&status))
        .await;
    patched.expect("a status");
    let uid = run.uid().expect("a uid");
    let gone = await_condition(runs, "ended", is_deleted(&uid));
    let waited = tokio::time::timeout(PATIENCE, gone).await;
    waited.expect("it is deleted").expect("a watch");
    operator.log.until(&["DELETE", "/trainingruns/ended"], 3).await;
    operator.stop().await;
}
