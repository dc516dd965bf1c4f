//! Corrections that are not taken.

use complaint_contract::statistics::FeedbackCounts;
use serde_json::{Value, json};

use super::{JSON, LINES, statistics};
use crate::client::post;
use crate::collected::{Place, TOKEN, correct, correct_as, series};
use crate::model::CARDS;
use crate::running::program;
use crate::started::Started;

#[tokio::test]
async fn what_is_not_taken_says_why_and_nothing_of_the_request_is_kept() {
    let place = Place::new();
    let tokens = place.path("answers");
    std::fs::write(&tokens, "for-answers").unwrap();
    let limits = [
        "--max-texts",
        "3",
        "--max-text-bytes",
        "100",
        "--max-body-bytes",
        "2000",
        "--log",
        "trace",
    ];
    let server = place.start(&[&["--token-file", tokens.to_str().unwrap()], &limits[..]].concat());
    let address = server.address;
    let good = || json!({ "text": CARDS, "category": "Cards" });
    for (token, status, code) in [
        (None, 401, "Unauthorized"),
        (Some("markedtext"), 401, "Unauthorized"),
        (Some("team"), 401, "Unauthorized"),
        (Some("for-answers"), 403, "Forbidden"),
    ] {
        let answer = correct_as(address, token, JSON, good().to_string()).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["error"]["code"]),
            (status, &json!(code)),
            "{token:?}"
        );
        assert!(
            answer.text().contains("--feedback-token-file") && !answer.text().contains("markedtext"),
            "{}",
            answer.text()
        );
        assert_eq!(
            answer.header("www-authenticate"),
            if status == 401 { "Bearer" } else { "" }
        );
    }
    // The token for corrections asks for no answers.
    assert_eq!(post(address, "/predict", &json!({ "text": CARDS })).await.status, 401);

    let with = |field: &str, value: Value| {
        let mut row = good();
        row[field] = value;
        row
    };
    let many = |rows: Vec<Value>| Value::Array(rows).to_string();
    let long = "markedtext ".repeat(30);
    let cases: Vec<(&str, String, u16, &str, &str)> = vec![
        (
            JSON,
            with("category", json!("markedtext")).to_string(),
            400,
            "UnknownCategory",
            "correction 0 has a category that the model does not have",
        ),
        (
            JSON,
            many(vec![good(), with("category", json!("cards"))]),
            400,
            "UnknownCategory",
            "`Cards`, `Loans`, `Transfers & \"wires\"`",
        ),
        (
            JSON,
            many(vec![good(), with("text", json!(" \n"))]),
            400,
            "InvalidRequest",
            "text 1 is blank",
        ),
        (
            JSON,
            many(vec![with("text", json!(long[..101])), good()]),
            413,
            "TextTooLong",
            "text 0 has 101 bytes",
        ),
        (
            JSON,
            many(vec![good(), good(), good(), good()]),
            413,
            "TooManyTexts",
            "at most 3",
        ),
        (
            LINES,
            [
                good().to_string(),
                good().to_string(),
                good().to_string(),
                good().to_string(),
            ]
            .join("\n"),
            413,
            "TooManyTexts",
            "at most 3",
        ),
        (JSON, "[]".into(), 400, "InvalidRequest", "no text"),
        (LINES, "\n\n".into(), 400, "InvalidRequest", "no text"),
        (
            JSON,
            with("id", json!("é".repeat(129))).to_string(),
            400,
            "InvalidRequest",
            "correction 0: `id` has more than 256 bytes",
        ),
        (
            JSON,
            many(vec![good(), with("by", json!(long))]),
            400,
            "InvalidRequest",
            "correction 1: `by` has more",
        ),
        (
            JSON,
            with("id", json!("")).to_string(),
            400,
            "InvalidRequest",
            "`id` is blank",
        ),
        (
            JSON,
            with("by", json!("\t")).to_string(),
            400,
            "InvalidRequest",
            "`by` is blank",
        ),
        (
            JSON,
            with("label", json!("markedtext")).to_string(),
            400,
            "InvalidBody",
            "unknown field",
        ),
        (
            JSON,
            with("text", json!(["markedtext"])).to_string(),
            400,
            "InvalidBody",
            "invalid type",
        ),
        (
            JSON,
            with("id", json!(17)).to_string(),
            400,
            "InvalidBody",
            "invalid type: integer",
        ),
        (
            JSON,
            json!({ "text": "markedtext" }).to_string(),
            400,
            "InvalidBody",
            "missing field `category`",
        ),
        (
            JSON,
            many(vec![good(), json!("markedtext")]),
            400,
            "InvalidBody",
            "correction 1: invalid type: a string",
        ),
        (
            JSON,
            many(vec![json!([CARDS, "Cards"])]),
            400,
            "InvalidBody",
            "expected an object",
        ),
        (
            JSON,
            json!([CARDS, "Cards"]).to_string(),
            400,
            "InvalidBody",
            "correction 0",
        ),
        (JSON, "markedtext".into(), 400, "InvalidBody", "expected value"),
        (
            JSON,
            format!("{} {}", good(), good()),
            400,
            "InvalidBody",
            "trailing characters",
        ),
        (
            LINES,
            format!("{}\n{{\"text\": \"markedtext", good()),
            400,
            "InvalidBody",
            "line 1: EOF",
        ),
        (
            LINES,
            many(vec![good()]),
            400,
            "InvalidBody",
            "line 0: an object is expected",
        ),
        (
            "text/csv",
            format!("text,category\n{CARDS},Cards\n"),
            415,
            "UnsupportedMediaType",
            "application/json",
        ),
        (
            JSON,
            many(vec![with("by", json!("markedtext".repeat(200)))]),
            413,
            "BodyTooLarge",
            "2000 bytes",
        ),
    ];
    for (content_type, body, status, code, words) in cases {
        let answer = correct_as(address, Some(TOKEN), content_type, body.clone()).await;
        let text = answer.text();
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["error"]["code"]),
            (status, &json!(code)),
            "{body}: {text}"
        );
        let message = answer.json()["error"]["message"].as_str().unwrap().to_owned();
        assert!(
            message.contains(words) && !message.contains("markedtext"),
            "{body}: {text}"
        );
    }
    assert!(!place.path("store").exists(), "nothing was written");
    assert_eq!(statistics(address).await.total.feedback, FeedbackCounts::default());
    let log = server.log();
    assert!(!log.contains("markedtext") && !log.contains("charged"), "{log}");
    let taken = correct(address, &good()).await;
    assert_eq!(taken.status, 200, "{}", taken.text());
}

#[tokio::test]
async fn a_server_without_feedback_says_how_to_have_it() {
    let server = Started::new().await;
    let answer = correct(server.address, &json!({ "text": CARDS, "category": "Cards" })).await;
    assert_eq!(
        (answer.status.as_u16(), &answer.json()["error"]["code"]),
        (404, &json!("FeedbackOff"))
    );
    assert!(answer.text().contains("--feedback-token-file") && answer.text().contains("serving.feedback"));
}

#[test]
fn options_that_make_no_sense_are_refused() {
    let place = Place::new();
    for (options, words) in [
        (vec!["--feedback-token-file", "tokens"], "--store"),
        (
            vec!["--store", "s", "--feedback-random-share", "0.5"],
            "--feedback-token-file",
        ),
        (
            vec![
                "--store",
                "s",
                "--feedback-token-file",
                "tokens",
                "--feedback-random-share",
                "2",
            ],
            "from 0 to 1",
        ),
        (
            vec!["--store", "s", "--feedback-new-categories"],
            "--feedback-token-file",
        ),
        (vec!["--store", "s3://"], "bucket"),
        (vec!["--capture", "all"], "--store"),
        (vec!["--capture", "needs-review"], "--store"),
        (vec!["--store", "s", "--capture", "All"], "needs-review"),
        (
            vec!["--store", "s", "--capture", "all", "--capture-share", "2"],
            "--capture-share",
        ),
    ] {
        let output = program()
            .arg("--model")
            .arg(place.path("model.safetensors"))
            .args(&options)
            .output()
            .unwrap();
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(64), "{options:?}: {message}");
        assert!(message.contains(words), "{options:?}: {message}");
    }
}

#[tokio::test]
async fn no_body_makes_the_server_fail() {
    let place = Place::new();
    let server = place.start(&[]);
    for content_type in [JSON, LINES] {
        for (name, body) in crate::hostile::bodies() {
            let answer = correct_as(server.address, Some(TOKEN), content_type, body).await;
            assert!(
                answer.status.is_client_error() && answer.body.len() < 5_000,
                "{name}: {}",
                answer.status
            );
        }
    }
    assert_eq!(series(server.address, "panics_total").await, 0);
    assert_eq!(
        correct(server.address, &json!({ "text": CARDS, "category": "Cards" }))
            .await
            .status,
        200
    );
}
