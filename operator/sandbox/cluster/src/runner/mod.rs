//! The node of the sandbox, `sandbox`, which runs Pods as local processes.
//!
//! It is scheduler, volume binder, kubelet and container runtime in one, and a client of the API. Features that
//! processes lack are emulated or rejected:
//!
//! * An image is a program ([`image`]). An unknown image can't be pulled, and a container with an unknown command can't
//!   be created.
//! * Each Pod has its own loopback address ([`addresses`]). Mount paths and "listen on all addresses" are rewritten in
//!   arguments and variables ([`rewrite`]).
//! * Volumes are directories ([`volumes`]); those of claims are persistent.
//! * Processes run in their own groups and end with the sandbox ([`lifeline`]).
//!
//! The pure parts (image, rewrite, variables, downward, launch, status, probe counts) use neither the API nor processes
//! and are tested by tables. [`container`] supervises one container, [`pod`] one Pod, and [`Runner`] watches the API.

mod account;
mod addresses;
mod claims;
mod container;
mod downward;
mod hooks;
mod image;
mod launch;
pub mod lifeline;
mod logs;
mod node;
mod options;
mod pod;
mod probe;
mod probing;
mod process;
mod refusal;
mod rewrite;
mod scheduler;
mod sources;
mod status;
mod termination;
mod variables;
mod volumes;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use futures::StreamExt;
use k8s_openapi::api::core::v1::Pod;
use kube::runtime::watcher::Event;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, ResourceExt};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::controllers::events::EventWriter;
use crate::controllers::until_stopped;
use addresses::Addresses;
use pod::PodRun;

pub use options::{BackOff, ProgramSpec, RunnerOptions};

/// The name of the node.
pub const NODE: &str = "sandbox";

/// The context that all Pods share.
struct Node {
    client: Client,
    options: RunnerOptions,
    events: EventWriter,
    addresses: Addresses,
    shutdown: CancellationToken,
}

/// The node.
pub struct Runner {
    client: Client,
    options: RunnerOptions,
}

impl Runner {
    /// A node that is not started.
    pub fn new(client: Client, mut options: RunnerOptions) -> Self {
        // Processes have their own working directories, so paths must be absolute.
        if let Ok(absolute) = std::path::absolute(&options.state) {
            options.state = absolute;
        }
        Self { client, options }
    }

    /// Runs Pods until `shutdown`; the task ends when all their processes have ended.
    pub fn start(self, shutdown: CancellationToken) -> JoinHandle<()> {
        tokio::spawn(self.run(shutdown))
    }

    async fn run(self, shutdown: CancellationToken) {
        let node = Arc::new(Node {
            client: self.client.clone(),
            events: EventWriter::new(self.client.clone(), "kubelet", Some(NODE.into())),
            options: self.options.clone(),
            addresses: Addresses::new(),
            shutdown: shutdown.clone(),
        });
        let controllers = async {
            tokio::join!(
                scheduler::run(self.client.clone(), shutdown.clone()),
                claims::run(self.client.clone(), self.options, shutdown.clone()),
            )
        };
        tokio::join!(
            node::announce(self.client.clone()),
            until_stopped(controllers, shutdown.clone()),
            follow_pods(node),
        );
    }
}

/// The Pods of this node, by uid.
struct Pods {
    node: Arc<Node>,
    known: HashMap<String, watch::Sender<Option<Arc<Pod>>>>,
    tasks: JoinSet<()>,
    /// Uids seen since the watch restarted; `None` while it runs.
    listed: Option<HashSet<String>>,
}

async fn follow_pods(node: Arc<Node>) {
    let api: Api<Pod> = Api::all(node.client.clone());
    let mut events = watcher(api, watcher::Config::default().any_semantic())
        .default_backoff()
        .boxed();
    let shutdown = node.shutdown.clone();
    let mut pods = Pods {
        node,
        known: HashMap::new(),
        tasks: JoinSet::new(),
        listed: None,
    };
    loop {
        tokio::select! {
            () = shutdown.cancelled() => break,
            Some(_) = pods.tasks.join_next() => {}
            event = events.next() => match event {
                Some(Ok(event)) => pods.take(event),
                Some(Err(error)) => tracing::debug!(%error, "watching Pods"),
                None => break,
            },
        }
    }
    while pods.tasks.join_next().await.is_some() {}
}

impl Pods {
    fn take(&mut self, event: Event<Pod>) {
        match event {
            Event::Init => self.listed = Some(HashSet::new()),
            Event::InitApply(pod) | Event::Apply(pod) => self.see(pod),
            Event::Delete(pod) => self.lose(&pod.uid().unwrap_or_default()),
            Event::InitDone => {
                let listed = self.listed.take().unwrap_or_default();
                let gone: Vec<String> = self
                    .known
                    .keys()
                    .filter(|uid| !listed.contains(*uid))
                    .cloned()
                    .collect();
                gone.iter().for_each(|uid| self.lose(uid));
            }
        }
    }

    fn see(&mut self, pod: Pod) {
        let uid = pod.uid().unwrap_or_default();
        if let Some(listed) = self.listed.as_mut() {
            listed.insert(uid.clone());
        }
        if pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref()) != Some(NODE) {
            return;
        }
        let pod = Arc::new(pod);
        if let Some(sender) = self.known.get(&uid) {
            sender.send_replace(Some(pod));
            return;
        }
        let (sender, latest) = watch::channel(Some(Arc::clone(&pod)));
        self.known.insert(uid, sender);
        self.tasks
            .spawn(Arc::new(PodRun::new(Arc::clone(&self.node), pod, latest)).run());
    }

    fn lose(&mut self, uid: &str) {
        if let Some(sender) = self.known.remove(uid) {
            sender.send_replace(None);
        }
    }
}
