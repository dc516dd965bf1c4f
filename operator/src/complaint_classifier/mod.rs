//! ComplaintClassifier: judges versions, rolls out the champion, and records promotions.

mod build;
mod gather;
mod judge;
mod over;
mod plan;
mod rollout;
mod status;
#[cfg(test)]
mod tests;

use std::time::Duration;

use complaint_api::{ComplaintClassifier, ModelVersion, labels};
use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{Pod, Service},
};
use kube::{
    ResourceExt,
    runtime::{Controller, controller::Action, reflector::ObjectRef, watcher},
};

use crate::{
    change,
    context::Context,
    controller::{Guarded, Reconciler, Scope, labelled, pause},
    error::Error,
    object::owner_reference,
};

pub(crate) use rollout::{DEADLINE_EXCEEDED, MODEL_REFUSED};

/// Name of the container that serves.
pub(crate) const CONTAINER: &str = "server";

/// Requeue interval during a rollout, in case a pod's event is missed.
const WHILE_ROLLING: Duration = Duration::from_secs(5);
/// Requeue interval of a classifier without changes, to revert changes by others.
const AT_REST: Duration = Duration::from_secs(300);

/// The controller of ComplaintClassifiers.
pub(crate) struct ComplaintClassifiers;

impl Reconciler for ComplaintClassifiers {
    type Kind = ComplaintClassifier;

    const NAME: &'static str = "complaint-classifier-controller";

    fn watches(
        controller: Controller<Guarded<ComplaintClassifier>>,
        scope: &Scope,
    ) -> Controller<Guarded<ComplaintClassifier>> {
        let ours = watcher::Config::default().labels(labels::CLASSIFIER);
        controller
            .owns(scope.api::<Deployment>(), ours.clone())
            .owns(scope.api::<Service>(), ours.clone())
            .watches(scope.api::<Pod>(), ours, |pod: Pod| labelled(&pod, labels::CLASSIFIER))
            .watches(
                scope.api::<Guarded<ModelVersion>>(),
                watcher::Config::default(),
                |version: Guarded<ModelVersion>| {
                    let name = &version.0.as_ref().ok()?.spec.classifier_ref.name;
                    Some(ObjectRef::new(name).within(version.namespace().as_deref()?))
                },
            )
    }

    async fn reconcile(cached: &ComplaintClassifier, context: &Context) -> Result<Action, Error> {
        let objects = context.objects(cached.namespace());
        let Some(classifier) = objects.again(cached).await? else {
            return Ok(Action::await_change());
        };
        let mut seen = gather::gather(&classifier, &objects).await?;
        let mut plan = plan::plan(&classifier, &seen);
        let owner = owner_reference(&classifier)?;
        let now = context.now();
        let changes = build::build(&classifier, &seen, &plan, &owner, &context.settings, now);
        match change::apply(&changes, &objects).await {
            Ok(applied) => plan.look_again(&classifier, &mut seen, applied.get(&classifier.name_any())?),
            Err(error) => match error.refusal() {
                Some(message) => plan.refused(message),
                None => return Err(error),
            },
        }
        // Published at once: a version is judged once, and writing the status may have to be retried.
        context.publish(&classifier, status::rejections(&plan)).await;
        let (next, notices) = status::next(&classifier, &seen, &plan, &context.settings, now);
        objects.write_status(&classifier, &next).await?;
        context.publish(&classifier, notices).await;
        Ok(Action::requeue(if plan.is_at_rest() {
            AT_REST
        } else if plan.is_blocked() {
            pause(&next.conditions, now, WHILE_ROLLING)
        } else {
            WHILE_ROLLING
        }))
    }
}
