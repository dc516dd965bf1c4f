//! Bodies that mean harm, sent to every path that takes one.

use serde_json::json;

use crate::client::{get, post, post_as};
use crate::model::CARDS;
use crate::started::Started;

const JSON: &str = "application/json";

/// Every path with a body, and a content type that it takes.
const PATHS: [(&str, &str); 9] = [
    ("/predict", JSON),
    ("/explain", JSON),
    ("/predict/stream", "application/x-ndjson"),
    ("/v2/models/cards/infer", JSON),
    ("/v1/models/cards:predict", JSON),
    ("/v1/models/cards:explain", JSON),
    ("/invocations", JSON),
    ("/invocations", "text/csv"),
    ("/", "application/x-www-form-urlencoded"),
];

pub fn bodies() -> Vec<(&'static str, Vec<u8>)> {
    let deep = |open: &str, close: &str, depth: usize| [open.repeat(depth), close.repeat(depth)].concat().into_bytes();
    let nested = |field: &str| format!("{{\"{field}\": {}{}}}", "[".repeat(200_000), "]".repeat(200_000)).into_bytes();
    vec![
        ("nothing", Vec::new()),
        ("NUL", vec![0; 1_000]),
        ("invalid UTF-8", b"{\"text\": \"\xff\xfe\xc0\x80\"}".to_vec()),
        (
            "invalid UTF-8 in a list",
            b"{\"instances\": [\"\xed\xa0\x80\"]}".to_vec(),
        ),
        (
            "lone surrogate",
            br#"{"instances": ["\ud800"], "text": "\udfff"}"#.to_vec(),
        ),
        ("deep arrays", deep("[", "]", 200_000)),
        ("deep objects", deep("{\"a\":", "}", 100_000)),
        ("never closed", b"{\"a\":".repeat(100_000)),
        ("deep text", nested("text")),
        ("deep instances", nested("instances")),
        ("deep inputs", nested("inputs")),
        ("deep frame", nested("dataframe_records")),
        (
            "deep tensor",
            format!(
                "{{\"inputs\": [{{\"name\": \"t\", \"shape\": [1], \"datatype\": \"BYTES\", \"data\": {}\"a\"{}}}]}}",
                "[".repeat(100),
                "]".repeat(100)
            )
            .into_bytes(),
        ),
        (
            "huge shape",
            json!({ "inputs": [{ "name": "t", "shape": [u64::MAX, u64::MAX], "datatype": "BYTES", "data": ["a"] }] })
                .to_string()
                .into_bytes(),
        ),
        (
            "huge number",
            br#"{"text": 1e999999, "topK": 99999999999999999999999}"#.to_vec(),
        ),
        ("minus", br#"{"text": "card", "topK": -1}"#.to_vec()),
        (
            "same field twice",
            br#"{"text": "a", "text": "b", "instances": [], "instances": []}"#.to_vec(),
        ),
        (
            "100,000 texts",
            json!({ "instances": vec!["a"; 100_000] }).to_string().into_bytes(),
        ),
        ("one long line", b"a".repeat(1 << 20)),
        ("commas", b",".repeat(1 << 20)),
        ("quotes", b"\"".repeat(1 << 20)),
        ("percent signs", b"text=%".repeat(10_000)),
        ("ampersands", b"&".repeat(1 << 20)),
    ]
}

#[tokio::test]
async fn no_body_makes_the_server_fail() {
    let server = Started::new().await;
    for (path, content_type) in PATHS {
        for (name, body) in bodies() {
            let answer = post_as(server.address, path, content_type, body.clone()).await;
            let status = answer.status.as_u16();
            assert!(
                status < 500
                    && (status != 200 || path == "/predict/stream" || body.starts_with(b"{") || content_type != JSON),
                "{path}, {name}: {status} {}",
                answer.text().chars().take(300).collect::<String>()
            );
            if status >= 400 {
                assert!(answer.body.len() < 5_000, "{path}, {name}: {} bytes", answer.body.len());
            }
        }
    }
    assert_eq!(
        post(server.address, "/predict", &json!({ "text": CARDS })).await.status,
        200
    );
    let metrics = get(server.address, "/metrics").await;
    assert!(
        metrics.text().contains("complaint_inference_panics_total 0"),
        "{}",
        metrics.text()
    );
    assert!(
        metrics.text().contains("requests_in_flight 1\n"),
        "only this request is in flight"
    );
}
