//! JSON as senders mean it, whatever the API: `null` is absent, an object is an object, and what is wrong is named.

use serde_json::{Map, Value, json};

use crate::client::{Answer, get, post, post_as};
use crate::model::{CARDS, LOANS};
use crate::started::Started;

const JSON: &str = "application/json";

/// A smallest request of each kind.
fn requests() -> Vec<(&'static str, Value)> {
    let tensor = json!({ "name": "text", "shape": [2], "datatype": "BYTES", "data": [CARDS, LOANS] });
    vec![
        ("/predict", json!({ "text": CARDS })),
        ("/predict", json!({ "texts": [CARDS, LOANS] })),
        ("/explain", json!({ "text": CARDS })),
        ("/predict/stream", json!({ "text": CARDS })),
        (
            "/v1/models/cards:predict",
            json!({ "instances": [CARDS, { "text": LOANS }] }),
        ),
        (
            "/v1/models/cards:explain",
            json!({ "instances": [CARDS, { "text": LOANS }] }),
        ),
        ("/v2/models/cards/infer", json!({ "inputs": [tensor] })),
        (
            "/v2/models/cards/infer",
            json!({
                "id": "7", "parameters": {}, "outputs": [{ "name": "category" }],
                "inputs": [{ "name": "text", "shape": [1], "datatype": "BYTES", "data": [CARDS], "parameters": {} }],
            }),
        ),
        (
            "/invocations",
            json!({ "dataframe_split": { "columns": ["text"], "data": [[CARDS], [LOANS]] } }),
        ),
        (
            "/invocations",
            json!({ "dataframe_records": [{ "text": CARDS }, { "text": LOANS }] }),
        ),
        ("/invocations", json!({ "instances": [CARDS, { "text": LOANS }] })),
        ("/invocations", json!({ "inputs": [CARDS, LOANS] })),
    ]
}

/// A request's schema in `/openapi.json`.
fn schema<'d>(document: &'d Value, path: &str) -> Option<&'d Value> {
    let paths = document["paths"].as_object().unwrap();
    let named = path.replace("/cards", "/{model}");
    paths[named.as_str()].pointer("/post/requestBody/content/application~1json/schema")
}

/// The schemas of objects that `schema` stands for.
fn objects<'d>(document: &'d Value, schema: &'d Value) -> Vec<&'d Map<String, Value>> {
    if let Some(reference) = schema["$ref"].as_str() {
        return objects(document, document.pointer(&reference[1..]).unwrap());
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        return choices.iter().flat_map(|choice| objects(document, choice)).collect();
    }
    schema
        .as_object()
        .into_iter()
        .filter(|schema| schema.contains_key("properties"))
        .collect()
}

fn items<'d>(document: &'d Value, schema: &'d Value) -> Option<&'d Value> {
    match schema["$ref"].as_str() {
        Some(reference) => items(document, document.pointer(&reference[1..]).unwrap()),
        None => schema.get("items"),
    }
}

/// The places of all optional fields of `value`, as pointers to the object and names.
fn optional(document: &Value, schema: &Value, value: &Value, at: &str, found: &mut Vec<(String, String)>) {
    match value {
        Value::Object(fields) => {
            for object in objects(document, schema) {
                let required: Vec<&str> = object
                    .get("required")
                    .and_then(Value::as_array)
                    .map(|names| names.iter().filter_map(Value::as_str).collect())
                    .unwrap_or_default();
                for (name, schema) in object["properties"].as_object().unwrap() {
                    if !required.contains(&name.as_str()) {
                        found.push((at.to_owned(), name.clone()));
                    }
                    if let Some(value) = fields.get(name) {
                        optional(document, schema, value, &format!("{at}/{name}"), found);
                    }
                }
            }
        }
        Value::Array(values) => {
            if let Some(schema) = items(document, schema) {
                for (number, value) in values.iter().enumerate() {
                    optional(document, schema, value, &format!("{at}/{number}"), found);
                }
            }
        }
        _ => {}
    }
}

fn with(request: &Value, at: &str, name: &str, value: Value) -> Value {
    let mut changed = request.clone();
    changed.pointer_mut(at).unwrap()[name] = value;
    changed
}

fn without(request: &Value, at: &str, name: &str) -> Value {
    let mut changed = request.clone();
    changed.pointer_mut(at).unwrap().as_object_mut().unwrap().remove(name);
    changed
}

async fn ask(server: &Started, path: &str, body: &Value) -> Answer {
    post(server.address, path, body).await
}

/// A stream answers a line that it refuses with 200.
fn refused(answer: &Answer) -> bool {
    answer.status == 400 || (answer.status == 200 && answer.text().starts_with("{\"error\":{\"code\":\"Invalid"))
}

#[tokio::test]
async fn null_is_absent_for_every_optional_field() {
    let server = Started::new().await;
    let document = get(server.address, "/openapi.json").await.json();
    let mut swept = 0;
    for (path, request) in requests() {
        let mut fields = match schema(&document, path) {
            Some(schema) => {
                let mut found = Vec::new();
                optional(&document, schema, &request, "", &mut found);
                found
            }
            None => vec![(String::new(), "id".to_owned())],
        };
        // What the protocols know beside it, and this server does not ask for.
        match path {
            "/invocations" if request.get("dataframe_split").is_some() => {
                fields.push(("/dataframe_split".into(), "index".into()));
            }
            "/v2/models/cards/infer" if request.get("outputs").is_some() => {
                fields.push(("/outputs/0".into(), "parameters".into()));
            }
            _ => {}
        }
        for (at, name) in fields {
            // Exactly one of several fields is sent, and that one is needed.
            let absent = ask(&server, path, &without(&request, &at, &name)).await;
            let null = ask(&server, path, &with(&request, &at, &name, Value::Null)).await;
            assert_eq!(null.status, absent.status, "{path} {at}/{name}: {}", null.text());
            assert_eq!(null.text(), absent.text(), "{path} {at}/{name}");
            let wrong = ask(&server, path, &with(&request, &at, &name, json!([[1.5, { "a": [] }]]))).await;
            assert!(
                wrong.status == 200 || wrong.status == 400,
                "{path} {at}/{name}: {}",
                wrong.text()
            );
            swept += 1;
        }
    }
    assert!(swept > 40, "only {swept} fields");
}

/// All objects in a value, as pointers.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            found.push(at.to_owned());
            fields
                .iter()
                .for_each(|(name, value)| places(value, &format!("{at}/{name}"), found));
        }
        Value::Array(values) => {
            let numbered = values.iter().enumerate();
            numbered.for_each(|(number, value)| places(value, &format!("{at}/{number}"), found));
        }
        _ => {}
    }
}

#[tokio::test]
async fn a_list_is_no_object() {
    let server = Started::new().await;
    for (path, request) in requests() {
        let mut objects = Vec::new();
        places(&request, "", &mut objects);
        for at in objects {
            // A record with one column and a list of one text are both a row in MLflow's protocol.
            if path == "/invocations" && at.starts_with("/instances/") {
                continue;
            }
            let mut changed = request.clone();
            let object = changed.pointer_mut(&at).unwrap();
            *object = object.as_object().unwrap().values().cloned().collect();
            let answer = ask(&server, path, &changed).await;
            assert!(refused(&answer), "{path} {at}: {}", answer.text());
        }
    }
    let positional = json!([CARDS, null, 1]);
    for path in [
        "/predict",
        "/explain",
        "/v1/models/cards:predict",
        "/v2/models/cards/infer",
        "/invocations",
    ] {
        let answer = ask(&server, path, &positional).await;
        assert_eq!(answer.status, 400, "{path}");
        assert!(
            answer.text().contains("an object is expected"),
            "{path}: {}",
            answer.text()
        );
        assert!(!answer.text().contains("charged"), "{path}: {}", answer.text());
    }
}

#[tokio::test]
async fn a_byte_order_mark_is_skipped() {
    let server = Started::new().await;
    for (path, request) in requests() {
        let plain = ask(&server, path, &request).await;
        let marked = post_as(server.address, path, JSON, format!("\u{feff}{request}")).await;
        assert_eq!(marked.text(), plain.text(), "{path}");
    }
    let form = "application/x-www-form-urlencoded";
    let answer = post_as(
        server.address,
        "/predict",
        form,
        format!("\u{feff}{}", json!({ "text": CARDS })),
    )
    .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let csv = post_as(
        server.address,
        "/invocations",
        "text/csv",
        format!("\u{feff}text\n{CARDS}\n"),
    )
    .await;
    assert_eq!(csv.json(), json!({ "predictions": ["Cards"] }));
}

#[tokio::test]
async fn half_of_a_surrogate_pair_becomes_the_replacement_character() {
    let server = Started::new().await;
    for (path, request) in requests() {
        let request = request.to_string();
        for half in ["\\ud83d", "\\uDE00", "\\ud83d\\ud83d"] {
            let replacement = "\\ufffd".repeat(half.len() / 6);
            let [halved, replaced] =
                [half, replacement.as_str()].map(|end| request.replace("credit card", &format!("credit card {end}")));
            assert_ne!(halved, request, "{path}");
            let answer = post_as(server.address, path, JSON, halved).await;
            assert_eq!(answer.status, 200, "{path}: {}", answer.text());
            let expected = post_as(server.address, path, JSON, replaced).await;
            assert_eq!(answer.text(), expected.text(), "{path}");
        }
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_named() {
    let server = Started::new().await;
    let tensor =
        |data: Value| json!({ "inputs": [{ "name": "text", "shape": [2], "datatype": "BYTES", "data": data }] });
    for (path, body, words) in [
        ("/predict", json!({ "texts": [CARDS, null] }), "text 1: "),
        ("/predict", json!({ "texts": [CARDS, LOANS, ["a"]] }), "text 2: "),
        ("/predict", json!({ "texts": [CARDS, " "] }), "text 1 is blank"),
        (
            "/v1/models/cards:predict",
            json!({ "instances": [CARDS, null] }),
            "instance 1: ",
        ),
        (
            "/v1/models/cards:predict",
            json!({ "instances": [{ "text": CARDS }, { "txt": "a" }] }),
            "instance 1: ",
        ),
        (
            "/v1/models/cards:explain",
            json!({ "instances": [{ "text": null }] }),
            "instance 0: ",
        ),
        (
            "/v1/models/cards:predict",
            json!({ "instances": [[CARDS]] }),
            "instance 0: ",
        ),
        ("/v2/models/cards/infer", tensor(json!([CARDS, null])), "element 1"),
        ("/v2/models/cards/infer", tensor(json!([[CARDS], [7]])), "element 1"),
        ("/v2/models/cards/infer", json!({ "inputs": [null] }), "input 0: "),
        (
            "/v2/models/cards/infer",
            json!({ "inputs": [], "outputs": [null] }),
            "output 0: ",
        ),
        (
            "/invocations",
            json!({ "dataframe_split": { "columns": ["text"], "data": [[CARDS], [null]] } }),
            "row 1: ",
        ),
        (
            "/invocations",
            json!({ "dataframe_records": [{ "text": CARDS }, null] }),
            "row 1: ",
        ),
        ("/invocations", json!({ "instances": [CARDS, 7] }), "instance 1: "),
    ] {
        let answer = ask(&server, path, &body).await;
        assert_eq!(answer.status, 400, "{path} {body}: {}", answer.text());
        assert!(answer.text().contains(words), "{path} {body}: {}", answer.text());
    }
}

#[tokio::test]
async fn an_open_quotation_mark_in_csv_is_refused() {
    let server = Started::new().await;
    let body = "text\n\"a lost card\nsecond wire transfer\nthird loan\n";
    let answer = post_as(server.address, "/invocations", "text/csv", body).await;
    assert_eq!(answer.status, 400);
    assert_eq!(answer.json()["error_code"], "BAD_REQUEST");
    assert!(answer.text().contains("quotation mark"), "{}", answer.text());
}

#[tokio::test]
async fn base64_tensors_are_decoded_or_refused() {
    let server = Started::new().await;
    let tensor = |content: &str, data: &str| {
        json!({ "inputs": [{
            "name": "text", "shape": [1], "datatype": "BYTES", "parameters": { "content_type": content }, "data": [data],
        }] })
    };
    let path = "/v2/models/cards/infer";
    let plain = ask(&server, path, &tensor("str", "my card was charged twice")).await;
    let decoded = ask(&server, path, &tensor("base64", "bXkgY2FyZCB3YXMgY2hhcmdlZCB0d2ljZQ==")).await;
    assert_eq!((decoded.status.as_u16(), decoded.text()), (200, plain.text()));
    for (content, data, words) in [
        ("base64", "no base64!", "is not base64"),
        ("image/png", "a", "is not supported"),
    ] {
        let answer = ask(&server, path, &tensor(content, data)).await;
        assert_eq!(answer.status, 400);
        assert!(answer.text().contains(words), "{}", answer.text());
    }
}
