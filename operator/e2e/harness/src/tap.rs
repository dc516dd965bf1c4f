//! A client whose requests a test sees, and answers where it wants to.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use http::{Request, Response, header::USER_AGENT};
use kube::{Client, client::Body};
use serde_json::json;
use tokio::sync::Notify;
use tower_service::Service;

/// What becomes of a request.
pub enum Act {
    /// It goes on to the API server.
    Pass,
    /// It is never answered.
    Hang,
    /// It goes on to the API server, whose answer never comes. The function is called when the API server has answered.
    Lose(Box<dyn FnOnce() + Send>),
    /// It is answered with this status and message.
    Refuse(u16, String),
}

type Rule = dyn Fn(&str) -> Act + Send + Sync;

/// What a test sees of the requests.
#[derive(Default)]
pub struct Log {
    lines: Mutex<Vec<String>>,
    agents: Mutex<Vec<String>>,
    changed: Notify,
    open: AtomicUsize,
    most_open: AtomicUsize,
}

impl Log {
    /// The requests that are neither watches, nor lists for them, nor about the Lease, as `METHOD path?query`.
    pub fn calls(&self) -> Vec<String> {
        let lines = self.lines.lock().expect("unpoisoned");
        let is_call =
            |line: &&String| !line.contains("watch=true") && !line.contains("limit=50") && !line.contains("/leases");
        lines.iter().filter(is_call).cloned().collect()
    }

    /// How many requests contain all of these texts.
    pub fn count(&self, parts: &[&str]) -> usize {
        let lines = self.lines.lock().expect("unpoisoned");
        lines
            .iter()
            .filter(|line| parts.iter().all(|part| line.contains(part)))
            .count()
    }

    /// Waits until so many requests contain these texts.
    pub async fn until(&self, parts: &[&str], count: usize) {
        let waiting = async {
            loop {
                let changed = self.changed.notified();
                if self.count(parts) >= count {
                    return;
                }
                changed.await;
            }
        };
        if tokio::time::timeout(Duration::from_secs(60), waiting).await.is_err() {
            panic!(
                "{} of {count} requests with {parts:?}: {:#?}",
                self.count(parts),
                self.calls()
            );
        }
    }

    /// All User-Agents seen.
    pub fn agents(&self) -> Vec<String> {
        let mut agents = self.agents.lock().expect("unpoisoned").clone();
        agents.sort();
        agents.dedup();
        agents
    }

    /// How many requests waited for an answer at once, at most.
    pub fn most_open(&self) -> usize {
        self.most_open.load(Ordering::Relaxed)
    }
}

struct Tap {
    client: Client,
    rule: Arc<Rule>,
    log: Arc<Log>,
}

/// `client` with `rule` for each request, which it gets as `METHOD path?query`.
pub fn tapped(client: Client, rule: impl Fn(&str) -> Act + Send + Sync + 'static) -> (Client, Arc<Log>) {
    let log = Arc::new(Log::default());
    let tap = Tap {
        client,
        rule: Arc::new(rule),
        log: log.clone(),
    };
    (Client::new(tap, "default"), log)
}

impl Service<Request<Body>> for Tap {
    type Response = Response<Body>;
    type Error = kube::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, kube::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), kube::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let line = format!("{} {}", request.method(), request.uri());
        let agent = request.headers().get(USER_AGENT).and_then(|agent| agent.to_str().ok());
        let agent = agent.unwrap_or_default().to_owned();
        self.log.agents.lock().expect("unpoisoned").push(agent);
        let act = (self.rule)(&line);
        self.log.lines.lock().expect("unpoisoned").push(line);
        self.log.changed.notify_waiters();
        let (client, log) = (self.client.clone(), self.log.clone());
        Box::pin(async move {
            let open = log.open.fetch_add(1, Ordering::Relaxed) + 1;
            log.most_open.fetch_max(open, Ordering::Relaxed);
            let answer = match act {
                Act::Pass => client.send(request).await,
                Act::Hang => std::future::pending().await,
                Act::Lose(answered) => {
                    let _lost = client.send(request).await;
                    answered();
                    std::future::pending().await
                }
                Act::Refuse(code, message) => Ok(refusal(code, &message)),
            };
            log.open.fetch_sub(1, Ordering::Relaxed);
            answer
        })
    }
}

fn refusal(code: u16, message: &str) -> Response<Body> {
    let reason = if code == 403 { "Forbidden" } else { "Invalid" };
    let status = json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                         "message": message, "reason": reason, "code": code });
    let response = Response::builder()
        .status(code)
        .header("content-type", "application/json");
    response
        .body(Body::from(status.to_string().into_bytes()))
        .expect("a response")
}
