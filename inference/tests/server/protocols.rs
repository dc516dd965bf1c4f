//! The protocols that existing clients speak, each with its own shape of answers and errors.

use axum::http::Request;
use bytes::Bytes;
use http_body_util::Full;
use serde_json::{Value, json};

use crate::client::{get, post, post_as, send};
use crate::model::{CARDS, LABELS, LOANS};
use crate::started::Started;

fn bytes_input(texts: &[&str]) -> Value {
    json!({ "name": "text", "shape": [texts.len()], "datatype": "BYTES", "data": texts })
}

fn output<'a>(answer: &'a Value, name: &str) -> &'a Value {
    answer["outputs"]
        .as_array()
        .unwrap()
        .iter()
        .find(|output| output["name"] == name)
        .unwrap()
}

#[tokio::test]
async fn open_inference_metadata() {
    let server = Started::new().await;
    assert_eq!(get(server.address, "/v2").await.json()["name"], "complaint-inference");
    let version = server.digest.to_string();
    for path in [
        "/v2/models/cards".to_owned(),
        format!("/v2/models/cards/versions/{version}"),
    ] {
        let body = get(server.address, &path).await.json();
        assert_eq!(body["versions"], json!([version]), "{path}");
        assert_eq!(body["parameters"]["digest"], server.digest.prefixed());
        assert_eq!(body["parameters"]["categories"], json!(LABELS));
        assert_eq!(
            body["inputs"],
            json!([{ "name": "text", "datatype": "BYTES", "shape": [-1] }])
        );
        assert_eq!(get(server.address, &format!("{path}/ready")).await.status, 200);
    }
}

#[tokio::test]
async fn open_inference_infer() {
    let server = Started::new().await;
    let request = json!({ "id": "r1", "inputs": [bytes_input(&[CARDS, LOANS])] });
    let body = post(server.address, "/v2/models/cards/infer", &request).await.json();
    assert_eq!(body["id"], "r1");
    assert_eq!(body["model_name"], "cards");
    assert_eq!(body["model_version"], server.digest.to_string());
    assert_eq!(output(&body, "category")["data"], json!(["Cards", "Loans"]));
    let probabilities = output(&body, "probabilities");
    assert_eq!(probabilities["shape"], json!([2, 3]));
    assert_eq!(probabilities["data"][0], output(&body, "probability")["data"][0]);
    assert_eq!(probabilities["data"][4], output(&body, "probability")["data"][1]);
    assert_eq!(output(&body, "needs_review")["data"], json!([false, false]));

    let request = json!({ "inputs": [bytes_input(&[CARDS])], "outputs": [{ "name": "category" }] });
    let body = post(server.address, "/v2/models/cards/infer", &request).await.json();
    assert_eq!(body["outputs"].as_array().unwrap().len(), 1);
    assert_eq!(body.get("id"), None);
}

#[tokio::test]
async fn open_inference_binary_input() {
    let server = Started::new().await;
    let mut tail = u32::try_from(CARDS.len()).unwrap().to_le_bytes().to_vec();
    tail.extend_from_slice(CARDS.as_bytes());
    let input = json!({
        "name": "text", "shape": [1, 1], "datatype": "BYTES", "parameters": { "binary_data_size": tail.len() },
    });
    let header = json!({ "inputs": [input] }).to_string();
    let request = Request::post("/v2/models/cards/infer")
        .header("host", "test")
        .header("content-type", "application/octet-stream")
        .header("inference-header-content-length", header.len());
    let body = Full::new(Bytes::from([header.as_bytes(), &tail].concat()));
    let answer = send(server.address, request.body(body).unwrap()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(output(&answer.json(), "category")["data"], json!(["Cards"]));
}

#[tokio::test]
async fn kserve_v1() {
    let server = Started::new().await;
    assert_eq!(
        get(server.address, "/v1/models").await.json(),
        json!({ "models": ["cards"] })
    );
    assert_eq!(
        get(server.address, "/v1/models/cards").await.json(),
        json!({ "name": "cards", "ready": true })
    );
    let request = json!({ "instances": [CARDS, { "text": LOANS }] });
    let body = post(server.address, "/v1/models/cards:predict", &request).await.json();
    assert_eq!(body["predictions"][0]["category"], "Cards");
    assert_eq!(body["predictions"][1]["category"], "Loans");
    let body = post(server.address, "/v1/models/cards:explain", &request).await.json();
    assert_eq!(body["explanations"][1]["category"], "Loans");
    assert!(
        body["explanations"][1]["terms"]
            .as_array()
            .unwrap()
            .iter()
            .any(|term| term["term"] == "mortgage")
    );
}

#[tokio::test]
async fn mlflow() {
    let server = Started::new().await;
    assert_eq!(get(server.address, "/ping").await.status, 200);
    assert_eq!(get(server.address, "/version").await.text(), env!("CARGO_PKG_VERSION"));
    let expected = json!({ "predictions": ["Cards", "Loans"] });
    let split = json!({ "dataframe_split": { "columns": ["id", "text"], "data": [[1, CARDS], [2, LOANS]] } });
    for path in ["/invocations", "/endpoints/cards/invocations"] {
        assert_eq!(post(server.address, path, &split).await.json(), expected, "{path}");
    }
    let other = post(server.address, "/endpoints/other/invocations", &split).await;
    assert_eq!(
        (other.status.as_u16(), other.json()["error_code"].as_str()),
        (404, Some("NOT_FOUND"))
    );
    let csv = format!("id,text\n1,{CARDS}\n2,{LOANS}\n");
    assert_eq!(
        post_as(server.address, "/invocations", "text/csv; charset=utf-8", csv)
            .await
            .json(),
        expected
    );
}

#[tokio::test]
async fn each_family_has_its_own_shape_of_errors() {
    let server = Started::new().await;
    let wrong_input = json!({ "inputs": [{ "name": "text", "shape": [1], "datatype": "FP32", "data": [1.0] }] });
    let two_inputs = json!({ "inputs": [bytes_input(&["a"]), bytes_input(&["b"])] });
    let wrong_output = json!({ "inputs": [bytes_input(&["a"])], "outputs": [{ "name": "logits" }] });
    for (path, body, status, words) in [
        ("/v2/models/other/infer", &json!({}), 404, "serves `cards`"),
        ("/v2/models/cards/versions/7/infer", &json!({}), 404, "no version `7`"),
        ("/v2/models/cards/infer", &json!({}), 400, "missing field `inputs`"),
        ("/v2/models/cards/infer", &wrong_input, 400, "texts are BYTES"),
        ("/v2/models/cards/infer", &two_inputs, 400, "takes one"),
        ("/v2/models/cards/infer", &wrong_output, 400, "the outputs are category"),
        ("/v2/models/cards", &json!({}), 405, "does not take this method"),
        ("/v2/nothing", &json!({}), 404, "no such path"),
        ("/v1/models/other:predict", &json!({}), 404, "serves `cards`"),
        (
            "/v1/models/cards:train",
            &json!({ "instances": ["a"] }),
            400,
            ":explain",
        ),
        ("/v1/models/cards", &json!({}), 400, "cards:predict"),
        (
            "/v1/models/cards:predict",
            &json!({ "instances": [1] }),
            400,
            "Send {\"instances\"",
        ),
        (
            "/v1/models/cards:predict",
            &json!({ "instances": [] }),
            400,
            "one or more",
        ),
    ] {
        let answer = post(server.address, path, body).await;
        assert_eq!(answer.status, status, "{path} {body}: {}", answer.text());
        let json = answer.json();
        assert!(json["error"].as_str().unwrap().contains(words), "{path} {body}: {json}");
    }
    for (content_type, body, status, code) in [
        ("application/json", "{}", 400, "BAD_REQUEST"),
        (
            "application/json",
            "{\"instances\": [\"a\"], \"inputs\": [\"a\"]}",
            400,
            "BAD_REQUEST",
        ),
        ("application/xml", "<a/>", 415, "BAD_REQUEST"),
    ] {
        let answer = post_as(server.address, "/invocations", content_type, body).await;
        assert_eq!(answer.status, status, "{content_type} {body}");
        assert_eq!(answer.json()["error_code"], code);
        assert!(!answer.json()["message"].as_str().unwrap().is_empty());
    }
}
