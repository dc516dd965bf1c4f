//! An operator in the test's own process that can be killed at a write.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use complaint_harness::tap::{Act, Log, tapped};
use complaint_operator::{cli::RunArgs, run::operate, settings::Settings};
use k8s_openapi::jiff::SignedDuration;
use kube::{Client, Config};
use tokio::{
    runtime::{Builder, Runtime},
    sync::Notify,
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

/// A write of a lifecycle: the `number`th with this method and path, counted from 1. What is written at the same time by other
/// controllers has no fixed order, so a number among all writes would mean another one each time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Write {
    /// Path and query; the namespace is `NAMESPACE`.
    path: String,
    method: String,
    number: usize,
}

impl Write {
    /// The one before with the same method and path.
    pub fn earlier(&self) -> Option<Self> {
        let number = self.number.checked_sub(1).filter(|number| *number > 0)?;
        Some(Self { number, ..self.clone() })
    }
}

impl fmt::Display for Write {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}, write {}", self.method, self.path, self.number)
    }
}

/// When the operator dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Moment {
    /// Before the write is sent.
    Before,
    /// When the API server has answered it, and the operator has not seen the answer.
    After,
}

/// Counts writes. A Lease tells nothing of the product, and an Event that is lost with its writer is never written again: what
/// stands around it are other writes.
#[derive(Default)]
struct Counter {
    seen: HashMap<(String, String), usize>,
    writes: Vec<Write>,
}

impl Counter {
    fn count(&mut self, line: &str, namespace: &str) -> Option<Write> {
        let (method, uri) = line.split_once(' ')?;
        let path = uri.replace(namespace, "NAMESPACE");
        if method == "GET" || path.contains("/leases") || path.contains("/events") {
            return None;
        }
        let number = self.seen.entry((method.to_owned(), path.clone())).or_default();
        *number += 1;
        let write = Write {
            method: method.to_owned(),
            path,
            number: *number,
        };
        self.writes.push(write.clone());
        Some(write)
    }
}

/// An operator for one namespace.
pub struct Operator {
    /// Everything that it does runs here, so nothing of it is left when this ends.
    runtime: Option<Runtime>,
    ended: JoinHandle<anyhow::Result<()>>,
    counter: Arc<Mutex<Counter>>,
    log: Arc<Log>,
    reached: Arc<Notify>,
}

impl Operator {
    /// Starts one, which speaks no more from the given moment on.
    pub fn start(config: &Config, namespace: &str, end: Option<(Write, Moment)>) -> Self {
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("operator")
            .enable_all()
            .build()
            .expect("a runtime can be built");
        let entered = runtime.enter();
        let client = Client::try_from(config.clone()).expect("a client");
        let (counter, reached) = (Arc::new(Mutex::new(Counter::default())), Arc::new(Notify::new()));
        let rule = {
            let (counter, reached, namespace) = (counter.clone(), reached.clone(), namespace.to_owned());
            let silent = Arc::new(AtomicBool::new(false));
            move |line: &str| {
                let mut counter = counter.lock().expect("unpoisoned");
                if silent.load(Ordering::SeqCst) {
                    return Act::Hang;
                }
                let write = counter.count(line, &namespace);
                match &end {
                    Some((last, moment)) if write.as_ref() == Some(last) => {
                        let (silent, reached) = (silent.clone(), reached.clone());
                        let die = move || {
                            silent.store(true, Ordering::SeqCst);
                            reached.notify_one();
                        };
                        match moment {
                            Moment::Before => {
                                die();
                                Act::Hang
                            }
                            Moment::After => Act::Lose(Box::new(die)),
                        }
                    }
                    _ => Act::Pass,
                }
            }
        };
        let (client, log) = tapped(client, rule);
        let args = RunArgs {
            watch_namespaces: vec![namespace.to_owned()],
            health_bind: "127.0.0.1:0".parse().expect("an address"),
            leader_elect: false,
            lease_name: "complaint-operator".into(),
            lease_namespace: None,
            log_format: "text".into(),
            settings: Settings {
                retention_notice: SignedDuration::ZERO,
                ..Settings::default()
            },
        };
        let ended = runtime.spawn(operate(client, args, CancellationToken::new()));
        drop(entered);
        Self {
            runtime: Some(runtime),
            ended,
            counter,
            log,
            reached,
        }
    }

    /// Waits for the moment at which it dies.
    pub fn reached(&self) -> impl Future<Output = ()> + use<> {
        let reached = self.reached.clone();
        async move { reached.notified().await }
    }

    /// Waits until it ends by itself, which it never should, and says why.
    pub async fn ended(&mut self) -> String {
        format!("the operator ended by itself: {:?}", (&mut self.ended).await)
    }

    /// Ends all its tasks wherever they are and closes its connections. Nothing of it runs when this returns.
    pub async fn kill(mut self) {
        let runtime = self.runtime.take();
        let end = tokio::task::spawn_blocking(move || drop(runtime));
        end.await.expect("the runtime ends");
    }

    /// Its writes so far.
    pub fn writes(&self) -> Vec<Write> {
        self.counter.lock().expect("unpoisoned").writes.clone()
    }

    /// Its requests so far, but for lists and watches.
    pub fn calls(&self) -> Vec<String> {
        self.log.calls()
    }
}

/// Of a test that fails: nobody waits for the end.
impl Drop for Operator {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
