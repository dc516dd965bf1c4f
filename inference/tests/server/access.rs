//! Tokens and the report.

use axum::http::Request;
use bytes::Bytes;
use http_body_util::Full;
use serde_json::json;

use crate::client::{get, post, send};
use crate::model::CARDS;
use crate::started::Started;

#[tokio::test]
async fn with_tokens_only_probes_are_open() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "secret-1\n").unwrap();
    let server = Started::with(&["--token-file", file.path().to_str().unwrap()]).await;
    for path in [
        "/v2/health/live",
        "/v2/health/ready",
        "/metrics",
        "/statistics",
        "/ping",
        "/health",
    ] {
        assert_eq!(get(server.address, path).await.status, 200, "{path}");
    }
    for path in ["/", "/report", "/v2/models/cards", "/openapi.json", "/nothing"] {
        let answer = get(server.address, path).await;
        assert_eq!(answer.status, 401, "{path}");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
    }
    let refused = post(server.address, "/predict", &json!({ "text": CARDS })).await;
    assert_eq!(refused.json()["error"]["code"], "Unauthorized");

    let request = Request::post("/predict")
        .header("host", "test")
        .header("authorization", "Bearer secret-1");
    let body = Full::new(Bytes::from(json!({ "text": CARDS }).to_string()));
    assert_eq!(send(server.address, request.body(body).unwrap()).await.status, 200);
}

#[tokio::test]
async fn the_report_is_served_where_there_is_one() {
    let server = Started::new().await;
    let missing = get(server.address, "/report").await;
    assert_eq!(missing.status, 404);
    assert_eq!(missing.json()["error"]["code"], "NoReport");
}
