//! `/openapi.json` tells what the server does.

use std::collections::BTreeSet;

use axum::http::Request;
use http_body_util::Full;
use serde_json::{Value, json};

use crate::client::{get, post, send};
use crate::model;
use crate::started::Started;

#[tokio::test]
async fn every_documented_operation_is_there() {
    let server = Started::new().await;
    let document = get(server.address, "/openapi.json").await.json();
    let paths = document["paths"].as_object().unwrap();
    let mut ids = Vec::new();
    for (path, operations) in paths {
        let digest = server.digest.to_string();
        let real = path.replace("{model}", "cards").replace("{version}", &digest);
        for (method, operation) in operations.as_object().unwrap() {
            let request = Request::builder()
                .method(method.to_uppercase().as_str())
                .uri(&real)
                .header("host", "test");
            let answer = send(server.address, request.body(Full::default()).unwrap()).await;
            assert!(!answer.text().contains("no such path"), "{method} {path}");
            let documented = operation["responses"].as_object().unwrap();
            assert!(
                documented.contains_key(answer.status.as_str()),
                "{method} {path} answers {}",
                answer.status
            );
            assert!(!operation["summary"].as_str().unwrap().is_empty(), "{method} {path}");
            ids.push(operation["operationId"].as_str().unwrap().to_owned());
        }
    }
    for path in [
        "/predict",
        "/v2/models/{model}/infer",
        "/v1/models/{model}:predict",
        "/invocations",
        "/metrics",
        "/statistics",
        "/statistics/sample",
        "/statistics/reference",
        "/feedback",
        "/captured",
    ] {
        assert!(paths.contains_key(path), "{path}");
    }
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count, "operation ids are unique");
}

#[tokio::test]
async fn every_reference_resolves() {
    let server = Started::new().await;
    let document = get(server.address, "/openapi.json").await.json();
    let mut open = vec![&document];
    while let Some(value) = open.pop() {
        match value {
            Value::Object(fields) => {
                if let Some(Value::String(reference)) = fields.get("$ref") {
                    let pointer = reference.strip_prefix('#').unwrap();
                    assert!(document.pointer(pointer).is_some(), "{reference}");
                }
                open.extend(fields.values());
            }
            Value::Array(items) => open.extend(items),
            _ => {}
        }
    }
}

#[tokio::test]
async fn the_statistics_have_the_documented_fields() {
    let server = Started::estimating().await;
    post(server.address, "/predict", &json!({ "text": model::CARDS })).await;
    let document = get(server.address, "/openapi.json").await.json();
    for path in ["/statistics", "/statistics/sample", "/statistics/reference"] {
        let answer = get(server.address, path).await.json();
        let schema = &document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"];
        fields_agree(&document, schema, &answer, path);
    }
}

/// Every object has the fields of its schema, no more and no fewer.
fn fields_agree(document: &Value, schema: &Value, value: &Value, place: &str) {
    let schema = match schema["$ref"].as_str() {
        Some(reference) => document.pointer(&reference[1..]).unwrap(),
        None => schema,
    };
    match value {
        Value::Object(fields) => {
            let documented: BTreeSet<&String> = schema["properties"].as_object().unwrap().keys().collect();
            assert_eq!(fields.keys().collect::<BTreeSet<_>>(), documented, "{place}");
            for (name, value) in fields {
                fields_agree(document, &schema["properties"][name], value, &format!("{place} {name}"));
            }
        }
        Value::Array(items) => {
            assert_eq!(schema["type"], "array", "{place}");
            for item in items {
                fields_agree(document, &schema["items"], item, place);
            }
        }
        Value::String(_) => assert_eq!(schema["type"], "string", "{place}"),
        _ => assert!(
            ["integer", "number"].contains(&schema["type"].as_str().unwrap()),
            "{place}"
        ),
    }
}
