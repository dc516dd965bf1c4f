//! `/predict/stream`.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::client::post_as;
use crate::model::{CARDS, LOANS};
use crate::started::Started;

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn lines_are_answered_in_order_and_errors_stay_in_their_line() {
    let server = Started::with(&["--max-body-bytes", "200"]).await;
    let body = format!(
        "{}\n\nnot json\n{}\n{}\n{}",
        json!({ "text": CARDS, "id": 7 }),
        json!({ "text": " ", "id": "b" }),
        json!({ "text": "x".repeat(300) }),
        json!({ "text": LOANS }),
    );
    let answer = post_as(server.address, "/predict/stream", "application/x-ndjson", body).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "application/x-ndjson");
    let lines = lines(answer.text());
    assert_eq!(
        lines.iter().map(|line| &line["line"]).collect::<Vec<_>>(),
        [0, 2, 3, 4, 5]
    );
    assert_eq!((&lines[0]["id"], &lines[0]["category"]), (&json!(7), &json!("Cards")));
    assert_eq!(lines[1]["error"]["code"], "InvalidBody");
    assert_eq!(
        (&lines[2]["id"], &lines[2]["error"]["code"]),
        (&json!("b"), &json!("InvalidRequest"))
    );
    assert_eq!(lines[3]["error"]["code"], "BodyTooLarge");
    assert_eq!(lines[4]["category"], "Loans");
}

#[tokio::test]
async fn a_stream_may_be_longer_than_any_body() {
    let server = Started::new().await;
    let line = format!("{}\n", json!({ "text": CARDS }));
    let count = 40_000;
    let stream = TcpStream::connect(server.address).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection);
    let (frames, mut receiver) = mpsc::channel::<Bytes>(4);
    let body = futures::stream::poll_fn(move |context| {
        receiver
            .poll_recv(context)
            .map(|bytes| bytes.map(|bytes| Ok::<_, std::convert::Infallible>(Frame::data(bytes))))
    });
    let request = axum::http::Request::post("/predict/stream").header("host", "test");
    let request = request.body(StreamBody::new(body)).unwrap();
    let block = Bytes::from(line.repeat(100));
    tokio::spawn(async move {
        for _ in 0..count / 100 {
            frames.send(block.clone()).await.unwrap();
        }
    });
    let mut body = sender.send_request(request).await.unwrap().into_body();
    let mut answered = 0;
    while let Some(frame) = body.frame().await {
        let data = frame.unwrap().into_data().unwrap();
        answered += data.iter().filter(|&&byte| byte == b'\n').count();
    }
    assert_eq!(answered, count);
}

#[tokio::test]
async fn answers_come_while_the_client_still_sends() {
    let server = Started::with(&["--body-timeout", "200ms"]).await;
    let stream = TcpStream::connect(server.address).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection);
    let (frames, mut receiver) = mpsc::channel::<Bytes>(4);
    let body = futures::stream::poll_fn(move |context| {
        receiver
            .poll_recv(context)
            .map(|bytes| bytes.map(|bytes| Ok::<_, std::convert::Infallible>(Frame::data(bytes))))
    });
    frames
        .send(Bytes::from(format!("{}\n", json!({ "text": CARDS }))))
        .await
        .unwrap();
    let request = axum::http::Request::post("/predict/stream").header("host", "test");
    let response = sender
        .send_request(request.body(StreamBody::new(body)).unwrap())
        .await
        .unwrap();
    let mut body = response.into_body();
    let first = timeout(Duration::from_secs(10), body.frame())
        .await
        .unwrap()
        .unwrap()
        .unwrap()
        .into_data()
        .unwrap();
    assert_eq!(lines(std::str::from_utf8(&first).unwrap())[0]["category"], "Cards");

    // A client that goes silent is told so, and the stream ends.
    let rest = timeout(Duration::from_secs(10), body.collect())
        .await
        .expect("the stream hangs")
        .unwrap()
        .to_bytes();
    assert_eq!(
        lines(std::str::from_utf8(&rest).unwrap())[0]["error"]["code"],
        "BodyTimeout"
    );
    drop(frames);
}

#[tokio::test]
async fn a_client_that_never_reads_gives_its_place_back() {
    use tokio::io::AsyncWriteExt;

    let server = Started::with(&["--body-timeout", "200ms", "--max-concurrency", "1"]).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let head = "POST /predict/stream HTTP/1.1\r\nhost: a\r\ncontent-length: 1000000000\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let block = format!("{}\n", json!({ "text": CARDS })).repeat(1_000);
    let sending = async { while stream.write_all(block.as_bytes()).await.is_ok() {} };
    timeout(Duration::from_secs(30), sending)
        .await
        .expect("the server never gives up");
    // The client sees its connection break a moment before the place is free.
    let again = async {
        let body = json!({ "text": CARDS }).to_string();
        while post_as(server.address, "/predict", "application/json", body.clone())
            .await
            .status
            != 200
        {}
    };
    timeout(Duration::from_secs(10), again)
        .await
        .expect("the place is lost");
}
