//! Reads request bodies: admits the request, limits size and time, and decodes the bytes.

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

use super::coding::Coding;
use super::error::ApiError;
use super::json::begins_object;
use crate::core::app::App;
use crate::core::memory::{Held, Memory};
use crate::core::refusal::shorten;

/// How much of a body over the limit is still read and discarded, as a multiple of the limit. If the connection is
/// reset while the client is sending, the client never sees the response that explains why. Up to this size, it does.
const DISCARD_FACTOR: usize = 16;

/// A complete request body. It holds its slot among the requests in flight, and its memory, until it is dropped.
#[derive(Debug)]
pub struct Payload {
    /// The body, decoded.
    pub bytes: Bytes,
    /// The request's headers.
    pub headers: HeaderMap,
    _held: Held,
    _place: Option<OwnedSemaphorePermit>,
}

impl FromRequest<Arc<App>> for Payload {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, ApiError> {
        let mut place = Some(app.admit()?);
        let (parts, body) = request.into_parts();
        let (limit, timeout) = (app.limits.max_body_bytes, app.limits.body_timeout);
        let coding = match Coding::of(&parts.headers) {
            Ok(coding) => coding,
            Err(error) => {
                drop(place);
                discard(body, limit, Instant::now() + timeout).await;
                return Err(error);
            }
        };
        let mut held = Held::default();
        let mut bytes = match read(body, &parts.headers, limit, timeout, &app.memory, &mut held).await {
            Ok(bytes) => bytes,
            Err(Unread { error, rest }) => {
                // Release both first: other requests must not wait while the rest of this body is discarded.
                drop((place.take(), held));
                if let Some(rest) = rest {
                    discard(rest.body, limit, rest.deadline).await;
                }
                return Err(error);
            }
        };
        if let Some(coding) = coding {
            bytes = coding.decode(&bytes, limit, &app.memory, &mut held)?;
        }
        Ok(Self {
            bytes,
            headers: parts.headers,
            _held: held,
            _place: place,
        })
    }
}

/// A body that was not read to its end.
struct Unread {
    error: ApiError,
    rest: Option<Rest>,
}

/// The rest of an unread body, which the client is still sending.
struct Rest {
    body: Body,
    deadline: Instant,
}

impl From<ApiError> for Unread {
    fn from(error: ApiError) -> Self {
        Self { error, rest: None }
    }
}

/// Reads a body of at most `limit` bytes within `timeout`. The memory of the received bytes counts in `held`.
async fn read(
    mut body: Body,
    headers: &HeaderMap,
    limit: usize,
    timeout: Duration,
    memory: &Memory,
    held: &mut Held,
) -> Result<Bytes, Unread> {
    let deadline = Instant::now() + timeout;
    let too_large = ApiError::BodyTooLarge { limit };
    let announced = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|v| v.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > limit) {
        // With `Expect: 100-continue` the client has sent nothing yet and will send nothing, so there is nothing to
        // discard.
        let rest = (!headers.contains_key(header::EXPECT)).then_some(Rest { body, deadline });
        return Err(Unread { error: too_large, rest });
    }

    let mut first = Bytes::new();
    let mut joined = BytesMut::new();
    loop {
        let data = match timeout_at(deadline, body.frame()).await {
            Err(_) => {
                let seconds = timeout.as_secs().max(1);
                return Err(ApiError::BodyTimeout { seconds }.into());
            }
            Ok(None) => break,
            Ok(Some(Err(_))) => return Err(ApiError::BodyIncomplete.into()),
            Ok(Some(Ok(frame))) => frame.into_data().unwrap_or_default(),
        };
        let length = first.len() + joined.len() + data.len();
        let fits = if length > limit {
            Err(too_large.clone())
        } else {
            memory.grow(held, length).map_err(ApiError::from)
        };
        if let Err(error) = fits {
            let rest = Some(Rest { body, deadline });
            return Err(Unread { error, rest });
        }
        // Nearly every body is one frame, which is passed on without a copy.
        if first.is_empty() && joined.is_empty() {
            first = data;
            // Polling again for an end that is already known would cost a turn of the event loop.
            if body.is_end_stream() {
                break;
            }
            continue;
        }
        // A client may send less than it announces, so the buffer grows with the bytes received.
        if joined.capacity() < length {
            let room = announced.unwrap_or(usize::MAX).min(2 * length);
            joined.reserve(room.max(length) - joined.len());
        }
        if joined.is_empty() {
            joined.extend_from_slice(&std::mem::take(&mut first));
        }
        joined.extend_from_slice(&data);
    }
    Ok(if joined.is_empty() { first } else { joined.freeze() })
}

/// Reads and drops what the client is still sending, until the body ends, the connection breaks, or the size limit or
/// the deadline is reached.
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

/// The content type without its parameters, in lower case. Empty if there is none.
pub fn media_type(headers: &HeaderMap) -> String {
    let value = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Whether a content type is one of JSON lines.
pub fn is_json_lines(media_type: &str) -> bool {
    matches!(
        media_type,
        "application/x-ndjson" | "application/jsonl" | "application/json-lines"
    )
}

/// Refuses a body whose content type is not JSON. A missing content type passes, because many small clients send none.
/// The form type passes if the body is a JSON object, because `curl -d` sends that type by default.
///
/// # Errors
/// [`ApiError::UnsupportedMediaType`].
pub fn require_json(payload: &Payload) -> Result<(), ApiError> {
    let found = media_type(&payload.headers);
    if found.is_empty() || found == "application/json" || found.ends_with("+json") {
        return Ok(());
    }
    if found == "application/x-www-form-urlencoded" && begins_object(&payload.bytes) {
        return Ok(());
    }
    Err(ApiError::UnsupportedMediaType {
        found: shorten(&found),
        expected: "JSON, with the header `content-type: application/json`",
    })
}

/// A JSON response, serialized into one buffer. Most responses fit into the first allocation.
pub fn json_answer<T: Serialize>(answer: &T) -> Response {
    const USUAL: usize = 1 << 10;
    let mut bytes = Vec::with_capacity(USUAL);
    serde_json::to_writer(&mut bytes, answer).expect("answers have string keys, and memory takes them");
    let json = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, json)], Bytes::from(bytes)).into_response()
}
