//! A plain HTTP client: one connection a request.

use std::net::SocketAddr;

use axum::http::{HeaderMap, Request, StatusCode};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map(|value| value.to_str().unwrap())
            .unwrap_or_default()
    }
}

pub async fn send(address: SocketAddr, request: Request<Full<Bytes>>) -> Answer {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    let connection = tokio::spawn(connection);
    let response = sender.send_request(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    drop(sender);
    let _ = connection.await;
    Answer {
        status: parts.status,
        headers: parts.headers,
        body,
    }
}

pub async fn get(address: SocketAddr, path: &str) -> Answer {
    send(
        address,
        Request::get(path).header("host", "test").body(Full::default()).unwrap(),
    )
    .await
}

pub async fn post(address: SocketAddr, path: &str, body: &Value) -> Answer {
    post_as(address, path, "application/json", body.to_string()).await
}

pub async fn post_as(address: SocketAddr, path: &str, content_type: &str, body: impl Into<Bytes>) -> Answer {
    let request = Request::post(path)
        .header("host", "test")
        .header("content-type", content_type);
    send(address, request.body(Full::new(body.into())).unwrap()).await
}
