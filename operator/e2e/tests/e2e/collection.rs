//! Corrections and captured answers: servers write to their store, a Secret that is missing stops none of them, and corrections
//! measure the accuracy and come back into a training.

use std::time::Duration;

use complaint_api::{CaptureMode, ComplaintClassifier, ModelVersion, TrainingRun, labels};
use http::Request;
use k8s_openapi::{
    ByteString,
    api::{
        apps::v1::Deployment,
        core::v1::{Pod, Secret},
    },
};
use kube::{Api, ResourceExt, api::ListParams, client::Body};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, sleep},
};

use crate::{
    cluster::{PATIENCE, World},
    retraining::retraining,
    runs::{apply_classifier, apply_sample, poor_features, run, train, until_champion, until_ended},
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
    // The client would ask again and again after a 503, so the Deployment tells.
    let is_rolled_out = |deployment: &Deployment| {
        let json = json!(deployment);
        let volumes = json["spec"]["template"]["spec"]["volumes"].to_string();
        let count = |field: &str| json["status"][field] == json!(1);
        volumes.contains("\"secretName\":\"absent\"")
            && json["status"]["observedGeneration"] == json["metadata"]["generation"]
            && ["replicas", "updatedReplicas", "availableReplicas"]
                .into_iter()
                .all(count)
    };
    let what = "served by pods without a token";
    world.until::<Deployment>("cards", what, is_rolled_out).await;
    answers(&world).await;
    until_champion(&world, "cards", "cards-1").await;
    world.close().await;
}

/// Sends corrections to a server pod itself: the API server's proxy would take the token for its own.
async fn correct(world: &World, corrections: &str) -> Value {
    let pods: Api<Pod> = world.api();
    let selector = format!("{}=cards,{}=server", labels::CLASSIFIER, labels::COMPONENT);
    let pods = pods
        .list(&ListParams::default().labels(&selector))
        .await
        .expect("a list")
        .items;
    let address = pods
        .iter()
        .find_map(|pod| pod.status.as_ref()?.pod_ip.clone())
        .expect("a pod with an address");
    let mut connection = TcpStream::connect((address.as_str(), 8080))
        .await
        .expect("a connection");
    let request = format!(
        "POST /feedback HTTP/1.1\r\nhost: cards\r\nauthorization: Bearer a-token\r\ncontent-type: application/x-ndjson\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{corrections}",
        corrections.len()
    );
    connection.write_all(request.as_bytes()).await.expect("it is sent");
    let mut response = String::new();
    connection.read_to_string(&mut response).await.expect("an answer");
    let (head, body) = response.split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with("HTTP/1.1 200"), "{response}");
    serde_json::from_str(body).expect("JSON")
}

#[tokio::test(flavor = "multi_thread")]
async fn corrections_measure_the_accuracy_and_start_a_training_that_reads_them() {
    let world = World::open("feedback").await;
    apply_sample(&world).await;
    let secret = json!({ "metadata": { "name": "reviewers" }, "data": { "token": ByteString(b"a-token".to_vec()) } });
    world.apply::<Secret>(secret).await.expect("a Secret is accepted");
    let mut spec = retraining(poor_features(50), json!({ "minFeedbackRows": 60 }));
    spec["monitoring"] = json!({ "window": "10s", "minAnswers": 50 });
    let tokens = json!({ "name": "reviewers", "key": "token" });
    spec["serving"] = json!({ "feedback": { "tokenSecretRef": tokens, "randomShare": 1.0 } });
    apply_classifier(&world, "cards", spec).await;
    train(&world, run("first", "sample", poor_features(50))).await;
    until_champion(&world, "cards", "first").await;

    let correction = |number: usize| {
        let text = format!("They charged the yearly fee {number} times and the interest went up to {number} percent");
        json!({ "id": format!("ticket-{number}"), "text": text, "category": "Fees and interest" }).to_string() + "\n"
    };
    let corrections: String = (0..60).map(correction).collect();
    let taken = correct(&world, &corrections).await;
    assert_eq!(taken["taken"], 60);

    // Each was drawn, so they measure the accuracy. The server counts a request's corrections at once, so they are of one window.
    let agreed = taken["agreed"].as_f64().expect("a number");
    let measured = world
        .until::<ComplaintClassifier>("cards", "measured", |classifier| {
            let status = classifier.status.as_ref();
            let monitoring = status.and_then(|status| status.monitoring.as_ref());
            monitoring.is_some_and(|monitoring| monitoring.feedback_rows == 60)
        })
        .await;
    let monitoring = measured.status.and_then(|status| status.monitoring).expect("figures");
    let share = monitoring.measured_accuracy.expect("a share");
    assert!((share.value - agreed / 60.0).abs() < 1e-3, "{share:?}");

    // A run, which reads them.
    world.event("cards", "RetrainingStarted").await;
    let runs: Api<TrainingRun> = world.api();
    let made = runs
        .list(&ListParams::default().labels("complaints.dev/trigger=Feedback"))
        .await;
    let made = made.expect("a list").items;
    assert_eq!(made.len(), 1);
    let ended = until_ended(&world, &made[0].name_any()).await;
    let dataset = ended.status.and_then(|status| status.dataset).expect("data");
    assert!(dataset.feedback_rows.is_some_and(|rows| rows > 30), "{dataset:?}");
    let version: ModelVersion = world.api().get(&made[0].name_any()).await.expect("its version");
    let lineage = version.spec.lineage.expect("a lineage");
    assert!(lineage.dataset.feedback_sha256.is_some(), "{lineage:?}");
    let unread: ModelVersion = world.api().get("first").await.expect("the version before");
    assert_eq!(
        unread.spec.lineage.and_then(|lineage| lineage.dataset.feedback_sha256),
        None
    );
    world.close().await;
}
