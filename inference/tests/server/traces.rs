//! Spans of requests, received by a collector.

use std::net::SocketAddr;
use std::process::Command;

use axum::http::Request;
use bytes::Bytes;
use complaint_harness::collector::{Collector, Received};
use http_body_util::Full;
use serde_json::json;

use crate::client::{Answer, get, post, send};
use crate::model;
use crate::running::{Running, program};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

fn command(directory: &tempfile::TempDir, endpoint: &str) -> Command {
    let path = directory.path().join("model.safetensors");
    std::fs::write(&path, model::file().0).unwrap();
    let mut command = program();
    command
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        .arg("--model")
        .arg(path)
        .args(["--name", "cards"]);
    command
}

async fn predict(address: SocketAddr, traceparent: &str) -> Answer {
    let request = Request::post("/predict")
        .header("host", "test")
        .header("content-type", "application/json")
        .header("x-request-id", "call-7")
        .header("traceparent", traceparent);
    let body = json!({ "text": "my card was charged twice" }).to_string();
    send(address, request.body(Full::new(Bytes::from(body))).unwrap()).await
}

/// Ends the server, which sends what is left, and gives the spans.
fn ended(mut server: Running, collector: &Collector) -> Vec<Received> {
    server.signal("-TERM");
    assert_eq!(server.wait(), Some(0), "{}", server.log());
    collector.spans()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_a_span_of_the_trace_that_it_names() {
    let (collector, directory) = (Collector::start(), tempfile::tempdir().unwrap());
    let server = Running::start_with(&mut command(&directory, &collector.endpoint));
    let answer = predict(server.address, &format!("00-{TRACE}-{PARENT}-01")).await;
    assert_eq!(answer.status, 200);
    let digest = answer.header("x-model-digest").to_owned();
    // Somebody decided against recording this one.
    predict(server.address, &format!("00-{TRACE}-00f067aa0ba902b7-00")).await;
    // These belong to no trace, so each is one.
    predict(server.address, "00-0-0-01").await;
    assert_eq!(get(server.address, "/nowhere?text=secret").await.status, 404);
    let refused = post(server.address, "/predict", &json!({ "texts": "none" })).await;
    assert_eq!(refused.status, 400);
    // Probes and scrapes are no spans.
    for path in ["/v2/health/live", "/v2/health/ready", "/metrics", "/ping"] {
        assert_eq!(get(server.address, path).await.status, 200, "{path}");
    }

    let spans = ended(server, &collector);
    assert_eq!(spans.len(), 4, "{spans:#?}");
    let first = &spans[0];
    assert_eq!((first.trace.as_str(), first.parent.as_str()), (TRACE, PARENT));
    assert_eq!(
        (first.service.as_str(), first.name.as_str()),
        ("complaint-inference", "POST /predict")
    );
    for (attribute, value) in [
        ("http.request.method", "POST"),
        ("http.route", "/predict"),
        ("http.response.status_code", "200"),
        ("complaints.request_id", "call-7"),
        ("complaints.model_digest", digest.as_str()),
    ] {
        assert_eq!(first.attributes[attribute], value, "{attribute}");
    }
    assert!(first.seconds > 0.0 && !first.failed);
    assert!(
        spans[1..]
            .iter()
            .all(|span| span.parent.is_empty() && span.trace != TRACE)
    );
    assert_eq!(spans[2].name, "GET unmatched");
    assert!(!format!("{spans:?}").contains("secret"));
    let refused = &spans[3].attributes;
    assert_eq!(refused["http.response.status_code"], "400");
    assert!(refused.contains_key("error.type") && !spans[3].failed, "{:?}", spans[3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_standard_variables_choose_what_is_recorded_and_under_which_name() {
    let (collector, directory) = (Collector::start(), tempfile::tempdir().unwrap());
    let server = Running::start_with(
        command(&directory, &collector.endpoint)
            .env("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
            .env("OTEL_TRACES_SAMPLER_ARG", "0")
            .env("OTEL_SERVICE_NAME", "cards"),
    );
    assert_eq!(predict(server.address, "").await.status, 200);
    assert_eq!(
        predict(server.address, &format!("00-{TRACE}-{PARENT}-01")).await.status,
        200
    );
    let spans = ended(server, &collector);
    assert_eq!(spans.len(), 1, "{spans:#?}");
    assert_eq!((spans[0].service.as_str(), spans[0].parent.as_str()), ("cards", PARENT));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_away_costs_its_spans_and_one_line() {
    let directory = tempfile::tempdir().unwrap();
    let address = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let mut server = Running::start_with(
        command(&directory, &format!("http://{address}")).env("OTEL_EXPORTER_OTLP_HEADERS", "api-key=marked-key"),
    );
    for _ in 0..3 {
        assert_eq!(predict(server.address, "").await.status, 200);
    }
    server.signal("-TERM");
    assert_eq!(server.wait(), Some(0));
    let log = server.log();
    assert_eq!(log.matches("traces can't be sent").count(), 1, "{log}");
    assert!(!log.contains("marked-key"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn variables_that_can_not_be_followed_are_told_and_the_server_starts() {
    let directory = tempfile::tempdir().unwrap();
    for (variable, value, told) in [
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "http/protobuf"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://a b", "no URL"),
    ] {
        let mut server = Running::start_with(command(&directory, "http://127.0.0.1:4318").env(variable, value));
        assert_eq!(predict(server.address, "").await.status, 200);
        server.signal("-TERM");
        assert_eq!(server.wait(), Some(0));
        let log = server.log();
        assert!(log.contains("there are no traces") && log.contains(told), "{log}");
    }
}
