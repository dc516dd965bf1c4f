//! Corrections that were acknowledged are kept, whatever becomes of server and store.

use std::collections::BTreeSet;
use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::http::Request;
use bytes::Bytes;
use complaint_contract::segments::Correction;
use complaint_contract::statistics::FeedbackCounts;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use super::{JSON, statistics, stop};
use crate::client::{get, post};
use crate::collected::{Place, TOKEN, correct, files, series};
use crate::model::CARDS;
use crate::running::Running;

/// Sends corrections over one connection until the server is gone or `count` are acknowledged, and returns the ids of those that
/// are.
async fn send_many(address: SocketAddr, name: usize, count: usize, acknowledged: Arc<AtomicUsize>) -> Vec<String> {
    let mut known = Vec::new();
    let Ok(stream) = TcpStream::connect(address).await else {
        return known;
    };
    let Ok((mut sender, connection)) = http1::handshake(TokioIo::new(stream)).await else {
        return known;
    };
    let connection = tokio::spawn(connection);
    for number in 0..count {
        let row = |part| json!({ "text": format!("my card was charged {number}"), "category": "Cards", "id": format!("{name}-{number}-{part}") });
        let rows: Vec<Value> = (0..=number % 3).map(row).collect();
        let request = Request::post("/feedback")
            .header("host", "test")
            .header("authorization", format!("Bearer {TOKEN}"))
            .header("content-type", JSON)
            .body(Full::new(Bytes::from(json!(rows).to_string())))
            .unwrap();
        let Ok(answer) = sender.send_request(request).await else {
            break;
        };
        let status = answer.status();
        if answer.into_body().collect().await.is_err() {
            break;
        }
        assert_eq!(status, 200);
        known.extend(rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()));
        acknowledged.fetch_add(rows.len(), Ordering::Relaxed);
    }
    drop(sender);
    let _ = connection.await;
    known
}

fn ids(rows: &[Correction]) -> BTreeSet<String> {
    rows.iter().map(|row| row.id.clone()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_was_acknowledged_outlives_a_kill() {
    let place = Place::new();
    let mut server = place.start(&[]);
    let answer = correct(
        server.address,
        &json!({ "text": CARDS, "category": "Cards", "id": "alone" }),
    )
    .await;
    server.signal("-KILL");
    assert_eq!((answer.status.as_u16(), server.wait()), (200, None));
    assert!(ids(&place.rows("feedback")).contains("alone"));

    // In the middle of many, and again beside what is left of the first.
    for turn in 0..3 {
        let mut server = place.start(&[]);
        let acknowledged = Arc::new(AtomicUsize::new(0));
        let clients: Vec<_> = (0..24)
            .map(|client| {
                tokio::spawn(send_many(
                    server.address,
                    100 * turn + client,
                    usize::MAX,
                    Arc::clone(&acknowledged),
                ))
            })
            .collect();
        while acknowledged.load(Ordering::Relaxed) < 200 {
            tokio::task::yield_now().await;
        }
        server.signal("-KILL");
        server.wait();
        // What a torn member looks like.
        let torn = files(&place.path("store/feedback")).pop().unwrap();
        let mut torn = std::fs::File::options().append(true).open(torn).unwrap();
        torn.write_all(b"\x1f\x8b\x08\0\0\0\0\0\0\xff torn").unwrap();
        let mut known = BTreeSet::new();
        for client in clients {
            known.extend(client.await.unwrap());
        }
        assert!(known.len() >= 200);
        let kept = ids(&place.rows("feedback"));
        let lost: Vec<_> = known.difference(&kept).collect();
        assert!(lost.is_empty(), "{} of {}: {lost:?}", lost.len(), known.len());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_senders_to_two_servers_of_one_store_lose_nothing_and_are_counted() {
    let place = Place::new();
    let servers = [place.start(&["--threads", "4"]), place.start(&[])];
    let clients: Vec<_> = (0..32)
        .map(|client| tokio::spawn(send_many(servers[client % 2].address, client, 60, Arc::default())))
        .collect();
    let mut known = BTreeSet::new();
    for client in clients {
        known.extend(client.await.unwrap());
    }
    assert_eq!(known.len(), 32 * 20 * (1 + 2 + 3));
    let kept: Vec<Correction> = place.rows("feedback");
    assert_eq!((kept.len(), ids(&kept)), (known.len(), known));
    let segments = files(&place.path("store/feedback"));
    assert!((2..=4).contains(&segments.len()), "one a server and day: {segments:?}");
    let bytes: u64 = segments.iter().map(|path| path.metadata().unwrap().len()).sum();
    assert!(bytes > 0);
    for server in servers {
        let counted = statistics(server.address).await;
        let expected = FeedbackCounts {
            rows: 16 * 20 * 6,
            correct: 16 * 20 * 6,
            ..FeedbackCounts::default()
        };
        assert_eq!(counted.total.feedback, expected);
        let in_slots: u64 = counted.slots.iter().map(|slot| slot.counts.feedback.rows).sum();
        assert_eq!(in_slots, expected.rows);
        let agreed = series(server.address, "feedback_total{agrees=\"true\",drawn=\"false\"}").await;
        assert_eq!(agreed, expected.rows);
        stop(server);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_that_wait_share_a_flush() {
    let place = Place::new();
    let server = place.start(&[]);
    let clients: Vec<_> = (0..64)
        .map(|client| tokio::spawn(send_many(server.address, client, 20, Arc::default())))
        .collect();
    for client in clients {
        client.await.unwrap();
    }
    let segment = std::fs::read(&files(&place.path("store/feedback"))[0]).unwrap();
    let members = complaint_store::segments::members(&segment).count();
    assert!(members < 64 * 20 / 2, "{members} members for {} requests", 64 * 20);
}

#[tokio::test]
async fn a_store_that_fails_refuses_corrections_alone_and_recovers() {
    let place = Place::new();
    let store = place.path("store");
    std::fs::write(&store, "a file where the folder should be").unwrap();
    let server = place.start(&[]);
    let row = json!({ "text": CARDS, "category": "Cards" });
    for _ in 0..2 {
        let refused = correct(server.address, &row).await;
        assert_eq!(
            (refused.status.as_u16(), &refused.json()["error"]["code"]),
            (503, &json!("NotKept"))
        );
        assert_eq!(refused.header("retry-after"), "1");
        assert!(!refused.text().contains("charged"), "{}", refused.text());
        assert_eq!(
            post(server.address, "/predict", &json!({ "text": CARDS })).await.status,
            200
        );
        assert_eq!(get(server.address, "/v2/health/ready").await.status, 200);
    }
    assert_eq!(statistics(server.address).await.total.feedback.rows, 0);
    assert_eq!(series(server.address, "feedback_failed_total").await, 2);
    assert!(server.log().contains("making the directory"), "{}", server.log());
    std::fs::remove_file(&store).unwrap();
    assert_eq!(correct(server.address, &row).await.status, 200);
    assert_eq!(place.rows::<Correction>("feedback").len(), 1);
    // Somebody deletes the segment under the server: what nobody could read is not acknowledged.
    std::fs::remove_dir_all(&store).unwrap();
    assert_eq!(correct(server.address, &row).await.status, 503);
    assert_eq!(correct(server.address, &row).await.status, 200);
    assert_eq!(place.rows::<Correction>("feedback").len(), 1);
    let log = server.log();
    assert!(!log.contains("charged"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_store_that_hangs_fills_a_queue_and_holds_up_nothing_else() {
    let place = Place::new();
    let (mut command, _silent) = place.with_silent_store(Place::taking);
    let server = Running::start_with(command.args(["--max-concurrency", "128"]));
    let address = server.address;
    let row = json!({ "text": CARDS, "category": "Cards" });
    // A group that is being written is in no place of the queue's 128, and may be as large: 256 wait at most.
    let waiting: Vec<_> = (0..320)
        .map(|_| {
            let row = row.clone();
            tokio::spawn(async move {
                // There are fewer places than corrections that wait, and than clients: some may come while all are taken.
                loop {
                    let answer = correct(address, &row).await;
                    let message = answer.json()["error"]["message"].as_str().unwrap().to_owned();
                    if !message.contains("in flight") {
                        return (answer, message);
                    }
                }
            })
        })
        .collect();
    let refused = || waiting.iter().filter(|task| task.is_finished()).count();
    tokio::time::timeout(Duration::from_secs(30), async {
        while refused() < 50 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("a full queue refuses at once");
    for _ in 0..20 {
        let answer = post(address, "/predict", &json!({ "text": CARDS })).await;
        assert_eq!(
            answer.status,
            200,
            "corrections that wait take no place: {}",
            answer.text()
        );
    }
    let mut statuses = [0, 0];
    for task in waiting {
        let (answer, message) = tokio::time::timeout(Duration::from_secs(40), task)
            .await
            .unwrap()
            .unwrap();
        match answer.status.as_u16() {
            429 => statuses[0] += 1,
            503 => statuses[1] += 1,
            other => panic!("{other}: {message}"),
        }
        assert_eq!(answer.header("retry-after"), "1");
    }
    assert!(statuses[0] >= 50 && statuses[1] >= 100, "{statuses:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_server_that_ends_keeps_what_it_has_taken() {
    let place = Place::new();
    let mut server = place.start(&[]);
    let acknowledged = Arc::new(AtomicUsize::new(0));
    let clients: Vec<_> = (0..16)
        .map(|client| tokio::spawn(send_many(server.address, client, usize::MAX, Arc::clone(&acknowledged))))
        .collect();
    while acknowledged.load(Ordering::Relaxed) < 100 {
        tokio::task::yield_now().await;
    }
    server.signal("-TERM");
    assert_eq!(server.wait(), Some(0));
    let mut known = BTreeSet::new();
    for client in clients {
        known.extend(client.await.unwrap());
    }
    let kept: Vec<Correction> = place.rows("feedback");
    assert_eq!(
        (kept.len(), ids(&kept)),
        (known.len(), known),
        "all that was taken, and no more"
    );
}
