//! Connections: how many there may be, how long one may wait, and how they end.

use std::{pin::pin, sync::Arc, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    task::JoinSet,
};

/// The most connections at once; others wait for their turn.
const CONNECTIONS: usize = 512;
/// How long a connection may take for the head of a request, also between two requests.
const HEAD: Duration = Duration::from_secs(30);
/// The longest head. Tokens of people in many groups are long.
const LONGEST_HEAD: usize = 64 * 1024;
/// The pause after a connection that could not be accepted: without file descriptors the next one can't be, either.
const PAUSE: Duration = Duration::from_millis(50);
/// How long requests may take when the program ends.
const LAST: Duration = Duration::from_secs(10);

/// Answers requests until the program ends, and those that are under way after that.
pub(super) async fn serve(listener: TcpListener, router: Router, mut ended: watch::Receiver<bool>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut running = JoinSet::new();
    let end = ended.clone();
    loop {
        let (stream, place) = tokio::select! {
            Some(accepted) = accept(&listener, &places) => accepted,
            _ = ended.wait_for(|ended| *ended) => break,
        };
        while running.try_join_next().is_some() {}
        running.spawn(answer(stream, router.clone(), end.clone(), place));
    }
    drop(listener);
    let rest = async { while running.join_next().await.is_some() {} };
    // What is still running then is cut.
    let _ = tokio::time::timeout(LAST, rest).await;
}

/// The next connection, once there is a place for it.
async fn accept(listener: &TcpListener, places: &Arc<Semaphore>) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let place = places.clone().acquire_owned().await.ok()?;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return Some((stream, place)),
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

async fn answer(stream: TcpStream, router: Router, mut ended: watch::Receiver<bool>, _place: OwnedSemaphorePermit) {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(LONGEST_HEAD);
    let connection = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut connection = pin!(connection);
    tokio::select! {
        // Clients go away all the time.
        _ = connection.as_mut() => return,
        _ = ended.wait_for(|ended| *ended) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = connection.await;
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        sync::Notify,
    };

    use super::*;

    #[tokio::test]
    async fn the_end_waits_for_requests_and_for_no_idle_connection() {
        let (begun, goes_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (told, waits) = (begun.clone(), goes_on.clone());
        let slow = move || {
            let (told, waits) = (told.clone(), waits.clone());
            async move {
                told.notify_one();
                waits.notified().await;
                "done"
            }
        };
        let router = Router::new()
            .route("/", get(|| async { "here" }))
            .route("/slow", get(slow));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (end, ended) = watch::channel(false);
        let server = tokio::spawn(serve(listener, router, ended));

        let mut idle = TcpStream::connect(address).await.expect("it listens");
        idle.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            .await
            .expect("it reads");
        let mut answer = vec![0; 1024];
        let length = idle.read(&mut answer).await.expect("an answer");
        assert!(answer[..length].starts_with(b"HTTP/1.1 200"), "{:?}", &answer[..length]);
        let mut busy = TcpStream::connect(address).await.expect("it listens");
        busy.write_all(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
            .await
            .expect("it reads");
        begun.notified().await;

        end.send(true).expect("it runs");
        let mut rest = Vec::new();
        idle.read_to_end(&mut rest).await.expect("the end");
        assert!(rest.is_empty(), "an idle connection is closed: {rest:?}");
        goes_on.notify_one();
        busy.read_to_end(&mut rest).await.expect("the end");
        let answer = String::from_utf8(rest).expect("text");
        assert!(
            answer.starts_with("HTTP/1.1 200") && answer.ends_with("done"),
            "{answer}"
        );
        server.await.expect("it ends");
        assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
    }
}
