//! Serves one connection from start to end, with time limits and an orderly close.

use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::http::Request;
use axum::response::Response;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep_until};
use tokio_io_timeout::TimeoutWriter;

use super::connections::{Activity, Phase};
use crate::core::limits::Limits;

/// Maximum size of a request's header, and of the piece of a body that is read at once.
const READ_BUFFER: usize = 16 << 10;

/// How long the server waits for a client.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// For a request's header.
    pub(super) header: Duration,
    /// Between requests.
    idle: Duration,
    /// For a write that makes no progress.
    write: Duration,
}

impl Patience {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            header: limits.header_timeout,
            idle: limits.idle_timeout,
            write: limits.body_timeout,
        }
    }
}

/// Serves the requests of one connection. Without `keep_alive`, it serves only the first request.
///
/// # Errors
/// hyper's error: the client disconnected, stalled, or sent something that is not HTTP.
pub(super) async fn run<S>(
    stream: S,
    router: Router,
    activity: Arc<Activity>,
    patience: Patience,
    keep_alive: bool,
) -> hyper::Result<()>
where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let service = {
        let (router, activity) = (TowerToHyperService::new(router), Arc::clone(&activity));
        service_fn(move |request: Request<Incoming>| {
            activity.enter(Phase::Busy);
            let (answer, activity) = (router.call(request), Arc::clone(&activity));
            async move { answer.await.map(|response| answered(response, activity)) }
        })
    };
    let mut http = http1::Builder::new();
    // A client may close its sending side after its request (`nc -N`, HTTP/1.0 tools). It still gets its response.
    http.timer(TokioTimer::new())
        .header_read_timeout(patience.idle)
        .keep_alive(keep_alive)
        .half_close(true)
        .max_buf_size(READ_BUFFER);
    let stream = Watched::new(stream, Arc::clone(&activity), patience);
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        biased;
        ended = connection.as_mut() => return ended,
        () = activity.told() => {}
    }
    // Return now, because hyper would wait for the rest of the header.
    if activity.phase() == Phase::Header {
        return Ok(());
    }
    connection.as_mut().graceful_shutdown();
    connection.await
}

/// The connection becomes idle when its response is known, unless the response is streamed while the request is read.
fn answered(response: Response, activity: Arc<Activity>) -> Response {
    if response.body().size_hint().exact().is_some() {
        activity.enter(Phase::Idle);
        return response;
    }
    response.map(|body| Body::new(Streamed { body, activity }))
}

/// A response of unknown length. The connection is busy until it ends.
struct Streamed {
    body: Body,
    activity: Arc<Activity>,
}

impl HttpBody for Streamed {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Streamed {
    fn drop(&mut self) {
        self.activity.enter(Phase::Idle);
    }
}

/// A stream that fails if the client takes too long to send a header or to read its response.
///
/// Otherwise a client that sends a request and never reads would hold its connection, and on a stream its slot among
/// the requests in flight, indefinitely.
struct Watched<S> {
    stream: Pin<Box<TimeoutWriter<S>>>,
    activity: Arc<Activity>,
    header: Duration,
    /// Set the first time that a header does not arrive in one piece.
    alarm: Option<Pin<Box<Sleep>>>,
}

impl<S: AsyncRead + AsyncWrite> Watched<S> {
    fn new(stream: S, activity: Arc<Activity>, patience: Patience) -> Self {
        let mut stream = TimeoutWriter::new(stream);
        stream.set_timeout(Some(patience.write));
        Self {
            stream: Box::pin(stream),
            activity,
            header: patience.header,
            alarm: None,
        }
    }

    /// Fails if the pending header takes too long.
    fn check_header(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let deadline = tokio::time::Instant::from_std(self.activity.since() + self.header);
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if alarm.deadline() != deadline {
            alarm.as_mut().reset(deadline);
        }
        ready!(alarm.as_mut().poll(context));
        let words = "the request's header did not arrive in time";
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, words)))
    }
}

impl<S: AsyncRead + AsyncWrite> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = self.stream.as_mut().poll_read(context, buffer);
        match self.activity.phase() {
            Phase::Header if read.is_pending() => self.check_header(context),
            Phase::Idle if buffer.filled().len() > before => {
                self.activity.enter(Phase::Header);
                read
            }
            _ => read,
        }
    }
}

impl<S: AsyncRead + AsyncWrite> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.stream.as_mut().poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.as_mut().poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.as_mut().poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stream.as_mut().poll_write_vectored(context, slices)
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::time::sleep;

    use super::*;

    fn watched<S: AsyncRead + AsyncWrite>(stream: S) -> Watched<S> {
        let activity = Arc::new(Activity::new(std::time::Instant::now()));
        let five = Duration::from_secs(5);
        let patience = Patience {
            header: five,
            idle: five,
            write: five,
        };
        Watched::new(stream, activity, patience)
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_takes_nothing_is_given_up() {
        let (ours, _theirs) = duplex(4);
        let mut stream = watched(ours);
        let error = stream.write_all(b"more than four").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_reader_is_served() {
        let (ours, mut theirs) = duplex(4);
        let mut stream = watched(ours);
        let reader = tokio::spawn(async move {
            let mut taken = Vec::new();
            let mut two = [0; 2];
            while let Ok(2) = theirs.read(&mut two).await {
                taken.extend_from_slice(&two);
                sleep(Duration::from_secs(4)).await;
            }
            taken
        });
        stream.write_all(b"longer than the buffer").await.unwrap();
        drop(stream);
        assert_eq!(reader.await.unwrap(), b"longer than the buffer");
    }
}
