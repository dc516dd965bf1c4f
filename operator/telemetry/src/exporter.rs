//! Sending: OTLP over HTTP, from a thread of its own.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use opentelemetry_http::hyper::HyperClient;
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use tokio::runtime::Runtime;

use crate::NotTraced;

/// The variables that name the collector.
pub(crate) const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];
const PROTOCOLS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"];
/// The longest time for one request.
const PATIENCE: Duration = Duration::from_secs(10);

/// The exporter that the variables describe.
pub(crate) fn from_environment(variable: impl Fn(&str) -> Option<String>) -> Result<SpanExporter, NotTraced> {
    let protocol = PROTOCOLS.iter().find_map(|name| Some((*name, variable(name)?)));
    if let Some((name, other)) = protocol.filter(|(_, protocol)| protocol != "http/protobuf") {
        // A protocol's name is short. Anything else was meant for another variable and is not repeated.
        let other = if other.len() <= 16 {
            other
        } else {
            "another protocol".into()
        };
        return Err(NotTraced::Protocol(name, other));
    }
    let exporter = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_http_client(Sender::new()?);
    exporter.build().map_err(|_| NotTraced::Settings)
}

/// Sends requests on a runtime of its own, because the programs' runtimes are busy, of another kind, or absent.
#[derive(Debug)]
struct Sender {
    runtime: Option<Runtime>,
    client: HyperClient<HttpsConnector<HttpConnector>>,
    is_failing: AtomicBool,
}

impl Sender {
    fn new() -> Result<Self, NotTraced> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("traces")
            .enable_all()
            .build()?;
        let roots = HttpsConnectorBuilder::new();
        // The system's certificate authorities (`SSL_CERT_FILE` names others), or Mozilla's where there are none.
        let roots = match roots.with_native_roots() {
            Ok(roots) => roots,
            Err(_) => HttpsConnectorBuilder::new().with_webpki_roots(),
        };
        let connector = roots.https_or_http().enable_http1().build();
        Ok(Self {
            runtime: Some(runtime),
            client: HyperClient::new(connector, PATIENCE, None),
            is_failing: AtomicBool::new(false),
        })
    }

    /// Tells once when sending begins to fail, and once when it works again.
    fn tell(&self, failure: Option<&str>) {
        let was_failing = self.is_failing.swap(failure.is_some(), Ordering::Relaxed);
        match failure {
            Some(failure) if !was_failing => {
                tracing::warn!(
                    failure,
                    "traces can't be sent: look at the collector that OTEL_EXPORTER_OTLP_ENDPOINT names"
                );
            }
            None if was_failing => tracing::info!("traces are sent again"),
            _ => {}
        }
    }
}

#[async_trait]
impl HttpClient for Sender {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let runtime = self.runtime.as_ref().ok_or("the sender has ended")?;
        let client = self.client.clone();
        let sending = runtime.spawn(async move { client.send_bytes(request).await });
        let answer = sending.await?;
        match &answer {
            // The body of an answer is not quoted, nor is the address, which may hold a key.
            Ok(answer) if !answer.status().is_success() => self.tell(Some(answer.status().as_str())),
            Ok(_) => self.tell(None),
            Err(_) => self.tell(Some("no connection, or no answer")),
        }
        answer
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        // A runtime must not be waited for inside another one.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
