//! No complaint leaves the server but in answers: neither in its log nor in its metrics, statistics and traces.

use axum::http::Request;
use bytes::Bytes;
use complaint_harness::collector::Collector;
use http_body_util::Full;
use serde_json::json;

use crate::client::{get, post_as, send};
use crate::collected::{TOKEN, correct_as};
use crate::model;
use crate::running::{Running, program};

const JSON: &str = "application/json";

/// Requests of every family that are answered, and that are refused in every way that has to do with what they hold. The
/// marks stand where a complaint stands, or where a client might put one by mistake.
fn requests() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let mark = |number: usize| format!("my card markedtext{number} was charged twice");
    let mut requests: Vec<(&str, &str, Vec<u8>)> = Vec::new();
    let mut add = |path, content_type, body: String| requests.push((path, content_type, body.into_bytes()));
    for (path, body) in [
        ("/predict", json!({ "text": mark(1) })),
        ("/predict", json!({ "texts": [mark(2), mark(3)] })),
        ("/explain", json!({ "text": mark(4) })),
        ("/predict/stream", json!({ "text": mark(5), "id": mark(6) })),
        (
            "/v1/models/cards:predict",
            json!({ "instances": [mark(7), { "text": mark(8) }] }),
        ),
        ("/v1/models/cards:explain", json!({ "instances": [mark(9)] })),
        (
            "/v2/models/cards/infer",
            json!({ "id": mark(10), "inputs": [{ "name": mark(11), "shape": [1], "datatype": "BYTES", "data": [mark(12)] }] }),
        ),
        (
            "/invocations",
            json!({ "dataframe_split": { "columns": ["text"], "data": [[mark(13)]] } }),
        ),
        ("/invocations", json!({ "inputs": [mark(14)] })),
        // Refused.
        ("/predict", json!({ "texts": mark(15) })),
        ("/predict", json!({ mark(16): mark(17) })),
        ("/predict", json!([mark(18)])),
        ("/predict", json!({ "text": mark(19).repeat(5_000) })),
        ("/predict", json!({ "text": mark(20), "topK": mark(21) })),
        ("/explain", json!({ "text": [mark(22)] })),
        ("/predict/stream", json!({ "text": { "a": mark(23) } })),
        ("/v1/models/cards:predict", json!({ "instances": [[mark(24)]] })),
        (
            "/v2/models/cards/infer",
            json!({ "inputs": [{ "name": mark(25), "shape": mark(26), "datatype": mark(27), "data": [mark(28)] }] }),
        ),
        (
            "/v2/models/cards/infer",
            json!({ "inputs": mark(29), "outputs": [{ "name": mark(30) }] }),
        ),
        ("/invocations", json!({ "instances": { "text": mark(31) } })),
        ("/invocations", json!({ "dataframe_records": [mark(32)] })),
        ("/v1/models/markedtext33:predict", json!({ "instances": [mark(33)] })),
        ("/markedtext34", json!({ "text": mark(34) })),
    ] {
        add(path, JSON, body.to_string());
    }
    add("/predict", JSON, mark(35));
    add("/predict", JSON, format!("{{\"text\": \"{}", mark(36)));
    add("/predict", "markedtext/37", mark(37));
    add("/invocations", "text/csv", format!("text\n{}\n", mark(38)));
    add("/invocations", "text/csv", format!("text,id\n{}\n", mark(39)));
    add("/invocations", "text/csv", format!("text\n\"{}\n", mark(40)));
    add(
        "/",
        "application/x-www-form-urlencoded",
        format!("text={}", mark(41).replace(' ', "+")),
    );
    add("/", "application/x-www-form-urlencoded", mark(42));
    let mut damaged = mark(43).into_bytes();
    damaged.push(0xff);
    requests.push(("/invocations", "text/csv", [b"text\n", &damaged[..], b"\n"].concat()));
    requests.push(("/predict", JSON, [b"{\"text\": \"", &damaged[..], b"\"}"].concat()));
    requests
}

/// Corrections that are taken and refused, with the status.
fn corrections() -> Vec<(&'static str, &'static str, String, u16)> {
    let row = |text: &str, category: &str| json!({ "text": text, "category": category, "by": "markedtext", "id": "markedtext" });
    let text = "my card markedtext was charged twice";
    let mut unknown = row(text, "Cards");
    unknown["markedtext"] = json!(1);
    vec![
        (TOKEN, JSON, row(text, "Cards").to_string(), 200),
        (TOKEN, "application/x-ndjson", row(text, "Loans").to_string(), 200),
        (TOKEN, JSON, row(text, "markedtext").to_string(), 400),
        (TOKEN, JSON, row(&text.repeat(5_000), "Cards").to_string(), 413),
        (TOKEN, JSON, row(" ", "markedtext").to_string(), 400),
        (TOKEN, JSON, unknown.to_string(), 400),
        (TOKEN, JSON, text.to_owned(), 400),
        (TOKEN, "markedtext/plain", text.to_owned(), 415),
        ("markedtext", JSON, row(text, "Cards").to_string(), 401),
    ]
}

#[tokio::test]
async fn no_text_is_in_the_log_the_metrics_the_statistics_or_the_traces() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("model.safetensors");
    std::fs::write(&path, model::estimating_file(model::LABELS).0).unwrap();
    let model = path.to_str().unwrap();
    let (store, tokens) = (directory.path().join("store"), directory.path().join("tokens"));
    std::fs::write(&tokens, TOKEN).unwrap();
    let collector = Collector::start();
    let mut server = Running::start_with(
        program()
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.endpoint)
            .args(["--model", model, "--name", "cards", "--log", "trace"])
            .args(["--abstain-below", "1", "--capture", "all"])
            .arg("--store")
            .arg(&store)
            .arg("--feedback-token-file")
            .arg(&tokens),
    );
    let mut statuses = Vec::new();
    for (path, content_type, body) in requests() {
        statuses.push(post_as(server.address, path, content_type, body).await.status.as_u16());
    }
    for (token, content_type, body, status) in corrections() {
        let answer = correct_as(server.address, Some(token), content_type, body.clone()).await;
        assert_eq!(answer.status, status, "{body}: {}", answer.text());
    }
    // What was captured is read, with a token and without one.
    for (token, status) in [(TOKEN, 200), ("markedtext", 401)] {
        let request = Request::get("/captured?which=all&limit=200")
            .header("host", "test")
            .header("x-feedback-token", token);
        let answer = send(server.address, request.body(Full::default()).unwrap()).await;
        assert_eq!(answer.status, status, "{}", answer.text());
    }
    // The store fails under the next ones.
    std::fs::remove_dir_all(&store).unwrap();
    std::fs::write(&store, "").unwrap();
    for status in [200, 400, 404, 413, 415] {
        assert!(statuses.contains(&status), "{statuses:?}");
    }
    // In what belongs to no body.
    for (header, path) in [
        ("x-request-id", "/v2/health/live"),
        ("user-agent", "/v2/health/ready?digest=markedtext"),
        ("content-encoding", "/predict?text=markedtext"),
        ("authorization", "/report"),
    ] {
        let request = Request::get(path)
            .header("host", "markedtext")
            .header(header, "a markedtext");
        send(
            server.address,
            request.body(Full::new(Bytes::from("markedtext"))).unwrap(),
        )
        .await;
    }
    let metrics = get(server.address, "/metrics").await;
    assert!(metrics.text().contains("predictions_total"));
    assert!(!metrics.text().contains("markedtext"), "{}", metrics.text());
    for (path, field) in [
        ("/statistics", "topProbability"),
        ("/statistics/sample", "probabilities"),
        ("/statistics/reference", "trainedMix"),
    ] {
        let answer = get(server.address, path).await;
        assert!(answer.text().contains(field), "{path}");
        assert!(
            !answer.text().contains("markedtext") && !answer.text().contains("charged"),
            "{path}"
        );
    }

    let lost = correct_as(server.address, Some(TOKEN), JSON, corrections()[0].2.clone()).await;
    assert_eq!(lost.status, 503, "{}", lost.text());
    server.signal("-TERM");
    assert_eq!(server.wait(), Some(0));
    assert!(server.log().contains("the store failed"), "{}", server.log());
    let spans = format!("{:?}", collector.spans());
    assert!(spans.contains("POST /v2/models/{model}/infer"), "{spans}");
    assert!(!spans.contains("markedtext"), "{spans}");
    let log = server.log();
    assert!(
        log.contains("request answered") && log.contains("request refused"),
        "{log}"
    );
    for words in ["markedtext", "charged"] {
        let lines: Vec<&str> = log.lines().filter(|line| line.contains(words)).collect();
        assert!(lines.is_empty(), "{lines:?}");
    }
    assert!(!server.rest_of_output().contains("markedtext"));
}
