//! Reads what a server counts, from its pod. Bounded in time and size; no redirect is followed and no credential is sent.

use std::{net::IpAddr, time::Duration};

use http::{Request, StatusCode};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde::de::DeserializeOwned;

/// How long a pod may take to answer.
const TIME: Duration = Duration::from_secs(5);
/// How long it may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(2);
/// Largest answer that is read.
const BYTES: usize = 16 << 20;

/// Why a pod could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    /// No connection, or no answer in time.
    Unreachable,
    /// It does not have what was asked for.
    Missing,
    /// It answers with something else: another release, or another program.
    Unreadable,
}

/// Reads from pods.
#[derive(Clone, Debug)]
pub(crate) struct Reader(Client<HttpConnector, Empty<bytes::Bytes>>);

impl Reader {
    pub(crate) fn new() -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT));
        // Nothing stays open between two looks.
        let client = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(0)
            .build(connector);
        Self(client)
    }

    /// What the pod answers at `path`.
    pub(crate) async fn read<T: DeserializeOwned>(&self, address: IpAddr, port: u16, path: &str) -> Result<T, Fault> {
        tokio::time::timeout(TIME, self.ask(address, port, path))
            .await
            .unwrap_or(Err(Fault::Unreachable))
    }

    async fn ask<T: DeserializeOwned>(&self, address: IpAddr, port: u16, path: &str) -> Result<T, Fault> {
        let host = std::net::SocketAddr::new(address, port);
        let request = Request::get(format!("http://{host}{path}"))
            .body(Empty::new())
            .map_err(|_| Fault::Unreachable)?;
        let response = self.0.request(request).await.map_err(|_| Fault::Unreachable)?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Err(Fault::Missing),
            _ => return Err(Fault::Unreadable),
        }
        let body = Limited::new(response.into_body(), BYTES).collect().await;
        let body = body.map_err(|_| Fault::Unreadable)?.to_bytes();
        serde_json::from_slice(&body).map_err(|_| Fault::Unreadable)
    }
}
