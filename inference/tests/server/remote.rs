//! Models from `http://`.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use complaint_model::Sha256Digest;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::client::{get, post};
use crate::model::{self, CARDS};
use crate::running::{Running, program};

/// A web server with a few files, which counts what it is asked and can fail.
#[derive(Clone, Default)]
pub struct Files(Arc<Mutex<Shelf>>);

#[derive(Default)]
struct Shelf {
    files: HashMap<String, Vec<u8>>,
    asked: HashMap<String, usize>,
    /// How many requests are still answered 503.
    failures: usize,
    /// Paths that are answered 403.
    denied: HashSet<String>,
}

impl Files {
    pub async fn serve(files: &[(&str, Vec<u8>)], failures: usize) -> (Self, SocketAddr) {
        let shelf = Self::default();
        {
            let mut shelf = shelf.0.lock().unwrap();
            shelf.failures = failures;
            shelf.denied.insert("/denied".to_owned());
            shelf.files = files
                .iter()
                .map(|(path, bytes)| ((*path).to_owned(), bytes.clone()))
                .collect();
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().fallback(answer).with_state(shelf.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (shelf, address)
    }

    pub fn put(&self, path: &str, bytes: Vec<u8>) {
        self.0.lock().unwrap().files.insert(path.to_owned(), bytes);
    }

    pub fn deny(&self, path: &str) {
        self.0.lock().unwrap().denied.insert(path.to_owned());
    }

    pub fn asked(&self, path: &str) -> usize {
        self.0.lock().unwrap().asked.get(path).copied().unwrap_or_default()
    }
}

async fn answer(State(files): State<Files>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let mut shelf = files.0.lock().unwrap();
    *shelf.asked.entry(path.clone()).or_default() += 1;
    if shelf.failures > 0 {
        shelf.failures -= 1;
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    if shelf.denied.contains(&path) {
        return StatusCode::FORBIDDEN.into_response();
    }
    if path == "/stalled" {
        let stalled = Body::from_stream(futures::stream::pending::<Result<bytes::Bytes, std::io::Error>>());
        return ([("content-length", "100")], stalled).into_response();
    }
    match shelf.files.get(&path) {
        Some(bytes) => bytes.clone().into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn category(address: SocketAddr) -> Value {
    post(address, "/predict", &json!({ "text": CARDS })).await.json()["category"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_model_from_the_web_is_fetched_once_and_kept() {
    let (bytes, digest) = model::file();
    let report = json!({ "artifactSha256": digest }).to_string().into_bytes();
    let files = [("/m/model.safetensors", bytes.clone()), ("/m/report.json", report)];
    let (shelf, address) = Files::serve(&files, 2).await;
    let directory = TempDir::new().unwrap();
    let cache = directory.path().join("cache");
    let url = format!("http://{address}/m/model.safetensors");
    let digest_text = digest.prefixed();
    let arguments = [
        "--model",
        &url,
        "--digest",
        &digest_text,
        "--cache",
        cache.to_str().unwrap(),
    ];

    let server = Running::start(&arguments);
    assert_eq!(shelf.asked("/m/model.safetensors"), 3, "two failures, then the model");
    assert_eq!(category(server.address).await, "Cards");
    assert_eq!(get(server.address, "/report").await.status, 200);
    drop(server);

    let again = Running::start(&arguments);
    assert_eq!(category(again.address).await, "Cards");
    assert_eq!(get(again.address, "/report").await.status, 200);
    assert_eq!(shelf.asked("/m/model.safetensors"), 3, "from the cache");
    drop(again);

    let kept = cache.join(digest.to_string()).join("model.safetensors");
    std::fs::write(&kept, &bytes[..100]).unwrap();
    let mended = Running::start(&arguments);
    assert!(mended.log().contains("damaged"), "{}", mended.log());
    assert_eq!(category(mended.address).await, "Cards");
    assert_eq!(shelf.asked("/m/model.safetensors"), 4, "fetched again");
    assert_eq!(std::fs::read(kept).unwrap(), bytes);
}

/// The exit code and the termination log of a start that fails.
fn failure(url: &str, digest: &str, extra: &[&str]) -> (Option<i32>, Value) {
    let log = tempfile::NamedTempFile::new().unwrap();
    let arguments = ["--model", url, "--digest", digest, "--bind", "127.0.0.1:0"];
    let output = program()
        .args(arguments)
        .args(extra)
        .arg("--termination-log")
        .arg(log.path())
        .output()
        .unwrap();
    let last = std::fs::read(log.path()).unwrap();
    (output.status.code(), serde_json::from_slice(&last).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_failure_to_fetch_says_what_to_do() {
    let (bytes, digest) = model::file();
    let (_shelf, address) = Files::serve(&[("/model", bytes), ("/garbage", b"garbage".to_vec())], 0).await;
    let closed = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let url = |path: &str| format!("http://{address}{path}");
    let digest = digest.prefixed();
    let garbage = Sha256Digest::of_bytes(b"garbage").prefixed();
    type Case<'a> = (&'a str, String, &'a str, &'a [&'a str], i32, &'a str, &'a str);
    let cases: [Case; 7] = [
        (
            "absent",
            url("/absent"),
            &digest,
            &[],
            1,
            "ModelNotFound",
            "Check the address",
        ),
        (
            "denied",
            url("/denied"),
            &digest,
            &[],
            1,
            "ModelUnavailable",
            "Use a public address",
        ),
        (
            "other bytes",
            url("/garbage"),
            &digest,
            &[],
            65,
            "DigestMismatch",
            "correct --digest",
        ),
        (
            "no model",
            url("/garbage"),
            &garbage,
            &[],
            65,
            "CorruptArtifact",
            "damaged",
        ),
        (
            "too large",
            url("/model"),
            &digest,
            &["--max-model-bytes", "1000"],
            64,
            "ModelTooLarge",
            "--max-model-bytes",
        ),
        (
            "nobody there",
            format!("http://{closed}/model"),
            &digest,
            &["--fetch-timeout", "300ms"],
            1,
            "ModelUnavailable",
            "",
        ),
        (
            "stalled",
            url("/stalled"),
            &digest,
            &["--fetch-timeout", "300ms"],
            1,
            "ModelUnavailable",
            "",
        ),
    ];
    for (name, url, digest, extra, code, reason, words) in cases {
        let begun = Instant::now();
        let (found, last) = failure(&url, digest, extra);
        assert!(
            begun.elapsed() < Duration::from_secs(10),
            "{name} took {:?}",
            begun.elapsed()
        );
        assert_eq!(found, Some(code), "{name}: {last}");
        assert_eq!(last["error"]["reason"], reason, "{name}: {last}");
        let message = last["error"]["message"].as_str().unwrap();
        assert!(message.contains(words) && message.contains(&url), "{name}: {message}");
    }
}
