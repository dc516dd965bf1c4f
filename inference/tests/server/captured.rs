//! `GET /captured`: what waits for a person, who may read it, and that the store is read within bounds.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::net::SocketAddr;

use axum::http::Request;
use complaint_contract::captured::{CapturedList, TOKEN_HEADER};
use complaint_contract::segments::{CapturedAnswer, Correction, segment_path, text_id};
use http_body_util::Full;
use serde_json::{Value, json};

use crate::client::{Answer, get, post, send};
use crate::collected::{Place, TOKEN, correct, files, until_series};
use crate::model::{self, CARDS, LABELS, LOANS};
use crate::running::Running;

const DAY: &str = "2026-11-28";

async fn list(address: SocketAddr, query: &str) -> CapturedList {
    let answer = with_token(address, query).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    serde_json::from_slice(&answer.body).unwrap()
}

async fn with_token(address: SocketAddr, query: &str) -> Answer {
    read_with(address, query, &[(TOKEN_HEADER, TOKEN)]).await
}

async fn read_with(address: SocketAddr, query: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::get(format!("/captured{query}")).header("host", "test");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send(address, request.body(Full::default()).unwrap()).await
}

fn texts(list: &CapturedList) -> Vec<&str> {
    list.rows.iter().map(|row| row.text.as_str()).collect()
}

/// A captured answer of another server.
fn captured(text: &str, margin: f64, needs_review: bool) -> CapturedAnswer {
    CapturedAnswer {
        time: format!("{DAY}T10:00:00.000Z"),
        id: text_id(text).to_string(),
        text: text.to_owned(),
        category: "Cards".into(),
        probability: 0.5,
        margin,
        second: Some("Loans".into()),
        needs_review,
        drawn: !needs_review,
        digest: model::file().1,
    }
}

fn line(row: &impl serde::Serialize) -> String {
    format!("{}\n", serde_json::to_string(row).unwrap())
}

fn gzip(lines: &str) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(lines.as_bytes()).unwrap();
    packed.finish().unwrap()
}

/// Writes a segment of another server.
fn put(place: &Place, folder: &str, day: &str, number: u64, bytes: &[u8]) {
    let path = place
        .path("store")
        .join(folder)
        .join(segment_path(day, "00000000000000ff", number));
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

#[tokio::test]
async fn what_needs_a_person_comes_first_and_leaves_once_it_is_decided() {
    let place = Place::new();
    let other = [
        captured("my card and my loan", 0.2, true),
        captured("my card and my transfer", 0.1, true),
        // Twice, of which one is listed.
        captured("my card and my loan", 0.3, true),
        captured("a card of the share", 0.05, false),
    ];
    let lines: String = other.iter().map(line).collect();
    put(&place, "capture", DAY, 1, &gzip(&lines));
    let server = place.start(&["--capture", "needs-review", "--abstain-below", "0.9"]);
    let address = server.address;
    let unknown = "none of these words <b>is</b> known";
    let answer = post(address, "/predict", &json!({ "texts": [unknown, CARDS] })).await;
    assert_eq!(answer.status, 200);
    until_series(address, "captured_total", |count| count == 1).await;

    let first = list(address, "").await;
    assert_eq!(
        texts(&first)[..].iter().collect::<BTreeSet<_>>(),
        [unknown, "my card and my transfer", "my card and my loan"]
            .iter()
            .collect()
    );
    let margins: Vec<f64> = first.rows.iter().map(|row| row.margin).collect();
    assert!(margins.is_sorted(), "{margins:?}");
    assert_eq!((first.waiting, first.complete, first.new_categories), (3, true, false));
    assert_eq!(first.categories, LABELS);
    assert_eq!(first.model_digest, model::file().1.prefixed());
    let row = first.rows.iter().find(|row| row.text == unknown).unwrap();
    assert!(row.needs_review && row.second.is_some() && row.id == text_id(unknown).to_string());
    assert_eq!(
        Some(&row.served.category),
        Some(&row.category),
        "the same model answered"
    );
    assert_eq!(Some(&row.served.second), row.second.as_ref());

    let row = first.rows.iter().find(|row| row.text == "my card and my loan").unwrap();
    let words: Vec<(String, bool)> = row
        .served
        .words
        .iter()
        .flat_map(|word| word.ranges.iter().map(|range| (*range, word.contribution > 0.0)))
        .map(|([from, to], speaks)| (row.text.chars().skip(from).take(to - from).collect(), speaks))
        .collect();
    let for_cards = row.served.category == "Cards";
    assert!(words.contains(&("card".into(), for_cards)), "{words:?}");
    assert!(words.contains(&("loan".into(), !for_cards)), "{words:?}");

    assert_eq!(list(address, "?limit=1").await.rows, first.rows[..1]);
    assert_eq!(list(address, "?limit=1").await.waiting, 3);
    let all = list(address, "?which=all").await;
    assert_eq!(all.waiting, 4);
    assert_eq!(all.rows.last().unwrap().text, "a card of the share");
    assert_eq!(texts(&list(address, "?which=drawn").await), ["a card of the share"]);

    // By the text, and by the name of the complaint.
    correct(
        address,
        &json!({ "text": unknown, "category": "Cards", "id": "ticket-9" }),
    )
    .await;
    let id = text_id("my card and my loan");
    correct(address, &json!({ "text": "shortened", "category": "Cards", "id": id })).await;
    assert_eq!(texts(&list(address, "").await), ["my card and my transfer"]);
    // Reading answers nothing, and captures nothing.
    let segments = files(&place.path("store/capture"));
    assert_eq!(segments.len(), 2, "{segments:?}");
    let statistics = get(address, "/statistics").await.json();
    assert_eq!(statistics["total"]["requests"], 1);
    assert_eq!(statistics["total"]["needsReview"], 1);
}

#[tokio::test]
async fn only_who_may_send_corrections_may_read() {
    let place = Place::new();
    let tokens = place.path("answers");
    std::fs::write(&tokens, "for-answers").unwrap();
    let server = place.start(&["--token-file", tokens.to_str().unwrap()]);
    let bearer = format!("Bearer {TOKEN}");
    for (headers, status, code) in [
        (vec![], 401, "Unauthorized"),
        (vec![("authorization", "Bearer other")], 401, "Unauthorized"),
        (vec![(TOKEN_HEADER, "other")], 401, "Unauthorized"),
        (vec![(TOKEN_HEADER, "")], 401, "Unauthorized"),
        (vec![(TOKEN_HEADER, &bearer)], 401, "Unauthorized"),
        (vec![("authorization", "Bearer for-answers")], 403, "Forbidden"),
        // A wrong one is not mended by another header.
        (
            vec![(TOKEN_HEADER, "other"), ("authorization", &bearer)],
            401,
            "Unauthorized",
        ),
    ] {
        let answer = read_with(server.address, "", &headers).await;
        assert_eq!(answer.status, status, "{headers:?}");
        assert_eq!(answer.json()["error"]["code"], code, "{headers:?}");
    }
    for headers in [
        vec![("authorization", bearer.as_str())],
        vec![(TOKEN_HEADER, TOKEN)],
        vec![(TOKEN_HEADER, TOKEN), ("authorization", "Bearer for-answers")],
    ] {
        let answer = read_with(server.address, "", &headers).await;
        assert_eq!(answer.status, 200, "{headers:?}: {}", answer.text());
        assert_eq!(answer.json()["rows"], json!([]), "nothing was captured yet");
        let body = json!({ "text": CARDS, "category": "Cards" }).to_string();
        let mut request = Request::post("/feedback").header("host", "test");
        for (name, value) in &headers {
            request = request.header(*name, *value);
        }
        let sent = send(server.address, request.body(Full::new(body.into())).unwrap()).await;
        assert_eq!(sent.status, 200, "{headers:?}: {}", sent.text());
    }
    for query in ["?limit=0", "?limit=201", "?limit=many", "?which=others", "?what=all"] {
        let answer = with_token(server.address, query).await;
        assert_eq!(answer.json()["error"]["code"], "InvalidRequest", "{query}");
    }
    let closed = Running::start_with(&mut place.with_store(place.path("store").to_str().unwrap()));
    let answer = with_token(closed.address, "").await;
    assert_eq!(
        (answer.status.as_u16(), &answer.json()["error"]["code"]),
        (404, &json!("FeedbackOff"))
    );
}

#[tokio::test]
async fn torn_and_foreign_segments_are_read_up_to_what_is_whole() {
    let place = Place::new();
    let (whole, lost) = (line(&captured(CARDS, 0.1, true)), line(&captured(LOANS, 0.1, true)));
    let torn = gzip(&lost);
    let segment = [&gzip(&format!("{whole}not JSON\n[]\n")), &torn[..torn.len() - 4]].concat();
    put(&place, "capture", DAY, 1, &segment);
    put(&place, "capture", DAY, 2, b"no gzip");
    put(&place, "feedback", DAY, 1, b"no gzip");
    std::fs::write(place.path("store/capture/notes.txt"), "notes").unwrap();
    let server = place.start(&[]);
    let found = list(server.address, "").await;
    assert_eq!(texts(&found), [CARDS]);
    // A correction of the day of an answer, by another server, of a text whose mark was lost.
    let correction = Correction {
        time: format!("{DAY}T11:00:00.000Z"),
        id: "ticket-1".into(),
        text: CARDS.into(),
        category: "Cards".into(),
        also: Some("Loans".into()),
        by: None,
        digest: model::file().1,
        answer: "Cards".into(),
        drawn: false,
    };
    put(&place, "feedback", DAY, 2, &gzip(&line(&correction)));
    assert_eq!(texts(&list(server.address, "").await), [""; 0]);
}

#[tokio::test]
async fn a_list_has_so_many_bytes_of_text_and_a_store_so_many_that_are_read() {
    let place = Place::new();
    let long = |number: usize| format!("my card {number} {}", "was charged ".repeat(5_000));
    let lines: String = (0..60)
        .map(|number| line(&captured(&long(number), 0.1, true)))
        .collect();
    put(&place, "capture", DAY, 1, &gzip(&lines));
    let server = place.start(&[]);
    let found = list(server.address, "?limit=200").await;
    assert_eq!((found.waiting, found.complete), (60, true));
    let bytes: usize = found.rows.iter().map(|row| row.text.len()).sum();
    assert!((1 << 20..=2 << 20).contains(&bytes), "{bytes}");

    // The newest days come first; a file that fills the bytes alone is the last one.
    let old = gzip(&line(&captured("an old card", 0.0, true)));
    put(&place, "capture", "2026-11-26", 1, &old);
    let mut filled = gzip(&line(&captured("my card of the full day", 0.0, true)));
    filled.resize(32 << 20, 0);
    put(&place, "capture", "2026-11-27", 1, &filled);
    let found = list(server.address, "?limit=2").await;
    assert_eq!((found.waiting, found.complete), (61, false));
    assert_eq!(found.rows[0].text, "my card of the full day");
    assert!(server.peak_memory() < 200 << 20, "{} bytes", server.peak_memory());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_hangs_has_one_reader() {
    let place = Place::new();
    let (mut command, _silent) = place.with_silent_store(Place::taking);
    let hanging = Running::start_with(&mut command);
    let address = hanging.address;
    // One of two waits for the store, and the other one is told so at once.
    let busy = tokio::select! {
        one = with_token(address, "") => one,
        other = with_token(address, "") => other,
    };
    assert_eq!(busy.status, 429, "{}", busy.text());
    assert_eq!(busy.json()["error"]["code"], "Overloaded");
    assert_eq!(busy.header("retry-after"), "1");
    let answered = post(address, "/predict", &json!({ "text": CARDS })).await;
    assert_eq!(answered.status, 200, "answers go on");
}

#[tokio::test]
async fn two_right_categories_are_kept_and_either_is_a_right_answer() {
    let place = Place::new();
    let server = place.start(&[]);
    let address = server.address;
    let both = |category: &str, also: &str| json!({ "text": CARDS, "category": category, "also": also, "by": "jane" });
    for (category, also, agreed) in [("Cards", "Loans", 1), ("Loans", "Cards", 1), ("Loans", LABELS[2], 0)] {
        let answer = correct(address, &both(category, also)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.json()["agreed"], agreed, "{category} and {also}");
    }
    let kept: Vec<Correction> = place.rows("feedback");
    let kept: Vec<_> = kept
        .iter()
        .map(|row| (row.category.as_str(), row.also.as_deref()))
        .collect();
    assert_eq!(kept[..2], [("Cards", Some("Loans")), ("Loans", Some("Cards"))]);
    for (also, code, part) in [
        ("Cards", "InvalidRequest", "`also` is the same as `category`"),
        (
            "cards",
            "UnknownCategory",
            "has a category that the model does not have",
        ),
    ] {
        let refused = correct(address, &both("Cards", also)).await.json();
        assert_eq!(refused["error"]["code"], code);
        assert!(
            refused["error"]["message"].as_str().unwrap().contains(part),
            "{refused}"
        );
    }
    let open = place.start(&["--feedback-new-categories"]);
    assert_eq!(correct(open.address, &both("Cards", "Cheques")).await.status, 200);
    for (also, part) in [(" ", "`also` is blank"), (" Cheques", "begins or ends with a space")] {
        let refused = correct(open.address, &both("Cards", also)).await.json();
        assert!(
            refused["error"]["message"].as_str().unwrap().contains(part),
            "{refused}"
        );
    }
}

#[tokio::test]
async fn the_list_has_the_documented_fields() {
    let place = Place::new();
    put(&place, "capture", DAY, 1, &gzip(&line(&captured(CARDS, 0.1, true))));
    let server = place.start(&[]);
    let document = get(server.address, "/openapi.json").await.json();
    let schema = |name: &str| -> BTreeSet<String> {
        let fields = &document["components"]["schemas"][name]["properties"];
        fields
            .as_object()
            .unwrap_or_else(|| panic!("no {name}"))
            .keys()
            .cloned()
            .collect()
    };
    let fields = |value: &Value| -> BTreeSet<String> { value.as_object().unwrap().keys().cloned().collect() };
    let list = with_token(server.address, "").await.json();
    let row = &list["rows"][0];
    assert_eq!(fields(&list), schema("CapturedList"));
    assert_eq!(fields(row), schema("CapturedRow"));
    assert_eq!(fields(&row["served"]), schema("ServedAnswer"));
    assert_eq!(fields(&row["served"]["words"][0]), schema("DecidingWord"));
    let security = &document["paths"]["/captured"]["get"]["security"];
    assert_eq!(security.as_array().map(Vec::len), Some(2), "{security}");
}
