//! Shutting down without losing a request.

use std::time::Duration;

use hyper_util::rt::TokioIo;
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

#[tokio::test]
async fn idle_connections_do_not_hold_the_server() {
    let server = Started::with(&["--drain-timeout", "60s"]).await;
    let stream = TcpStream::connect(server.address).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .unwrap();
    let connection = tokio::spawn(connection);
    let body = http_body_util::Full::new(bytes::Bytes::from(json!({ "text": CARDS }).to_string()));
    let request = axum::http::Request::post("/predict")
        .header("host", "a")
        .body(body)
        .unwrap();
    let response = sender.send_request(request).await.unwrap();
    http_body_util::BodyExt::collect(response.into_body()).await.unwrap();

    let stopped = server.stop();
    assert_eq!(
        timeout(Duration::from_secs(10), stopped)
            .await
            .expect("the server waits for nothing")
            .unwrap(),
        0
    );
    timeout(Duration::from_secs(10), connection)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
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
    assert_eq!(post(address, "/predict", &json!({ "text": CARDS })).await.status, 200);
    assert_eq!(
        timeout(Duration::from_secs(10), stopped)
            .await
            .expect("the server hangs")
            .unwrap(),
        0
    );
    assert!(std::net::TcpStream::connect(address).is_err(), "the port is closed");
}
