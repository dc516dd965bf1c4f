//! Starting and ending. Persistence: objects and unfinished work survive the end of the sandbox, even if it is killed during writes.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Pod, Service};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{
    ApiResource, DeleteParams, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams, PostParams,
};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::runtime::wait::{Condition, await_condition, conditions};
use kube::{Api, Client, ResourceExt};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(60);

/// A sandbox in its own process.
struct Running {
    child: Child,
    _output: BufReader<ChildStdout>,
    kubeconfig: PathBuf,
}

impl Running {
    fn start(state: &Path, flags: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_complaint-sandbox"))
            .args(["start", "--lifeline", "--state"])
            .arg(state)
            .args(flags)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the sandbox starts");
        let mut output = BufReader::new(child.stdout.take().expect("its output is piped"));
        let kubeconfig = loop {
            let mut line = String::new();
            let read = output.read_line(&mut line).expect("its output is text");
            assert!(read > 0, "the sandbox ended before it named its kubeconfig");
            if let Some(path) = line.strip_prefix("kubeconfig") {
                break path.trim().into();
            }
        };
        Self {
            child,
            _output: output,
            kubeconfig,
        }
    }

    async fn client(&self) -> Client {
        let read = Kubeconfig::read_from(&self.kubeconfig).expect("a kubeconfig");
        let config = kube::Config::from_custom_kubeconfig(read, &KubeConfigOptions::default()).await;
        Client::try_from(config.expect("a config")).expect("a client")
    }

    /// Sends SIGKILL, which allows no clean-up.
    fn kill(mut self) {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it ends");
    }

    fn end(mut self) {
        drop(self.child.stdin.take());
        assert!(self.child.wait().expect("it ends").success());
    }
}

/// Whoever waits for the kubeconfig finds the kinds served.
#[tokio::test]
async fn the_kubeconfig_comes_after_the_kinds() {
    let state = tempfile::tempdir().expect("a directory");
    let kubeconfig = state.path().join("kubeconfig");
    let mut child = Command::new(env!("CARGO_BIN_EXE_complaint-sandbox"))
        .args(["start", "--lifeline", "--with-operator", "--state"])
        .arg(state.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("the sandbox starts");
    let until = Instant::now() + PATIENCE;
    // The file's content is written after its name.
    let read = loop {
        if let Ok(read) = Kubeconfig::read_from(&kubeconfig)
            && read.current_context.is_some()
        {
            break read;
        }
        assert!(Instant::now() < until, "no kubeconfig");
        tokio::task::yield_now().await;
    };
    let config = kube::Config::from_custom_kubeconfig(read, &KubeConfigOptions::default()).await;
    let client = Client::try_from(config.expect("a config")).expect("a client");
    let served = client.list_api_group_resources("complaints.dev/v1alpha1").await;
    let kinds: BTreeSet<String> = served
        .expect("the group is served")
        .resources
        .into_iter()
        .map(|found| found.kind)
        .collect();
    let expected = ["ComplaintClassifier", "ModelVersion", "TrainingRun"].map(String::from);
    assert_eq!(kinds, expected.into());
    drop(child.stdin.take());
    assert!(child.wait().expect("it ends").success());
}

fn object<K: DeserializeOwned>(value: Value) -> K {
    serde_json::from_value(value).expect("an object")
}

fn map(name: &str) -> ConfigMap {
    object(json!({ "metadata": { "name": name }, "data": { "k": "v" } }))
}

async fn until<K>(api: Api<K>, name: &str, condition: impl Condition<K>)
where
    K: kube::Resource + Clone + std::fmt::Debug + DeserializeOwned + Send + 'static,
    K::DynamicType: Default,
{
    let waiting = await_condition(api, name, condition);
    tokio::time::timeout(PATIENCE, waiting)
        .await
        .expect("in time")
        .expect("a watch");
}

/// Writes until the sandbox is gone: creates objects, changes every second one, deletes every third. Returns the last
/// acknowledged resourceVersion of each, none for a deleted one, and the object whose write got no response.
async fn write_on(
    maps: Api<ConfigMap>,
    round: usize,
    done: tokio::sync::watch::Sender<usize>,
) -> Vec<(String, Option<String>)> {
    let mut acknowledged = Vec::new();
    let label = Patch::Merge(json!({ "data": { "k": "changed" } }));
    for n in 0.. {
        let name = format!("r{round}-{n}");
        let Ok(made) = maps.create(&PostParams::default(), &map(&name)).await else {
            break;
        };
        let mut last = made.resource_version();
        if n % 2 == 0 {
            match maps.patch(&name, &PatchParams::default(), &label).await {
                Ok(changed) => last = changed.resource_version(),
                // It is unknown whether it was created.
                Err(_) => break,
            }
        }
        if n % 3 == 0 {
            if maps.delete(&name, &DeleteParams::default()).await.is_err() {
                break;
            }
            last = None;
        }
        acknowledged.push((name, last));
        done.send_replace(n);
    }
    acknowledged
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_when_it_is_killed_amid_writes() {
    let folder = tempfile::tempdir().expect("a directory");
    let mut expected: Vec<(String, Option<String>)> = Vec::new();
    let mut uid = None;
    for round in 0..3 {
        let running = Running::start(folder.path(), &[]);
        let client = running.client().await;
        let namespace = Api::<Namespace>::all(client.clone())
            .get("default")
            .await
            .expect("it is there");
        assert_eq!(
            *uid.get_or_insert(namespace.uid()),
            namespace.uid(),
            "the namespace is the same"
        );
        let maps = Api::<ConfigMap>::default_namespaced(client);
        for (name, version) in &expected {
            let found = maps.get_opt(name).await.expect("an answer");
            assert_eq!(found.and_then(|map| map.resource_version()), *version, "{name}");
        }
        let (done, mut progress) = tokio::sync::watch::channel(0);
        let writer = tokio::spawn(write_on(maps, round, done));
        progress.wait_for(|n| *n >= 150).await.expect("it writes");
        running.kill();
        expected.extend(writer.await.expect("it ends"));
    }
    let running = Running::start(folder.path(), &[]);
    let maps = Api::<ConfigMap>::default_namespaced(running.client().await);
    let list = maps.list(&ListParams::default()).await.expect("a list");
    // At most one write per round got no response.
    let kept = expected.iter().filter(|(_, version)| version.is_some()).count();
    let found = list.items.iter().filter(|map| map.name_any().starts_with('r')).count();
    assert!((kept..=kept + 3).contains(&found), "{found} of {kept}");
    // resourceVersions continue.
    let newest = expected
        .iter()
        .filter_map(|(_, version)| version.as_ref()?.parse::<u64>().ok())
        .max();
    let made = maps.create(&PostParams::default(), &map("after")).await.expect("made");
    assert!(made.resource_version().and_then(|v| v.parse().ok()) > newest);
    running.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn definitions_addresses_and_credentials_come_back() {
    let folder = tempfile::tempdir().expect("a directory");
    let running = Running::start(folder.path(), &[]);
    let client = running.client().await;
    let params = PostParams::default();
    let definition: CustomResourceDefinition = object(json!({
        "metadata": { "name": "things.example.com" },
        "spec": {
            "group": "example.com", "scope": "Namespaced",
            "names": { "plural": "things", "singular": "thing", "kind": "Thing", "listKind": "ThingList" },
            "versions": [{ "name": "v1", "served": true, "storage": true, "schema": { "openAPIV3Schema": {
                "type": "object", "properties": { "spec": { "type": "object", "properties": { "n": { "type": "integer" } } } },
            } } }],
        },
    }));
    let definitions = Api::<CustomResourceDefinition>::all(client.clone());
    definitions.create(&params, &definition).await.expect("made");
    until(definitions, "things.example.com", conditions::is_crd_established()).await;
    let resource = ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk("example.com", "v1", "Thing"), "things");
    let things = |client: Client| Api::<DynamicObject>::namespaced_with(client, "default", &resource);
    let thing: DynamicObject = object(
        json!({ "apiVersion": "example.com/v1", "kind": "Thing", "metadata": { "name": "a" }, "spec": { "n": 1 } }),
    );
    things(client.clone()).create(&params, &thing).await.expect("made");
    let service: Service = object(json!({ "metadata": { "name": "a" }, "spec": { "ports": [{ "port": 8080 }] } }));
    let service = Api::<Service>::default_namespaced(client)
        .create(&params, &service)
        .await
        .expect("made");
    let before = Kubeconfig::read_from(&running.kubeconfig).expect("a kubeconfig");
    running.kill();

    let running = Running::start(folder.path(), &[]);
    let client = running.client().await;
    let found = things(client.clone()).get("a").await.expect("it is served");
    assert_eq!(found.data["spec"]["n"], 1);
    let bad: DynamicObject = object(
        json!({ "apiVersion": "example.com/v1", "kind": "Thing", "metadata": { "name": "b" }, "spec": { "n": "x" } }),
    );
    assert!(
        things(client.clone()).create(&params, &bad).await.is_err(),
        "its schema holds"
    );
    let address = service.spec.and_then(|spec| spec.cluster_ip);
    let taken: Service =
        object(json!({ "metadata": { "name": "b" }, "spec": { "clusterIP": address, "ports": [{ "port": 8080 }] } }));
    let refused = Api::<Service>::default_namespaced(client).create(&params, &taken).await;
    assert!(refused.is_err_and(|error| error.to_string().contains("already allocated")));
    let after = Kubeconfig::read_from(&running.kubeconfig).expect("a kubeconfig");
    let token = |config: &Kubeconfig| serde_json::to_value(&config.auth_infos[0]).expect("JSON");
    assert_eq!(token(&before), token(&after), "the same token");
    let authority = |config: &Kubeconfig| {
        config.clusters[0]
            .cluster
            .clone()
            .and_then(|cluster| cluster.certificate_authority_data)
    };
    assert_eq!(authority(&before), authority(&after), "the same authority");

    // Only one sandbox can use the directory at a time.
    let second = Command::new(env!("CARGO_BIN_EXE_complaint-sandbox"))
        .args(["start", "--state"])
        .arg(folder.path())
        .stdin(Stdio::null())
        .output()
        .expect("it ends");
    assert!(!second.status.success());
    assert!(String::from_utf8_lossy(&second.stderr).contains("in use by another sandbox"));
    running.end();
    // In memory, each start begins without objects.
    let running = Running::start(folder.path(), &["--ephemeral"]);
    let services = Api::<Service>::default_namespaced(running.client().await);
    assert!(services.get_opt("a").await.expect("an answer").is_none());
    running.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn deletions_go_on_and_workloads_come_back() {
    let folder = tempfile::tempdir().expect("a directory");
    let running = Running::start(folder.path(), &[]);
    let client = running.client().await;
    let params = PostParams::default();
    // A namespace and an owner, both kept by a foreign finalizer.
    let namespaces = Api::<Namespace>::all(client.clone());
    namespaces
        .create(&params, &object(json!({ "metadata": { "name": "going" } })))
        .await
        .expect("made");
    let held = |name: &str| json!({ "metadata": { "name": name, "finalizers": ["example.com/held"] } });
    let within = Api::<ConfigMap>::namespaced(client.clone(), "going");
    within.create(&params, &object(held("held"))).await.expect("made");
    namespaces
        .delete("going", &DeleteParams::default())
        .await
        .expect("asked for");
    let maps = Api::<ConfigMap>::default_namespaced(client.clone());
    let owner = maps.create(&params, &map("owner")).await.expect("made");
    let mut dependent = held("dependent");
    dependent["metadata"]["ownerReferences"] = json!([{
        "apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner.uid(), "blockOwnerDeletion": true,
    }]);
    maps.create(&params, &object(dependent)).await.expect("made");
    maps.delete("owner", &DeleteParams::foreground())
        .await
        .expect("asked for");
    let deployment: Deployment = object(json!({
        "metadata": { "name": "web" },
        "spec": {
            "replicas": 1,
            "selector": { "matchLabels": { "app": "web" } },
            "template": {
                "metadata": { "labels": { "app": "web" } },
                "spec": { "containers": [{
                    "name": "main", "image": "complaint-operator", "args": ["run", "--health-bind=127.0.0.1:0"],
                }] },
            },
        },
    }));
    let deployments = Api::<Deployment>::default_namespaced(client.clone());
    deployments.create(&params, &deployment).await.expect("made");
    let available = |web: Option<&Deployment>| web.and_then(|web| web.status.as_ref()?.available_replicas) == Some(1);
    until(deployments, "web", available).await;
    let pods = Api::<Pod>::default_namespaced(client)
        .list(&ListParams::default())
        .await
        .expect("a list");
    let pod = pods.items[0].clone();
    running.kill();

    let running = Running::start(folder.path(), &[]);
    let client = running.client().await;
    let free = Patch::Merge(json!({ "metadata": { "finalizers": null } }));
    let within = Api::<ConfigMap>::namespaced(client.clone(), "going");
    within
        .patch("held", &PatchParams::default(), &free)
        .await
        .expect("let go");
    let namespaces = Api::<Namespace>::all(client.clone());
    until(namespaces, "going", |found: Option<&Namespace>| found.is_none()).await;
    let maps = Api::<ConfigMap>::default_namespaced(client.clone());
    maps.patch("dependent", &PatchParams::default(), &free)
        .await
        .expect("let go");
    until(maps, "owner", |found: Option<&ConfigMap>| found.is_none()).await;
    // The same Pod, with its container started again.
    let pods = Api::<Pod>::default_namespaced(client);
    let again = |found: Option<&Pod>| {
        let statuses = found.and_then(|pod| pod.status.as_ref()?.container_statuses.as_ref());
        statuses.is_some_and(|all| all[0].restart_count == 1 && all[0].ready)
    };
    until(pods.clone(), &pod.name_any(), again).await;
    assert_eq!(pods.get(&pod.name_any()).await.expect("it is there").uid(), pod.uid());
    running.end();
}
