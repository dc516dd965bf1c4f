//! TrainingRun: one ConfigMap and one Job; at the end a ModelVersion of the same name.

mod apply;
mod build;
mod gather;
mod plan;
mod status;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use complaint_api::{ComplaintClassifier, TrainingRun, labels};
use k8s_openapi::api::{batch::v1::Job, core::v1::Pod};
use kube::{
    Api, Resource, ResourceExt,
    core::DeserializeGuard,
    runtime::{Controller, controller::Action, reflector::ObjectRef, watcher},
};
use tokio_util::sync::CancellationToken;

use crate::{context::Context, error::Error, object::Objects};

pub use build::config as trainer_config;

/// The controller's name, its field manager and the reporter of its Events.
pub const NAME: &str = "training-run-controller";
/// Name of the container that trains.
pub const CONTAINER: &str = "trainer";

/// How often a working run is looked at: its progress stands in its log, which can't be watched cheaply.
const WHILE_RUNNING: Duration = Duration::from_secs(5);
/// How often something outside our watches (a ConfigMap, a claim) is looked for again.
const WHILE_WAITING: Duration = Duration::from_secs(10);

/// Runs the controller over `namespace`, or all of them, until `shutdown`.
pub async fn control(context: Arc<Context>, namespace: Option<String>, shutdown: CancellationToken) {
    let controller = controller(&context, namespace.as_deref()).graceful_shutdown_on(shutdown.cancelled_owned());
    crate::run_controller(controller.run(reconcile, on_error, context)).await;
}

fn controller(context: &Context, namespace: Option<&str>) -> Controller<DeserializeGuard<TrainingRun>> {
    let client = &context.client;
    let ours = watcher::Config::default().labels(labels::TRAINING_RUN);
    let controller = Controller::new(
        scoped::<DeserializeGuard<TrainingRun>>(client, namespace),
        watcher::Config::default(),
    );
    let runs = controller.store();
    controller
        .owns(scoped::<Job>(client, namespace), ours.clone())
        .watches(scoped::<Pod>(client, namespace), ours, |pod: Pod| {
            let run = pod.labels().get(labels::TRAINING_RUN)?;
            Some(ObjectRef::new(run).within(pod.namespace().as_deref()?))
        })
        .watches(
            scoped::<DeserializeGuard<ComplaintClassifier>>(client, namespace),
            watcher::Config::default(),
            move |classifier: DeserializeGuard<ComplaintClassifier>| {
                // Only runs that wait for this classifier care.
                let (name, space) = (classifier.name_any(), classifier.namespace());
                let waiting: Vec<_> = runs
                    .state()
                    .into_iter()
                    .filter(|run| run.namespace() == space)
                    .filter(|run| {
                        run.0
                            .as_ref()
                            .is_ok_and(|run| run.spec.classifier_ref.name == name && !status::ended(run))
                    })
                    .map(|run| ObjectRef::from_obj(&*run))
                    .collect();
                waiting
            },
        )
}

pub(crate) fn scoped<K>(client: &kube::Client, namespace: Option<&str>) -> Api<K>
where
    K: Resource<Scope = k8s_openapi::NamespaceResourceScope>,
    K::DynamicType: Default,
{
    match namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    }
}

async fn reconcile(run: Arc<DeserializeGuard<TrainingRun>>, context: Arc<Context>) -> Result<Action, Error> {
    let run = match &run.0 {
        Ok(run) => run,
        Err(invalid) => {
            tracing::warn!(name = run.name_any(), error = %invalid, "a TrainingRun can't be read; apply it again");
            return Ok(Action::await_change());
        }
    };
    let started = std::time::Instant::now();
    let action = reconcile_run(run, &context).await?;
    context.succeeded(run.namespace(), run.name_any(), started.elapsed());
    Ok(action)
}

async fn reconcile_run(cached: &TrainingRun, context: &Context) -> Result<Action, Error> {
    let objects = Objects::new(&context.client, &cached.namespace().unwrap_or_default(), NAME);
    // Read afresh: what the cache holds may be older than our own last word.
    let run: TrainingRun = match objects.get(&cached.name_any()).await? {
        Some(run) => run,
        None => return Ok(Action::await_change()),
    };
    if run.metadata.deletion_timestamp.is_some() {
        return Ok(Action::await_change());
    }
    let now = context.now();
    if status::ended(&run) {
        return expire(&run, &objects, now).await;
    }
    let seen = gather::gather(&run, &objects).await?;
    let decision = plan::plan(&run, &seen);
    let applied = match apply::apply(&run, &seen, &decision, &objects, &context.settings).await {
        Ok(applied) => applied,
        Err(error) => match error.refusal() {
            Some(message) => plan::Decision::Wait {
                reason: "ApplyRefused",
                message,
            },
            None => return Err(error),
        },
    };
    let (next, notices) = status::next(&run, &seen, &applied, now);
    if run.status.as_ref() != Some(&next) {
        objects.apply_status(&run, &serde_json::json!(next)).await?;
    }
    context.publish(&run, notices).await;
    Ok(match applied {
        plan::Decision::Train | plan::Decision::Watch { .. } => Action::requeue(WHILE_RUNNING),
        plan::Decision::Wait { .. } => Action::requeue(WHILE_WAITING),
        _ => Action::await_change(),
    })
}

/// Deletes a run whose time after its end is over; its ModelVersion belongs to nobody and stays.
async fn expire(run: &TrainingRun, objects: &Objects, now: jiff::Timestamp) -> Result<Action, Error> {
    if let Some(seen) = status::of_this_generation(run) {
        objects.apply_status(run, &serde_json::json!(seen)).await?;
    }
    match status::expires_in(run, now) {
        None => Ok(Action::await_change()),
        Some(Duration::ZERO) => {
            objects.delete(run).await?;
            Ok(Action::await_change())
        }
        Some(left) => Ok(Action::requeue(left)),
    }
}

fn on_error(run: Arc<DeserializeGuard<TrainingRun>>, error: &Error, context: Arc<Context>) -> Action {
    let pause = context.failed(run.namespace(), run.name_any(), error);
    tracing::warn!(name = run.name_any(), %error, retry_in = ?pause, "a TrainingRun could not be reconciled");
    Action::requeue(pause)
}

/// The name of a run's Job and ConfigMap.
pub(crate) fn job_name(run: &str) -> String {
    format!("{run}-train")
}

/// The digest that tells one run's work from another's: of all that shapes the result, so not of `suspend`, `ttl` or pods.
pub(crate) fn spec_hash(run: &TrainingRun) -> String {
    let spec = &run.spec;
    // An empty section says as little as an absent one.
    crate::object::digest_of(&(
        &spec.classifier_ref,
        &spec.dataset,
        &spec.preset,
        spec.preprocessing.clone().unwrap_or_default(),
        spec.features.clone().unwrap_or_default(),
        spec.search.clone().unwrap_or_default(),
    ))
}
