//! How the operator behaves towards an API server, whatever it decides: under which name it asks, how long it waits, and how
//! it ends.

mod tap;

use std::{sync::Arc, time::Duration};

use complaint_api::{
    ComplaintClassifier,
    condition::{self, READY},
};
use complaint_operator::{cli::RunArgs, client, object::Object, run::operate, settings::Settings};
use futures::TryStreamExt;
use k8s_openapi::{
    api::{coordination::v1::Lease, core::v1::ConfigMap},
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{
    Api, Client,
    api::{Patch, PatchParams, PostParams},
    runtime::watcher,
};
use sandbox_apiserver::{Options, Server};
use serde_json::{Value, json};
use tap::{Act, Log, tapped};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const PATIENCE: Duration = Duration::from_secs(60);

/// An API server with the product's kinds, and an operator on it.
struct World {
    _server: Server,
    /// Of the test itself.
    client: Client,
}

struct Operator {
    shutdown: CancellationToken,
    ended: JoinHandle<anyhow::Result<()>>,
    log: Arc<Log>,
}

impl World {
    async fn open() -> Self {
        let server = Server::start(Options::default()).await.expect("an API server");
        let client = server.client().expect("a client");
        let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
        for crd in complaint_api::crds() {
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

    fn start(&self, elect: bool, rule: impl Fn(&str) -> Act + Send + Sync + 'static) -> Operator {
        let (client, log) = tapped(self.client.clone(), rule);
        let args = RunArgs {
            watch_namespaces: vec![],
            health_bind: "127.0.0.1:0".parse().expect("an address"),
            leader_elect: elect,
            lease_name: "complaint-operator".into(),
            lease_namespace: Some("default".into()),
            log_format: "text".into(),
            settings: Settings::default(),
        };
        let shutdown = CancellationToken::new();
        Operator {
            ended: tokio::spawn(operate(client, args, shutdown.clone())),
            shutdown,
            log,
        }
    }

    fn api<K: Object + Send + 'static>(&self) -> Api<K> {
        Api::namespaced(self.client.clone(), "default")
    }

    async fn make<K: Object + Send + 'static>(&self, mut object: Value) -> K {
        object["apiVersion"] = K::api_version(&()).as_ref().into();
        object["kind"] = K::kind(&()).as_ref().into();
        let name = object["metadata"]["name"].as_str().expect("a name").to_owned();
        let params = PatchParams::apply("test").force();
        let made = self.api::<K>().patch(&name, &params, &Patch::Apply(&object)).await;
        made.expect("accepted")
    }

    async fn classifier(&self, name: &str, spec: Value) {
        self.make::<ComplaintClassifier>(json!({ "metadata": { "name": name }, "spec": spec }))
            .await;
    }

    async fn until<K: Object + Send + 'static>(&self, name: &str, what: &str, check: impl Fn(&K) -> bool) -> K {
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

    async fn until_reason(&self, classifier: &str, reason: &str) -> ComplaintClassifier {
        self.until(classifier, reason, |classifier: &ComplaintClassifier| {
            let status = classifier.status.as_ref();
            let ready = status.and_then(|status| condition::find(&status.conditions, READY));
            ready.is_some_and(|ready| ready.reason == reason)
        })
        .await
    }
}

impl Operator {
    async fn stop(self) {
        self.shutdown.cancel();
        self.ended.await.expect("no panic").expect("it ends in order");
    }
}

fn pass(_: &str) -> Act {
    Act::Pass
}

fn holder(lease: &Lease) -> Option<&str> {
    let holder = lease.spec.as_ref()?.holder_identity.as_deref()?;
    Some(holder).filter(|holder| !holder.is_empty())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_stops_hands_over_within_two_seconds() {
    let world = World::open().await;
    let first = world.start(true, pass);
    let held = |lease: &Lease| holder(lease).is_some();
    let before = world.until::<Lease>("complaint-operator", "held", held).await;
    let leader = holder(&before).expect("a leader").to_owned();
    world.classifier("cards", json!({})).await;
    world.until_reason("cards", "NoChampion").await;
    let second = world.start(true, pass);
    // It has looked, and waits.
    second.log.until(&["GET", "/leases/"], 1).await;

    let stopped = std::time::Instant::now();
    first.stop().await;
    let taken = |lease: &Lease| holder(lease).is_some_and(|holder| holder != leader);
    world.until::<Lease>("complaint-operator", "taken", taken).await;
    let took = stopped.elapsed();
    assert!(took < Duration::from_secs(2), "the successor led after {took:?}");
    world.classifier("loans", json!({})).await;
    world.until_reason("loans", "NoChampion").await;
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_carry_the_programs_name_and_version() {
    let world = World::open().await;
    let operator = world.start(true, pass);
    world.classifier("cards", json!({})).await;
    world.until_reason("cards", "NoChampion").await;
    assert_eq!(operator.log.agents(), [client::AGENT]);
    assert!(client::AGENT.starts_with("complaint-operator/0."), "{}", client::AGENT);
    operator.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_never_answered_fails_in_time_and_a_watch_goes_on() {
    let world = World::open().await;
    let (tapped, _) = tapped(world.client.clone(), |line| {
        if line.contains("/configmaps/") {
            Act::Hang
        } else {
            Act::Pass
        }
    });
    let patient = client::patient(tapped, Duration::from_millis(500));
    let api: Api<ConfigMap> = Api::default_namespaced(patient);
    let error = api.get("data").await.expect_err("no answer");
    assert!(error.to_string().contains("did not answer GET"), "{error}");

    let mut events = std::pin::pin!(watcher(api.clone(), watcher::Config::default()));
    while !matches!(events.try_next().await, Ok(Some(watcher::Event::InitDone))) {}
    // The watch is older than any other answer may become: another one has run out of patience by now.
    api.get("data").await.expect_err("no answer");
    world.make::<ConfigMap>(json!({ "metadata": { "name": "data" } })).await;
    let event = tokio::time::timeout(PATIENCE, events.try_next())
        .await
        .expect("an event");
    assert!(matches!(event, Ok(Some(watcher::Event::Apply(_)))), "{event:?}");
}
