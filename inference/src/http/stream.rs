//! `POST /predict/stream`: JSON lines in, JSON lines out, in the same order, in bounded memory for any length.
//!
//! Each line is `{"text": "…"}` and may have an `id`, which the response repeats. The response to an invalid line is an
//! error, and the following lines are still answered. A client must read while it sends: the server holds at most one
//! line and the responses to one received frame, and stops reading while the client does not read.

use std::sync::Arc;

use axum::body::Body;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::{BufMut, Bytes, BytesMut};
use futures::stream::unfold;
use http_body_util::BodyExt;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::body::{is_json_lines, media_type};
use super::coding::{Coding, Decoder};
use super::error::ApiError;
use super::error_responses::NativeErrors;
use super::json::parse_json;
use super::lines::{Line, Lines};
use super::predict::Prediction;
use crate::core::app::App;
use crate::core::memory::Held;
use crate::core::refusal::shorten;
use crate::core::serving::Serving;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(stream))
}

const EXPECTED: &str = r#"Each line is {"text": "…"}, with an optional "id""#;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct Request {
    text: String,
    id: Option<Value>,
}

#[derive(Serialize)]
struct Answered<'a> {
    /// The number of the request's line, from 0. Empty lines count too.
    line: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Value>,
    #[serde(flatten)]
    prediction: Prediction<'a>,
}

/// Predictions for any number of complaints: one JSON object per line in, one per line out, in the same order.
#[utoipa::path(
    post, path = "/predict/stream", tag = "predict", operation_id = "predict_stream",
    request_body(content = String, content_type = "application/x-ndjson", description = "Lines of {\"text\": \"…\", \"id\": …}"),
    responses(
        (status = 200, description = "A prediction or an error for each line", body = String, content_type = "application/x-ndjson"),
        NativeErrors
    )
)]
async fn stream(serving: Serving, request: axum::extract::Request) -> Result<Response, ApiError> {
    let found = media_type(request.headers());
    if !is_json_lines(&found) && !matches!(found.as_str(), "" | "application/json") {
        let expected = "JSON lines, with the header `content-type: application/x-ndjson`";
        return Err(ApiError::UnsupportedMediaType {
            found: shorten(&found),
            expected,
        });
    }
    let session = Session {
        place: serving.app.admit()?,
        lines: Lines::new(serving.app.limits.max_body_bytes),
        decoder: Coding::of(request.headers())?.map(Decoder::new),
        encoded: Bytes::new(),
        held: Held::default(),
        body: request.into_body(),
        ended: false,
        number: 0,
        serving,
    };
    let answers = unfold(session, async |mut session| {
        let chunk = session.next_chunk().await?;
        Some((Ok::<_, std::convert::Infallible>(chunk), session))
    });
    let body = Body::from_stream(answers);
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], body).into_response())
}

/// One stream in progress. It holds its slot among the requests in flight.
struct Session {
    serving: Serving,
    body: Body,
    decoder: Option<Decoder>,
    /// The bytes that have arrived and are not decoded yet.
    encoded: Bytes,
    lines: Lines,
    /// The memory of the unfinished line.
    held: Held,
    /// Number of the next line.
    number: usize,
    /// Whether the request body has ended or failed.
    ended: bool,
    #[expect(dead_code, reason = "held until the stream ends")]
    place: OwnedSemaphorePermit,
}

impl Session {
    /// The responses to the lines that the next pieces complete. `None` at the end.
    async fn next_chunk(&mut self) -> Option<Bytes> {
        let mut out = BytesMut::new();
        while out.is_empty() && !self.ended {
            if let Err(error) = self.read().await {
                self.end_with(&error, &mut out);
            }
            while let Some(line) = self.lines.next() {
                self.answer(&line, &mut out);
                self.number += 1;
            }
            if self.lines.begun() == 0 {
                self.held = Held::default();
            } else if self
                .serving
                .app
                .memory
                .grow(&mut self.held, self.lines.begun())
                .is_err()
            {
                self.lines.refuse();
            }
        }
        (!out.is_empty()).then(|| out.freeze())
    }

    /// Passes the next piece of the body to the line splitter.
    async fn read(&mut self) -> Result<(), ApiError> {
        if let Some(decoder) = &mut self.decoder
            && !self.encoded.is_empty()
        {
            let piece = self.encoded.split_to(self.encoded.len().min(Decoder::PIECE));
            self.lines.push(decoder.push(&piece)?);
            // A frame can decode to many megabytes, so yield to other requests in between.
            tokio::task::yield_now().await;
            return Ok(());
        }
        let limit = self.serving.app.limits.body_timeout;
        let frame = timeout(limit, self.body.frame())
            .await
            .map_err(|_| ApiError::BodyTimeout {
                seconds: limit.as_secs().max(1),
            })?;
        match frame {
            Some(frame) => {
                let data = frame
                    .map_err(|_| ApiError::BodyIncomplete)?
                    .into_data()
                    .unwrap_or_default();
                if self.decoder.is_some() {
                    self.encoded = data;
                } else {
                    self.lines.push(data);
                }
            }
            None => {
                if let Some(decoder) = &mut self.decoder {
                    self.lines.push(decoder.finish()?);
                }
                self.ended = true;
                self.lines.finish();
            }
        }
        Ok(())
    }

    fn end_with(&mut self, error: &ApiError, out: &mut BytesMut) {
        self.ended = true;
        write_line(out, &json!({ "line": self.number, "error": error.detail() }));
    }

    fn answer(&self, line: &Line, out: &mut BytesMut) {
        match self.classify(line) {
            Ok(Some(answered)) => write_line(out, &answered),
            Ok(None) => {}
            Err((error, id)) => {
                let mut answer = json!({ "line": self.number, "error": error.detail() });
                if let Some(id) = id {
                    answer["id"] = id;
                }
                write_line(out, &answer);
            }
        }
    }

    /// An empty line has no response.
    fn classify(&self, line: &Line) -> Result<Option<Answered<'_>>, (ApiError, Option<Value>)> {
        let bytes = match line {
            Line::Whole(bytes) if bytes.trim_ascii().is_empty() => return Ok(None),
            Line::Whole(bytes) => bytes,
            Line::Refused => return Err((self.serving.app.memory.refusal().into(), None)),
            Line::TooLong => {
                return Err((
                    ApiError::BodyTooLarge {
                        limit: self.serving.app.limits.max_body_bytes,
                    },
                    None,
                ));
            }
        };
        let Request { text, id } = parse_json(bytes, EXPECTED).map_err(|error| (error, None))?;
        match self.serving.classify(0, &text) {
            Ok(answer) => {
                let prediction = Prediction::new(self.serving.engine(), answer, None);
                Ok(Some(Answered {
                    line: self.number,
                    id,
                    prediction,
                }))
            }
            Err(refusal) => Err((refusal.into(), id)),
        }
    }
}

fn write_line<T: Serialize>(out: &mut BytesMut, value: &T) {
    serde_json::to_writer((&mut *out).writer(), value).expect("answers have string keys, and memory takes them");
    out.put_u8(b'\n');
}
