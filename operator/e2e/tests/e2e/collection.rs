//! Corrections and captured answers: servers write to their store, and a Secret that is missing stops none of them.

use std::time::Duration;

use complaint_api::{CaptureMode, ComplaintClassifier};
use http::Request;
use k8s_openapi::{ByteString, api::core::v1::Secret};
use kube::client::Body;
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::{
    cluster::{PATIENCE, World},
    runs::{apply_classifier, apply_sample, poor_features, run, train, until_champion},
    traffic::predict,
};

fn path(world: &World, path: &str) -> String {
    format!(
        "/api/v1/namespaces/{}/services/cards:http/proxy/{path}",
        world.namespace
    )
}

/// The status with which a correction is refused. (No token passes the API server, which takes it for its own.)
async fn refused(world: &World) -> u16 {
    let body = json!({ "text": "they charged me a late fee twice", "category": "Fees and interest" });
    let request = Request::post(path(world, "feedback"))
        .header("content-type", "application/json")
        .body(Body::from(body.to_string().into_bytes()))
        .expect("a request");
    let answer = world.client.send(request).await.expect("an answer");
    answer.status().as_u16()
}

/// A complaint is answered.
async fn answers(world: &World) {
    let answer = predict(
        &world.client,
        &world.namespace,
        "cards",
        "they charged me a late fee twice",
    )
    .await;
    assert!(answer.expect("an answer")["category"].is_string());
}

/// Waits until the condition holds, which no object tells.
async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !holds().await {
        assert!(Instant::now() < until, "never: {what}");
        sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_write_what_they_collect_and_start_without_a_token() {
    let world = World::open("collection").await;
    apply_sample(&world).await;
    let secret = json!({ "metadata": { "name": "reviewers" }, "data": { "token": ByteString(b"a-token".to_vec()) } });
    world.apply::<Secret>(secret).await.expect("a Secret is accepted");
    let serving = json!({
        "feedback": { "tokenSecretRef": { "name": "reviewers", "key": "token" } },
        "capture": { "mode": "All" },
    });
    apply_classifier(&world, "cards", json!({ "serving": serving })).await;
    train(&world, run("cards-1", "sample", poor_features(40))).await;
    let classifier: ComplaintClassifier = until_champion(&world, "cards", "cards-1").await;
    let capture = classifier.spec.serving.capture.expect("a capture");
    assert_eq!((capture.mode, capture.retention_days), (CaptureMode::All, 30));

    // The store takes what is captured: on a volume, the mount of the classifier's folder is writable.
    answers(&world).await;
    eventually("the answer is captured", async || {
        let request = Request::get(path(&world, "metrics"))
            .body(Vec::new())
            .expect("a request");
        let metrics = world.client.request_text(request).await.expect("the metrics");
        assert!(
            metrics.contains("capture_dropped_total{reason=\"store\"} 0"),
            "{metrics}"
        );
        metrics
            .lines()
            .any(|line| line == "complaint_inference_captured_total 1")
    })
    .await;

    // The pods have the tokens of the Secret. One that is missing stops no pod; its server says so.
    assert_eq!(refused(&world).await, 401);
    let absent = json!({ "serving": { "feedback": { "tokenSecretRef": { "name": "absent", "key": "token" } } } });
    world
        .patch::<ComplaintClassifier>("cards", json!({ "spec": absent }))
        .await;
    eventually("the next pods have no token", async || refused(&world).await == 503).await;
    answers(&world).await;
    until_champion(&world, "cards", "cards-1").await;
    world.close().await;
}
