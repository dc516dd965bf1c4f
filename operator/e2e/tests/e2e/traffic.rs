//! Requests to the Service during changes.
//!
//! They go through the API server's proxy, which every cluster offers at the same address.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU64, Ordering},
};

use http::Request;
use kube::Client;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::cluster::World;

/// Requests a prediction from the classifier's Service.
pub async fn predict(client: &Client, namespace: &str, classifier: &str, text: &str) -> Result<Value, kube::Error> {
    let path = format!("/api/v1/namespaces/{namespace}/services/{classifier}:http/proxy/predict");
    let body = json!({ "text": text }).to_string().into_bytes();
    let request = Request::post(path)
        .header("content-type", "application/json")
        .body(body)
        .expect("a request");
    client.request::<Value>(request).await
}

/// A client that sends requests without pause and records every failure.
pub struct Traffic {
    stop: CancellationToken,
    task: JoinHandle<()>,
    answered: Arc<AtomicU64>,
    failures: Arc<Mutex<Vec<String>>>,
}

impl Traffic {
    /// Starts the requests.
    pub fn start(world: &World, classifier: &str) -> Self {
        let stop = CancellationToken::new();
        let (answered, failures) = (Arc::new(AtomicU64::new(0)), Arc::new(Mutex::new(Vec::new())));
        let task = tokio::spawn({
            let (client, namespace, classifier) =
                (world.client.clone(), world.namespace.clone(), classifier.to_owned());
            let (stop, answered, failures) = (stop.clone(), answered.clone(), failures.clone());
            async move {
                while !stop.is_cancelled() {
                    match predict(&client, &namespace, &classifier, "they charged me a late fee twice").await {
                        Ok(answer) if answer["category"].is_string() => {
                            answered.fetch_add(1, Ordering::Relaxed);
                        }
                        Ok(answer) => failures.lock().expect("no panic holds it").push(answer.to_string()),
                        Err(error) => failures.lock().expect("no panic holds it").push(format!("{error:?}")),
                    }
                }
            }
        });
        Self {
            stop,
            task,
            answered,
            failures,
        }
    }

    /// Stops, and asserts that requests were made and none failed.
    pub async fn stop(self) {
        self.stop.cancel();
        self.task.await.expect("the client does not panic");
        let failures = self.failures.lock().expect("no panic holds it");
        let answered = self.answered.load(Ordering::Relaxed);
        assert!(
            failures.is_empty(),
            "{} of {} requests failed: {:?}",
            failures.len(),
            answered,
            failures.first()
        );
        assert!(answered > 10, "only {answered} requests were made");
    }
}
