//! A span for each request whose trace is recorded, with the attributes of OpenTelemetry's [HTTP conventions]. Neither a text
//! nor a category is among them.
//!
//! [HTTP conventions]: https://opentelemetry.io/docs/specs/semconv/http/http-spans/#http-server-span

use axum::extract::Request;
use axum::http::Method;
use complaint_telemetry::{Kind, Span, Traces};

use super::authorize::PROBES;

/// Begins the span of a request, as part of the trace that its header `traceparent` names, or as a trace of its own. Probes
/// and scrapes are none: they would be most of all traces.
pub(super) fn begin(traces: &Traces, request: &Request, route: &str) -> Option<Span> {
    if PROBES.contains(&route) {
        return None;
    }
    let parent = request.headers().get("traceparent");
    let parent = parent.and_then(|parent| parent.to_str().ok()?.parse().ok());
    traces.span("request", Kind::Server, parent)
}

/// Ends the span of a request. `error` is the code of a refusal or failure.
pub(super) fn end(mut span: Span, facts: &Facts<'_>) {
    let method = method(facts.method);
    span.rename(format!("{method} {}", facts.route));
    span.set("http.request.method", method);
    span.set("http.route", facts.route.to_owned());
    span.set("http.response.status_code", i64::from(facts.status));
    span.set("complaints.request_id", facts.id.to_owned());
    span.set("complaints.model_digest", facts.digest.to_owned());
    match facts.error {
        // By the conventions only the server's own failures make a span one that failed.
        Some(code) if facts.status >= 500 => span.fail(code),
        Some(code) => span.set("error.type", code),
        None => {}
    }
}

/// The method, if it is a common one: a client can write anything there.
fn method(method: &Method) -> &'static str {
    const COMMON: [&str; 9] = [
        "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH",
    ];
    let known = COMMON.into_iter().find(|known| *known == method.as_str());
    known.unwrap_or("_OTHER")
}

/// What is known of a request at its end.
pub(super) struct Facts<'a> {
    pub(super) method: &'a Method,
    pub(super) route: &'a str,
    pub(super) status: u16,
    pub(super) id: &'a str,
    pub(super) digest: &'a str,
    pub(super) error: Option<&'static str>,
}
