//! The controllers that the product needs: Job, CronJob, Deployment, ReplicaSet, EndpointSlice and
//! HorizontalPodAutoscaler.
//!
//! They are clients of the API. Each has a pure `plan` (from objects and the time to actions), tested by tables, and a
//! thin loop that executes the plan. Garbage collection and the deletion of namespaces are part of the API server.

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
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use jiff::SignedDuration;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::api::{ApiResource, DynamicObject, ListParams};
use kube::core::Selector;
use kube::runtime::controller::{Action, Config};
use kube::runtime::reflector::ObjectRef;
use kube::runtime::{Controller, watcher};
use kube::{Api, Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use events::EventWriter;

/// Why a pass over an object failed; it is retried.
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

/// The context of a controller's passes.
pub struct Pass {
    client: Client,
    events: EventWriter,
}

/// Longest time to stop the controllers.
const GRACE: Duration = Duration::from_secs(2);

/// Starts all controllers; they stop with `shutdown`. The API server may start later.
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

/// Waits for controllers to stop, for a limited time: one that is stopped before the response to its first list never
/// ends.
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

/// The HTTP status code of an API error.
fn code(error: &kube::Error) -> Option<u16> {
    match error {
        kube::Error::Api(status) => Some(status.code),
        _ => None,
    }
}

/// Ignores the error that an object is already gone.
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

/// Lists the objects that a selector matches.
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

/// A controller of a kind. All controllers have one type, so that their driver is compiled once.
fn controller<K>(client: &Client, shutdown: CancellationToken) -> Controller<DynamicObject>
where
    K: Resource<DynamicType = ()>,
{
    let (api, kind) = all_of::<K>(client);
    Controller::new_with(api, every_change(), kind)
        .with_config(Config::default().debounce(Duration::from_millis(5)))
        .graceful_shutdown_on(shutdown.cancelled_owned())
}

/// All objects of a kind, untyped.
fn all_of<K>(client: &Client) -> (Api<DynamicObject>, ApiResource)
where
    K: Resource<DynamicType = ()>,
{
    let kind = ApiResource::erase::<K>(&());
    (Api::all_with(client.clone(), &kind), kind)
}

/// Reconciles the owner of each changed `Child`.
fn owns<Child>(controller: Controller<DynamicObject>, client: &Client) -> Controller<DynamicObject>
where
    Child: Resource<DynamicType = ()>,
{
    let (api, kind) = all_of::<Child>(client);
    controller.owns_with(api, kind, every_change())
}

/// Reconciles the objects of kind `K` for which `concerns` is true when an `Other` changes.
fn watches<K, Other>(
    controller: Controller<DynamicObject>,
    client: &Client,
    concerns: impl Fn(&Other, &K) -> bool + Send + Sync + 'static,
) -> Controller<DynamicObject>
where
    K: Resource<DynamicType = ()> + DeserializeOwned,
    Other: Resource<DynamicType = ()> + DeserializeOwned,
{
    type Mapper = Box<dyn Fn(DynamicObject) -> Vec<ObjectRef<DynamicObject>> + Send + Sync>;
    let store = controller.store();
    let own = ApiResource::erase::<K>(&());
    let mapper: Mapper = Box::new(move |changed| {
        let Some(changed) = parsed::<Other>(changed) else {
            return Vec::new();
        };
        let concerned =
            |object: &DynamicObject| parsed(object.clone()).is_some_and(|object| concerns(&changed, &object));
        let found = store.state_filter(concerned);
        found
            .iter()
            .map(|object| ObjectRef::from_obj_with(&**object, own.clone()))
            .collect()
    });
    let (api, kind) = all_of::<Other>(client);
    controller.watches_with(api, kind, every_change(), mapper)
}

/// The typed object.
fn parsed<K: Resource + DeserializeOwned>(object: DynamicObject) -> Option<K> {
    let name = object.name_any();
    match object.try_parse() {
        Ok(object) => Some(object),
        Err(error) => {
            tracing::debug!(name, %error, "an object of an unexpected form");
            None
        }
    }
}

type Passing = BoxFuture<'static, Result<Action, Error>>;
type Reconcile = Box<dyn Fn(Arc<DynamicObject>, Arc<Pass>) -> Passing + Send + Sync>;

/// Runs a controller. A failed pass is retried: soon after a conflict, otherwise after a second.
fn drive<K, Pending>(
    name: &'static str,
    controller: Controller<DynamicObject>,
    reconcile: fn(Arc<K>, Arc<Pass>) -> Pending,
    pass: Arc<Pass>,
) -> BoxFuture<'static, ()>
where
    K: Resource + DeserializeOwned + 'static,
    Pending: Future<Output = Result<Action, Error>> + Send + 'static,
{
    let reconcile: Reconcile = Box::new(move |object, pass| match parsed::<K>(Arc::unwrap_or_clone(object)) {
        Some(object) => reconcile(Arc::new(object), pass).boxed(),
        None => std::future::ready(Ok(Action::await_change())).boxed(),
    });
    Box::pin(drive_any(name, controller, reconcile, pass))
}

async fn drive_any(name: &'static str, controller: Controller<DynamicObject>, reconcile: Reconcile, pass: Arc<Pass>) {
    let on_error = move |object: Arc<DynamicObject>, error: &Error, _: Arc<Pass>| {
        if error.is_conflict() {
            return Action::requeue(Duration::from_millis(20));
        }
        tracing::debug!(controller = name, object = object.name_any(), %error, "pass failed and is retried");
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
