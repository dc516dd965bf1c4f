//! Probes and metrics.

use complaint_model::Sha256Digest;
use serde_json::json;

use crate::client::{get, post};
use crate::model::CARDS;
use crate::started::Started;

#[tokio::test]
async fn readiness_is_for_one_digest() {
    let server = Started::new().await;
    let other = Sha256Digest::of_bytes(b"another model").prefixed();
    for (path, status) in [
        ("/v2/health/live".to_owned(), 200),
        ("/v2/health/ready".to_owned(), 200),
        (format!("/v2/health/ready?digest={}", server.digest.prefixed()), 200),
        (format!("/v2/health/ready?digest={}", server.digest), 200),
        (format!("/v2/health/ready?digest={other}"), 503),
        ("/v2/health/ready?digest=sha256:12".to_owned(), 400),
        ("/v2/health/ready?digest=".to_owned(), 400),
        ("/healthz".to_owned(), 404),
    ] {
        let answer = get(server.address, &path).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.text());
        assert_eq!(answer.header("x-model-digest"), server.digest.prefixed(), "{path}");
    }
    let refused = get(server.address, &format!("/v2/health/ready?digest={other}")).await;
    let message = refused.json()["error"].to_string();
    assert!(
        message.contains(&server.digest.to_string()) && message.contains(&other),
        "{message}"
    );
}

#[tokio::test]
async fn a_draining_server_is_alive_but_not_ready() {
    let server = Started::new().await;
    server.app.start_draining();
    assert_eq!(get(server.address, "/v2/health/live").await.status, 200);
    for path in ["/v2/health/ready", "/v2/models/cards/ready", "/ping"] {
        assert_eq!(get(server.address, path).await.status, 503, "{path}");
    }
    let answer = post(server.address, "/predict", &json!({ "text": CARDS })).await;
    assert_eq!(answer.status, 200, "requests are still answered");
}

#[tokio::test]
async fn metrics_count_requests_and_answers_without_unbounded_labels() {
    let server = Started::new().await;
    post(server.address, "/predict", &json!({ "text": CARDS })).await;
    post(server.address, "/predict", &json!({ "text": 1 })).await;
    for path in ["/a", "/b", "/v2/models/x", "/v2/models/y"] {
        get(server.address, path).await;
    }
    let answer = get(server.address, "/metrics").await;
    assert!(
        answer
            .header("content-type")
            .starts_with("application/openmetrics-text")
    );
    let text = answer.text();
    let digest = server.digest.prefixed();
    for line in [
        "complaint_inference_requests_total{route=\"/predict\",status=\"200\"} 1",
        "complaint_inference_requests_total{route=\"/predict\",status=\"400\"} 1",
        "complaint_inference_requests_total{route=\"unmatched\",status=\"404\"} 2",
        "complaint_inference_requests_total{route=\"/v2/models/{model}\",status=\"404\"} 2",
        "complaint_inference_request_duration_seconds_count{route=\"/predict\",status=\"200\"} 1",
        "complaint_inference_predictions_total{category=\"Cards\"} 1",
        "complaint_inference_predictions_total{category=\"Loans\"} 0",
        "complaint_inference_prediction_probability_count 1",
        "complaint_inference_unknown_word_share_count 1",
        &format!("complaint_inference_model_info{{name=\"cards\",digest=\"{digest}\"}} 1"),
        "# EOF",
    ] {
        assert!(text.lines().any(|l| l == line), "missing {line} in\n{text}");
    }
}
