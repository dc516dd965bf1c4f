//! Listeners: one for each port of each Service with endpoints.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Longest time to connect to an endpoint before the next one is tried.
const CONNECT: Duration = Duration::from_secs(2);

/// The endpoints of a port, used in turn.
#[derive(Debug, Default)]
struct Backends {
    endpoints: Mutex<Vec<SocketAddr>>,
    next: AtomicUsize,
}

impl Backends {
    fn set(&self, endpoints: Vec<SocketAddr>) {
        *self.endpoints.lock().unwrap_or_else(PoisonError::into_inner) = endpoints;
    }

    /// All endpoints, starting with the next in turn.
    fn in_turn(&self) -> Vec<SocketAddr> {
        let mut endpoints = self.endpoints.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if !endpoints.is_empty() {
            let turn = self.next.fetch_add(1, Ordering::Relaxed) % endpoints.len();
            endpoints.rotate_left(turn);
        }
        endpoints
    }
}

struct Listening {
    backends: Arc<Backends>,
    accepting: JoinHandle<()>,
}

/// The listeners of all Services.
#[derive(Default)]
pub struct Balancer {
    listening: HashMap<SocketAddr, Listening>,
    connections: CancellationToken,
}

impl Balancer {
    /// Listens on exactly these addresses, each with its endpoints. An address without endpoints has no listener, so
    /// connections are refused at once. Returns the addresses that could not be bound, with the errors.
    ///
    /// Open connections stay open, even if their endpoint or address is removed.
    pub async fn set(&mut self, wanted: HashMap<SocketAddr, Vec<SocketAddr>>) -> Vec<(SocketAddr, std::io::Error)> {
        let unused = |address: &SocketAddr| wanted.get(address).is_none_or(Vec::is_empty);
        let closing: Vec<SocketAddr> = self
            .listening
            .keys()
            .filter(|address| unused(address))
            .copied()
            .collect();
        for address in closing {
            if let Some(listening) = self.listening.remove(&address) {
                listening.accepting.abort();
                // The socket is closed when the task ends.
                let _ = listening.accepting.await;
            }
        }
        let mut failed = Vec::new();
        for (address, endpoints) in wanted {
            if let Some(listening) = self.listening.get(&address) {
                listening.backends.set(endpoints);
                continue;
            }
            match TcpListener::bind(address).await {
                Err(error) => failed.push((address, error)),
                Ok(_) if endpoints.is_empty() => {}
                Ok(listener) => {
                    let backends = Arc::new(Backends::default());
                    backends.set(endpoints);
                    let accepting = tokio::spawn(accept(listener, Arc::clone(&backends), self.connections.clone()));
                    self.listening.insert(address, Listening { backends, accepting });
                }
            }
        }
        failed
    }

    /// Closes all listeners and connections.
    pub async fn close(&mut self) {
        self.connections.cancel();
        self.set(HashMap::new()).await;
    }
}

async fn accept(listener: TcpListener, backends: Arc<Backends>, ending: CancellationToken) {
    loop {
        match listener.accept().await {
            Ok((client, _)) => {
                let work = forward(client, backends.in_turn());
                tokio::spawn(ending.clone().run_until_cancelled_owned(work));
            }
            Err(error) => {
                tracing::debug!(%error, "accepting a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

/// Connects a connection with the first endpoint that accepts it. If none does, the connection is closed.
async fn forward(mut client: TcpStream, endpoints: Vec<SocketAddr>) {
    for endpoint in endpoints {
        let Ok(Ok(mut server)) = tokio::time::timeout(CONNECT, TcpStream::connect(endpoint)).await else {
            continue;
        };
        // Avoids delays of small packets; an error only makes them slower.
        let _ = client.set_nodelay(true);
        let _ = server.set_nodelay(true);
        // If one side closes, the other is closed too.
        let _ = copy_bidirectional(&mut client, &mut server).await;
        return;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    /// A server that sends its name and then echoes its input.
    async fn server(name: &'static str) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    stream.write_all(name.as_bytes()).await.expect("sent");
                    let (mut read, mut write) = stream.split();
                    let _ = tokio::io::copy(&mut read, &mut write).await;
                });
            }
        });
        address
    }

    async fn free() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        listener.local_addr().expect("an address")
    }

    async fn greeting(address: SocketAddr) -> (String, TcpStream) {
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        let mut name = [0; 1];
        stream.read_exact(&mut name).await.expect("a greeting");
        (String::from_utf8_lossy(&name).into_owned(), stream)
    }

    #[tokio::test]
    async fn connections_go_round_and_open_ones_stay() {
        let (a, b, at) = (server("a").await, server("b").await, free().await);
        let mut balancer = Balancer::default();
        assert!(balancer.set(HashMap::from([(at, vec![a, b])])).await.is_empty());
        let mut names = Vec::new();
        for _ in 0..4 {
            names.push(greeting(at).await.0);
        }
        assert_eq!(names, ["a", "b", "a", "b"]);

        let (_, mut open) = greeting(at).await;
        balancer.set(HashMap::from([(at, vec![b])])).await;
        assert_eq!([greeting(at).await.0, greeting(at).await.0], ["b", "b"]);
        balancer.set(HashMap::from([(at, vec![])])).await;
        assert!(
            TcpStream::connect(at).await.is_err(),
            "a Service without endpoints refuses"
        );
        open.write_all(b"x").await.expect("still open");
        let mut echo = [0; 1];
        open.read_exact(&mut echo).await.expect("still open");
        assert_eq!(&echo, b"x");

        balancer.close().await;
        assert_eq!(open.read(&mut echo).await.expect("an end"), 0);
    }

    #[tokio::test]
    async fn an_endpoint_that_refuses_is_passed_over_and_a_taken_address_is_told() {
        let (dead, alive, at) = (free().await, server("a").await, free().await);
        let mut balancer = Balancer::default();
        balancer.set(HashMap::from([(at, vec![dead, alive])])).await;
        assert_eq!([greeting(at).await.0, greeting(at).await.0], ["a", "a"]);
        let failed = balancer
            .set(HashMap::from([(at, vec![alive]), (alive, vec![dead])]))
            .await;
        assert_eq!(failed.len(), 1);
        assert_eq!(
            (failed[0].0, failed[0].1.kind()),
            (alive, std::io::ErrorKind::AddrInUse)
        );
    }
}
