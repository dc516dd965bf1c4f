//! The layer around every request: it adds the request id and the served digest, records metrics and the log, and
//! renders errors in the format of the client's API family.

use std::convert::Infallible;
use std::future::Future;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll};
use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::header::{CONNECTION, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use axum::response::{IntoResponse, Response};
use complaint_telemetry::{Span, traces};
use futures::FutureExt;
use tower::{Layer, Service};

use super::answering;
use super::authorize;
use super::error::{ApiError, ApiFamily};
use super::held::hold;
use super::trace::{self, Facts};
use crate::core::app::{App, Served};
use crate::core::statistics::now;

/// The header with the served model's digest, on every response.
pub const MODEL_DIGEST: HeaderName = HeaderName::from_static("x-model-digest");
/// The header with the request's id, in requests and responses.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The only layer around every route. (Each further layer would cost a request one to three allocations.)
#[derive(Debug, Clone)]
pub(super) struct Observe(pub(super) Arc<App>);

impl<S> Layer<S> for Observe {
    type Service = Observed<S>;

    fn layer(&self, inner: S) -> Observed<S> {
        Observed {
            app: Arc::clone(&self.0),
            inner,
        }
    }
}

/// A route with [`Observe`] around it.
#[derive(Debug, Clone)]
pub(super) struct Observed<S> {
    app: Arc<App>,
    inner: S,
}

impl<S> Service<Request> for Observed<S>
where
    S: Service<Request, Response = Response, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let app = Arc::clone(&self.app);
        let arrival = Arrival::new(&app, &request);
        request.extensions_mut().insert(Arc::clone(&arrival.model));
        let answer = match authorize::refusal(&app, &request) {
            Some(refusal) => Err(refusal),
            None => Ok(self.inner.call(request)),
        };
        Box::pin(async move {
            let _in_flight = app.metrics.request_started();
            let response = match answer {
                Err(refusal) => refusal,
                // The panic's message may contain a complaint (slicing a string quotes it), so it is dropped. The panic
                // hook has logged the location.
                Ok(answer) => match AssertUnwindSafe(answer).catch_unwind().await {
                    Ok(answer) => answer.unwrap_or_else(|impossible| match impossible {}),
                    Err(_words) => {
                        app.metrics.panicked();
                        ApiError::Internal.into_response()
                    }
                },
            };
            Ok(arrival.finish(&app, response))
        })
    }
}

/// Facts about a request that are needed when its response is finished.
struct Arrival {
    at: Instant,
    model: Arc<Served>,
    id: HeaderValue,
    family: ApiFamily,
    route: Option<MatchedPath>,
    method: Method,
    span: Option<Span>,
}

impl Arrival {
    fn new(app: &App, request: &Request) -> Self {
        let route = request.extensions().get::<MatchedPath>().cloned();
        Self {
            at: Instant::now(),
            model: app.served(),
            id: request_id(request.headers()),
            family: ApiFamily::of(request.uri().path()),
            span: traces().and_then(|traces| trace::begin(traces, request, name(route.as_ref()))),
            route,
            method: request.method().clone(),
        }
    }

    /// Adds the common headers to the response, renders an error for its API family, and updates the metrics and the
    /// log.
    fn finish(self, app: &App, response: Response) -> Response {
        let mut response = hold(&app.memory, response);
        let error = response.extensions_mut().remove::<ApiError>();
        if let Some(error) = &error {
            // Keep the headers that came with the error, such as `allow`.
            let mut rendered = self.family.render(error);
            let headers = response.headers().iter().filter(|(name, _)| *name != "content-length");
            rendered
                .headers_mut()
                .extend(headers.map(|(name, value)| (name.clone(), value.clone())));
            response = rendered;
        }
        let digest = HeaderValue::from_maybe_shared(self.model.shared_digest()).expect("a digest is hexadecimal");
        response.headers_mut().insert(MODEL_DIGEST, digest);
        response.headers_mut().insert(REQUEST_ID, self.id.clone());
        response
            .headers_mut()
            .insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if app.is_draining() {
            response
                .headers_mut()
                .insert(CONNECTION, HeaderValue::from_static("close"));
        }

        let route = name(self.route.as_ref());
        let status = response.status().as_u16();
        let elapsed = self.at.elapsed();
        app.metrics.request_finished(route, status, elapsed);
        if answering::is_for_answers(&self.method, route) {
            self.model.tally.requested(now(), status, elapsed);
        }

        // Log only the server's own words: a path or a message may quote a client's text.
        let (id, method, micros) = (self.id.to_str().unwrap_or_default(), &self.method, elapsed.as_micros());
        if let Some(span) = self.span {
            let facts = Facts {
                method,
                route,
                status,
                id,
                digest: &self.model.digest,
                error: error.as_ref().map(ApiError::code),
            };
            trace::end(span, &facts);
        }
        match error {
            Some(error) if status == 500 => {
                tracing::error!(request_id = id, %method, route, status, micros, code = error.code(), "request failed");
            }
            Some(error) => {
                tracing::info!(request_id = id, %method, route, status, micros, code = error.code(), "request refused");
            }
            None => tracing::debug!(request_id = id, %method, route, status, micros, "request answered"),
        }
        response
    }
}

/// The name of a route in metrics, log and traces.
fn name(route: Option<&MatchedPath>) -> &str {
    route.map_or("unmatched", MatchedPath::as_str)
}

/// The client's id if it is short and plain, otherwise a new one.
fn request_id(headers: &HeaderMap) -> HeaderValue {
    match headers.get(REQUEST_ID) {
        Some(id) if is_plain(id.as_bytes()) => id.clone(),
        _ => new_request_id(),
    }
}

fn is_plain(id: &[u8]) -> bool {
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:/=+".contains(byte);
    (1..=128).contains(&id.len()) && id.iter().all(allowed)
}

/// A random number of the process and a counter: unique in a cluster, and cheap.
fn new_request_id() -> HeaderValue {
    static PROCESS: LazyLock<u64> = LazyLock::new(|| RandomState::new().build_hasher().finish());
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let number = COUNTER.fetch_add(1, Ordering::Relaxed);
    HeaderValue::try_from(format!("{:016x}-{number:x}", *PROCESS)).expect("hexadecimal digits are a valid header")
}

#[cfg(test)]
mod tests;
