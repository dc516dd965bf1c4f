//! A collector of traces: OTLP over HTTP, kept for a test to read.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, body::Bytes, extract::State, http::StatusCode, routing::post};
use opentelemetry_proto::tonic::{
    collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse},
    common::v1::{KeyValue, any_value::Value},
};
use prost::Message;
use tokio::{runtime::Runtime, sync::Notify};

/// A span as it was received. Ids are hexadecimal.
#[derive(Clone, Debug, PartialEq)]
pub struct Received {
    /// `service.name` of the program.
    pub service: String,
    /// Its name.
    pub name: String,
    /// The trace.
    pub trace: String,
    /// Its id.
    pub id: String,
    /// Id of the span that it belongs to; empty for a root.
    pub parent: String,
    /// Seconds from begin to end.
    pub seconds: f64,
    /// Whether it is marked as failed.
    pub failed: bool,
    /// Its attributes, as text.
    pub attributes: BTreeMap<String, String>,
    /// Names of its events.
    pub events: Vec<String>,
}

#[derive(Default)]
struct Kept {
    spans: Mutex<Vec<Received>>,
    changed: Notify,
}

/// A running collector. It ends with this value.
pub struct Collector {
    kept: Arc<Kept>,
    /// What `OTEL_EXPORTER_OTLP_ENDPOINT` is to be.
    pub endpoint: String,
    runtime: Option<Runtime>,
}

impl Collector {
    /// Starts one on a free port.
    ///
    /// # Panics
    /// If there is no free port.
    pub fn start() -> Self {
        let kept = Arc::new(Kept::default());
        let routes = Router::new()
            .route("/v1/traces", post(receive))
            .with_state(kept.clone());
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime can be built");
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("a listener");
        let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
        runtime.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
            axum::serve(listener, routes).await.expect("it serves");
        });
        Self {
            kept,
            endpoint,
            runtime: Some(runtime),
        }
    }

    /// All spans so far.
    pub fn spans(&self) -> Vec<Received> {
        self.kept.spans.lock().expect("unpoisoned").clone()
    }

    /// Waits until `found` gives something.
    ///
    /// # Panics
    /// If that takes longer than a minute; the message lists the spans.
    pub async fn until<T>(&self, found: impl Fn(&[Received]) -> Option<T>) -> T {
        let waiting = async {
            loop {
                let changed = self.kept.changed.notified();
                if let Some(found) = found(&self.spans()) {
                    return found;
                }
                changed.await;
            }
        };
        match tokio::time::timeout(Duration::from_secs(60), waiting).await {
            Ok(found) => found,
            Err(_) => panic!("not among the spans: {:#?}", self.spans()),
        }
    }

    /// [`Collector::until`] for tests without a runtime.
    pub fn wait<T>(&self, found: impl Fn(&[Received]) -> Option<T>) -> T {
        let runtime = self.runtime.as_ref().expect("it runs");
        runtime.block_on(self.until(found))
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn receive(State(kept): State<Arc<Kept>>, body: Bytes) -> Result<Vec<u8>, StatusCode> {
    let request = ExportTraceServiceRequest::decode(body).map_err(|_| StatusCode::BAD_REQUEST)?;
    let mut spans = kept.spans.lock().expect("unpoisoned");
    for resource in request.resource_spans {
        let of_resource = texts(
            resource
                .resource
                .map(|resource| resource.attributes)
                .unwrap_or_default(),
        );
        let service = of_resource.get("service.name").cloned().unwrap_or_default();
        let received = resource.scope_spans.into_iter().flat_map(|scope| scope.spans);
        spans.extend(received.map(|span| Received {
            service: service.clone(),
            name: span.name,
            trace: hex(&span.trace_id),
            id: hex(&span.span_id),
            parent: hex(&span.parent_span_id),
            seconds: span.end_time_unix_nano.saturating_sub(span.start_time_unix_nano) as f64 / 1e9,
            failed: span.status.is_some_and(|status| status.code == 2),
            attributes: texts(span.attributes),
            events: span.events.into_iter().map(|event| event.name).collect(),
        }));
    }
    drop(spans);
    kept.changed.notify_waiters();
    Ok(ExportTraceServiceResponse::default().encode_to_vec())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn texts(attributes: Vec<KeyValue>) -> BTreeMap<String, String> {
    let text = |value: Value| match value {
        Value::StringValue(text) => text,
        Value::BoolValue(value) => value.to_string(),
        Value::IntValue(value) => value.to_string(),
        Value::DoubleValue(value) => value.to_string(),
        other => format!("{other:?}"),
    };
    let with_value = attributes.into_iter().filter_map(|attribute| {
        let value = attribute.value.and_then(|value| value.value)?;
        Some((attribute.key, text(value)))
    });
    with_value.collect()
}
