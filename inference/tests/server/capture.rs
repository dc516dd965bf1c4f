//! Captured answers: which, how many, and that nobody who asks notices.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use complaint_contract::segments::{CapturedAnswer, is_drawn, text_id};
use serde_json::{Value, json};

use crate::client::{get, post, post_as};
use crate::collected::{Place, files, series, until_series};
use crate::model::{self, CARDS, LOANS};
use crate::running::Running;

const FOLDER: &str = "capture";

fn start(place: &Place, arguments: &[&str]) -> Running {
    Running::start_with(place.with_store(place.path("store").to_str().unwrap()).args(arguments))
}

fn stop(mut server: Running) {
    server.signal("-TERM");
    assert_eq!(server.wait(), Some(0));
}

async fn ask(address: SocketAddr, text: &str) -> Value {
    let answer = post(address, "/predict", &json!({ "text": text })).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

#[tokio::test]
async fn every_protocol_is_captured_and_kept_at_the_end() {
    let place = Place::new();
    let server = start(&place, &["--capture", "all", "--abstain-below", "0.9995"]);
    let address = server.address;
    let mut expected = Vec::new();
    for (number, (path, body)) in [
        ("/predict", json!({ "text": "my card 0" })),
        ("/predict", json!({ "texts": ["my card 1", "my loan 1"] })),
        ("/explain", json!({ "text": "my card 2" })),
        ("/predict/stream", json!({ "text": "my card 3" })),
        ("/v1/models/cards:predict", json!({ "instances": ["my card 4"] })),
        ("/v1/models/cards:explain", json!({ "instances": ["my card 5"] })),
        (
            "/v2/models/cards/infer",
            json!({ "inputs": [{ "name": "text", "shape": [1], "datatype": "BYTES", "data": ["my card 6"] }] }),
        ),
        ("/invocations", json!({ "inputs": ["my card 7"] })),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(post(address, path, &body).await.status, 200, "{path}");
        expected.push(format!("my card {number}"));
    }
    expected.push("my loan 1".into());
    expected.sort();
    // Refused requests have no answers.
    post(address, "/predict", &json!({ "texts": ["my card 8", ""] })).await;
    let asked = ask(address, CARDS).await;
    expected.push(CARDS.into());
    expected.sort();
    stop(server);

    let mut rows: Vec<CapturedAnswer> = place.rows(FOLDER);
    rows.sort_by(|one, other| one.text.cmp(&other.text));
    assert_eq!(rows.iter().map(|row| row.text.clone()).collect::<Vec<_>>(), expected);
    for row in &rows {
        assert_eq!((row.digest, row.drawn), (model::file().1, true));
        assert_eq!(row.id, text_id(&row.text).to_string());
        assert_eq!(row.needs_review, row.probability < 0.9995);
        assert!(
            row.time.ends_with('Z') && row.margin > 0.0 && row.margin <= row.probability,
            "{row:?}"
        );
    }
    let row = rows.iter().find(|row| row.text == CARDS).unwrap();
    assert_eq!(asked["category"], row.category);
    let difference = asked["probability"].as_f64().unwrap() - row.probability;
    assert!(difference.abs() < 1e-6, "{asked} {row:?}");
    let next = asked["probabilities"]
        .as_object()
        .unwrap()
        .values()
        .map(|value| value.as_f64().unwrap());
    let next = next
        .filter(|probability| *probability < row.probability - 1e-6)
        .fold(0.0, f64::max);
    assert!((row.probability - next - row.margin).abs() < 2e-6, "{row:?}");
}

#[tokio::test]
async fn modes_and_shares_choose() {
    let texts: Vec<String> = (0..60)
        .flat_map(|number| [format!("{CARDS} {number}"), format!("no word is known {number}")])
        .collect();
    let drawn = |text: &str, share: f64| is_drawn(&text_id(text), share);
    let unsure = |text: &str| text.starts_with("no word");
    type Chooses<'a> = Box<dyn Fn(&str) -> bool + 'a>;
    let cases: Vec<(&[&str], Chooses<'_>)> = vec![
        (&["--capture", "disabled"], Box::new(|_| false)),
        (&[], Box::new(|_| false)),
        (&["--capture", "needs-review"], Box::new(unsure)),
        (
            &["--capture", "needs-review", "--capture-share", "0.3"],
            Box::new(|text| unsure(text) || drawn(text, 0.3)),
        ),
        (&["--capture", "all"], Box::new(|_| true)),
        (
            &["--capture", "all", "--capture-share", "0.3"],
            Box::new(|text| drawn(text, 0.3)),
        ),
        (&["--capture", "all", "--capture-share", "0"], Box::new(|_| false)),
    ];
    for (arguments, chooses) in cases {
        let place = Place::new();
        let server = start(&place, &[arguments, &["--abstain-below", "0.9"]].concat());
        let answer = post(server.address, "/predict", &json!({ "texts": texts })).await;
        assert_eq!(answer.status, 200);
        stop(server);
        let rows: Vec<CapturedAnswer> = place.rows(FOLDER);
        let expected: Vec<&String> = texts.iter().filter(|text| chooses(text)).collect();
        assert_eq!(
            rows.iter().map(|row| &row.text).collect::<Vec<_>>(),
            expected,
            "{arguments:?}"
        );
        let share = match arguments {
            [_, _, _, share] => share.parse().unwrap(),
            [_, "all"] => 1.0,
            _ => 0.0,
        };
        for row in &rows {
            assert_eq!(
                (row.drawn, row.needs_review),
                (drawn(&row.text, share), unsure(&row.text)),
                "{arguments:?}"
            );
        }
        assert_eq!(place.path("store").exists(), !expected.is_empty(), "{arguments:?}");
    }
}

#[tokio::test]
async fn rows_are_written_while_the_server_runs() {
    let place = Place::new();
    let server = start(&place, &["--capture", "all"]);
    ask(server.address, CARDS).await;
    until_series(server.address, "captured_total", |count| count == 1).await;
    assert_eq!(place.rows::<CapturedAnswer>(FOLDER).len(), 1);
    ask(server.address, LOANS).await;
    until_series(server.address, "captured_total", |count| count == 2).await;
    assert_eq!(
        files(&place.path("store").join(FOLDER)).len(),
        1,
        "a process has one segment"
    );
    let texts: Vec<String> = place
        .rows::<CapturedAnswer>(FOLDER)
        .into_iter()
        .map(|row| row.text)
        .collect();
    assert_eq!(texts, [CARDS, LOANS]);
}

#[tokio::test]
async fn a_day_has_so_many_bytes() {
    const MOST: u64 = 4_000;
    let place = Place::new();
    let server = start(
        &place,
        &["--capture", "all", "--capture-max-bytes-per-day", &MOST.to_string()],
    );
    let mut asked = 0;
    while series(server.address, "capture_dropped_total{reason=\"budget\"}").await == 0 {
        let texts: Vec<String> = (0..50)
            .map(|number| format!("{CARDS} {} {}", asked + number, rand_word(asked + number)))
            .collect();
        assert_eq!(
            post(server.address, "/predict", &json!({ "texts": texts }))
                .await
                .status,
            200
        );
        asked += 50;
        assert!(asked < 5_000, "the budget is never used up");
    }
    ask(server.address, CARDS).await;
    asked += 1;
    until_series(server.address, "captured_total", |count| count > 0).await;
    assert!(server.log().contains("used up"), "{}", server.log());
    stop(server);
    let captured = place.rows::<CapturedAnswer>(FOLDER).len() as u64;
    assert!(captured > 0 && captured < asked, "{captured} of {asked}");
    let sizes = files(&place.path("store").join(FOLDER))
        .into_iter()
        .map(|path| path.metadata().unwrap().len());
    let size: u64 = sizes.sum();
    assert!(size <= MOST && size > MOST / 4, "{size}");
}

/// A word that gzip does not know.
fn rand_word(number: u64) -> String {
    text_id(&number.to_string()).to_string()
}

#[tokio::test]
async fn a_store_that_fails_costs_rows_and_no_answer() {
    let place = Place::new();
    let store = place.path("store");
    std::fs::write(&store, "a file where the folder should be").unwrap();
    let server = start(&place, &["--capture", "all"]);
    ask(server.address, CARDS).await;
    until_series(server.address, "capture_dropped_total{reason=\"store\"}", |count| {
        count == 1
    })
    .await;
    assert_eq!(series(server.address, "captured_total").await, 0);
    assert_eq!(get(server.address, "/v2/health/ready").await.status, 200);
    std::fs::remove_file(&store).unwrap();
    ask(server.address, LOANS).await;
    until_series(server.address, "captured_total", |count| count == 1).await;
    let log = server.log();
    assert!(log.contains("not captured") && !log.contains("charged"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_hangs_fills_a_queue_and_slows_no_answer() {
    let place = Place::new();
    let (mut command, _silent) = place.with_silent_store(Place::with_store);
    let mut server = Running::start_with(command.args(["--capture", "all"]));
    let long = |number: usize| format!("{number} {}", "my card ".repeat(7_000));
    let mut slowest = Duration::ZERO;
    let mut asked = 0;
    while series(server.address, "capture_dropped_total{reason=\"queue\"}").await == 0 {
        let began = Instant::now();
        ask(server.address, &long(asked)).await;
        slowest = slowest.max(began.elapsed());
        asked += 1;
        assert!(asked < 2_000, "the queue never fills");
    }
    assert!(slowest < Duration::from_secs(5), "{slowest:?}");
    assert!(server.peak_memory() < 200 << 20, "{} bytes", server.peak_memory());
    let began = Instant::now();
    server.signal("-TERM");
    assert_eq!(server.wait(), Some(0));
    assert!(
        began.elapsed() < Duration::from_secs(15),
        "the end does not wait for the store: {:?}",
        began.elapsed()
    );
}

#[tokio::test]
async fn a_stream_is_captured_line_by_line() {
    let place = Place::new();
    let server = start(&place, &["--capture", "all"]);
    let lines: String = (0..500)
        .map(|number| format!("{}\n", json!({ "text": format!("my card {number}") })))
        .collect();
    post_as(server.address, "/predict/stream", "application/x-ndjson", lines).await;
    stop(server);
    assert_eq!(place.rows::<CapturedAnswer>(FOLDER).len(), 500);
}
