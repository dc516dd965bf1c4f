//! Models in a bucket.

use complaint_harness::{Case, S3Server, Weed, tests};
use serde_json::json;

use crate::client::{get, post};
use crate::model::{self, CARDS};
use crate::running::{Running, program};

pub fn tests() -> Vec<Case> {
    tests![a_model_from_s3]
}

async fn a_model_from_s3(weed: Weed) {
    let (bytes, digest) = model::file();
    let report = json!({ "artifactSha256": digest }).to_string();
    let s3 = tokio::task::block_in_place(|| {
        let s3 = S3Server::start(&weed);
        s3.put("models", "cards/model.safetensors", &bytes);
        s3.put("models", "cards/report.json", report.as_bytes());
        s3
    });
    let digest_text = digest.prefixed();
    let with_secret = |secret: &str| {
        let mut command = program();
        command
            .envs(s3.variables())
            .env("AWS_SECRET_ACCESS_KEY", secret)
            .env("AWS_REGION", "us-east-1")
            .args([
                "--model",
                "s3://models/cards/model.safetensors",
                "--digest",
                &digest_text,
            ]);
        command
    };
    let server = Running::start_with(&mut with_secret("a-secret"));
    let answer = post(server.address, "/predict", &json!({ "text": CARDS })).await.json();
    assert_eq!(answer["category"], "Cards");
    assert_eq!(get(server.address, "/report").await.status, 200);

    let refused = with_secret("wrong").output().unwrap();
    let words = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{words}");
    assert!(
        words.contains("ModelUnavailable") && words.contains("may read"),
        "{words}"
    );
    assert!(!words.contains("a-secret"), "{words}");
}
