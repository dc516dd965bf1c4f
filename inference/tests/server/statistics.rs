//! What the server counts of its answers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::http::{Method, Request};
use bytes::Bytes;
use complaint_contract::segments::FEEDBACK_PATH;
use complaint_contract::statistics::{ReferenceProfile, SLOTS_PER_WINDOW, Sample, Statistics, paths};
use complaint_inference::core::memory::Held;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::client::{get, post, post_as, send};
use crate::model::{self, CARDS, LABELS, LOANS};
use crate::reload::{metric, reloads, replace};
use crate::running::{Running, program};
use crate::started::Started;

/// The statistics, which are always consistent.
async fn statistics(address: SocketAddr) -> Statistics {
    let answer = get(address, paths::STATISTICS).await;
    assert_eq!(answer.status, 200);
    let statistics: Statistics = serde_json::from_slice(&answer.body).unwrap();
    assert!(statistics.is_consistent(), "{}", answer.text());
    let total = &statistics.total;
    assert_eq!(total.latency.iter().sum::<u64>(), total.requests);
    for list in [&total.top_probability, &total.unknown_words] {
        assert_eq!(list.iter().sum::<u64>(), total.answered());
    }
    statistics
}

async fn sample(address: SocketAddr) -> Sample {
    serde_json::from_slice(&get(address, paths::SAMPLE).await.body).unwrap()
}

/// A program that serves this model.
fn running(directory: &TempDir, bytes: &[u8], arguments: &[&str]) -> Running {
    let path = directory.path().join("model.safetensors");
    std::fs::write(&path, bytes).unwrap();
    Running::start(&[&["--model", path.to_str().unwrap(), "--name", "cards"], arguments].concat())
}

#[tokio::test]
async fn every_protocol_is_counted_and_nothing_else() {
    let server = Started::with(&["--abstain-below", "0.9999"]).await;
    let address = server.address;
    let mut expected = (0, 0);
    for (path, body, texts) in [
        ("/predict", json!({ "text": CARDS }), 1),
        ("/predict", json!({ "texts": [CARDS, LOANS, CARDS] }), 3),
        ("/explain", json!({ "text": LOANS }), 1),
        ("/predict/stream", json!({ "text": CARDS }), 1),
        (
            "/v1/models/cards:predict",
            json!({ "instances": [CARDS, { "text": LOANS }] }),
            2,
        ),
        ("/v1/models/cards:explain", json!({ "instances": [LOANS] }), 1),
        (
            "/v2/models/cards/infer",
            json!({ "inputs": [{ "name": "text", "shape": [2], "datatype": "BYTES", "data": [CARDS, CARDS] }] }),
            2,
        ),
        ("/invocations", json!({ "inputs": [CARDS, LOANS] }), 2),
        ("/endpoints/cards/invocations", json!({ "instances": [CARDS] }), 1),
        // Refused: requests without answers.
        ("/predict", json!({ "text": "" }), 0),
        ("/predict", json!({ "texts": [CARDS, " "] }), 0),
        ("/v1/models/other:predict", json!({ "instances": [CARDS] }), 0),
    ] {
        post(address, path, &body).await;
        expected = (expected.0 + 1, expected.1 + texts);
        let total = statistics(address).await.total;
        assert_eq!((total.requests, total.answered()), expected, "{path} {body}");
    }
    let lines = format!(
        "{}\n\n{}\nno json\n",
        json!({ "text": CARDS }),
        json!({ "text": LOANS })
    );
    post_as(address, "/predict/stream", "application/x-ndjson", lines).await;
    post_as(
        address,
        "/",
        "application/x-www-form-urlencoded",
        format!("text={}", CARDS.replace(' ', "+")),
    )
    .await;
    post_as(address, "/invocations", "text/csv", format!("text\n{CARDS}\n")).await;
    expected = (expected.0 + 3, expected.1 + 4);

    for path in [
        "/",
        "/metrics",
        "/v2/health/live",
        "/v2/health/ready",
        "/v2/models/cards",
        "/predict",
        "/nothing",
    ] {
        get(address, path).await;
    }
    post(address, "/nothing", &json!({ "text": CARDS })).await;
    let counted = statistics(address).await;
    assert_eq!((counted.total.requests, counted.total.answered()), expected);
    assert_eq!(counted.total.errors, 0, "a client's mistake is no error of the server");
    assert_eq!(counted.labels, LABELS);
    assert_eq!(
        (
            counted.total.answers[0],
            counted.total.answers[1],
            counted.total.answers[2]
        ),
        (12, 6, 0)
    );
    assert_eq!(counted.total.needs_review, expected.1, "no answer is that sure");
    assert_eq!(counted.digest, server.digest);
}

/// Whoever adds a route that answers texts makes the statistics count it.
#[tokio::test]
async fn a_post_to_any_documented_path_is_a_request() {
    let server = Started::new().await;
    let document = get(server.address, "/openapi.json").await.json();
    let mut posts = 0;
    for (path, operations) in document["paths"].as_object().unwrap() {
        let real = path
            .replace("{model}", "cards")
            .replace("{version}", &server.digest.to_string());
        for method in operations.as_object().unwrap().keys() {
            let before = statistics(server.address).await.total.requests;
            let method: Method = method.to_uppercase().parse().unwrap();
            // What people say about complaints asks for no answers.
            let counts = u64::from(method == Method::POST && path != FEEDBACK_PATH);
            posts += counts;
            let request = Request::builder().method(method).uri(&real).header("host", "test");
            send(server.address, request.body(Full::default()).unwrap()).await;
            let after = statistics(server.address).await.total.requests;
            assert_eq!(after - before, counts, "{path}");
        }
    }
    assert!(posts > 5);
}

/// Sends requests over one connection: the first with one text, the next with two, then three, then one.
async fn requests(address: SocketAddr, count: usize) {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    let connection = tokio::spawn(connection);
    for number in 0..count {
        let texts = [CARDS, LOANS, CARDS];
        let body = json!({ "texts": texts[..=number % 3] }).to_string();
        let request = Request::post("/predict")
            .header("host", "test")
            .header("content-type", "application/json");
        let answer = sender
            .send_request(request.body(Full::new(Bytes::from(body))).unwrap())
            .await
            .unwrap();
        assert_eq!(answer.status(), 200);
        answer.into_body().collect().await.unwrap();
    }
    drop(sender);
    let _ = connection.await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_connections_to_many_threads_lose_no_count() {
    const CONNECTIONS: u64 = 24;
    const EACH: u64 = 300;
    let directory = TempDir::new().unwrap();
    // A short window, whose slots change while the requests come.
    const WINDOW: Duration = Duration::from_secs(30);
    let (bytes, _) = model::estimating_file(LABELS);
    let server = running(&directory, &bytes, &["--threads", "6", "--statistics-window", "30s"]);
    let (address, started) = (server.address, Instant::now());
    let done = Arc::new(AtomicBool::new(false));
    let reading = tokio::spawn({
        let done = Arc::clone(&done);
        async move {
            let (mut before, mut reads) = (0, 0);
            while !done.load(Ordering::Relaxed) || reads < 2 {
                let total = statistics(address).await.total;
                assert!(total.requests >= before, "counts never fall");
                (before, reads) = (total.requests, reads + 1);
            }
        }
    });
    let clients: Vec<_> = (0..CONNECTIONS)
        .map(|_| tokio::spawn(requests(address, EACH as usize)))
        .collect();
    for client in clients {
        client.await.unwrap();
    }
    done.store(true, Ordering::Relaxed);
    reading.await.unwrap();

    let counted = statistics(address).await;
    assert_eq!(counted.total.requests, CONNECTIONS * EACH);
    assert_eq!(
        counted.total.answers,
        [4, 2, 0].map(|texts| CONNECTIONS * EACH / 3 * texts)
    );
    let sum: f64 = counted.total.probability.iter().sum();
    let answered = counted.total.answered() as f64;
    assert!((sum - answered).abs() < 1e-3 * answered, "{sum} of {answered}");
    assert!(counted.total.won_probability[0] > 0.5 * counted.total.answers[0] as f64);
    let slots = counted.slots.iter();
    assert!(slots.clone().is_sorted_by_key(|slot| slot.number));
    let in_slots: u64 = slots.map(|slot| slot.counts.requests).sum();
    // Slots go only after two windows, of which the first had begun already.
    if started.elapsed() < WINDOW {
        assert_eq!(in_slots, counted.total.requests);
    }
    assert!(in_slots <= counted.total.requests);

    let sample = sample(address).await;
    assert_eq!((&sample.instance, sample.digest), (&counted.instance, counted.digest));
    let answers: u64 = sample.windows.iter().map(|window| window.answers).sum();
    assert!(
        answers == counted.total.answered() || sample.windows.len() == 2,
        "{answers}"
    );
    for window in &sample.windows {
        assert_eq!(window.rows.len() as u64, window.answers.min(2_000));
        for row in &window.rows {
            let sum: u32 = row
                .probabilities
                .iter()
                .map(|&probability| u32::from(probability))
                .sum();
            assert!(row.answer < 2 && sum.abs_diff(65_535) <= 3, "{row:?}");
        }
    }
    let metrics = get(address, "/metrics").await;
    let estimated = |name: &str, category: &str| -> f64 {
        let start = format!("complaint_inference_{name}_total{{category=\"{category}\"}} ");
        let line = metrics.text().lines().find_map(|line| line.strip_prefix(&start));
        line.unwrap_or_else(|| panic!("no {start}")).parse().unwrap()
    };
    assert_eq!(estimated("estimated_answers", "Loans"), counted.total.probability[1]);
    assert_eq!(
        estimated("estimated_correct", "Loans"),
        counted.total.won_probability[1]
    );
}

#[tokio::test]
async fn counts_move_on_from_slot_to_slot() {
    let directory = TempDir::new().unwrap();
    let server = running(&directory, &model::file().0, &["--statistics-window", "10s"]);
    let ask = async {
        loop {
            post(server.address, "/predict", &json!({ "text": CARDS })).await;
            let counted = statistics(server.address).await;
            if counted.slots.len() > 2 {
                return counted;
            }
        }
    };
    let counted = timeout(Duration::from_secs(10), ask).await.unwrap();
    assert_eq!(counted.window_milliseconds, 10_000);
    let newest = counted.slots.last().unwrap().number;
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_millis() as u64;
    assert!(
        (now * SLOTS_PER_WINDOW / 10_000).abs_diff(newest) < SLOTS_PER_WINDOW,
        "slots count from 1970"
    );
    let requests: u64 = counted.slots.iter().map(|slot| slot.counts.requests).sum();
    assert_eq!(requests, counted.total.requests);
    assert!(
        counted.start_time <= counted.time && counted.time.ends_with('Z'),
        "{}",
        counted.time
    );
}

#[test]
fn a_window_that_makes_no_sense_is_refused() {
    for window in ["9s", "32d", "1w", "0", ""] {
        let output = program()
            .args(["--model", "unused", "--statistics-window", window])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(64), "{window}");
        let message = String::from_utf8(output.stderr).unwrap();
        assert!(message.contains("--statistics-window"), "{message}");
    }
}

#[tokio::test]
async fn another_model_begins_anew() {
    let directory = TempDir::new().unwrap();
    let server = running(&directory, &model::file().0, &[]);
    let address = server.address;
    post(address, "/predict", &json!({ "text": CARDS })).await;
    let first = statistics(address).await;
    assert_eq!(first.total.answered(), 1);
    assert_eq!(get(address, paths::REFERENCE).await.status, 404);

    server.signal("-HUP");
    metric(address, &reloads("unchanged", 1)).await;
    assert_eq!(
        statistics(address).await.instance,
        first.instance,
        "the same model goes on"
    );

    let (second, digest) = model::estimating_file(["Plastic", "Credits", "Wires"]);
    replace(&directory.path().join("model.safetensors"), &second);
    server.signal("-HUP");
    metric(address, &reloads("swapped", 1)).await;
    let anew = statistics(address).await;
    assert_eq!((anew.digest, anew.total.answered(), anew.slots.len()), (digest, 0, 0));
    assert_eq!(anew.labels, ["Plastic", "Credits", "Wires"]);
    for instance in [&first.instance, &anew.instance] {
        let digits = instance.bytes().all(|digit| b"0123456789abcdef".contains(&digit));
        assert!(instance.len() == 16 && digits, "{instance}");
    }
    assert_ne!(anew.instance, first.instance);
    assert_eq!(get(address, paths::REFERENCE).await.status, 200);
    post(address, "/predict", &json!({ "text": CARDS })).await;
    assert_eq!(sample(address).await.windows[0].rows.len(), 1);
    metric(
        address,
        "complaint_inference_estimated_correct_total{category=\"Wires\"} 0.0",
    )
    .await;
}

#[tokio::test]
async fn the_reference_is_that_of_the_model() {
    let server = Started::estimating().await;
    let answer = get(server.address, paths::REFERENCE).await;
    let reference: ReferenceProfile = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(reference, model::reference());
    assert_eq!(answer.header("content-type"), "application/json");
    let measured = "complaint_inference_reference_accuracy{source=\"measured\"} 0.8";
    metric(server.address, measured).await;

    let server = Started::new().await;
    post(server.address, "/predict", &json!({ "text": CARDS })).await;
    let missing = get(server.address, paths::REFERENCE).await;
    assert_eq!(
        (missing.status.as_u16(), missing.json()["error"]["code"].clone()),
        (404, json!("NoReferenceProfile"))
    );
    assert_eq!(statistics(server.address).await.total.probability, [0.0; 3]);
    let sample = sample(server.address).await;
    assert_eq!((sample.windows[0].answers, sample.windows[0].rows.len()), (1, 0));
    let metrics = get(server.address, "/metrics").await;
    assert!(!metrics.text().contains("estimated_"), "{}", metrics.text());
}

#[tokio::test]
async fn statistics_need_no_token_and_are_told_until_the_end() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "secret-1\n").unwrap();
    let server = Started::with(&["--token-file", file.path().to_str().unwrap()]).await;
    post(server.address, "/predict", &json!({ "text": CARDS })).await;
    let total = statistics(server.address).await.total;
    assert_eq!(
        (total.requests, total.answered()),
        (1, 0),
        "refused for want of a token"
    );
    for draining in [false, true] {
        if draining {
            server.app.start_draining();
        }
        for (path, status) in [(paths::STATISTICS, 200), (paths::SAMPLE, 200), (paths::REFERENCE, 404)] {
            let answer = get(server.address, path).await;
            assert_eq!(answer.status, status, "{path}");
            let request = Request::head(path).header("host", "test");
            let head = send(server.address, request.body(Full::default()).unwrap()).await;
            assert_eq!((head.status.as_u16(), head.body.len()), (status, 0), "{path}");
            let refused = post(server.address, path, &Value::Null).await;
            assert_eq!(refused.status, 405, "{path}");
            assert_eq!(refused.header("allow"), "GET,HEAD");
        }
    }
}

#[tokio::test]
async fn nothing_is_counted_where_counting_is_off() {
    let server = Started::with(&["--without-statistics"]).await;
    post(server.address, "/predict", &json!({ "text": CARDS })).await;
    let counted = statistics(server.address).await;
    assert!(counted.total.is_empty() && counted.slots.is_empty());
    assert!(sample(server.address).await.windows.is_empty());
}

#[tokio::test]
async fn a_sample_counts_against_the_memory_that_answers_share() {
    let server = Started::estimating().await;
    for _ in 0..3 {
        assert_eq!(get(server.address, paths::SAMPLE).await.status, 200);
    }
    let mut held = Held::default();
    server.app.memory.grow(&mut held, usize::MAX).unwrap();
    let refused = get(server.address, paths::SAMPLE).await;
    assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (429, "1"));
    assert_eq!(
        get(server.address, paths::STATISTICS).await.status,
        200,
        "small answers always pass"
    );
    drop(held);
    assert_eq!(get(server.address, paths::SAMPLE).await.status, 200);
}
