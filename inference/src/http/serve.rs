//! Accepts connections, passes them to worker threads, and drains them on shutdown without losing a request.
//!
//! The thread that accepts connections also answers probes. It peeks at the first bytes of each connection and passes
//! every other connection to the workers. So probes are answered however busy the workers are. And because a new
//! connection always gets a place, clients that open connections and send nothing can't block probes either.
//!
//! A separate port for probes would also protect them from busy workers. But on the client port, slow clients would
//! still block other clients and probes. It would also be one more port in Deployments, network policies and load
//! balancers.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::connection::{Patience, run};
use super::connections::{Connections, Place};
use super::health::is_probe;
use super::router::router;
use super::workers::Workers;
use crate::core::app::App;

/// How the server shuts down.
#[derive(Debug, Clone, Copy)]
pub struct Drain {
    /// How long new connections are still accepted after readiness is off.
    pub delay: Duration,
    /// How long requests in flight may take after that, and how long idle connections may still send a request.
    pub timeout: Duration,
}

/// How long connections may take to close at the end of the drain.
const LAST_MOMENT: Duration = Duration::from_millis(500);

/// Serves until `shutdown` resolves, then drains: readiness is off, and each connection is closed after its next
/// response. New connections are accepted for `drain.delay`. Then the accept queue is emptied and the port is closed.
/// Requests in flight, and requests that arrive on idle connections, are answered until `drain.timeout`.
///
/// Returns the number of connections that were cut because they did not finish in time.
///
/// Connections run on `workers`, which stop when this function returns. Probe connections run on the current thread.
pub async fn serve(
    listener: TcpListener,
    app: Arc<App>,
    workers: Workers,
    drain: Drain,
    shutdown: impl Future<Output = ()>,
) -> usize {
    let server = Arc::new(Server {
        workers,
        service: router(Arc::clone(&app)),
        patience: Patience::new(&app.limits),
        connections: Connections::new(app.limits.max_connections),
    });

    let stop = async {
        shutdown.await;
        app.start_draining();
        tracing::info!(delay = ?drain.delay, timeout = ?drain.timeout, "draining: readiness is off");
        tokio::time::sleep(drain.delay).await;
    };
    let mut accepted = None;
    tokio::select! {
        () = server.accept_forever(&listener, &mut accepted) => {}
        () = stop => {}
    }
    server.accept_waiting(&listener, accepted).await;
    drop(listener);

    let connections = &server.connections;
    let open = connections.count();
    if timeout(drain.timeout, connections.all_gone()).await.is_ok() {
        tracing::info!(connections = open, "drained");
        return 0;
    }
    connections.close_all();
    if timeout(LAST_MOMENT, connections.all_gone()).await.is_ok() {
        tracing::info!(
            connections = open,
            "drained; idle connections were closed after --drain-timeout"
        );
        return 0;
    }
    let busy = connections.count();
    tracing::warn!(
        connections = busy,
        "connections were still busy after --drain-timeout and are cut"
    );
    busy
}

struct Server {
    workers: Workers,
    service: Router,
    patience: Patience,
    connections: Arc<Connections>,
}

impl Server {
    /// Accepts connections forever. `accepted` holds a connection that has no place yet.
    async fn accept_forever(self: &Arc<Self>, listener: &TcpListener, accepted: &mut Option<TcpStream>) {
        loop {
            if accepted.is_none() {
                match listener.accept().await {
                    Ok((stream, _)) => *accepted = Some(stream),
                    // The process is out of file descriptors, or a client disconnected before it was accepted.
                    // Accepting again at once would spin while file descriptors are short.
                    Err(error) => {
                        tracing::warn!(%error, "could not accept a connection");
                        self.connections.make_room();
                        tokio::time::sleep(Duration::from_millis(50)).await;
                        continue;
                    }
                }
            }
            let place = self.connections.enter().await;
            if let Some(stream) = accepted.take() {
                self.receive(stream, place);
            }
        }
    }

    /// Accepts the connections in the kernel's accept queue. Closing the listener would reset these clients.
    async fn accept_waiting(self: &Arc<Self>, listener: &TcpListener, mut accepted: Option<TcpStream>) {
        while let Some(place) = self.connections.try_enter() {
            let stream = match accepted.take() {
                Some(stream) => stream,
                None => tokio::select! {
                    biased;
                    accepted = listener.accept() => match accepted {
                        Ok((stream, _)) => stream,
                        Err(_) => return,
                    },
                    () = std::future::ready(()) => return,
                },
            };
            self.receive(stream, place);
        }
    }

    /// Serves a probe on this thread. Passes any other connection to a worker.
    fn receive(self: &Arc<Self>, stream: TcpStream, place: Place) {
        // Responses are small and complete, so waiting for more data only delays them. A failure here is harmless.
        let _ = stream.set_nodelay(true);
        // Hold only a weak reference: the workers must stop with the server, even while connections still wait here.
        let (server, patience) = (Arc::downgrade(self), self.patience);
        tokio::spawn(async move {
            let probe = tokio::select! {
                probe = timeout(patience.header, begins_with_probe(&stream)) => probe,
                () = place.activity.told() => return,
            };
            let (Ok(Ok(probe)), Some(server)) = (probe, server.upgrade()) else {
                // The client disconnected or sent nothing.
                return;
            };
            if !probe {
                return server.hand_over(stream, place);
            }
            let router = server.service.clone();
            drop(server);
            // Close the connection after this request: the next one might not be a probe.
            if let Err(error) = run(stream, router, Arc::clone(&place.activity), patience, false).await {
                tracing::debug!(%error, "a probe's connection ended early");
            }
        });
    }

    /// Moves a connection from this thread's event loop to a worker's.
    fn hand_over(&self, stream: TcpStream, place: Place) {
        let stream = match stream.into_std() {
            Ok(stream) => stream,
            Err(error) => return tracing::warn!(%error, "could not hand a connection over"),
        };
        let (router, patience) = (self.service.clone(), self.patience);
        self.workers.spawn(async move {
            let stream = match TcpStream::from_std(stream) {
                Ok(stream) => stream,
                Err(error) => return tracing::warn!(%error, "could not take a connection over"),
            };
            let activity = Arc::clone(&place.activity);
            if let Err(error) = run(stream, router, activity, patience, true).await {
                // Clients disconnect or stall all the time. hyper's error messages contain no request data.
                tracing::debug!(%error, "connection ended early");
            }
            drop(place);
        });
    }
}

/// Whether a connection's first request is a probe. Waits for the first bytes and leaves them in the socket.
async fn begins_with_probe(stream: &TcpStream) -> io::Result<bool> {
    let mut start = [0; 32];
    let length = stream.peek(&mut start).await?;
    if length == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(is_probe(&start[..length]))
}
