//! The cluster under test, a namespace for each test, and waits for conditions.

use std::{
    fmt::Debug,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    sync::OnceLock,
    time::Duration,
};

use complaint_operator::object::Object;
use futures::TryStreamExt;
use k8s_openapi::api::{core::v1::Namespace, events::v1::Event};
use kube::{
    Api, Client, ResourceExt,
    api::{DeleteParams, Patch, PatchParams, PostParams},
    config::{KubeConfigOptions, Kubeconfig},
    runtime::{WatchStreamExt, watcher},
};
use serde_json::Value;
use tokio::sync::OnceCell;

/// Timeout of every wait; a cluster that pulls images is slower than the sandbox.
pub const PATIENCE: Duration = Duration::from_secs(180);

/// A cluster, and processes that end with this value, because it holds the pipe of their standard input.
pub struct Running {
    pub kubeconfig: PathBuf,
    /// Whether the definitions exist already or are installed with the operator.
    has_definitions: bool,
    _processes: Vec<(Child, Option<BufReader<ChildStdout>>)>,
}

impl Running {
    /// How its API server is reached.
    pub async fn config(&self) -> kube::Config {
        let read = Kubeconfig::read_from(&self.kubeconfig).expect("a kubeconfig");
        kube::Config::from_custom_kubeconfig(read, &KubeConfigOptions::default())
            .await
            .expect("a config")
    }
}

static RUNNING: OnceLock<Running> = OnceLock::new();
static DEFINITIONS: OnceCell<()> = OnceCell::const_new();

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_complaint-e2e"));
    // Retention deletes what it announces.
    command.stdin(Stdio::piped()).env("RETENTION_NOTICE", "0s");
    command
}

/// Starts a sandbox.
pub fn sandbox(flags: &[&str]) -> Running {
    let mut child = program()
        .args(["start", "--lifeline"])
        .args(flags)
        .stdout(Stdio::piped())
        .spawn()
        .expect("the sandbox starts");
    let mut lines = BufReader::new(child.stdout.take().expect("its output is piped"));
    let kubeconfig = loop {
        let mut line = String::new();
        let read = lines.read_line(&mut line).expect("its output is text");
        assert!(read > 0, "the sandbox ended before it named its kubeconfig");
        if let Some(path) = line.strip_prefix("kubeconfig") {
            break PathBuf::from(path.trim());
        }
    };
    Running {
        kubeconfig,
        has_definitions: true,
        _processes: vec![(child, Some(lines))],
    }
}

/// Starts a sandbox with the definitions and without an operator, for tests that run their own.
pub async fn without_operator() -> (Running, kube::Config) {
    let running = tokio::task::spawn_blocking(|| sandbox(&[])).await.expect("a sandbox");
    let config = running.config().await;
    install_crds(&Client::try_from(config.clone()).expect("a client")).await;
    (running, config)
}

/// Starts a sandbox with an operator in a process of its own, which has these environment variables.
pub async fn with_operator_in(variables: &[(&str, &str)]) -> (Running, kube::Config) {
    let (mut running, config) = without_operator().await;
    let child = operator(&running.kubeconfig).envs(variables.iter().copied()).spawn();
    running._processes.push((child.expect("the operator starts"), None));
    (running, config)
}

/// An operator as a process of its own.
fn operator(kubeconfig: &Path) -> Command {
    let mut operator = program();
    operator.env("KUBECONFIG", kubeconfig).args([
        "exec",
        "--lifeline",
        "operator",
        "run",
        "--health-bind",
        "127.0.0.1:0",
        // The cluster may be a sandbox, whose pods download from this machine.
        "--trainer-reach",
        "anywhere",
    ]);
    operator
}

fn existing(kubeconfig: PathBuf) -> Running {
    if std::env::var("E2E_OPERATOR").as_deref() == Ok("installed") {
        return Running {
            kubeconfig,
            has_definitions: true,
            _processes: Vec::new(),
        };
    }
    let mut operator = operator(&kubeconfig);
    for (variable, flag) in [
        ("E2E_TRAINER_IMAGE", "--trainer-image"),
        ("E2E_INFERENCE_IMAGE", "--inference-image"),
    ] {
        if let Ok(image) = std::env::var(variable) {
            operator.args([flag, &image]);
        }
    }
    let child = operator.spawn().expect("the operator starts");
    Running {
        kubeconfig,
        has_definitions: false,
        _processes: vec![(child, None)],
    }
}

fn running() -> &'static Running {
    RUNNING.get_or_init(|| match std::env::var_os("E2E_KUBECONFIG") {
        Some(path) => existing(path.into()),
        None => sandbox(&["--with-operator"]),
    })
}

/// A namespace of the cluster under test; deleted at the end by [`World::close`].
pub struct World {
    pub client: Client,
    pub namespace: String,
}

impl World {
    /// Creates a namespace in the cluster under test.
    pub async fn open(test: &str) -> Self {
        let running = tokio::task::spawn_blocking(running).await.expect("the cluster starts");
        let client = Client::try_from(running.config().await).expect("a client");
        if !running.has_definitions {
            DEFINITIONS.get_or_init(|| install_crds(&client)).await;
        }
        Self::open_with(client, test).await
    }

    /// Creates a namespace in the cluster of `client`, which has the definitions.
    pub async fn open_with(client: Client, test: &str) -> Self {
        let namespace = Namespace {
            metadata: kube::api::ObjectMeta {
                generate_name: Some(format!("e2e-{test}-")),
                ..Default::default()
            },
            ..Namespace::default()
        };
        let made = Api::<Namespace>::all(client.clone())
            .create(&PostParams::default(), &namespace)
            .await;
        Self {
            namespace: made.expect("a namespace can be made").name_any(),
            client,
        }
    }

    /// Deletes the namespace and, in the background, its content.
    pub async fn close(self) {
        let api = Api::<Namespace>::all(self.client);
        api.delete(&self.namespace, &DeleteParams::background())
            .await
            .expect("the namespace can be deleted");
    }

    pub fn api<K: Object>(&self) -> Api<K> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// Applies a manifest as `kubectl apply --server-side` does.
    pub async fn apply<K: Object>(&self, mut manifest: Value) -> Result<K, kube::Error> {
        manifest["apiVersion"] = K::api_version(&()).as_ref().into();
        manifest["kind"] = K::kind(&()).as_ref().into();
        let name = manifest["metadata"]["name"].as_str().expect("a name").to_owned();
        let mut params = PatchParams::apply("e2e");
        params.field_validation = Some(kube::api::ValidationDirective::Strict);
        self.api::<K>().patch(&name, &params, &Patch::Apply(&manifest)).await
    }

    /// Changes an object as `kubectl patch --type=merge` does.
    pub async fn patch<K: Object>(&self, name: &str, patch: Value) {
        let patched = self
            .api::<K>()
            .patch(name, &PatchParams::default(), &Patch::Merge(&patch))
            .await;
        patched.expect("the change is accepted");
    }

    /// Waits until `check` holds for the object, and returns it. The failure shows the object's last state.
    pub async fn until<K: Object + Send + 'static>(&self, name: &str, what: &str, check: impl Fn(&K) -> bool) -> K {
        let mut last: Option<K> = None;
        let mut states = std::pin::pin!(watcher::watch_object(self.api::<K>(), name).default_backoff());
        let waiting = async {
            while let Ok(state) = states.try_next().await {
                last = state.flatten();
                if let Some(object) = last.as_ref().filter(|object| check(object)) {
                    return object.clone();
                }
            }
            panic!("the watch of {} {name} failed", K::kind(&()));
        };
        match tokio::time::timeout(PATIENCE, waiting).await {
            Ok(object) => object,
            Err(_) => panic!(
                "{} {name} did not become {what}: {}",
                K::kind(&()),
                shown(last.as_ref())
            ),
        }
    }

    /// Waits until the object is gone.
    pub async fn until_gone<K: Object + Send + 'static>(&self, name: &str) {
        let mut states = std::pin::pin!(watcher::watch_object(self.api::<K>(), name).default_backoff());
        let waiting = async { while !matches!(states.try_next().await, Ok(Some(None))) {} };
        tokio::time::timeout(PATIENCE, waiting)
            .await
            .unwrap_or_else(|_| panic!("{} {name} is not gone", K::kind(&())));
    }

    /// Waits for an Event with that reason about the object, and returns its note.
    pub async fn event(&self, object: &str, reason: &str) -> String {
        let api = Api::<Event>::namespaced(self.client.clone(), &self.namespace);
        let mut events = std::pin::pin!(
            watcher(api, watcher::Config::default())
                .default_backoff()
                .applied_objects()
        );
        let waiting = async {
            while let Ok(Some(event)) = events.try_next().await {
                let about = event.regarding.as_ref().and_then(|regarding| regarding.name.as_deref());
                if about == Some(object) && event.reason.as_deref() == Some(reason) {
                    return event.note.unwrap_or_default();
                }
            }
            panic!("the watch of events failed");
        };
        tokio::time::timeout(PATIENCE, waiting)
            .await
            .unwrap_or_else(|_| panic!("no Event {reason} about {object}"))
    }
}

fn shown<K: serde::Serialize + Debug>(object: Option<&K>) -> String {
    object.map_or("it does not exist".into(), |object| {
        let value = serde_json::to_value(object).unwrap_or_default();
        format!("{:#}", value["status"])
    })
}

/// Applies the definitions and waits until they are served.
async fn install_crds(client: &Client) {
    use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
    let api = Api::<CustomResourceDefinition>::all(client.clone());
    for crd in complaint_api::crds() {
        let name = crd.name_any();
        let mut body = serde_json::to_value(&crd).expect("JSON");
        body["apiVersion"] = "apiextensions.k8s.io/v1".into();
        body["kind"] = "CustomResourceDefinition".into();
        api.patch(&name, &PatchParams::apply("e2e").force(), &Patch::Apply(&body))
            .await
            .expect("a CRD is accepted");
        let established = kube::runtime::conditions::is_crd_established();
        kube::runtime::wait::await_condition(api.clone(), &name, established)
            .await
            .expect("a CRD is served");
    }
}
