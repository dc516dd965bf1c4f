//! Clients that are too large, too slow or too many.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::client::{get, post, post_as};
use crate::model::CARDS;
use crate::started::{Started, eventually};

/// Writes raw bytes and reads until the server closes the connection.
async fn raw(address: SocketAddr, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request).await.unwrap();
    read_to_end(&mut stream).await
}

async fn read_to_end(stream: &mut TcpStream) -> String {
    let mut answer = String::new();
    timeout(Duration::from_secs(10), stream.read_to_string(&mut answer))
        .await
        .expect("the server hangs")
        .unwrap();
    answer
}

#[tokio::test]
async fn a_large_body_is_refused_and_the_client_gets_to_know() {
    let server = Started::with(&["--max-body-bytes", "1000"]).await;
    let announced = post_as(server.address, "/predict", "application/json", vec![b' '; 10_000]).await;
    assert_eq!(announced.status, 413);
    assert_eq!(announced.json()["error"]["code"], "BodyTooLarge");

    let chunk = format!("{:x}\r\n{}\r\n", 600, " ".repeat(600));
    let chunked = format!(
        "POST /predict HTTP/1.1\r\nhost: a\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n{chunk}{chunk}0\r\n\r\n"
    );
    let answer = raw(server.address, chunked.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");

    let waiting = b"POST /predict HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 100000000\r\n\r\n";
    let answer = raw(server.address, waiting).await;
    assert!(
        answer.starts_with("HTTP/1.1 413"),
        "a client that asks first is answered at once: {answer}"
    );

    let exact = format!("{{\"text\": \"{}\"}}", "a ".repeat(494));
    assert_eq!(exact.len(), 1_000);
    assert_eq!(
        post_as(server.address, "/predict", "application/json", exact)
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn a_hundred_megabytes_do_no_harm() {
    let server = Started::new().await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let head = "POST /predict HTTP/1.1\r\nhost: a\r\ncontent-length: 100000000\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let block = vec![b'a'; 1 << 20];
    let mut sent = 0;
    while stream.write_all(&block).await.is_ok() {
        sent += block.len();
        assert!(sent < 64 << 20, "the server reads on and on");
    }
    assert_eq!(
        post(server.address, "/predict", &json!({ "text": CARDS })).await.status,
        200
    );
}

#[tokio::test]
async fn a_slow_body_is_given_up() {
    let server = Started::with(&["--body-timeout", "100ms"]).await;
    let answer = raw(
        server.address,
        b"POST /predict HTTP/1.1\r\nhost: a\r\ncontent-length: 50\r\n\r\n{\"text\"",
    )
    .await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(answer.contains("BodyTimeout"), "{answer}");
}

#[tokio::test]
async fn a_slow_header_is_given_up() {
    let server = Started::with(&["--header-timeout", "100ms"]).await;
    let answer = raw(server.address, b"POST /predict HTTP/1.1\r\nhost").await;
    assert!(!answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn a_body_that_breaks_off_is_no_request() {
    let server = Started::new().await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream
        .write_all(b"POST /predict HTTP/1.1\r\nhost: a\r\ncontent-length: 50\r\n\r\n{\"text\"")
        .await
        .unwrap();
    stream.shutdown().await.unwrap();
    let answer = read_to_end(&mut stream).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{answer}");
}

#[tokio::test]
async fn a_client_that_only_listens_after_asking_is_answered() {
    let server = Started::new().await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let body = json!({ "text": CARDS }).to_string();
    let request = format!(
        "POST /predict HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let answer = read_to_end(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn one_too_many_is_told_to_come_back() {
    let server = Started::with(&["--max-concurrency", "1"]).await;
    let mut first = TcpStream::connect(server.address).await.unwrap();
    let body = json!({ "text": CARDS }).to_string();
    let head = format!(
        "POST /predict HTTP/1.1\r\nhost: a\r\nconnection: close\r\nexpect: 100-continue\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    first.write_all(head.as_bytes()).await.unwrap();

    // The server asks for the body once the request holds the only place.
    let mut go_on = [0; 25];
    first.read_exact(&mut go_on).await.unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");

    let refused = post(server.address, "/predict", &json!({ "text": CARDS })).await;
    assert_eq!(refused.status, 429);
    assert_eq!(refused.header("retry-after"), "1");
    assert_eq!(refused.json()["error"]["code"], "Overloaded");
    assert_eq!(get(server.address, "/v2/health/live").await.status, 200, "probes pass");
    assert_eq!(get(server.address, "/metrics").await.status, 200);

    first.write_all(body.as_bytes()).await.unwrap();
    assert!(
        read_to_end(&mut first).await.starts_with("HTTP/1.1 200"),
        "the first is answered"
    );
    assert_eq!(
        post(server.address, "/predict", &json!({ "text": CARDS })).await.status,
        200,
        "its place is free again"
    );
}

#[tokio::test]
async fn nonsense_on_the_wire_is_answered_400() {
    let server = Started::new().await;
    for bytes in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 TLS?\r\n\r\n"[..],
        b"GET\r\n\r\n",
        b"\0\0\0\0\r\n\r\n",
    ] {
        let answer = raw(server.address, bytes).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    }
}

#[tokio::test]
async fn a_header_that_drips_is_given_up_all_the_same() {
    let server = Started::with(&["--header-timeout", "300ms"]).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let dripping = async {
        // Each byte comes in good time; the header as a whole does not.
        for byte in b"GET /v2/health/live HTTP/1.1\r\nx-padding: "
            .iter()
            .chain(std::iter::repeat(&b'a'))
        {
            if stream.write_all(&[*byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(10), dripping)
        .await
        .expect("a header may take for ever");
    assert_eq!(get(server.address, "/v2/health/live").await.status, 200);
}

#[tokio::test]
async fn a_connection_too_many_takes_the_place_of_an_idle_one_and_waits_for_a_busy_one() {
    let server = Started::with(&["--max-connections", "1"]).await;
    let live = b"GET /v2/models/cards HTTP/1.1\r\nhost: a\r\n\r\n";
    let mut first = TcpStream::connect(server.address).await.unwrap();
    first.write_all(live).await.unwrap();
    let mut answer = [0; 12];
    first.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");

    let mut second = TcpStream::connect(server.address).await.unwrap();
    let body = json!({ "text": CARDS }).to_string();
    let head = format!(
        "POST /predict HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    second.write_all(head.as_bytes()).await.unwrap();
    read_to_end(&mut first).await;
    let app = server.app.clone();
    eventually("the second is being read", || {
        app.metrics.encode().contains("requests_in_flight 1")
    })
    .await;

    let mut third = TcpStream::connect(server.address).await.unwrap();
    third.write_all(live).await.unwrap();
    let early = timeout(Duration::from_millis(300), third.read_exact(&mut answer)).await;
    assert!(early.is_err(), "it is not served beside the second");
    second.write_all(body.as_bytes()).await.unwrap();
    for stream in [&mut second, &mut third] {
        timeout(Duration::from_secs(10), stream.read_exact(&mut answer))
            .await
            .expect("it never gets its turn")
            .unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200");
    }
}

#[tokio::test]
async fn an_idle_connection_has_its_own_time() {
    let server = Started::with(&["--header-timeout", "100ms", "--idle-timeout", "60s"]).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let live = b"GET /v2/models/cards HTTP/1.1\r\nhost: a\r\n\r\n";
    let mut answer = [0; 2_000];
    for _ in 0..2 {
        stream.write_all(live).await.unwrap();
        let length = stream.read(&mut answer).await.unwrap();
        assert!(answer[..length].starts_with(b"HTTP/1.1 200"));
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    // A header that has begun has the header's time.
    stream.write_all(b"GET /v2").await.unwrap();
    let rest = read_to_end(&mut stream).await;
    assert!(!rest.starts_with("HTTP/1.1 200"), "{rest}");

    let server = Started::with(&["--idle-timeout", "100ms"]).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(live).await.unwrap();
    assert!(
        read_to_end(&mut stream).await.starts_with("HTTP/1.1 200"),
        "and is closed"
    );
}

#[tokio::test]
async fn a_long_request_lets_short_ones_through() {
    let server = Started::with(&[
        "--threads",
        "1",
        "--max-texts",
        "100000",
        "--max-body-bytes",
        "100000000",
    ])
    .await;
    let address = server.address;
    let texts = vec![CARDS.repeat(200); 4_000];
    let long = tokio::spawn(async move { post(address, "/predict", &json!({ "texts": texts })).await.status });
    let mut between = 0;
    while !long.is_finished() {
        assert_eq!(post(address, "/predict", &json!({ "text": CARDS })).await.status, 200);
        between += 1;
    }
    assert_eq!(long.await.unwrap(), 200);
    assert!(between > 5, "only {between} short requests were answered meanwhile");
}
