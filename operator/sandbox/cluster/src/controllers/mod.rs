//! The controllers of a cluster that the product needs: Job, CronJob, Deployment, ReplicaSet, EndpointSlice
//! and HorizontalPodAutoscaler.
//!
//! They are ordinary clients of the API. Each has a pure `plan` (objects and the time in, what to do out), tested by
//! table, and a thin loop that carries the plan out. Garbage collection and the deletion of namespaces are part of the
//! API server.

mod autoscaler;
mod claim;
mod cron_job;
mod deployment;
pub(crate) mod endpoint_slice;
pub(crate) mod events;
mod job;
pub(crate) mod pods;
mod replica_set;

use std::fmt::Debug;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use jiff::SignedDuration;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::api::ListParams;
use kube::core::Selector;
use kube::runtime::controller::{Action, Config};
use kube::runtime::{Controller, watcher};
use kube::{Api, Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use events::EventWriter;

/// Why a pass over an object ended early; it is tried again.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An object could not be read.
    #[error("reading {what} `{name}`: {source}")]
    Read {
        /// Kind of the object.
        what: &'static str,
        /// Its name.
        name: String,
        /// The API's answer.
        source: Box<kube::Error>,
    },
    /// An object could not be written.
    #[error("writing {what} `{name}`: {source}")]
    Write {
        /// Kind of the object.
        what: &'static str,
        /// Its name.
        name: String,
        /// The API's answer.
        source: Box<kube::Error>,
    },
}

impl Error {
    fn reading(what: &'static str, object: &impl ResourceExt) -> impl FnOnce(kube::Error) -> Self {
        let name = object.name_any();
        move |source| Error::Read {
            what,
            name,
            source: Box::new(source),
        }
    }

    fn writing(what: &'static str, name: &str) -> impl FnOnce(kube::Error) -> Self {
        let name = name.to_string();
        move |source| Error::Write {
            what,
            name,
            source: Box::new(source),
        }
    }

    fn is_conflict(&self) -> bool {
        match self {
            Error::Read { source, .. } | Error::Write { source, .. } => code(source) == Some(409),
        }
    }
}

/// What every pass of a controller has at hand.
pub struct Pass {
    client: Client,
    events: EventWriter,
}

/// How long controllers may take to end.
const GRACE: Duration = Duration::from_secs(2);

/// Starts all controllers; they end with `shutdown`. The API may come up later than they do.
pub fn start(client: Client, shutdown: CancellationToken) -> JoinHandle<()> {
    tokio::spawn(run(client, shutdown))
}

async fn run(client: Client, shutdown: CancellationToken) {
    let stopped = shutdown.clone();
    let all = async move {
        tokio::join!(
            autoscaler::run(client.clone(), shutdown.clone()),
            cron_job::run(client.clone(), shutdown.clone()),
            job::run(client.clone(), shutdown.clone()),
            deployment::run(client.clone(), shutdown.clone()),
            replica_set::run(client.clone(), shutdown.clone()),
            endpoint_slice::run(client, shutdown),
        )
    };
    until_stopped(all, stopped).await;
}

/// Waits for controllers to end, but not for long: one that is stopped before its first list is answered waits for that
/// list for ever.
pub(crate) async fn until_stopped<T>(work: impl Future<Output = T>, shutdown: CancellationToken) {
    let out_of_patience = async {
        shutdown.cancelled().await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        _ = work => {}
        () = out_of_patience => {}
    }
}

/// The HTTP code of an answer that refuses.
fn code(error: &kube::Error) -> Option<u16> {
    match error {
        kube::Error::Api(status) => Some(status.code),
        _ => None,
    }
}

/// An object that is gone already needs no deleting.
fn gone_is_fine<T>(outcome: Result<T, kube::Error>) -> Result<(), kube::Error> {
    match outcome {
        Err(error) if code(&error) != Some(404) => Err(error),
        _ => Ok(()),
    }
}

fn after(again: Option<SignedDuration>) -> Action {
    match again.and_then(|again| Duration::try_from(again).ok()) {
        Some(again) => Action::requeue(again),
        None => Action::await_change(),
    }
}

fn every_change() -> watcher::Config {
    watcher::Config::default().any_semantic()
}

/// The objects a selector selects, read from the API.
async fn selected<K>(api: &Api<K>, selector: Option<&LabelSelector>) -> Result<Vec<K>, kube::Error>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    let selector = selector
        .cloned()
        .and_then(|selector| Selector::try_from(selector).ok())
        .unwrap_or_default();
    Ok(api.list(&ListParams::default().labels_from(&selector)).await?.items)
}

fn controller<K>(api: Api<K>, shutdown: CancellationToken) -> Controller<K>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + Sync + 'static,
{
    Controller::new(api, every_change())
        .with_config(Config::default().debounce(Duration::from_millis(5)))
        .graceful_shutdown_on(shutdown.cancelled_owned())
}

/// Runs a controller; a pass that failed is repeated, soon after a conflict and after a second otherwise.
async fn drive<K, Reconcile, Pending>(
    name: &'static str,
    controller: Controller<K>,
    reconcile: Reconcile,
    pass: Arc<Pass>,
) where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + Sync + 'static,
    K::DynamicType: Eq + Hash + Clone + Debug + Unpin,
    Reconcile: FnMut(Arc<K>, Arc<Pass>) -> Pending,
    Pending: Future<Output = Result<Action, Error>> + Send + 'static,
{
    let on_error = move |object: Arc<K>, error: &Error, _: Arc<Pass>| {
        if error.is_conflict() {
            return Action::requeue(Duration::from_millis(20));
        }
        tracing::debug!(controller = name, object = object.name_any(), %error, "pass failed, it is tried again");
        Action::requeue(Duration::from_secs(1))
    };
    controller
        .run(reconcile, on_error, pass)
        .for_each(|outcome| {
            if let Err(error) = outcome {
                tracing::debug!(controller = name, %error, "watch or queue");
            }
            std::future::ready(())
        })
        .await;
}
