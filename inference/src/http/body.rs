//! Request bodies: admitted, bounded in size and time.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use http_body::Body as _;
use http_body_util::BodyExt;
use serde::Serialize;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout_at};

use super::error::ApiError;
use crate::core::app::App;
use crate::core::refusal::shorten;

/// How much of a body over the limit is still read and thrown away. A client that is sending when the connection is
/// reset never sees the answer that explains why; up to this many times the limit, it does.
const DISCARD_FACTOR: usize = 16;

/// A whole request body. Holds its place among the requests in flight until it is dropped.
#[derive(Debug)]
pub struct Payload {
    /// The body.
    pub bytes: Bytes,
    /// The request's headers.
    pub headers: HeaderMap,
    _place: OwnedSemaphorePermit,
}

impl FromRequest<Arc<App>> for Payload {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, ApiError> {
        let place = app.admit()?;
        let (parts, body) = request.into_parts();
        let bytes = read(body, &parts.headers, app.limits.max_body_bytes, app.limits.body_timeout).await?;
        Ok(Self {
            bytes,
            headers: parts.headers,
            _place: place,
        })
    }
}

/// Reads a body of at most `limit` bytes within `timeout`.
async fn read(mut body: Body, headers: &HeaderMap, limit: usize, timeout: Duration) -> Result<Bytes, ApiError> {
    let deadline = Instant::now() + timeout;
    let too_large = ApiError::BodyTooLarge { limit };
    let announced = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|v| v.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > limit) {
        // With `Expect: 100-continue` the client has sent nothing yet and will not: no need to read.
        if !headers.contains_key(header::EXPECT) {
            discard(body, limit, deadline).await;
        }
        return Err(too_large);
    }

    let mut first = Bytes::new();
    let mut joined = BytesMut::new();
    loop {
        let data = match timeout_at(deadline, body.frame()).await {
            Err(_) => {
                return Err(ApiError::BodyTimeout {
                    seconds: timeout.as_secs().max(1),
                });
            }
            Ok(None) => break,
            Ok(Some(Err(_))) => return Err(ApiError::BodyIncomplete),
            Ok(Some(Ok(frame))) => frame.into_data().unwrap_or_default(),
        };
        if first.len() + joined.len() + data.len() > limit {
            discard(body, limit, deadline).await;
            return Err(too_large);
        }
        // Nearly every body is one frame, which is handed on without a copy.
        if first.is_empty() && joined.is_empty() {
            first = data;
            // Asking once more for an end that is known would cost a turn of the event loop.
            if body.is_end_stream() {
                break;
            }
            continue;
        }
        if joined.is_empty() {
            joined.reserve(announced.unwrap_or(first.len() + data.len()));
            joined.extend_from_slice(&std::mem::take(&mut first));
        }
        joined.extend_from_slice(&data);
    }
    Ok(if joined.is_empty() { first } else { joined.freeze() })
}

/// Reads and drops what the client is still sending, until it ends, breaks, passes the bound or the deadline.
async fn discard(mut body: Body, limit: usize, deadline: Instant) {
    let mut budget = limit.saturating_mul(DISCARD_FACTOR);
    while let Ok(Some(Ok(frame))) = timeout_at(deadline, body.frame()).await {
        let length = frame.data_ref().map_or(0, Bytes::len);
        match budget.checked_sub(length) {
            Some(rest) => budget = rest,
            None => return,
        }
    }
}

/// The content type without its parameters, in lower case; empty when there is none.
pub fn media_type(headers: &HeaderMap) -> String {
    let value = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Refuses a body that says it is something else than JSON. No content type at all passes: many small clients send none.
/// So does the form type where the body is a JSON object: that is what `curl -d` says unless it is told otherwise.
///
/// # Errors
/// [`ApiError::UnsupportedMediaType`].
pub fn require_json(payload: &Payload) -> Result<(), ApiError> {
    let found = media_type(&payload.headers);
    let is_object = || payload.bytes.trim_ascii_start().starts_with(b"{");
    if found.is_empty() || found == "application/json" || found.ends_with("+json") {
        return Ok(());
    }
    if found == "application/x-www-form-urlencoded" && is_object() {
        return Ok(());
    }
    Err(ApiError::UnsupportedMediaType {
        found: shorten(&found),
        expected: "JSON, with the header `content-type: application/json`",
    })
}

/// Parses a JSON body; `expected` tells the client what the route takes.
///
/// # Errors
/// [`ApiError::InvalidBody`] with the parser's message, line and column.
pub fn parse_json<T: serde::de::DeserializeOwned>(bytes: &[u8], expected: &'static str) -> Result<T, ApiError> {
    serde_json::from_slice(bytes).map_err(|error| ApiError::InvalidBody {
        detail: shorten_message(&error),
        expected,
    })
}

/// serde_json repeats the client's value in "invalid type" messages; a complaint of 60 kB must not come back.
fn shorten_message(error: &serde_json::Error) -> String {
    const LIMIT: usize = 200;
    let text = error.to_string();
    match text.char_indices().nth(LIMIT) {
        Some((end, _)) => format!("{}… at line {} column {}", &text[..end], error.line(), error.column()),
        None => text,
    }
}

/// An answer in JSON, written in one go: most fit into the first allocation.
pub fn json_answer<T: Serialize>(answer: &T) -> Response {
    const USUAL: usize = 1 << 10;
    let mut bytes = Vec::with_capacity(USUAL);
    serde_json::to_writer(&mut bytes, answer).expect("answers have string keys, and memory takes them");
    let json = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, json)], Bytes::from(bytes)).into_response()
}
