//! Connections: accepted, bounded in number and in patience, and drained on shutdown without a lost request.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{HttpService, Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::AsyncWrite;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};
use tokio_io_timeout::TimeoutWriter;

use super::router::router;
use super::workers::Workers;
use crate::core::app::App;

/// How the server ends.
#[derive(Debug, Clone, Copy)]
pub struct Drain {
    /// How long new requests are still taken after readiness is off.
    pub delay: Duration,
    /// How long requests in flight may take after that.
    pub timeout: Duration,
}

/// Serves until `shutdown` resolves, then drains: readiness off, new requests taken for `drain.delay`, the accept queue
/// emptied, idle connections closed, requests in flight finished within `drain.timeout`.
///
/// Returns the number of connections that were cut because they did not finish in time.
///
/// Connections run on `workers`, which end with this function.
pub async fn serve(
    listener: TcpListener,
    app: Arc<App>,
    workers: Workers,
    drain: Drain,
    shutdown: impl Future<Output = ()>,
) -> usize {
    let server = Server {
        workers,
        service: router(Arc::clone(&app)),
        http: http_settings(app.limits.header_timeout),
        write_timeout: app.limits.body_timeout,
        places: Arc::new(Semaphore::new(app.limits.max_connections.min(Semaphore::MAX_PERMITS))),
        drain: watch::Sender::new(()),
    };

    let stop = async {
        shutdown.await;
        app.start_draining();
        tracing::info!(delay = ?drain.delay, timeout = ?drain.timeout, "draining: readiness is off");
        tokio::time::sleep(drain.delay).await;
    };
    tokio::select! {
        () = server.accept_forever(&listener) => {}
        () = stop => {}
    }
    server.accept_waiting(&listener).await;
    app.start_closing();
    drop(listener);

    let Server {
        drain: started,
        workers: _workers,
        ..
    } = server;
    let open = started.receiver_count();
    let _ = started.send(());
    // Each connection holds a receiver until it ends.
    match tokio::time::timeout(drain.timeout, started.closed()).await {
        Ok(()) => {
            tracing::info!(connections = open, "drained");
            0
        }
        Err(_) => {
            let busy = started.receiver_count();
            tracing::warn!(
                connections = busy,
                "connections were still busy after --drain-timeout and are cut"
            );
            busy
        }
    }
}

fn http_settings(header_timeout: Duration) -> http1::Builder {
    let mut http = http1::Builder::new();
    // A client may close its sending side once its request is out (`nc -N`, HTTP/1.0 tools): it still gets its answer.
    http.timer(TokioTimer::new())
        .header_read_timeout(header_timeout)
        .half_close(true)
        .max_buf_size(64 << 10);
    http
}

/// A stream that fails a write which makes no progress for too long.
type Bounded<S> = Pin<Box<TimeoutWriter<S>>>;

/// A client that asks and never reads would otherwise hold its connection, and on a stream its place among the requests
/// in flight, for as long as it likes.
fn bounded<S: AsyncWrite>(stream: S, limit: Duration) -> Bounded<S> {
    let mut writer = TimeoutWriter::new(stream);
    writer.set_timeout(Some(limit));
    Box::pin(writer)
}

struct Server {
    workers: Workers,
    service: Router,
    http: http1::Builder,
    write_timeout: Duration,
    places: Arc<Semaphore>,
    drain: watch::Sender<()>,
}

impl Server {
    async fn accept_forever(&self, listener: &TcpListener) {
        loop {
            let place = Arc::clone(&self.places)
                .acquire_owned()
                .await
                .expect("the semaphore is never closed");
            match listener.accept().await {
                Ok((stream, _)) => self.spawn(stream, place),
                // Out of file descriptors, or a client that left before it was accepted. Accepting again at once would
                // spin while descriptors are short.
                Err(error) => {
                    tracing::warn!(%error, "could not accept a connection");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }

    /// Accepts what the kernel has already accepted on our behalf: closing the listener would reset these clients.
    async fn accept_waiting(&self, listener: &TcpListener) {
        loop {
            let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
                return;
            };
            tokio::select! {
                biased;
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => self.spawn(stream, place),
                    Err(_) => return,
                },
                () = std::future::ready(()) => return,
            }
        }
    }

    fn spawn(&self, stream: TcpStream, place: OwnedSemaphorePermit) {
        // Answers are small and complete: waiting for more to send only delays them. Failing here is harmless.
        let _ = stream.set_nodelay(true);
        // From this thread's event loop to the worker's.
        let stream = match stream.into_std() {
            Ok(stream) => stream,
            Err(error) => return tracing::warn!(%error, "could not hand a connection over"),
        };
        let (router, http, write_timeout) = (self.service.clone(), self.http.clone(), self.write_timeout);
        let drain = self.drain.subscribe();
        self.workers.spawn(async move {
            let stream = match TcpStream::from_std(stream) {
                Ok(stream) => bounded(stream, write_timeout),
                Err(error) => return tracing::warn!(%error, "could not take a connection over"),
            };
            let arrived = Arc::new(Notify::new());
            let service = {
                let (router, arrived) = (TowerToHyperService::new(router), Arc::clone(&arrived));
                service_fn(move |request| {
                    arrived.notify_one();
                    router.call(request)
                })
            };
            let connection = http.serve_connection(TokioIo::new(stream), service);
            if let Err(error) = run(connection, &arrived, drain).await {
                // Clients that leave or stall are daily business; hyper's words hold no request data.
                tracing::debug!(%error, "connection ended early");
            }
            drop(place);
        });
    }
}

/// How long a connection that was opened just before the drain may take to send its first request.
const FIRST_REQUEST_GRACE: Duration = Duration::from_millis(500);

/// Runs one connection to its end; after `drain` it takes no further request.
///
/// hyper closes a connection at once when it is told to finish before it has read anything. A client that was let in has
/// usually sent its request by then, so what has arrived is read first, and a connection without any request yet gets a
/// moment more.
async fn run<S>(
    connection: http1::Connection<TokioIo<Bounded<TcpStream>>, S>,
    arrived: &Notify,
    mut drain: watch::Receiver<()>,
) -> hyper::Result<()>
where
    S: HttpService<Incoming, ResBody = Body, Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
{
    let mut connection = pin!(connection);
    tokio::select! {
        biased;
        ended = connection.as_mut() => return ended,
        _ = drain.changed() => {}
    }
    tokio::select! {
        biased;
        ended = connection.as_mut() => return ended,
        _ = tokio::time::timeout(FIRST_REQUEST_GRACE, arrived.notified()) => {}
    }
    connection.as_mut().graceful_shutdown();
    connection.await
}

#[cfg(test)]
mod tests {
    use std::io;

    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::time::sleep;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_takes_nothing_is_given_up() {
        let (ours, _theirs) = duplex(4);
        let mut stream = bounded(ours, Duration::from_secs(5));
        let error = stream.write_all(b"more than four").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_reader_is_served() {
        let (ours, mut theirs) = duplex(4);
        let mut stream = bounded(ours, Duration::from_secs(5));
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
