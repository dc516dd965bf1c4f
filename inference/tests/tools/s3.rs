//! Models in a bucket.

use complaint_contract::segments::{CapturedAnswer, Correction};
use complaint_harness::{Case, S3Server, Weed, tests};
use http_body_util::Full;
use serde_json::json;

use crate::client::{get, post, send};
use crate::collected::{Place, TOKEN, correct, read, until_series};
use crate::model::{self, CARDS, LOANS};
use crate::running::{Running, program};

pub fn tests() -> Vec<Case> {
    tests![a_model_from_s3, corrections_and_captured_answers_in_a_bucket]
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

async fn corrections_and_captured_answers_in_a_bucket(weed: Weed) {
    let s3 = tokio::task::block_in_place(|| S3Server::start(&weed));
    let place = Place::new();
    let start = |key: &str| {
        let mut command = place.taking("s3://collected/default/cards");
        command
            .envs(s3.variables())
            .env("AWS_ACCESS_KEY_ID", key)
            .env("AWS_REGION", "us-east-1");
        Running::start_with(command.args(["--capture", "all"]))
    };
    tokio::task::block_in_place(|| s3.put("collected", "made", b""));
    let mut server = start("key");
    for number in 0..3 {
        let row = json!({ "text": CARDS, "category": "Cards", "id": number.to_string() });
        let answer = correct(server.address, &row).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    post(server.address, "/predict", &json!({ "text": CARDS })).await;
    server.signal("-KILL");
    server.wait();
    let rows = |folder: &str| -> Vec<(String, Vec<u8>)> {
        tokio::task::block_in_place(|| {
            let keys = s3.list("collected").into_iter();
            let of_folder = keys.filter(|key| key.starts_with(&format!("default/cards/{folder}/")));
            of_folder
                .map(|key| (key.clone(), s3.get("collected", &key).unwrap()))
                .collect()
        })
    };
    let objects = rows("feedback");
    assert_eq!(objects.len(), 3, "each acknowledged request is an object: {objects:?}");
    let kept: Vec<Correction> = objects.iter().flat_map(|(_, bytes)| read(bytes)).collect();
    assert_eq!(
        kept.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(),
        ["0", "1", "2"]
    );

    let mut server = start("key");
    post(server.address, "/predict", &json!({ "text": CARDS })).await;
    server.signal("-TERM");
    assert_eq!(server.wait(), Some(0));
    let captured: Vec<CapturedAnswer> = rows("capture").iter().flat_map(|(_, bytes)| read(bytes)).collect();
    assert_eq!(
        captured.iter().map(|row| row.text.as_str()).collect::<Vec<_>>(),
        [CARDS]
    );

    let list = async |server: &Running| {
        let request = axum::http::Request::get("/captured?which=all")
            .header("host", "test")
            .header("x-feedback-token", TOKEN);
        send(server.address, request.body(Full::default()).unwrap()).await
    };
    let server = start("key");
    let decided = list(&server).await;
    assert_eq!(
        (decided.status.as_u16(), &decided.json()["rows"]),
        (200, &json!([])),
        "it was corrected"
    );
    post(server.address, "/predict", &json!({ "text": LOANS })).await;
    until_series(server.address, "captured_total", |count| count == 1).await;
    let waiting = list(&server).await.json();
    assert_eq!(
        (&waiting["rows"][0]["text"], &waiting["complete"]),
        (&json!(LOANS), &json!(true))
    );
    drop(server);

    // A key that may not write refuses corrections, and answers go on.
    let server = start("stranger");
    let unread = list(&server).await;
    assert_eq!(
        (unread.status.as_u16(), &unread.json()["error"]["code"]),
        (503, &json!("NotRead"))
    );
    let refused = correct(server.address, &json!({ "text": CARDS, "category": "Cards" })).await;
    assert_eq!(
        (refused.status.as_u16(), &refused.json()["error"]["code"]),
        (503, &json!("NotKept"))
    );
    assert!(
        refused.text().contains("403") && !refused.text().contains("a-secret"),
        "{}",
        refused.text()
    );
    assert_eq!(
        post(server.address, "/predict", &json!({ "text": CARDS })).await.status,
        200
    );
}
