//! `/predict` and `/explain`: answers and refusals.

use axum::http::Request;
use bytes::Bytes;
use http_body_util::Full;
use serde_json::{Value, json};

use crate::client::{get, post, post_as, send};
use crate::model::{CARDS, LABELS, LOANS};
use crate::started::Started;

#[tokio::test]
async fn one_text() {
    let server = Started::new().await;
    let answer = post(server.address, "/predict", &json!({ "text": CARDS })).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let body = answer.json();
    assert_eq!(body["category"], "Cards");
    assert_eq!(body["modelDigest"], server.digest.prefixed());
    assert_eq!(body["needsReview"], false);
    let probabilities = body["probabilities"].as_object().unwrap();
    assert_eq!(probabilities.len(), LABELS.len());
    assert_eq!(probabilities["Cards"], body["probability"]);
    let sum: f64 = probabilities.values().map(|p| p.as_f64().unwrap()).sum();
    assert!((sum - 1.0).abs() < 1e-5, "{sum}");
    assert!(body["probability"].as_f64().unwrap() > 0.5);
    let unknown = body["unknownWordShare"].as_f64().unwrap();
    assert!((0.0..1.0).contains(&unknown), "{unknown}");
    assert_eq!(answer.header("x-model-digest"), server.digest.prefixed());
}

#[tokio::test]
async fn several_texts_keep_their_order() {
    let server = Started::new().await;
    let body = json!({ "texts": [LOANS, CARDS], "topK": 1 });
    let answer = post(server.address, "/predict", &body).await.json();
    let categories: Vec<&Value> = answer["predictions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| &p["category"])
        .collect();
    assert_eq!(categories, ["Loans", "Cards"]);
    assert_eq!(answer["predictions"][0]["probabilities"].as_object().unwrap().len(), 1);
    assert_eq!(
        answer["predictions"][0]["probabilities"]["Loans"],
        answer["predictions"][0]["probability"]
    );
    assert_eq!(answer["modelDigest"], server.digest.prefixed());
}

/// A word that no text of the training has decides by its score, and is named among the words that did.
#[tokio::test]
async fn words_count_by_their_scores() {
    let server = Started::scored().await;
    let text = "Theft! A theft, and nobody cares";
    let answer = post(server.address, "/predict", &json!({ "text": text })).await.json();
    assert_eq!(
        (&answer["category"], &answer["unknownWordShare"]),
        (&json!("Cards"), &json!(1.0))
    );
    let without = Started::new().await;
    let other = post(without.address, "/predict", &json!({ "text": text })).await.json();
    assert!(
        answer["probability"].as_f64() > other["probability"].as_f64(),
        "{answer} {other}"
    );
    let explained = post(server.address, "/explain", &json!({ "text": text })).await.json();
    let words = explained["terms"].as_array().unwrap();
    let of_theft = words
        .iter()
        .find(|word| word["term"] == "theft")
        .unwrap_or_else(|| panic!("{explained}"));
    assert!(of_theft["contribution"].as_f64() > Some(0.0), "{explained}");
}

#[tokio::test]
async fn probabilities_are_listed_in_falling_order() {
    let server = Started::new().await;
    let answer = post(server.address, "/predict", &json!({ "text": LOANS })).await;
    let text = answer.text();
    let listed = &text[text.find("\"probabilities\"").unwrap()..];
    assert!(listed.starts_with("\"probabilities\":{\"Loans\":"), "{listed}");
}

#[tokio::test]
async fn an_unsure_answer_asks_for_review() {
    let server = Started::with(&["--abstain-below", "0.99"]).await;
    let answer = post(
        server.address,
        "/predict",
        &json!({ "text": "something else entirely" }),
    )
    .await
    .json();
    assert_eq!(answer["needsReview"], true);
    assert_eq!(answer["unknownWordShare"], 1.0);
    let metrics = get(server.address, "/metrics").await;
    assert!(
        metrics
            .text()
            .contains("complaint_inference_predictions_below_threshold_total 1\n"),
        "{}",
        metrics.text()
    );
}

#[tokio::test]
async fn a_category_has_a_threshold_of_its_own() {
    let unsure = "something else entirely";
    for (rule, probable, improbable) in [
        ("--abstain-below=1", true, true),
        // Of the answers of 0.9 and more all were right; of all answers half.
        ("--min-precision=Cards=0.9", false, true),
        ("--min-precision=Cards=0.4", false, false),
        // As many answers as leave half of the category's complaints answered, and all that there are.
        ("--min-recall=Cards=0.5", false, true),
        // No share of right answers is known of this category, and none of them is asked here.
        ("--min-precision=Loans=0.9", false, false),
    ] {
        let server = Started::estimating_with(&[rule]).await;
        let mut marked = Vec::new();
        for text in [CARDS, unsure] {
            let answer = post(server.address, "/predict", &json!({ "text": text })).await.json();
            assert_eq!(answer["category"], "Cards");
            marked.push(answer["needsReview"] == true);
        }
        assert_eq!(marked, [probable, improbable], "{rule}");
    }
    // What replaces the general threshold may be lower, and another category keeps the general one.
    let server = Started::estimating_with(&["--abstain-below=1", "--min-precision=Cards=0.9"]).await;
    for (text, marked) in [(CARDS, false), (LOANS, true)] {
        let answer = post(server.address, "/predict", &json!({ "text": text })).await.json();
        assert_eq!(answer["needsReview"], marked, "{text}");
    }
    // Without counts nothing shows that the target is reached.
    let server = Started::with(&["--min-precision=Cards=0.9"]).await;
    let answer = post(server.address, "/predict", &json!({ "text": CARDS })).await.json();
    assert_eq!(answer["needsReview"], true);
}

#[tokio::test]
async fn an_explanation_adds_up_and_points_into_the_text() {
    let server = Started::new().await;
    let text = format!("Grüße! {CARDS}");
    let body = post(server.address, "/explain", &json!({ "text": text })).await.json();
    assert_eq!(body["category"], "Cards");
    assert_ne!(body["runnerUp"], "Cards");
    let terms = body["terms"].as_array().unwrap();
    let sum: f64 = terms.iter().map(|term| term["contribution"].as_f64().unwrap()).sum();
    let margin = body["margin"].as_f64().unwrap();
    assert!(
        (sum + body["bias"].as_f64().unwrap() - margin).abs() < 1e-4,
        "{sum} {margin}"
    );
    let card = terms.iter().find(|term| term["term"] == "card").unwrap();
    let range = card["ranges"][0].as_array().unwrap();
    let (from, to) = (range[0].as_u64().unwrap() as usize, range[1].as_u64().unwrap() as usize);
    let word: String = text.chars().skip(from).take(to - from).collect();
    assert_eq!(word, "card");
}

#[tokio::test]
async fn every_bad_request_says_what_to_do() {
    let server = Started::with(&["--max-texts", "2", "--max-text-bytes", "20"]).await;
    let deep = "[".repeat(100_000);
    let cases = [
        (
            "no json",
            "/predict",
            b"hello".to_vec(),
            400,
            "InvalidBody",
            "Send {\"text\"",
        ),
        ("empty", "/predict", vec![], 400, "InvalidBody", "Send {\"text\""),
        (
            "cut",
            "/predict",
            b"{\"text\": \"a".to_vec(),
            400,
            "InvalidBody",
            "line 1",
        ),
        (
            "typo",
            "/predict",
            b"{\"txet\": \"a\"}".to_vec(),
            400,
            "InvalidBody",
            "unknown field `txet`",
        ),
        (
            "number",
            "/predict",
            b"{\"text\": 5}".to_vec(),
            400,
            "InvalidBody",
            "expected a string",
        ),
        (
            "utf-8",
            "/predict",
            b"{\"text\": \"\xff\xfe\"}".to_vec(),
            400,
            "InvalidBody",
            "unicode",
        ),
        (
            "deep",
            "/predict",
            deep.into_bytes(),
            400,
            "InvalidBody",
            "Send {\"text\"",
        ),
        (
            "both",
            "/predict",
            br#"{"text": "a", "texts": ["a"]}"#.to_vec(),
            400,
            "InvalidRequest",
            "exactly one",
        ),
        (
            "neither",
            "/predict",
            b"{}".to_vec(),
            400,
            "InvalidRequest",
            "exactly one",
        ),
        (
            "none",
            "/predict",
            br#"{"texts": []}"#.to_vec(),
            400,
            "InvalidRequest",
            "one or more",
        ),
        (
            "blank",
            "/predict",
            br#"{"texts": ["a", " \n"]}"#.to_vec(),
            400,
            "InvalidRequest",
            "text 1 is blank",
        ),
        (
            "top 0",
            "/predict",
            br#"{"text": "a", "topK": 0}"#.to_vec(),
            400,
            "InvalidRequest",
            "1 or more",
        ),
        (
            "many",
            "/predict",
            br#"{"texts": ["a", "b", "c"]}"#.to_vec(),
            413,
            "TooManyTexts",
            "at most 2",
        ),
        (
            "long",
            "/predict",
            br#"{"text": "aaaaaaaaaaaaaaaaaaaaa"}"#.to_vec(),
            413,
            "TextTooLong",
            "21 bytes",
        ),
        (
            "explain",
            "/explain",
            b"{}".to_vec(),
            400,
            "InvalidBody",
            "missing field `text`",
        ),
        ("path", "/predcit", b"{}".to_vec(), 404, "NotFound", "/predict"),
    ];
    for (name, path, body, status, code, words) in cases {
        let answer = post_as(server.address, path, "application/json", body).await;
        assert_eq!(answer.status, status, "{name}: {}", answer.text());
        let error = &answer.json()["error"];
        assert_eq!(error["code"], code, "{name}");
        assert!(error["message"].as_str().unwrap().contains(words), "{name}: {error}");
        assert_eq!(answer.header("x-model-digest"), server.digest.prefixed(), "{name}");
        assert!(!answer.header("x-request-id").is_empty(), "{name}");
    }
}

#[tokio::test]
async fn other_content_types_and_methods_are_refused() {
    let server = Started::new().await;
    let form = post_as(
        server.address,
        "/predict",
        "application/x-www-form-urlencoded",
        "text=a",
    )
    .await;
    assert_eq!(form.status, 415);
    assert!(
        form.json()["error"]["message"]
            .as_str()
            .unwrap()
            .contains("content-type: application/json")
    );

    let curl = json!({ "text": CARDS }).to_string();
    let curl = post_as(server.address, "/predict", "application/x-www-form-urlencoded", curl).await;
    assert_eq!(curl.json()["category"], "Cards", "what `curl -d` sends is answered");

    let method = get(server.address, "/predict").await;
    assert_eq!(method.status, 405);
    assert_eq!(method.header("allow"), "POST");
    assert_eq!(method.json()["error"]["code"], "MethodNotAllowed");

    let untyped = Request::post("/predict").header("host", "test");
    let body = Full::new(Bytes::from(json!({ "text": CARDS }).to_string()));
    assert_eq!(send(server.address, untyped.body(body).unwrap()).await.status, 200);
}

#[tokio::test]
async fn a_long_value_in_the_wrong_place_is_not_repeated() {
    let server = Started::new().await;
    let body = json!({ "topK": "x".repeat(50_000) });
    let answer = post(server.address, "/predict", &body).await;
    assert_eq!(answer.status, 400);
    assert!(answer.body.len() < 1_000, "{}", answer.body.len());
}

#[tokio::test]
async fn request_ids_are_taken_over_when_plain() {
    let server = Started::new().await;
    for (sent, kept) in [("abc-123_4.5", true), ("two words", false), (&"x".repeat(200), false)] {
        let request = Request::get("/v2/health/live")
            .header("host", "test")
            .header("x-request-id", sent);
        let answer = send(server.address, request.body(Full::default()).unwrap()).await;
        assert_eq!(answer.header("x-request-id") == sent, kept, "{sent}");
        assert!(!answer.header("x-request-id").is_empty());
    }
}
