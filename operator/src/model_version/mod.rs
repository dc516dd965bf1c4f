//! ModelVersion: its stage, computed from the classifier's record.

mod stage;

use std::sync::Arc;

use complaint_api::{ComplaintClassifier, ModelVersion};
use kube::{
    ResourceExt,
    core::DeserializeGuard,
    runtime::{Controller, controller::Action, reflector::ObjectRef, watcher},
};
use tokio_util::sync::CancellationToken;

use crate::{context::Context, error::Error, object::Objects, training_run::scoped};

/// The controller's name, its field manager and the reporter of its Events.
pub const NAME: &str = "model-version-controller";

/// Runs the controller over `namespace`, or all of them, until `shutdown`.
pub async fn control(context: Arc<Context>, namespace: Option<String>, shutdown: CancellationToken) {
    let controller = controller(&context, namespace.as_deref()).graceful_shutdown_on(shutdown.cancelled_owned());
    crate::run_controller(controller.run(reconcile, on_error, context)).await;
}

fn controller(context: &Context, namespace: Option<&str>) -> Controller<DeserializeGuard<ModelVersion>> {
    let client = &context.client;
    let controller = Controller::new(
        scoped::<DeserializeGuard<ModelVersion>>(client, namespace),
        watcher::Config::default(),
    );
    let versions = controller.store();
    controller.watches(
        scoped::<DeserializeGuard<ComplaintClassifier>>(client, namespace),
        watcher::Config::default(),
        move |classifier: DeserializeGuard<ComplaintClassifier>| {
            let (name, space) = (classifier.name_any(), classifier.namespace());
            let of_it: Vec<_> = versions
                .state()
                .into_iter()
                .filter(|version| version.namespace() == space)
                .filter(|version| {
                    version
                        .0
                        .as_ref()
                        .is_ok_and(|version| version.spec.classifier_ref.name == name)
                })
                .map(|version| ObjectRef::from_obj(&*version))
                .collect();
            of_it
        },
    )
}

async fn reconcile(version: Arc<DeserializeGuard<ModelVersion>>, context: Arc<Context>) -> Result<Action, Error> {
    let version = match &version.0 {
        Ok(version) => version,
        Err(invalid) => {
            tracing::warn!(name = version.name_any(), error = %invalid, "a ModelVersion can't be read; apply it again");
            return Ok(Action::await_change());
        }
    };
    if version.metadata.deletion_timestamp.is_some() {
        return Ok(Action::await_change());
    }
    let started = std::time::Instant::now();
    let objects = Objects::new(&context.client, &version.namespace().unwrap_or_default(), NAME);
    let classifier: Option<ComplaintClassifier> = objects.get(&version.spec.classifier_ref.name).await?;
    let next = stage::next(version, classifier.as_ref(), context.now());
    if !stage::says(version.status.as_ref(), &next) {
        objects.apply_status(version, &serde_json::json!(next)).await?;
        context.publish(version, stage::notices(version, &next)).await;
    }
    context.succeeded(version.namespace(), version.name_any(), started.elapsed());
    Ok(Action::await_change())
}

fn on_error(version: Arc<DeserializeGuard<ModelVersion>>, error: &Error, context: Arc<Context>) -> Action {
    let pause = context.failed(version.namespace(), version.name_any(), error);
    tracing::warn!(name = version.name_any(), %error, retry_in = ?pause, "a ModelVersion could not be reconciled");
    Action::requeue(pause)
}
