//! Shutting down without losing a request.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::client::{get, post};
use crate::model::CARDS;
use crate::started::{Started, eventually};

fn request(body: &str) -> (String, String) {
    let head = format!(
        "POST /predict HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    (head, body.to_owned())
}

async fn answer(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    timeout(Duration::from_secs(10), stream.read_to_string(&mut text))
        .await
        .expect("the server hangs")
        .unwrap();
    text
}

#[tokio::test]
async fn a_request_in_flight_is_finished() {
    let server = Started::new().await;
    let (app, address) = (server.app.clone(), server.address);
    let (head, body) = request(&json!({ "text": CARDS }).to_string());
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    eventually("the request is being read", || {
        app.metrics.encode().contains("requests_in_flight 1")
    })
    .await;

    let stopped = server.stop();
    eventually("readiness is off", || app.is_draining()).await;
    eventually("the port is closed", || std::net::TcpStream::connect(address).is_err()).await;
    stream.write_all(body.as_bytes()).await.unwrap();
    let answer = answer(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(
        answer.to_lowercase().contains("connection: close"),
        "the client is told not to come back: {answer}"
    );
    assert_eq!(
        timeout(Duration::from_secs(10), stopped)
            .await
            .expect("the server hangs")
            .unwrap(),
        0
    );
}

/// A connection that has had one answer, read up to its end.
async fn kept_alive(address: std::net::SocketAddr) -> TcpStream {
    let (head, body) = request(&json!({ "text": CARDS }).to_string());
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    let mut answer = vec![0; 10_000];
    let length = stream.read(&mut answer).await.unwrap();
    let text = String::from_utf8_lossy(&answer[..length]);
    assert!(text.starts_with("HTTP/1.1 200") && text.ends_with('}'), "{text}");
    assert!(!text.to_lowercase().contains("connection: close"), "{text}");
    stream
}

#[tokio::test]
async fn a_request_on_an_idle_connection_is_answered_during_the_drain() {
    let server = Started::with(&["--drain-timeout", "60s"]).await;
    let (app, address) = (server.app.clone(), server.address);
    let mut idle = kept_alive(address).await;
    let mut unused = TcpStream::connect(address).await.unwrap();
    let stopped = server.stop();
    eventually("readiness is off", || app.is_draining()).await;
    eventually("the port is closed", || std::net::TcpStream::connect(address).is_err()).await;
    for stream in [&mut idle, &mut unused] {
        let early = timeout(Duration::from_millis(800), stream.read_u8()).await;
        assert!(early.is_err(), "it stays open, though nothing is asked");
        let (head, body) = request(&json!({ "text": CARDS }).to_string());
        stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
        let text = answer(stream).await;
        assert!(text.starts_with("HTTP/1.1 200"), "{text}");
        assert!(text.to_lowercase().contains("connection: close"), "{text}");
    }
    let cut = timeout(Duration::from_secs(10), stopped)
        .await
        .expect("the server waits for nothing");
    assert_eq!(cut.unwrap(), 0);
}

#[tokio::test]
async fn idle_connections_are_closed_at_the_end_of_the_drain() {
    let server = Started::with(&["--drain-timeout", "300ms"]).await;
    let mut idle = kept_alive(server.address).await;
    let mut unused = TcpStream::connect(server.address).await.unwrap();
    let cut = timeout(Duration::from_secs(10), server.stop())
        .await
        .expect("the server hangs");
    assert_eq!(cut.unwrap(), 0, "an idle connection is not cut");
    for stream in [&mut idle, &mut unused] {
        assert_eq!(answer(stream).await, "", "it ends in good order");
    }
}

#[tokio::test]
async fn a_request_that_never_ends_is_cut() {
    let server = Started::with(&["--drain-timeout", "100ms"]).await;
    let app = server.app.clone();
    let (head, _) = request(&json!({ "text": CARDS }).to_string());
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    eventually("the request is being read", || {
        app.metrics.encode().contains("requests_in_flight 1")
    })
    .await;
    let stopped = server.stop();
    assert_eq!(
        timeout(Duration::from_secs(10), stopped)
            .await
            .expect("the server hangs")
            .unwrap(),
        1
    );
}

/// Clients that open a connection a request, as a Service's load balancer would, while the server goes away: whoever got
/// a connection gets an answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_was_let_in_is_answered() {
    let server = Started::new().await;
    let address = server.address;
    let clients: Vec<_> = (0..8)
        .map(|_| {
            tokio::spawn(async move {
                let (head, body) = request(&json!({ "text": CARDS }).to_string());
                let request = format!("{}{body}", head.replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n"));
                let mut answered = 0;
                loop {
                    let Ok(mut stream) = TcpStream::connect(address).await else {
                        return answered;
                    };
                    // The kernel may still take connections between the last accept and the close.
                    if stream.write_all(request.as_bytes()).await.is_err() {
                        return answered;
                    }
                    let mut text = String::new();
                    match stream.read_to_string(&mut text).await {
                        Ok(_) => assert!(text.starts_with("HTTP/1.1 200"), "{text:?}"),
                        Err(_) => return answered,
                    }
                    answered += 1;
                }
            })
        })
        .collect();
    while post(address, "/predict", &json!({ "text": CARDS })).await.status != 200 {}
    assert_eq!(
        timeout(Duration::from_secs(10), server.stop())
            .await
            .expect("the server hangs")
            .unwrap(),
        0
    );
    for client in clients {
        timeout(Duration::from_secs(10), client)
            .await
            .expect("a client hangs")
            .unwrap();
    }
}

#[tokio::test]
async fn during_the_delay_readiness_is_off_and_requests_are_answered() {
    let server = Started::with(&["--drain-delay", "2s"]).await;
    let (app, address) = (server.app.clone(), server.address);
    let stopped = server.stop();
    eventually("readiness is off", || app.is_draining()).await;
    assert_eq!(get(address, "/v2/health/ready").await.status, 503);
    let answer = post(address, "/predict", &json!({ "text": CARDS })).await;
    assert_eq!((answer.status.as_u16(), answer.header("connection")), (200, "close"));
    assert_eq!(
        timeout(Duration::from_secs(10), stopped)
            .await
            .expect("the server hangs")
            .unwrap(),
        0
    );
    assert!(std::net::TcpStream::connect(address).is_err(), "the port is closed");
}
