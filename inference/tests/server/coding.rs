//! Compressed bodies: decoded within the limits of plain ones.

use std::io::Write;

use axum::http::Request;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use http_body_util::Full;
use serde_json::{Value, json};

use crate::client::{Answer, get, post, send};
use crate::model::{CARDS, LOANS};
use crate::started::Started;

const JSON: &str = "application/json";

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn raw(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

async fn encoded(server: &Started, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Answer {
    let mut request = Request::post(path).header("host", "test");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send(server.address, request.body(Full::new(Bytes::from(body))).unwrap()).await
}

/// Every path that takes a body, with one that it answers.
fn requests() -> Vec<(&'static str, &'static str, String)> {
    let tensor = json!({ "name": "text", "shape": [1], "datatype": "BYTES", "data": [CARDS] });
    vec![
        ("/predict", JSON, json!({ "text": CARDS }).to_string()),
        ("/explain", JSON, json!({ "text": CARDS }).to_string()),
        (
            "/predict/stream",
            "application/x-ndjson",
            format!("{}\n{}\n", json!({ "text": CARDS }), json!({ "text": LOANS })),
        ),
        (
            "/v1/models/cards:predict",
            JSON,
            json!({ "instances": [CARDS] }).to_string(),
        ),
        (
            "/v1/models/cards:explain",
            JSON,
            json!({ "instances": [CARDS] }).to_string(),
        ),
        (
            "/v2/models/cards/infer",
            JSON,
            json!({ "inputs": [tensor] }).to_string(),
        ),
        ("/invocations", JSON, json!({ "inputs": [CARDS] }).to_string()),
        ("/invocations", "text/csv", format!("text\n{CARDS}\n")),
        (
            "/",
            "application/x-www-form-urlencoded",
            format!("text={}", CARDS.replace(' ', "+")),
        ),
    ]
}

#[tokio::test]
async fn every_path_takes_compressed_bodies() {
    let server = Started::new().await;
    for (path, content_type, body) in requests() {
        let plain = encoded(&server, path, &[("content-type", content_type)], body.clone().into()).await;
        assert_eq!(plain.status, 200, "{path}: {}", plain.text());
        for (coding, compressed) in [
            ("gzip", gzip(body.as_bytes())),
            ("GZIP", gzip(body.as_bytes())),
            ("x-gzip", gzip(body.as_bytes())),
            ("deflate", zlib(body.as_bytes())),
            ("deflate", raw(body.as_bytes())),
            ("identity", body.clone().into()),
        ] {
            let headers = [("content-type", content_type), ("content-encoding", coding)];
            let answer = encoded(&server, path, &headers, compressed).await;
            assert_eq!(answer.text(), plain.text(), "{path}, {coding}");
        }
    }
}

/// What tritonclient sends for `request_compression_algorithm`: the header's length is that of the plain JSON.
#[tokio::test]
async fn binary_tensors_may_be_compressed() {
    let server = Started::new().await;
    let mut tail = u32::try_from(CARDS.len()).unwrap().to_le_bytes().to_vec();
    tail.extend_from_slice(CARDS.as_bytes());
    let header = json!({ "inputs": [{
        "name": "text", "shape": [1], "datatype": "BYTES", "parameters": { "binary_data_size": tail.len() },
    }] })
    .to_string();
    let body = [header.as_bytes(), &tail].concat();
    for (coding, body) in [("gzip", gzip(&body)), ("deflate", zlib(&body))] {
        let length = header.len().to_string();
        let headers = [
            ("content-encoding", coding),
            ("inference-header-content-length", length.as_str()),
        ];
        let answer = encoded(&server, "/v2/models/cards/infer", &headers, body).await;
        assert_eq!(answer.json()["outputs"][0]["data"], json!(["Cards"]), "{coding}");
    }
}

#[tokio::test]
async fn other_codings_are_refused_with_those_that_are_known() {
    let server = Started::new().await;
    for (path, content_type, body) in requests() {
        for coding in ["br", "zstd", "gzip, gzip", "compress"] {
            let headers = [("content-type", content_type), ("content-encoding", coding)];
            let answer = encoded(&server, path, &headers, body.clone().into()).await;
            assert_eq!(answer.status, 415, "{path}, {coding}");
            assert_eq!(answer.header("accept-encoding"), "gzip, deflate", "{path}, {coding}");
        }
    }
    let headers = [("content-encoding", "gzip"), ("content-encoding", "deflate")];
    assert_eq!(encoded(&server, "/predict", &headers, Vec::new()).await.status, 415);
}

#[tokio::test]
async fn a_bomb_is_bounded_by_the_limit_of_a_body() {
    let server = Started::with(&["--max-body-bytes", "200000"]).await;
    let bomb = vec![b' '; 100_000_000];
    for (coding, body) in [("gzip", gzip(&bomb)), ("deflate", zlib(&bomb)), ("deflate", raw(&bomb))] {
        assert!(body.len() < 200_000, "it would be too large as it is");
        for (path, content_type, _) in requests() {
            let headers = [("content-type", content_type), ("content-encoding", coding)];
            let answer = encoded(&server, path, &headers, body.clone()).await;
            if path == "/predict/stream" {
                let error: Value = serde_json::from_str(answer.text()).unwrap();
                assert_eq!(error["error"]["code"], "BodyTooLarge");
            } else {
                assert_eq!(answer.status, 413, "{path}, {coding}");
            }
        }
    }
    // As much as the limit still passes.
    let text = json!({ "texts": vec![CARDS; 1_000] }).to_string();
    let body = format!("{text}{}", " ".repeat(200_000 - text.len()));
    let answer = encoded(
        &server,
        "/predict",
        &[("content-encoding", "gzip")],
        gzip(body.as_bytes()),
    )
    .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[tokio::test]
async fn damaged_bodies_are_named() {
    let server = Started::new().await;
    let body = gzip(json!({ "text": CARDS }).to_string().as_bytes());
    for (coding, damaged) in [
        ("gzip", &body[..body.len() - 5]),
        ("gzip", &b"{\"text\": \"not compressed\"}"[..]),
        ("deflate", &body[..]),
    ] {
        let answer = encoded(&server, "/predict", &[("content-encoding", coding)], damaged.to_vec()).await;
        assert_eq!(answer.status, 400);
        assert!(
            answer.text().contains(&format!("decoded as {coding}")),
            "{}",
            answer.text()
        );
        let answer = encoded(
            &server,
            "/predict/stream",
            &[("content-encoding", coding)],
            damaged.to_vec(),
        )
        .await;
        assert!(
            answer.text().contains(&format!("decoded as {coding}")),
            "{}",
            answer.text()
        );
    }
    assert_eq!(
        post(server.address, "/predict", &json!({ "text": CARDS })).await.status,
        200
    );
    assert!(get(server.address, "/metrics").await.text().contains("panics_total 0"));
}
