//! The life cycle of one Pod on this node, from its binding to its removal.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{
    Container, ContainerState, ContainerStateTerminated, ContainerStatus, Pod, PodStatus,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::api::{DeleteParams, Patch, PatchParams, Preconditions};
use kube::{Api, Resource, ResourceExt};
use serde_json::json;
use tokio::sync::{OnceCell, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::account::{self, AccountError};
use super::container::{self, Role};
use super::launch::PodDirectory;
use super::status::{self, Book};
use super::variables::Sources;
use super::{Node, sources, volumes};
use crate::controllers::events::Notice;

/// An order to stop containers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stop {
    /// When the remaining processes are killed.
    pub(super) deadline: Instant,
    /// Whether preStop hooks run first.
    pub(super) hooks: bool,
}

impl Stop {
    pub(super) fn within(grace: Duration, hooks: bool) -> Self {
        Self {
            deadline: Instant::now() + grace,
            hooks,
        }
    }
}

/// Waits for an order to stop.
pub(super) async fn ordered(stop: &mut watch::Receiver<Option<Stop>>) {
    // The sender outlives all tasks of the Pod that wait here.
    let _ = stop.wait_for(Option::is_some).await.map(drop);
}

/// A Pod on this node.
pub(super) struct PodRun {
    pub(super) node: Arc<Node>,
    pub(super) uid: String,
    pub(super) directory: PodDirectory,
    pub(super) volumes: OnceCell<HashMap<String, PathBuf>>,
    kubeconfig: OnceCell<PathBuf>,
    /// The Pod in the API; `None` once it is gone.
    latest: watch::Receiver<Option<Arc<Pod>>>,
    /// The last state of the Pod, for use after its removal.
    last: Mutex<Arc<Pod>>,
    stop: watch::Sender<Option<Stop>>,
    book: Mutex<Book>,
    /// The last written status; locked during a write, so that writes are ordered.
    written: tokio::sync::Mutex<Option<PodStatus>>,
}

impl PodRun {
    pub(super) fn new(node: Arc<Node>, pod: Arc<Pod>, latest: watch::Receiver<Option<Arc<Pod>>>) -> Self {
        let uid = pod.uid().unwrap_or_default();
        Self {
            directory: PodDirectory::new(&node.options, &uid),
            node,
            uid,
            volumes: OnceCell::new(),
            kubeconfig: OnceCell::new(),
            latest,
            last: Mutex::new(pod),
            stop: watch::Sender::new(None),
            book: Mutex::default(),
            written: tokio::sync::Mutex::default(),
        }
    }

    /// Runs the Pod until it has finished and is removed.
    pub(super) async fn run(self: Arc<Self>) {
        let stopper = tokio::spawn(Arc::clone(&self).follow_orders());
        if !self.has_ended() {
            self.open_book();
            self.publish().await;
            self.run_containers().await;
            self.publish().await;
            self.release_address();
        }
        if !self.node.shutdown.is_cancelled() {
            self.wait_for_removal().await;
        }
        stopper.abort();
    }

    fn has_ended(&self) -> bool {
        let pod = self.pod();
        let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
        matches!(phase, Some("Succeeded" | "Failed"))
    }

    /// The last state of the Pod, with its address.
    pub(super) fn pod(&self) -> Arc<Pod> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pod) = self.latest.borrow().as_ref() {
            *last = Arc::clone(pod);
        }
        Arc::clone(&last)
    }

    /// The Pod as its containers see it, with its address.
    pub(super) fn addressed(&self) -> Pod {
        let mut pod = Pod::clone(&self.pod());
        let status = pod.status.get_or_insert_default();
        status.pod_ip = self.with_book(|book| book.address.map(|address| address.to_string()));
        status.host_ip = Some(status::HOST.into());
        pod
    }

    pub(super) fn with_book<T>(&self, change: impl FnOnce(&mut Book) -> T) -> T {
        change(&mut self.book.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn stops(&self) -> watch::Receiver<Option<Stop>> {
        self.stop.subscribe()
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stop.borrow().is_some()
    }

    /// Gives the order to stop; it can only make an earlier order more urgent.
    fn order(&self, order: Stop) {
        self.stop.send_if_modified(|current| match current {
            Some(earlier) if earlier.deadline <= order.deadline => false,
            _ => {
                *current = Some(order);
                true
            }
        });
    }

    /// Gives orders on deletion, removal, the Pod's deadline and shutdown.
    async fn follow_orders(self: Arc<Self>) {
        let mut latest = self.latest.clone();
        let deadline = self.pod().spec.as_ref().and_then(|spec| spec.active_deadline_seconds);
        let deadline = deadline
            .and_then(|seconds| u64::try_from(seconds).ok())
            .map(Duration::from_secs);
        let expiry = tokio::time::sleep(deadline.unwrap_or(Duration::MAX / 4));
        tokio::pin!(expiry);
        let mut may_expire = deadline.is_some();
        loop {
            let pod = latest.borrow_and_update().clone();
            match pod {
                None => self.order(Stop::within(Duration::from_secs(1), false)),
                Some(pod) if pod.metadata.deletion_timestamp.is_some() => {
                    self.with_book(|book| book.stopping = true);
                    let grace = pod
                        .metadata
                        .deletion_grace_period_seconds
                        .and_then(|grace| u64::try_from(grace).ok());
                    self.order(Stop::within(Duration::from_secs(grace.unwrap_or(30)), true));
                }
                Some(_) => {}
            }
            tokio::select! {
                changed = latest.changed() => if changed.is_err() { return },
                () = self.node.shutdown.cancelled() => {
                    self.order(Stop::within(self.node.options.shutdown_grace, false));
                    return;
                }
                () = &mut expiry, if may_expire => {
                    may_expire = false;
                    let message = "Pod was active on the node longer than the specified deadline".to_string();
                    self.with_book(|book| book.ended = Some(("DeadlineExceeded".into(), message)));
                    self.order(Stop::within(self.grace(), true));
                }
            }
        }
    }

    /// The grace period of a container.
    pub(super) fn grace(&self) -> Duration {
        let seconds = self
            .pod()
            .spec
            .as_ref()
            .and_then(|spec| spec.termination_grace_period_seconds);
        Duration::from_secs(seconds.and_then(|seconds| u64::try_from(seconds).ok()).unwrap_or(30))
    }

    /// The initial entries of all containers; those of a Pod from an earlier sandbox continue.
    fn open_book(&self) {
        let pod = self.pod();
        let Some(spec) = pod.spec.as_ref() else { return };
        let init = spec.init_containers.as_deref().unwrap_or_default();
        let reason = if init.is_empty() {
            "ContainerCreating"
        } else {
            "PodInitializing"
        };
        let known = pod.status.clone().unwrap_or_default();
        let entries = |containers: &[Container], earlier: Option<Vec<ContainerStatus>>| -> Vec<ContainerStatus> {
            let earlier = earlier.unwrap_or_default();
            let entry = |container: &Container| match earlier.iter().find(|status| status.name == container.name) {
                Some(status) => adopt(status),
                None => status::fresh(container, reason),
            };
            containers.iter().map(entry).collect()
        };
        let address = self.node.addresses.take();
        self.with_book(|book| {
            book.since = Some(Timestamp::now());
            book.address = address;
            book.init = entries(init, known.init_container_statuses);
            book.main = entries(&spec.containers, known.container_statuses);
        });
    }

    fn release_address(&self) {
        if let Some(address) = self.with_book(|book| book.address) {
            self.node.addresses.release(address);
        }
    }

    async fn run_containers(self: &Arc<Self>) {
        if !self.make_volumes().await {
            return;
        }
        self.with_book(|book| book.prepared = true);
        let pod = self.pod();
        let Some(spec) = pod.spec.as_ref() else { return };
        let mut sidecars = JoinSet::new();
        for (index, container) in spec.init_containers.iter().flatten().enumerate() {
            if status::is_sidecar(container) {
                sidecars.spawn(container::supervise(Arc::clone(self), Role::Sidecar, index));
                self.wait_for_start(index).await;
            } else if !container::supervise(Arc::clone(self), Role::Init, index).await {
                break;
            }
            if self.is_stopping() {
                break;
            }
        }
        let initialized = self.with_book(|book| {
            let specs = spec.init_containers.iter().flatten();
            specs
                .zip(&book.init)
                .all(|(spec, entry)| status::is_sidecar(spec) || status::exit_code(entry) == Some(0))
        });
        if initialized && !self.is_stopping() {
            let mut main = JoinSet::new();
            for index in 0..spec.containers.len() {
                main.spawn(container::supervise(Arc::clone(self), Role::Main, index));
            }
            while main.join_next().await.is_some() {}
        }
        if !sidecars.is_empty() {
            self.order(Stop::within(self.grace(), true));
            while sidecars.join_next().await.is_some() {}
        }
    }

    async fn wait_for_start(&self, index: usize) {
        let mut stop = self.stops();
        while !self.with_book(|book| book.init[index].started == Some(true)) {
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(20)) => {}
                () = ordered(&mut stop) => return,
            }
        }
    }

    /// Makes the volumes, with retries while something is missing; false if the Pod must stop first.
    async fn make_volumes(&self) -> bool {
        loop {
            if self.is_stopping() {
                return false;
            }
            let why = match self.sources().await {
                Ok(sources) => {
                    let pod = self.addressed();
                    let claims = self.node.options.volumes_dir();
                    match volumes::make(&pod, &sources, &self.directory.volumes(), &claims) {
                        Ok(made) => return self.volumes.set(made).is_ok(),
                        Err(error) => error.to_string(),
                    }
                }
                Err(error) => format!("reading what volumes are made of: {error}"),
            };
            self.tell(&Notice::warning("FailedMount", why)).await;
            self.pause(self.node.options.back_off.configuration).await;
        }
    }

    /// Waits, at most until the Pod must stop.
    pub(super) async fn pause(&self, time: Duration) {
        let mut stop = self.stops();
        let _ = tokio::time::timeout(time, ordered(&mut stop)).await;
    }

    /// The current ConfigMaps and Secrets that the Pod refers to.
    pub(super) async fn sources(&self) -> Result<Sources, kube::Error> {
        sources::read(&self.node.client, &self.pod()).await
    }

    /// The kubeconfig of the Pod's service account, if its token is mounted.
    pub(super) async fn kubeconfig(&self) -> Result<Option<PathBuf>, AccountError> {
        let pod = self.pod();
        let Some(connection) = self.node.options.api.as_ref().filter(|_| account::is_wanted(&pod)) else {
            return Ok(None);
        };
        let write = || account::write(&self.node.client, connection, &pod, &self.directory);
        self.kubeconfig.get_or_try_init(write).await.cloned().map(Some)
    }

    /// Records an Event about the Pod.
    pub(super) async fn tell(&self, notice: &Notice) {
        self.node.events.tell(&*self.pod(), notice).await;
    }

    /// Records an Event about one of its containers.
    pub(super) async fn tell_of(&self, role: Role, container: &str, notice: &Notice) {
        let mut reference = self.pod().object_ref(&());
        let field = if role == Role::Main {
            "containers"
        } else {
            "initContainers"
        };
        reference.field_path = Some(format!("spec.{field}{{{container}}}"));
        self.node.events.tell_about(reference, notice).await;
    }

    /// Writes the current status.
    pub(super) async fn publish(&self) {
        let mut written = self.written.lock().await;
        if self.with_book(|book| book.since.is_none()) {
            // A Pod that finished in an earlier sandbox keeps its status.
            return;
        }
        for attempt in 0..20_u32 {
            if self.node.shutdown.is_cancelled() || self.latest.borrow().is_none() {
                return;
            }
            let pod = self.pod();
            let status =
                self.with_book(|book| status::of(&with_status(&pod, written.as_ref()), book, Timestamp::now()));
            if written.as_ref() == Some(&status) {
                return;
            }
            let pods: Api<Pod> = Api::namespaced(self.node.client.clone(), &pod.namespace().unwrap_or_default());
            let patch = json!({ "metadata": { "uid": self.uid }, "status": status });
            match pods
                .patch_status(&pod.name_any(), &PatchParams::default(), &Patch::Merge(patch))
                .await
            {
                Ok(_) => {
                    *written = Some(status);
                    return;
                }
                Err(kube::Error::Api(refusal)) if refusal.code == 404 => return,
                Err(error) => {
                    tracing::debug!(pod = pod.name_any(), %error, "the status could not be written");
                    tokio::time::sleep(Duration::from_millis(50 << attempt.min(5))).await;
                }
            }
        }
    }

    /// Waits until the Pod is deleted, then removes it from the API and the disk.
    async fn wait_for_removal(&self) {
        let mut latest = self.latest.clone();
        let deleted = |pod: &Option<Arc<Pod>>| pod.as_ref().is_none_or(|pod| pod.metadata.deletion_timestamp.is_some());
        tokio::select! {
            () = until(&mut latest, deleted) => {}
            () = self.node.shutdown.cancelled() => return,
        }
        self.publish().await;
        let pod = self.pod();
        let pods: Api<Pod> = Api::namespaced(self.node.client.clone(), &pod.namespace().unwrap_or_default());
        let uid = Preconditions {
            uid: Some(self.uid.clone()),
            resource_version: None,
        };
        let now = DeleteParams::default().grace_period(0).preconditions(uid);
        while latest.borrow().is_some() {
            match pods.delete(&pod.name_any(), &now).await {
                Ok(_) => break,
                Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => break,
                Err(error) => tracing::debug!(pod = pod.name_any(), %error, "the Pod could not be removed"),
            }
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(200)) => {}
                () = self.node.shutdown.cancelled() => return,
            }
        }
        // A finalizer may still keep the object; the directory is removed with it.
        tokio::select! {
            () = until(&mut latest, Option::is_none) => {}
            () = self.node.shutdown.cancelled() => return,
        }
        if let Err(error) = volumes::remove(self.directory.path()) {
            tracing::warn!(directory = %self.directory.path().display(), %error, "the Pod's directory could not be removed");
        }
    }
}

async fn until(latest: &mut watch::Receiver<Option<Arc<Pod>>>, holds: impl FnMut(&Option<Arc<Pod>>) -> bool) {
    // The sender is gone when the runner ends.
    let _ = latest.wait_for(holds).await.map(drop);
}

/// The Pod with the last written status, if it is newer than the watched one; conditions of others are kept.
fn with_status(pod: &Pod, written: Option<&PodStatus>) -> Pod {
    let mut pod = pod.clone();
    if let Some(written) = written {
        let foreign = pod
            .status
            .take()
            .and_then(|status| status.conditions)
            .unwrap_or_default();
        let mut status = written.clone();
        let conditions = status.conditions.get_or_insert_default();
        for condition in foreign {
            match conditions.iter_mut().find(|known| known.type_ == condition.type_) {
                Some(known) if !status::is_own(&condition.type_) => *known = condition,
                Some(_) => {}
                None => conditions.push(condition),
            }
        }
        pod.status = Some(status);
    }
    pod
}

/// The state of a container from an earlier sandbox, whose exit code is unknown.
fn adopt(known: &ContainerStatus) -> ContainerStatus {
    let mut entry = known.clone();
    entry.ready = false;
    entry.started = Some(false);
    let state = entry.state.take().unwrap_or_default();
    if let Some(running) = &state.running {
        let lost = ContainerStateTerminated {
            exit_code: 137,
            reason: Some("ContainerStatusUnknown".into()),
            message: Some("The container could not be located when the pod was terminated".into()),
            started_at: running.started_at.clone(),
            finished_at: Some(Time(Timestamp::now())),
            container_id: entry.container_id.clone(),
            signal: None,
        };
        entry.state = Some(ContainerState {
            terminated: Some(lost),
            ..ContainerState::default()
        });
    } else if state.waiting.is_some() && entry.last_state.as_ref().is_some_and(|last| last.terminated.is_some()) {
        entry.state = entry.last_state.take();
    } else {
        entry.state = Some(state);
    }
    entry
}
