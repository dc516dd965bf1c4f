//! SIGHUP takes a new model without losing a request.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::timeout;

use crate::client::{get, post};
use crate::model::{self, CARDS, LABELS};
use crate::running::Running;

const OTHER: [&str; 3] = ["Plastic", "Credits", "Wires"];

/// Waits until the metrics have this line.
pub async fn metric(address: SocketAddr, line: &str) {
    let waiting = async {
        while !get(address, "/metrics").await.text().lines().any(|l| l == line) {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(10), waiting)
        .await
        .unwrap_or_else(|_| panic!("never: {line}"));
}

pub fn reloads(outcome: &str, count: u32) -> String {
    format!("complaint_inference_model_reloads_total{{outcome=\"{outcome}\"}} {count}")
}

/// Replaces a file in one step, as a careful administrator does.
pub fn replace(path: &Path, bytes: &[u8]) {
    let beside = path.with_extension("new");
    std::fs::write(&beside, bytes).unwrap();
    std::fs::rename(beside, path).unwrap();
}

async fn category(address: SocketAddr) -> Value {
    post(address, "/predict", &json!({ "text": CARDS })).await.json()["category"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_model_takes_over_under_load_and_a_bad_one_does_not() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("model.safetensors");
    let (first, first_digest) = model::file();
    let (second, second_digest) = model::file_with(OTHER);
    std::fs::write(&path, first).unwrap();
    let server = Running::start(&["--model", path.to_str().unwrap()]);
    let address = server.address;
    assert_eq!(server.line["modelDigest"], first_digest.prefixed());
    assert_eq!(category(address).await, LABELS[0]);

    let done = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let done = Arc::clone(&done);
            tokio::spawn(async move {
                let mut seen = [0, 0];
                while !done.load(Ordering::Relaxed) || seen[1] == 0 {
                    let answer = post(address, "/predict", &json!({ "text": CARDS })).await;
                    assert_eq!(answer.status, 200);
                    let model = usize::from(answer.json()["category"] == OTHER[0]);
                    let digest = [first_digest, second_digest][model].prefixed();
                    assert_eq!(answer.json()["category"], [LABELS[0], OTHER[0]][model]);
                    assert_eq!(
                        answer.header("x-model-digest"),
                        digest,
                        "one model answers all of a request"
                    );
                    assert_eq!(answer.json()["modelDigest"], digest);
                    assert!(model == 1 || seen[1] == 0, "the old model does not come back");
                    seen[model] += 1;
                }
                seen
            })
        })
        .collect();

    replace(&path, b"not a model");
    server.signal("-HUP");
    metric(address, &reloads("refused", 1)).await;
    assert_eq!(category(address).await, LABELS[0], "the model in service stays");
    assert!(server.log().contains("the one in service stays"), "{}", server.log());

    replace(&path, &second);
    std::fs::write(
        directory.path().join("report.json"),
        json!({ "artifactSha256": second_digest }).to_string(),
    )
    .unwrap();
    server.signal("-HUP");
    metric(address, &reloads("swapped", 1)).await;
    assert_eq!(category(address).await, OTHER[0]);
    assert_eq!(get(address, "/report").await.status, 200, "the report came with it");
    for (digest, status) in [(first_digest, 503), (second_digest, 200)] {
        let ready = format!("/v2/health/ready?digest={}", digest.prefixed());
        assert_eq!(get(address, &ready).await.status, status);
    }
    let digest = second_digest.prefixed();
    metric(
        address,
        &format!("complaint_inference_model_info{{name=\"complaints\",digest=\"{digest}\"}} 1"),
    )
    .await;
    assert!(!get(address, "/metrics").await.text().contains(&first_digest.prefixed()));

    server.signal("-HUP");
    metric(address, &reloads("unchanged", 1)).await;
    done.store(true, Ordering::Relaxed);
    for client in clients {
        let seen = client.await.unwrap();
        assert!(seen.iter().all(|&count| count > 0), "{seen:?}");
    }
}

#[tokio::test]
async fn the_digest_file_decides_which_model_may_take_over() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("model.safetensors");
    let digest_file = directory.path().join("model.sha256");
    let (first, first_digest) = model::file();
    let (second, second_digest) = model::file_with(OTHER);
    std::fs::write(&path, first).unwrap();
    std::fs::write(&digest_file, format!("{first_digest}  model.safetensors\n")).unwrap();
    let (model, digests) = (path.to_str().unwrap(), digest_file.to_str().unwrap());
    let server = Running::start(&["--model", model, "--digest-file", digests]);

    replace(&path, &second);
    server.signal("-HUP");
    metric(server.address, &reloads("refused", 1)).await;
    assert_eq!(
        category(server.address).await,
        LABELS[0],
        "nobody has promised this model"
    );

    replace(&digest_file, second_digest.prefixed().as_bytes());
    server.signal("-HUP");
    metric(server.address, &reloads("swapped", 1)).await;
    assert_eq!(category(server.address).await, OTHER[0]);

    replace(&digest_file, b"gone wrong");
    server.signal("-HUP");
    metric(server.address, &reloads("refused", 2)).await;
    assert!(server.log().contains("DigestUnreadable"), "{}", server.log());
}

#[tokio::test]
async fn a_fixed_digest_takes_no_other_model() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("model.safetensors");
    let (first, first_digest) = model::file();
    std::fs::write(&path, first).unwrap();
    let server = Running::start(&["--model", path.to_str().unwrap(), "--digest", &first_digest.prefixed()]);
    server.signal("-HUP");
    metric(server.address, &reloads("unchanged", 1)).await;
    replace(&path, &model::file_with(OTHER).0);
    server.signal("-HUP");
    metric(server.address, &reloads("refused", 1)).await;
    assert_eq!(category(server.address).await, LABELS[0]);
}
