//! Probes and ordinary requests beside clients that would starve them.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::client::{Answer, get, post, post_as};
use crate::model::{self, CARDS};
use crate::running::Running;
use crate::started::{Started, eventually};

const PROBES: [&str; 4] = ["/v2/health/live", "/v2/health/ready", "/ping", "/metrics"];

/// How long anything may take before a test fails, on a machine that other tests keep busy.
const PATIENCE: Duration = Duration::from_secs(60);
/// Each of these tests takes all of the machine: one runs at a time.
static ALONE: Mutex<()> = Mutex::const_new(());

async fn soon<T>(what: &str, answer: impl Future<Output = T>) -> T {
    timeout(PATIENCE, answer)
        .await
        .unwrap_or_else(|_| panic!("{what} is kept waiting"))
}

async fn connections(address: SocketAddr, count: usize, sent: &[u8]) -> Vec<TcpStream> {
    let mut all = Vec::new();
    for _ in 0..count {
        let mut stream = TcpStream::connect(address).await.unwrap();
        // Those that gave way are closed.
        let _ = stream.write_all(sent).await;
        all.push(stream);
    }
    all
}

#[tokio::test]
async fn slow_headers_keep_nobody_out() {
    let _alone = ALONE.lock().await;
    let server = Started::with(&["--max-connections", "50", "--header-timeout", "60s"]).await;
    let mut held = Vec::new();
    for sent in [
        &b""[..],
        b"POST /predict HTTP/1.1\r\nhost: a\r\nx-slow: ",
        b"GET /v2/health/live HTTP/1.1\r\nhost",
    ] {
        held.extend(connections(server.address, 100, sent).await);
    }
    for path in PROBES {
        assert_eq!(soon(path, get(server.address, path)).await.status, 200);
    }
    let answer = soon("a request", post(server.address, "/predict", &json!({ "text": CARDS }))).await;
    assert_eq!(answer.status, 200);
    drop(held);
}

#[tokio::test]
async fn a_request_in_work_never_gives_way() {
    let _alone = ALONE.lock().await;
    let server = Started::with(&["--max-connections", "2"]).await;
    let body = json!({ "text": CARDS }).to_string();
    let head = format!(
        "POST /predict HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let mut slow = TcpStream::connect(server.address).await.unwrap();
    slow.write_all(head.as_bytes()).await.unwrap();
    let app = server.app.clone();
    eventually("the request is being read", || {
        app.metrics.encode().contains("requests_in_flight 1")
    })
    .await;
    let idle = connections(server.address, 20, b"").await;
    assert_eq!(
        soon("a probe", get(server.address, "/v2/health/live")).await.status,
        200
    );
    slow.write_all(body.as_bytes()).await.unwrap();
    let mut answer = String::new();
    soon("an answer", slow.read_to_string(&mut answer)).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    drop(idle);
}

#[tokio::test]
async fn work_is_in_no_probes_way() {
    let _alone = ALONE.lock().await;
    let large = [
        "--threads",
        "1",
        "--max-text-bytes",
        "1000000000",
        "--max-body-bytes",
        "1000000000",
    ];
    let server = Started::with(&large).await;
    let address = server.address;
    // One text is answered without a break.
    let body = json!({ "text": format!("{CARDS} ").repeat(1_000_000) }).to_string();
    let begun = Instant::now();
    let long = tokio::spawn(async move { post_as(address, "/predict", "application/json", body).await.status });
    let mut longest = Duration::ZERO;
    while !long.is_finished() {
        let asked = Instant::now();
        assert_eq!(get(address, "/v2/health/live").await.status, 200);
        longest = longest.max(asked.elapsed());
    }
    assert_eq!(long.await.unwrap(), 200);
    let took = begun.elapsed();
    assert!(longest < took / 4, "a probe took {longest:?} beside work of {took:?}");
}

/// The memory limit of `examples/quickstart/classifier.yaml`.
const QUICKSTART_LIMIT: u64 = 128 << 20;

/// A body of a little less than 1 MB, which lacks its end.
fn begun() -> (String, &'static str) {
    let texts: Vec<String> = (0..20).map(|_| "word ".repeat(10_000)).collect();
    let body = json!({ "texts": texts }).to_string();
    let head = format!(
        "POST /predict HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    (format!("{head}{}", &body[..body.len() - 2]), "]}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn held_bodies_and_slow_headers_stay_within_the_memory_limit() {
    let _alone = ALONE.lock().await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("model.safetensors");
    std::fs::write(&path, model::file().0).unwrap();
    // The clients are as slow as they like: the machine may be busy.
    let server = Running::start(&[
        "--model",
        path.to_str().unwrap(),
        "--body-timeout",
        "300s",
        "--header-timeout",
        "300s",
    ]);
    let address = server.address;
    let header = format!("POST /predict HTTP/1.1\r\nhost: a\r\nx-slow: {}", "a".repeat(15_000));
    let headers = connections(address, 300, header.as_bytes()).await;
    let (request, rest) = begun();
    let mut bodies = Vec::new();
    for _ in 0..256 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        bodies.push(stream);
    }

    // Small requests pass; large ones are told to come back.
    for path in PROBES {
        assert_eq!(soon(path, get(address, path)).await.status, 200);
    }
    let small = soon("a small request", post(address, "/predict", &json!({ "text": CARDS }))).await;
    assert_eq!(small.status, 200, "{}", small.text());
    let large = json!({ "texts": vec!["word ".repeat(10_000); 20] });
    // Bodies that arrive at once may refuse each other and leave room: further ones take it.
    let refused = async {
        loop {
            let answer = post(address, "/predict", &large).await;
            if answer.status != 200 {
                return answer;
            }
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(request.as_bytes()).await.unwrap();
            bodies.push(stream);
        }
    };
    let refused: Answer = soon("a large request", refused).await;
    assert_eq!(refused.status, 429, "{}", refused.text());
    assert_eq!(refused.header("retry-after"), "1");
    assert_eq!(refused.json()["error"]["code"], "Overloaded");
    assert!(refused.text().contains("bytes in flight"), "{}", refused.text());

    // Whoever was let in is answered.
    let mut statuses = Vec::new();
    for stream in &mut bodies {
        let mut status = [0; 12];
        if stream.write_all(rest.as_bytes()).await.is_ok()
            && soon("an answer", stream.read_exact(&mut status)).await.is_ok()
        {
            statuses.push(String::from_utf8_lossy(&status[9..]).into_owned());
        }
    }
    let answered = statuses.iter().filter(|status| *status == "200").count();
    assert!(
        answered >= 10,
        "{answered} of {} are answered: {statuses:?}",
        bodies.len()
    );
    assert!(
        statuses.iter().all(|status| status == "200" || status == "429"),
        "{statuses:?}"
    );
    let peak = server.peak_memory();
    assert!(peak < QUICKSTART_LIMIT, "the server took {} MB", peak >> 20);
    drop(headers);
}

#[tokio::test]
async fn answers_that_nobody_takes_share_the_memory_too() {
    let _alone = ALONE.lock().await;
    let server = Started::with(&["--max-bytes-in-flight", "1", "--max-body-bytes", "1000000"]).await;
    let request = "GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nhost: a\r\n\r\n";
    // The system's own buffers take some of it.
    let held = connections(server.address, 1, request.repeat(10).as_bytes()).await;
    let refused = async {
        loop {
            let answer = get(server.address, "/docs/swagger-ui-bundle.js").await;
            if answer.status == 429 {
                return answer;
            }
        }
    };
    assert_eq!(soon("the limit", refused).await.json()["error"]["code"], "Overloaded");
    assert_eq!(
        post(server.address, "/predict", &json!({ "text": CARDS })).await.status,
        200
    );
    drop(held);
    let free = async { while get(server.address, "/docs/swagger-ui-bundle.js").await.status != 200 {} };
    soon("the page", free).await;
}

#[tokio::test]
async fn lines_of_streams_share_the_memory_too() {
    let _alone = ALONE.lock().await;
    let server = Started::with(&["--max-bytes-in-flight", "1", "--max-body-bytes", "200000"]).await;
    let line = |length: usize| format!("{}\n", json!({ "text": "word ".repeat(length / 5) }));
    let alone = post_as(server.address, "/predict/stream", "application/x-ndjson", line(60_000)).await;
    assert!(alone.text().contains("category"), "{}", alone.text());
    let head = "POST /predict/stream HTTP/1.1\r\nhost: a\r\ncontent-type: application/x-ndjson\r\ncontent-length: 10000000\r\n\r\n";
    let mut held = Vec::new();
    let refused = async {
        loop {
            let begun = format!("{head}{}", "a".repeat(60_000));
            held.extend(connections(server.address, 1, begun.as_bytes()).await);
            let body = format!("{}{}", line(60_000), line(10));
            let answer = post_as(server.address, "/predict/stream", "application/x-ndjson", body).await;
            if answer.text().contains("Overloaded") {
                return answer;
            }
        }
    };
    let answer = soon("the limit", refused).await;
    let lines: Vec<&str> = answer.text().lines().collect();
    assert!(
        lines[0].contains("Overloaded") && lines[1].contains("category"),
        "{lines:?}"
    );
    drop(held);
}
