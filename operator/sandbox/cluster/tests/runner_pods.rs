//! Pods that the node runs, through the API.
//!
//! The program in the containers is this test binary itself, run again with its part in the variable `PART`.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, ContainerStatus, Event, PersistentVolumeClaim, Pod, Service};
use kube::api::{DeleteParams, ListParams, LogParams, PostParams};
use kube::runtime::wait::{Condition, await_condition};
use kube::{Api, Client};
use sandbox_apiserver::{Options, Server};
use sandbox_cluster::runner::{BackOff, Runner, RunnerOptions, lifeline};
use sandbox_cluster::{controllers, services};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Not a test by itself: the code of the containers.
#[test]
fn program() {
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    match variable("PART").as_str() {
        "work" => {
            let config = std::fs::read_to_string(variable("CONFIG")).expect("the configuration");
            std::fs::write(variable("OUTPUT"), &config).expect("an output");
            std::fs::write(variable("MESSAGE"), format!("read {config}")).expect("a message");
            // The test harness has started a line.
            println!("\nto standard output");
            eprintln!("to standard error");
            std::process::exit(0);
        }
        "fail" => std::process::exit(variable("CODE").parse().expect("a code")),
        "serve" => {
            lifeline::watch_stdin();
            let listener = TcpListener::bind(variable("LISTEN")).expect("an address");
            for stream in listener.incoming() {
                let mut stream = stream.expect("a connection");
                let _ = stream.read(&mut [0; 1024]);
                let body = std::process::id().to_string();
                let _ = write!(
                    stream,
                    "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}",
                    body.len()
                );
            }
        }
        _ => {}
    }
}

/// A sandbox with controllers, Services and a node.
struct World {
    client: Client,
    state: tempfile::TempDir,
    tasks: Vec<JoinHandle<()>>,
    shutdown: CancellationToken,
    sandbox: Server,
}

impl World {
    async fn start() -> Self {
        let state = tempfile::tempdir().expect("a directory");
        let this = std::env::current_exe().expect("this binary");
        let words = ["program", "--exact", "--nocapture", "--test-threads=1"];
        let mut options = RunnerOptions::new(state.path()).program("tester", this, &words);
        options.back_off = BackOff {
            first: Duration::from_millis(300),
            configuration: Duration::from_millis(50),
            ..BackOff::default()
        };
        let sandbox = Server::start(Options {
            pods_dir: options.pods_dir(),
            ..Options::default()
        });
        let sandbox = sandbox.await.expect("an API server");
        let client = sandbox.client().expect("a client");
        let shutdown = CancellationToken::new();
        let runner = Runner::new(client.clone(), options);
        let tasks = vec![
            controllers::start(client.clone(), shutdown.clone()),
            services::start(client.clone(), shutdown.clone()),
            runner.start(shutdown.clone()),
        ];
        Self {
            client,
            state,
            tasks,
            shutdown,
            sandbox,
        }
    }

    fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>,
    {
        Api::default_namespaced(self.client.clone())
    }

    async fn create<K>(&self, object: Value) -> K
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>
            + DeserializeOwned
            + Serialize
            + Clone
            + std::fmt::Debug,
    {
        let object: K = serde_json::from_value(object).expect("an object");
        self.api()
            .create(&PostParams::default(), &object)
            .await
            .expect("created")
    }

    /// Waits until the object satisfies the condition.
    async fn until<K>(&self, name: &str, condition: impl Condition<K>) -> K
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>
            + DeserializeOwned
            + Clone
            + Send
            + std::fmt::Debug
            + 'static,
    {
        let waited = await_condition(self.api::<K>(), name, condition);
        let met = tokio::time::timeout(Duration::from_secs(60), waited).await;
        let met = met
            .unwrap_or_else(|_| panic!("{name} does not get there"))
            .expect("a watch");
        met.expect("the object is gone")
    }

    async fn stop(self) {
        self.shutdown.cancel();
        for task in self.tasks {
            task.await.expect("a task");
        }
        self.sandbox.stop().await;
    }
}

fn container(part: &str, more: &[(&str, &str)]) -> Value {
    let variables = [("PART", part)].into_iter().chain(more.iter().copied());
    let env: Vec<Value> = variables
        .map(|(name, value)| json!({ "name": name, "value": value }))
        .collect();
    json!({ "name": "main", "image": "example.com/tester:1", "env": env })
}

fn pod(name: &str, policy: &str, container: Value) -> Value {
    json!({ "metadata": { "name": name }, "spec": { "restartPolicy": policy, "containers": [container] } })
}

fn main_status(pod: Option<&Pod>) -> Option<&ContainerStatus> {
    pod?.status.as_ref()?.container_statuses.as_ref()?.first()
}

fn waits_for(reason: &'static str) -> impl Condition<Pod> {
    move |pod: Option<&Pod>| {
        let waiting = || main_status(pod)?.state.as_ref()?.waiting.as_ref()?.reason.as_deref();
        waiting() == Some(reason)
    }
}

fn in_phase(phase: &'static str) -> impl Condition<Pod> {
    move |pod: Option<&Pod>| {
        pod.and_then(|pod| pod.status.as_ref())
            .and_then(|status| status.phase.as_deref())
            == Some(phase)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_works_on_its_volumes_and_leaves_message_and_log() {
    let world = World::start().await;
    world
        .create::<ConfigMap>(json!({ "metadata": { "name": "cm" }, "data": { "text": "hello" } }))
        .await;
    let resources = json!({ "requests": { "storage": "1Gi" } });
    let claim = json!({ "accessModes": ["ReadWriteOnce"], "resources": resources });
    world
        .create::<PersistentVolumeClaim>(json!({ "metadata": { "name": "store" }, "spec": claim }))
        .await;
    let paths = [
        ("CONFIG", "/etc/config/text"),
        ("OUTPUT", "/data/out.txt"),
        ("MESSAGE", "/dev/termination-log"),
    ];
    let mut main = container("work", &paths);
    main["volumeMounts"] = json!([{ "name": "c", "mountPath": "/etc/config" }, { "name": "s", "mountPath": "/data" }]);
    let volumes = json!([{ "name": "c", "configMap": { "name": "cm" } },
                         { "name": "s", "persistentVolumeClaim": { "claimName": "store" } }]);
    let template = json!({ "spec": { "restartPolicy": "Never", "containers": [main], "volumes": volumes } });
    world
        .create::<Job>(json!({ "metadata": { "name": "j" }, "spec": { "template": template } }))
        .await;
    let complete = |job: Option<&Job>| {
        let conditions = job
            .and_then(|job| job.status.as_ref())
            .and_then(|status| status.conditions.clone());
        conditions.is_some_and(|conditions| conditions.iter().any(|condition| condition.type_ == "Complete"))
    };
    let job = world.until("j", complete).await;
    assert_eq!(job.status.expect("a status").succeeded, Some(1));

    let pods = world.api::<Pod>().list(&ListParams::default()).await.expect("Pods");
    let pod = &pods.items[0];
    let name = pod.metadata.name.as_deref().expect("a name");
    let ended = main_status(Some(pod))
        .and_then(|status| status.state.as_ref()?.terminated.clone())
        .expect("an end");
    assert_eq!((ended.exit_code, ended.reason.as_deref()), (0, Some("Completed")));
    assert_eq!(ended.message.as_deref(), Some("read hello"));
    assert!(
        pod.status
            .as_ref()
            .and_then(|status| status.pod_ip.as_ref())
            .is_some_and(|ip| ip.starts_with("127.80."))
    );
    let kept = std::fs::read_to_string(world.state.path().join("volumes/default/store/out.txt"));
    assert_eq!(kept.expect("the output"), "hello");
    let log = world
        .api::<Pod>()
        .logs(name, &LogParams::default())
        .await
        .expect("a log");
    let lines: BTreeSet<&str> = log.lines().collect();
    assert!(
        lines.contains("to standard output") && lines.contains("to standard error"),
        "{log}"
    );

    // A deleted claim is removed with its data, because no unfinished Pod uses it.
    let claims = world.api::<PersistentVolumeClaim>();
    claims.delete("store", &DeleteParams::default()).await.expect("deleted");
    let gone = await_condition(claims, "store", |claim: Option<&PersistentVolumeClaim>| claim.is_none());
    tokio::time::timeout(Duration::from_secs(30), gone)
        .await
        .expect("removed")
        .expect("a watch");
    assert!(!world.state.path().join("volumes/default/store").exists());

    let of_pod = ListParams::default().fields(&format!("involvedObject.name={name}"));
    let events = world.api::<Event>().list(&of_pod).await.expect("Events");
    let reasons: BTreeSet<String> = events.items.into_iter().filter_map(|event| event.reason).collect();
    for reason in ["Scheduled", "Pulled", "Created", "Started"] {
        assert!(reasons.contains(reason), "{reason} is not among {reasons:?}");
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_waits_for_its_configuration_and_says_what_is_missing() {
    let world = World::start().await;
    let mut main = container("fail", &[]);
    let reference = json!({ "configMapKeyRef": { "name": "late", "key": "code" } });
    main["env"]
        .as_array_mut()
        .expect("a list")
        .push(json!({ "name": "CODE", "valueFrom": reference }));
    world.create::<Pod>(pod("p", "Never", main)).await;
    let waiting = world.until("p", waits_for("CreateContainerConfigError")).await;
    let state = main_status(Some(&waiting))
        .and_then(|status| status.state.as_ref()?.waiting.clone())
        .expect("a state");
    assert_eq!(state.message.as_deref(), Some("configmap \"late\" not found"));
    assert!(in_phase("Pending").matches_object(Some(&waiting)));
    world
        .create::<ConfigMap>(json!({ "metadata": { "name": "late" }, "data": { "code": "65" } }))
        .await;
    let failed = world.until("p", in_phase("Failed")).await;
    let ended = main_status(Some(&failed))
        .and_then(|status| status.state.as_ref()?.terminated.clone())
        .expect("an end");
    assert_eq!((ended.exit_code, ended.reason.as_deref()), (65, Some("Error")));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_image_is_not_pulled() {
    let world = World::start().await;
    let main = json!({ "name": "main", "image": "docker.io/library/nginx:1" });
    world.create::<Pod>(pod("p", "Always", main)).await;
    let waiting = world.until("p", waits_for("ImagePullBackOff")).await;
    let state = main_status(Some(&waiting))
        .and_then(|status| status.state.as_ref()?.waiting.clone())
        .expect("a state");
    assert!(
        state
            .message
            .is_some_and(|message| message.contains("nginx:1") && message.contains("tester"))
    );
    world
        .api::<Pod>()
        .delete("p", &DeleteParams::default())
        .await
        .expect("deleted");
    let gone = await_condition(world.api::<Pod>(), "p", |pod: Option<&Pod>| pod.is_none());
    tokio::time::timeout(Duration::from_secs(30), gone)
        .await
        .expect("removed")
        .expect("a watch");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_fails_is_restarted_with_growing_delay() {
    let world = World::start().await;
    world
        .create::<Pod>(pod("p", "Always", container("fail", &[("CODE", "3")])))
        .await;
    let waiting = world.until("p", waits_for("CrashLoopBackOff")).await;
    let status = main_status(Some(&waiting)).expect("a status");
    let last = status
        .last_state
        .as_ref()
        .and_then(|state| state.terminated.as_ref())
        .expect("an earlier end");
    assert_eq!((last.exit_code, status.ready), (3, false));
    let again = |pod: Option<&Pod>| main_status(pod).is_some_and(|status| status.restart_count >= 2);
    let running = world.until("p", again).await;
    assert!(in_phase("Running").matches_object(Some(&running)));
    let previous = LogParams {
        previous: true,
        ..LogParams::default()
    };
    let log = world
        .api::<Pod>()
        .logs("p", &previous)
        .await
        .expect("the log of the earlier run");
    assert!(log.contains("running 1 test"), "{log}");
    world.stop().await;
}

/// Requests a server's process id.
async fn ask(address: &str) -> std::io::Result<i32> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await?;
    let mut answer = [0; 1024];
    let read = stream.read(&mut answer).await?;
    let text = String::from_utf8_lossy(&answer[..read]).into_owned();
    let pid = text.rsplit("\r\n").next().and_then(|body| body.parse().ok());
    pid.ok_or_else(|| std::io::Error::other(text))
}

fn lives(pid: i32) -> bool {
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), None).is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_reaches_all_ready_pods_and_nothing_is_left_behind() {
    let world = World::start().await;
    let mut main = container("serve", &[("LISTEN", "0.0.0.0:8080")]);
    main["ports"] = json!([{ "name": "http", "containerPort": 8080 }]);
    main["readinessProbe"] = json!({ "httpGet": { "path": "/", "port": "http" }, "periodSeconds": 1 });
    let template = json!({ "metadata": { "labels": { "app": "d" } },
                           "spec": { "containers": [main], "terminationGracePeriodSeconds": 5 } });
    let selector = json!({ "matchLabels": { "app": "d" } });
    let deployment = json!({ "replicas": 2, "selector": selector, "template": template });
    world
        .create::<Deployment>(json!({ "metadata": { "name": "d" }, "spec": deployment }))
        .await;
    let ports = json!([{ "port": 8000, "targetPort": "http" }]);
    let service = json!({ "metadata": { "name": "s" }, "spec": { "selector": { "app": "d" }, "ports": ports } });
    let service: Service = world.create(service).await;
    let address = service.spec.and_then(|spec| spec.cluster_ip).expect("an address") + ":8000";
    let both_available = |deployment: Option<&Deployment>| {
        deployment.and_then(|deployment| deployment.status.as_ref()?.available_replicas) == Some(2)
    };
    world.until("d", both_available).await;

    let mut seen = BTreeSet::new();
    let all_seen = async {
        while seen.len() < 2 {
            if let Ok(pid) = ask(&address).await {
                seen.insert(pid);
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), all_seen)
        .await
        .expect("both Pods answer");
    assert!(seen.iter().all(|pid| lives(*pid)));

    let pods = world.api::<Pod>().list(&ListParams::default()).await.expect("Pods");
    let victim = pods.items[0].metadata.name.clone().expect("a name");
    world
        .api::<Pod>()
        .delete(&victim, &DeleteParams::default())
        .await
        .expect("deleted");
    let gone = await_condition(world.api::<Pod>(), &victim, |pod: Option<&Pod>| pod.is_none());
    tokio::time::timeout(Duration::from_secs(30), gone)
        .await
        .expect("removed")
        .expect("a watch");
    assert_eq!(
        seen.iter().filter(|pid| lives(**pid)).count(),
        1,
        "the deleted Pod's process has ended"
    );
    let survivors = world.api::<Pod>().list(&ListParams::default()).await.expect("Pods");
    assert!(
        survivors
            .items
            .iter()
            .all(|pod| pod.metadata.name.as_ref() != Some(&victim))
    );
    world.until("d", both_available).await;

    let last = ask(&address).await.expect("an answer");
    world.stop().await;
    assert!(
        !lives(last) && seen.iter().all(|pid| !lives(*pid)),
        "a process was left behind"
    );
    assert!(ask(&address).await.is_err(), "the Service still listens");
}
