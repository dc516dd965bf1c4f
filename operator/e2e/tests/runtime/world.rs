//! An API server with the product's kinds, an operator on it, and what stands in for the cluster's controllers.

use std::{sync::Arc, time::Duration};

use complaint_api::{
    ComplaintClassifier, ModelVersion,
    condition::{self, READY},
};
use complaint_harness::tap::{Act, Log, tapped};
use complaint_operator::{cli::RunArgs, object::Object, run::operate, settings::Settings};
use futures::TryStreamExt;
use k8s_openapi::{
    api::events::v1::Event, apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{
    Api, Client,
    api::{Patch, PatchParams, PostParams},
    runtime::{WatchStreamExt, watcher},
};
use sandbox_apiserver::{Options, Server};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub const PATIENCE: Duration = Duration::from_secs(60);

/// An API server with the product's kinds, and an operator on it.
pub struct World {
    _server: Server,
    /// Of the test itself.
    pub client: Client,
}

pub struct Operator {
    pub shutdown: CancellationToken,
    ended: JoinHandle<anyhow::Result<()>>,
    pub log: Arc<Log>,
}

impl World {
    pub async fn open() -> Self {
        Self::with(|_| {}).await
    }

    /// With a change of the definitions.
    pub async fn with(edit: impl Fn(&mut Value)) -> Self {
        let server = Server::start(Options::default()).await.expect("an API server");
        let client = server.client().expect("a client");
        let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
        for crd in complaint_api::crds() {
            let mut crd = serde_json::to_value(&crd).expect("JSON");
            edit(&mut crd);
            let crd = serde_json::from_value(crd).expect("a definition");
            definitions
                .create(&PostParams::default(), &crd)
                .await
                .expect("a valid definition");
        }
        Self {
            _server: server,
            client,
        }
    }

    pub fn start(&self, elect: bool, rule: impl Fn(&str) -> Act + Send + Sync + 'static) -> Operator {
        self.start_with(Settings::default(), elect, rule)
    }

    pub fn start_with(
        &self,
        settings: Settings,
        elect: bool,
        rule: impl Fn(&str) -> Act + Send + Sync + 'static,
    ) -> Operator {
        let (client, log) = tapped(self.client.clone(), rule);
        let args = RunArgs {
            watch_namespaces: vec![],
            health_bind: "127.0.0.1:0".parse().expect("an address"),
            leader_elect: elect,
            lease_name: "complaint-operator".into(),
            lease_namespace: Some("default".into()),
            log_format: "text".into(),
            settings,
        };
        let shutdown = CancellationToken::new();
        Operator {
            ended: tokio::spawn(operate(client, args, shutdown.clone())),
            shutdown,
            log,
        }
    }

    pub fn api<K: Object + Send + 'static>(&self) -> Api<K> {
        Api::namespaced(self.client.clone(), "default")
    }

    pub async fn make<K: Object + Send + 'static>(&self, mut object: Value) -> K {
        object["apiVersion"] = K::api_version(&()).as_ref().into();
        object["kind"] = K::kind(&()).as_ref().into();
        let name = object["metadata"]["name"].as_str().expect("a name").to_owned();
        let params = PatchParams::apply("test").force();
        let made = self.api::<K>().patch(&name, &params, &Patch::Apply(&object)).await;
        made.expect("accepted")
    }

    pub async fn classifier(&self, name: &str, spec: Value) {
        self.make::<ComplaintClassifier>(json!({ "metadata": { "name": name }, "spec": spec }))
            .await;
    }

    pub async fn until<K: Object + Send + 'static>(&self, name: &str, what: &str, check: impl Fn(&K) -> bool) -> K {
        let mut last = None;
        let mut states = std::pin::pin!(watcher::watch_object(self.api::<K>(), name));
        let waiting = async {
            while let Ok(state) = states.try_next().await {
                last = state.flatten();
                if let Some(object) = last.as_ref().filter(|object| check(object)) {
                    return object.clone();
                }
            }
            panic!("the watch failed");
        };
        match tokio::time::timeout(PATIENCE, waiting).await {
            Ok(object) => object,
            Err(_) => panic!("{name} did not become {what}: {last:?}"),
        }
    }

    /// Waits until the object is gone.
    pub async fn until_gone<K: Object + Send + 'static>(&self, name: &str) {
        let mut states = std::pin::pin!(watcher::watch_object(self.api::<K>(), name));
        let waiting = async { while !matches!(states.try_next().await, Ok(Some(None))) {} };
        let waited = tokio::time::timeout(PATIENCE, waiting).await;
        waited.unwrap_or_else(|_| panic!("{} {name} is not gone", K::kind(&())));
    }

    pub async fn version(&self, name: &str, classifier: &str) {
        self.make::<ModelVersion>(version(name, classifier)).await;
    }

    pub async fn event(&self, object: &str, reason: &str) {
        let events = watcher(self.api::<Event>(), watcher::Config::default()).applied_objects();
        let mut events = std::pin::pin!(events);
        let waiting = async {
            while let Ok(Some(event)) = events.try_next().await {
                let about = event.regarding.as_ref().and_then(|regarding| regarding.name.as_deref());
                if about == Some(object) && event.reason.as_deref() == Some(reason) {
                    return;
                }
            }
        };
        let waited = tokio::time::timeout(PATIENCE, waiting).await;
        waited.unwrap_or_else(|_| panic!("no Event {reason} about {object}"));
    }

    pub async fn until_reason(&self, classifier: &str, reason: &str) -> ComplaintClassifier {
        self.until(classifier, reason, |classifier: &ComplaintClassifier| {
            let status = classifier.status.as_ref();
            let ready = status.and_then(|status| condition::find(&status.conditions, READY));
            ready.is_some_and(|ready| ready.reason == reason)
        })
        .await
    }
}

impl Operator {
    pub async fn stop(self) {
        self.shutdown.cancel();
        self.ended.await.expect("no panic").expect("it ends in order");
    }
}

pub fn version(name: &str, classifier: &str) -> Value {
    json!({ "metadata": { "name": name },
            "spec": { "classifierRef": { "name": classifier },
                      "artifact": { "uri": "pvc://cards-artifacts/a/model.safetensors", "sha256": "ab".repeat(32) } } })
}

pub fn pass(_: &str) -> Act {
    Act::Pass
}

pub fn pinned(version: &str) -> Value {
    json!({ "promotion": { "modelVersion": version } })
}
