//! ComplaintClassifier: judges versions, rolls the champion out, and keeps the record of who serves.

mod apply;
mod build;
mod gather;
mod judge;
mod plan;
mod rollout;
mod status;
pub(crate) mod store;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use complaint_api::{ComplaintClassifier, ModelVersion, labels};
use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{Pod, Service},
};
use kube::{
    ResourceExt,
    core::DeserializeGuard,
    runtime::{Controller, controller::Action, reflector::ObjectRef, watcher},
};
use tokio_util::sync::CancellationToken;

use crate::{context::Context, error::Error, object::Objects, training_run::scoped};

/// The controller's name, its field manager and the reporter of its Events.
pub const NAME: &str = "complaint-classifier-controller";
/// Name of the container that serves.
pub const CONTAINER: &str = "server";

/// How often a rollout is looked at, should an event of its pods be missed.
const WHILE_ROLLING: Duration = Duration::from_secs(5);
/// How often a classifier at rest is looked at, to undo changes made by others.
const AT_REST: Duration = Duration::from_secs(300);

/// Runs the controller over `namespace`, or all of them, until `shutdown`.
pub async fn control(context: Arc<Context>, namespace: Option<String>, shutdown: CancellationToken) {
    let controller = controller(&context, namespace.as_deref()).graceful_shutdown_on(shutdown.cancelled_owned());
    crate::run_controller(controller.run(reconcile, on_error, context)).await;
}

fn controller(context: &Context, namespace: Option<&str>) -> Controller<DeserializeGuard<ComplaintClassifier>> {
    let client = &context.client;
    let ours = watcher::Config::default().labels(labels::CLASSIFIER);
    Controller::new(
        scoped::<DeserializeGuard<ComplaintClassifier>>(client, namespace),
        watcher::Config::default(),
    )
    .owns(scoped::<Deployment>(client, namespace), ours.clone())
    .owns(scoped::<Service>(client, namespace), ours.clone())
    .watches(scoped::<Pod>(client, namespace), ours, |pod: Pod| {
        let classifier = pod.labels().get(labels::CLASSIFIER)?;
        Some(ObjectRef::new(classifier).within(pod.namespace().as_deref()?))
    })
    .watches(
        scoped::<DeserializeGuard<ModelVersion>>(client, namespace),
        watcher::Config::default(),
        |version: DeserializeGuard<ModelVersion>| {
            let name = &version.0.as_ref().ok()?.spec.classifier_ref.name;
            Some(ObjectRef::new(name).within(version.namespace().as_deref()?))
        },
    )
}

async fn reconcile(
    classifier: Arc<DeserializeGuard<ComplaintClassifier>>,
    context: Arc<Context>,
) -> Result<Action, Error> {
    let classifier = match &classifier.0 {
        Ok(classifier) => classifier,
        Err(invalid) => {
            tracing::warn!(name = classifier.name_any(), error = %invalid, "a ComplaintClassifier can't be read; apply it again");
            return Ok(Action::await_change());
        }
    };
    let started = std::time::Instant::now();
    let action = reconcile_classifier(classifier, &context).await?;
    context.succeeded(classifier.namespace(), classifier.name_any(), started.elapsed());
    Ok(action)
}

async fn reconcile_classifier(cached: &ComplaintClassifier, context: &Context) -> Result<Action, Error> {
    let objects = Objects::new(&context.client, &cached.namespace().unwrap_or_default(), NAME);
    // Read afresh: a verdict over a status that is older than our own last word would undo it.
    let classifier: ComplaintClassifier = match objects.get(&cached.name_any()).await? {
        Some(classifier) => classifier,
        None => return Ok(Action::await_change()),
    };
    if classifier.metadata.deletion_timestamp.is_some() {
        return Ok(Action::await_change());
    }
    let now = context.now();
    let mut seen = gather::gather(&classifier, &objects).await?;
    let mut plan = plan::plan(&classifier, &seen);
    match apply::apply(&classifier, &seen, &plan, &objects, &context.settings).await {
        Ok(deployment) => {
            seen.deployment = deployment;
            plan.look_again(&classifier, &seen);
        }
        Err(error) => match error.refusal() {
            Some(message) => plan.refused(message),
            None => return Err(error),
        },
    }
    // Told at once: a version is judged once, and the status may have to be written again.
    context.publish(&classifier, status::rejections(&plan)).await;
    let (next, notices) = status::next(&classifier, &seen, &plan, &context.settings, now);
    if classifier.status.as_ref() != Some(&next) {
        objects.apply_status(&classifier, &serde_json::json!(next)).await?;
    }
    context.publish(&classifier, notices).await;
    if let Some(champion) = next.champion.as_ref().filter(|_| !plan.paused) {
        apply::annotate_champion(champion, &seen, &objects).await?;
    }
    let settled = plan.rollout == Some(rollout::Rollout::Complete) || plan.target.is_none();
    let at_rest = settled
        && plan
            .stalled
            .as_ref()
            .is_none_or(|(reason, _)| *reason != plan::APPLY_REFUSED);
    Ok(Action::requeue(if at_rest { AT_REST } else { WHILE_ROLLING }))
}

fn on_error(classifier: Arc<DeserializeGuard<ComplaintClassifier>>, error: &Error, context: Arc<Context>) -> Action {
    let pause = context.failed(classifier.namespace(), classifier.name_any(), error);
    tracing::warn!(name = classifier.name_any(), %error, retry_in = ?pause, "a ComplaintClassifier could not be reconciled");
    Action::requeue(pause)
}
