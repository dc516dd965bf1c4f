//! Counts the memory of responses until clients have read them.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, HttpBody};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_body::{Frame, SizeHint};

use super::error::ApiError;
use crate::core::memory::{FREE, Held, Memory};

/// Counts a large response's memory until it is sent. Refuses the request if other requests hold too much.
pub(super) fn hold(memory: &Memory, response: Response) -> Response {
    let size = response.body().size_hint().exact().unwrap_or_default();
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    if size <= FREE {
        return response;
    }
    let mut held = Held::default();
    match memory.grow(&mut held, size) {
        Ok(()) => response.map(|body| Body::new(HeldBody { body, held: Some(held) })),
        Err(refusal) => ApiError::from(refusal).into_response(),
    }
}

struct HeldBody {
    body: Body,
    held: Option<Held>,
}

/// hyper drops the body before its bytes are written, so the bytes themselves own the held memory.
struct HeldBytes {
    bytes: Bytes,
    _held: Option<Held>,
}

impl AsRef<[u8]> for HeldBytes {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl HttpBody for HeldBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = std::task::ready!(Pin::new(&mut self.body).poll_frame(context));
        Poll::Ready(frame.map(|frame| {
            // A body of known size is one frame.
            let mut owner = |bytes| HeldBytes {
                bytes,
                _held: self.held.take(),
            };
            frame.map(|frame| frame.map_data(|bytes| Bytes::from_owner(owner(bytes))))
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn an_answer_is_held_until_its_bytes_are_gone() {
        let memory = Memory::new(100 << 10);
        let large = || Bytes::from(vec![b'a'; 100_000]).into_response();
        let body = hold(&memory, large()).into_body();
        assert_eq!(body.size_hint().exact(), Some(100_000));
        let bytes = body.collect().await.unwrap().to_bytes();
        assert_eq!(hold(&memory, large()).status(), 429, "the bytes are not written yet");
        assert_eq!(hold(&memory, "small".into_response()).status(), 200);
        drop(bytes);
        assert_eq!(hold(&memory, large()).status(), 200);
    }
}
