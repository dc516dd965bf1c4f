//! Connections: accepted, handed to the threads that answer, and drained on shutdown without a lost request.
//!
//! The thread that accepts is also the one that answers probes. It looks at the first bytes of a connection, without
//! taking them, and hands every other connection to the workers. So work, however much, is in no probe's way; and since a
//! newcomer always gets a place, neither are clients that open connections and send nothing.
//!
//! A port of its own for probes would do the same against work. But on the port that clients reach, probes and clients
//! would still be kept out by slow ones; and it would be one more port in Deployments, policies and balancers.

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

/// How the server ends.
#[derive(Debug, Clone, Copy)]
pub struct Drain {
    /// How long new connections are still accepted after readiness is off.
    pub delay: Duration,
    /// How long requests in flight may take after that, and how long idle connections may still bring one.
    pub timeout: Duration,
}

/// How long connections that are closed at the end of the drain may take for it.
const LAST_MOMENT: Duration = Duration::from_millis(500);

/// Serves until `shutdown` resolves, then drains: readiness is off and every answer is the last one of its connection; new
/// connections are accepted for `drain.delay`, then the accept queue is emptied and the port closed. Requests in flight
/// and those that arrive on idle connections are answered until `drain.timeout`.
///
/// Returns the number of connections that were cut because they did not finish in time.
///
/// Connections run on `workers`, which end with this function; those of probes run here.
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
    /// Accepts connections for ever. `accepted` holds one that has no place yet.
    async fn accept_forever(self: &Arc<Self>, listener: &TcpListener, accepted: &mut Option<TcpStream>) {
        loop {
            if accepted.is_none() {
                match listener.accept().await {
                    Ok((stream, _)) => *accepted = Some(stream),
                    // Out of file descriptors, or a client that left before it was accepted. Accepting again at once
                    // would spin while descriptors are short.
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

    /// Accepts what the kernel has already accepted on our behalf: closing the listener would reset these clients.
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

    /// Sends a connection to where it belongs.
    fn receive(self: &Arc<Self>, stream: TcpStream, place: Place) {
        // Answers are small and complete: waiting for more to send only delays them. Failing here is harmless.
        let _ = stream.set_nodelay(true);
        // The workers end with the server, whoever is still waited for here.
        let (server, patience) = (Arc::downgrade(self), self.patience);
        tokio::spawn(async move {
            let probe = tokio::select! {
                probe = timeout(patience.header, begins_with_probe(&stream)) => probe,
                () = place.activity.told() => return,
            };
            let (Ok(Ok(probe)), Some(server)) = (probe, server.upgrade()) else {
                // The client left, or sent nothing.
                return;
            };
            if !probe {
                return server.hand_over(stream, place);
            }
            let router = server.service.clone();
            drop(server);
            // The connection ends with this request: the next one could be no probe.
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
                // Clients that leave or stall are daily business; hyper's words hold no request data.
                tracing::debug!(%error, "connection ended early");
            }
            drop(place);
        });
    }
}

/// Whether a connection's first request is a probe's. Waits for the first bytes, which stay where they are.
async fn begins_with_probe(stream: &TcpStream) -> io::Result<bool> {
    let mut start = [0; 32];
    let length = stream.peek(&mut start).await?;
    if length == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(is_probe(&start[..length]))
}
