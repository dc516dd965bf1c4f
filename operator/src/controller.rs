//! What every controller shares: how one runs, what it watches, and what happens to objects and errors around a reconcile.

use std::{
    fmt::Debug,
    future::Future,
    sync::Arc,
    time::{Duration, Instant},
};

use complaint_api::condition::{self, READY};
use futures::StreamExt;
use jiff::Timestamp;
use k8s_openapi::{NamespaceResourceScope, apimachinery::pkg::apis::meta::v1::Condition};
use kube::{
    Api, Client, Resource, ResourceExt,
    core::DeserializeGuard,
    runtime::{
        Controller,
        controller::{self, Action},
        reflector::{ObjectRef, Store},
        watcher,
    },
};
use tokio_util::sync::CancellationToken;

use crate::{context::Context, error::Error, object::Object};

/// An object of a kind as a watch delivers it: one that can't be read is an error of its own and does not break the watch.
pub(crate) type Guarded<K> = DeserializeGuard<K>;

/// What is particular to one controller.
pub(crate) trait Reconciler: 'static {
    /// The kind that it reconciles.
    type Kind: Object + Send + Sync + 'static;

    /// Its name: field manager, reporter of its Events and metric label.
    const NAME: &'static str;

    /// Adds the watches on other kinds that cause a reconcile.
    fn watches(controller: Controller<Guarded<Self::Kind>>, scope: &Scope) -> Controller<Guarded<Self::Kind>>;

    /// Brings the cluster closer to what `object` asks for. `object` comes from the cache and is not being deleted.
    fn reconcile(object: &Self::Kind, context: &Context) -> impl Future<Output = Result<Action, Error>> + Send;
}

/// Where a controller looks for objects: one namespace, or all of them.
pub(crate) struct Scope {
    client: Client,
    namespace: Option<String>,
}

impl Scope {
    /// The API of a kind in this scope.
    pub(crate) fn api<K>(&self) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        match &self.namespace {
            Some(namespace) => Api::namespaced(self.client.clone(), namespace),
            None => Api::all(self.client.clone()),
        }
    }
}

/// Runs a controller over `namespace`, or all of them, until `shutdown`.
pub(crate) async fn run<R: Reconciler>(context: Arc<Context>, namespace: Option<String>, shutdown: CancellationToken) {
    let scope = Scope {
        client: context.client.clone(),
        namespace,
    };
    let controller = Controller::new(scope.api::<Guarded<R::Kind>>(), watcher::Config::default());
    let controller = R::watches(controller, &scope).graceful_shutdown_on(shutdown.cancelled_owned());
    let mut results = std::pin::pin!(controller.run(reconcile::<R>, on_error::<R>, context));
    while let Some(result) = results.next().await {
        match result {
            // Logged by `on_error`.
            Err(controller::Error::ReconcilerFailed(..) | controller::Error::ObjectNotFound(_)) | Ok(_) => {}
            Err(error) => tracing::warn!(controller = R::NAME, %error, "a watch failed and is tried again"),
        }
    }
}

async fn reconcile<R: Reconciler>(object: Arc<Guarded<R::Kind>>, context: Arc<Context>) -> Result<Action, Error> {
    let object = match &object.0 {
        Ok(object) => object,
        Err(invalid) => {
            tracing::warn!(kind = %R::Kind::kind(&()), name = object.name_any(), error = %invalid, "an object can't be read; apply it again");
            return Ok(Action::await_change());
        }
    };
    if object.meta().deletion_timestamp.is_some() {
        return Ok(Action::await_change());
    }
    let started = Instant::now();
    let action = R::reconcile(object, &context).await?;
    context.succeeded(object.namespace(), object.name_any(), started.elapsed());
    Ok(action)
}

fn on_error<R: Reconciler>(object: Arc<Guarded<R::Kind>>, error: &Error, context: Arc<Context>) -> Action {
    let pause = context.failed(object.namespace(), object.name_any(), error);
    tracing::warn!(kind = %R::Kind::kind(&()), name = object.name_any(), %error, retry_in = ?pause, "an object could not be reconciled");
    Action::requeue(pause)
}

/// The objects of the cache for which `concerned` holds, in the namespace of `cause`.
pub(crate) fn concerned<K, C>(
    cache: &Store<Guarded<K>>,
    cause: &C,
    concerned: impl Fn(&K) -> bool,
) -> Vec<ObjectRef<Guarded<K>>>
where
    K: Object,
    C: ResourceExt + Debug,
{
    let namespace = cause.namespace();
    cache
        .state()
        .into_iter()
        .filter(|object| object.namespace() == namespace && object.0.as_ref().is_ok_and(&concerned))
        .map(|object| ObjectRef::from_obj(&*object))
        .collect()
}

/// The object that the label `label` of `child` names.
pub(crate) fn labelled<K: Object>(child: &impl ResourceExt, label: &str) -> Option<ObjectRef<Guarded<K>>> {
    let name = child.labels().get(label)?;
    Some(ObjectRef::new(name).within(child.namespace().as_deref()?))
}

/// The longest pause between two looks at an object that can't go on.
const LONGEST_PAUSE: Duration = Duration::from_secs(120);

/// How long to wait before an object that can't go on is looked at again: a quarter of the time for which `Ready` has stood,
/// so that one that has waited for hours costs little. What its watches report is not waited for.
pub(crate) fn pause(conditions: &[Condition], now: Timestamp, least: Duration) -> Duration {
    let ready = condition::find(conditions, READY);
    let stood = ready.map(|ready| now.duration_since(ready.last_transition_time.0));
    let stood = stood.and_then(|stood| Duration::try_from(stood).ok());
    (stood.unwrap_or_default() / 4).clamp(least, LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use complaint_api::condition::Statement;

    use super::*;

    #[test]
    fn an_object_that_has_waited_for_long_is_looked_at_less_often() {
        let at = |second| Timestamp::from_second(second).expect("a valid time");
        let ready = Statement::new(READY, Some(false), "DatasetNotFound", "x");
        let conditions = condition::merge(&[], &[ready], Some(1), at(0));
        let least = Duration::from_secs(10);
        let pauses = [0, 39, 100, 3600].map(|second| pause(&conditions, at(second), least).as_secs());
        assert_eq!(pauses, [10, 10, 25, 120]);
        assert_eq!(pause(&[], at(3600), least), least);
    }
}
