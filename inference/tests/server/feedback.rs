//! `POST /feedback`: who may send corrections, which are taken, and that those that were acknowledged are kept.

mod durable;
mod refused;

use std::net::SocketAddr;
use std::time::Duration;

use complaint_contract::segments::{Correction, is_drawn, text_id};
use complaint_contract::statistics::{FeedbackCounts, Statistics, paths};
use serde_json::{Value, json};

use crate::client::{get, post};
use crate::collected::{Place, TOKEN, correct, correct_as, files, read, series, until_series};
use crate::model::{self, CARDS, LABELS, LOANS};
use crate::reload::{metric, reloads, replace};
use crate::running::Running;

const JSON: &str = "application/json";
const LINES: &str = "application/x-ndjson";

async fn statistics(address: SocketAddr) -> Statistics {
    serde_json::from_slice(&get(address, paths::STATISTICS).await.body).unwrap()
}

fn stop(mut server: Running) {
    server.signal("-TERM");
    assert_eq!(server.wait(), Some(0));
}

#[tokio::test]
async fn corrections_are_kept_and_the_model_answers_them() {
    let place = Place::new();
    let server = place.start(&[]);
    let digest = model::file().1;
    let one = correct(server.address, &json!({ "text": CARDS, "category": "Cards" })).await;
    assert_eq!(one.status, 200, "{}", one.text());
    let mut answer = one.json();
    assert!(answer["answers"][0]["probability"].as_f64().unwrap() > 0.9);
    answer["answers"][0]["probability"] = json!(1);
    let expected = json!({
        "taken": 1, "agreed": 1, "modelDigest": digest.prefixed(),
        "answers": [{ "id": text_id(CARDS), "answer": "Cards", "probability": 1, "agrees": true }],
    });
    assert_eq!(answer, expected);
    assert_eq!(
        place.rows::<Correction>("feedback").len(),
        1,
        "it is there before the answer"
    );

    let many = json!([
        { "text": LOANS, "category": "Cards", "by": "jane", "id": "ticket-1" },
        { "text": CARDS, "category": "Loans", "by": null, "id": null },
    ]);
    let many = correct(server.address, &many).await.json();
    assert_eq!((&many["taken"], &many["agreed"]), (&json!(2), &json!(0)));
    assert_eq!(
        (&many["answers"][0]["id"], &many["answers"][0]["answer"]),
        (&json!("ticket-1"), &json!("Loans"))
    );
    let lines = format!(
        "\u{feff}{}\r\n\n  {}",
        json!({ "text": "a wire transfer", "category": LABELS[2] }),
        json!({ "text": "\u{1f4b3} \"quoted\"\n", "category": "Cards" })
    );
    let lines = correct_as(server.address, Some(TOKEN), LINES, lines).await;
    assert_eq!(lines.json()["taken"], 2, "{}", lines.text());

    let rows: Vec<Correction> = place.rows("feedback");
    let texts: Vec<_> = rows
        .iter()
        .map(|row| (row.text.as_str(), row.category.as_str(), row.answer.as_str()))
        .collect();
    let expected = [
        (CARDS, "Cards", "Cards"),
        (LOANS, "Cards", "Loans"),
        (CARDS, "Loans", "Cards"),
        ("a wire transfer", LABELS[2], LABELS[2]),
    ];
    assert_eq!(texts[..4], expected);
    assert_eq!(texts[4].0, "\u{1f4b3} \"quoted\"\n");
    assert_eq!((rows[1].id.as_str(), rows[1].by.as_deref()), ("ticket-1", Some("jane")));
    assert_eq!(
        (rows[2].id.clone(), rows[2].by.clone()),
        (text_id(CARDS).to_string(), None)
    );
    for row in &rows {
        assert_eq!((row.digest, row.drawn), (digest, false));
        let today = &humantime::format_rfc3339(std::time::SystemTime::now()).to_string()[..10];
        assert!(
            row.time.ends_with('Z') && (row.time.starts_with(today) || row.time[..10] < *today),
            "{}",
            row.time
        );
    }
    assert_eq!(
        files(&place.path("store/feedback")).len(),
        1,
        "a process has one segment"
    );

    let counted = statistics(server.address).await;
    assert!(counted.is_consistent());
    assert_eq!(
        (counted.total.requests, counted.total.answered()),
        (0, 0),
        "no complaint was answered in production"
    );
    let agreed = rows.iter().filter(|row| row.answer == row.category).count() as u64;
    let expected = FeedbackCounts {
        rows: 5,
        correct: agreed,
        drawn_rows: 0,
        drawn_correct: 0,
    };
    assert_eq!(counted.total.feedback, expected);
    assert_eq!(
        counted.slots.iter().map(|slot| slot.counts.feedback.rows).sum::<u64>(),
        5
    );
    for (labels, count) in [
        ("agrees=\"true\",drawn=\"false\"", agreed),
        ("agrees=\"false\",drawn=\"false\"", 5 - agreed),
        ("agrees=\"true\",drawn=\"true\"", 0),
    ] {
        assert_eq!(
            series(server.address, &format!("feedback_total{{{labels}}}")).await,
            count,
            "{labels}"
        );
    }
    assert_eq!(series(server.address, "feedback_failed_total").await, 0);
    stop(server);
}

#[tokio::test]
async fn the_share_is_drawn_by_the_texts_and_counted_apart() {
    let place = Place::new();
    let server = place.start(&["--feedback-random-share", "0.3"]);
    let rows: Vec<Value> = (0..300)
        .map(|number| json!({ "text": format!("my card {number}"), "category": LABELS[number % 3], "id": format!("t{number}") }))
        .collect();
    for part in rows.chunks(100) {
        assert_eq!(correct(server.address, &json!(part)).await.status, 200);
    }
    let kept: Vec<Correction> = place.rows("feedback");
    let mut expected = FeedbackCounts::default();
    for row in &kept {
        assert_eq!(
            row.drawn,
            is_drawn(&text_id(&row.text), 0.3),
            "the text decides, not the id"
        );
        let agrees = u64::from(row.answer == row.category);
        expected.add(&FeedbackCounts {
            rows: 1,
            correct: agrees,
            drawn_rows: u64::from(row.drawn),
            drawn_correct: agrees * u64::from(row.drawn),
        });
    }
    assert!(
        (50..130).contains(&expected.drawn_rows) && expected.drawn_correct > 0,
        "{expected:?}"
    );
    assert_eq!(statistics(server.address).await.total.feedback, expected);
    let drawn = |agrees: bool| format!("feedback_total{{agrees=\"{agrees}\",drawn=\"true\"}}");
    assert_eq!(series(server.address, &drawn(true)).await, expected.drawn_correct);
    assert_eq!(
        series(server.address, &drawn(false)).await,
        expected.drawn_rows - expected.drawn_correct
    );
}

#[tokio::test]
async fn new_categories_are_taken_where_they_are_allowed() {
    let place = Place::new();
    let server = place.start(&["--feedback-new-categories"]);
    let answer = correct(server.address, &json!({ "text": CARDS, "category": "Insurance" })).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["agreed"]), (200, &json!(0)));
    for category in [" ", " Insurance", "Insurance\u{a0}", &"a".repeat(1_001)] {
        let answer = correct(server.address, &json!({ "text": CARDS, "category": category })).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["error"]["code"]),
            (400, &json!("InvalidRequest")),
            "{category:?}"
        );
        assert!(answer.text().contains("`category`"), "{}", answer.text());
    }
    let kept: Vec<Correction> = place.rows("feedback");
    assert_eq!(
        kept.iter().map(|row| row.category.as_str()).collect::<Vec<_>>(),
        ["Insurance"]
    );
}

#[tokio::test]
async fn tokens_may_come_later_and_change() {
    let place = Place::new();
    let tokens = place.path("tokens");
    std::fs::remove_file(&tokens).unwrap();
    let server = place.start(&[]);
    let row = json!({ "text": CARDS, "category": "Cards" });
    let early = correct(server.address, &row).await;
    assert_eq!(
        (early.status.as_u16(), &early.json()["error"]["code"]),
        (503, &json!("NotReady"))
    );
    assert!(early.text().contains("tokenSecretRef"), "{}", early.text());
    assert_eq!(
        post(server.address, "/predict", &json!({ "text": CARDS })).await.status,
        200
    );
    for token in ["first", "second"] {
        std::fs::write(place.path("new"), token).unwrap();
        std::fs::rename(place.path("new"), &tokens).unwrap();
        let accepted = async {
            while correct_as(server.address, Some(token), JSON, row.to_string())
                .await
                .status
                != 200
            {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), accepted).await.unwrap();
    }
    assert_eq!(
        correct_as(server.address, Some("first"), JSON, row.to_string())
            .await
            .status,
        401
    );
}

#[tokio::test]
async fn another_model_answers_the_next_corrections() {
    let place = Place::new();
    let server = place.start(&[]);
    let row = json!({ "text": CARDS, "category": "Cards" });
    assert_eq!(correct(server.address, &row).await.json()["agreed"], 1);
    let (bytes, digest) = model::file_with(["Plastic", "Credits", "Wires"]);
    replace(&place.path("model.safetensors"), &bytes);
    server.signal("-HUP");
    metric(server.address, &reloads("swapped", 1)).await;
    assert_eq!(
        correct(server.address, &row).await.status,
        400,
        "the category is not this model's"
    );
    let row = json!({ "text": CARDS, "category": "Plastic" });
    let answer = correct(server.address, &row).await.json();
    assert_eq!(
        (&answer["agreed"], &answer["modelDigest"]),
        (&json!(1), &json!(digest.prefixed()))
    );
    assert_eq!(
        statistics(server.address).await.total.feedback.rows,
        1,
        "counts are of one model"
    );
    until_series(
        server.address,
        "feedback_total{agrees=\"true\",drawn=\"false\"}",
        |count| count == 2,
    )
    .await;
    let kept: Vec<Correction> = files(&place.path("store/feedback"))
        .iter()
        .flat_map(|path| read(&std::fs::read(path).unwrap()))
        .collect();
    assert_eq!(kept[1].digest, digest);
}
