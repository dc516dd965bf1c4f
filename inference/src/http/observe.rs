//! What every request passes through: its id, the served digest, metrics, the log, and errors in the shape that the
//! client's API family expects.

use std::any::Any;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::error::{ApiError, ApiFamily};
use crate::app::App;

/// The header that carries the served model's digest, on every answer.
pub const MODEL_DIGEST: HeaderName = HeaderName::from_static("x-model-digest");
/// The header that carries the request's id, in and out.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The outermost layer of the router.
pub(super) async fn observe(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let _in_flight = app.metrics.request_started();
    let id = request_id(request.headers());
    let family = ApiFamily::of(request.uri().path());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let method = request.method().clone();

    let mut response = next.run(request).await;
    let error = response.extensions_mut().remove::<ApiError>();
    if let Some(error) = &error {
        // The headers that came with the error, such as `allow`, stay.
        let mut rendered = family.render(error);
        let headers = response.headers().iter().filter(|(name, _)| *name != "content-length");
        rendered
            .headers_mut()
            .extend(headers.map(|(name, value)| (name.clone(), value.clone())));
        response = rendered;
    }
    response.headers_mut().insert(MODEL_DIGEST, app.digest_header());
    response.headers_mut().insert(REQUEST_ID, id.clone());

    let route = route.as_ref().map_or("unmatched", MatchedPath::as_str);
    let status = response.status().as_u16();
    let elapsed = started.elapsed();
    app.metrics.request_finished(route, status, elapsed);

    // Only the server's own words are logged: a path or a message may repeat a client's text.
    let (id, micros) = (id.to_str().unwrap_or_default(), elapsed.as_micros());
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

/// Answers for a handler that panicked. The panic's own words may hold a complaint (slicing a string names it), so they
/// are dropped; the panic hook has logged the place.
pub(super) fn panicked(app: &App, _words: Box<dyn Any + Send>) -> Response {
    app.metrics.panicked();
    ApiError::Internal.into_response()
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

/// A random number of this process and a counter: unique in a cluster, and cheap.
fn new_request_id() -> HeaderValue {
    static PROCESS: LazyLock<u64> = LazyLock::new(|| RandomState::new().build_hasher().finish());
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let number = COUNTER.fetch_add(1, Ordering::Relaxed);
    HeaderValue::try_from(format!("{:016x}-{number:x}", *PROCESS)).expect("hexadecimal digits are a valid header")
}
