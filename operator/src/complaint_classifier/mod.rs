//! ComplaintClassifier: judges versions, rolls out the champion, and records promotions.

mod build;
mod collection;
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
    apps::v1::{Deployment, ReplicaSet},
    autoscaling::v2::HorizontalPodAutoscaler,
    core::v1::{PersistentVolumeClaim, Pod, Service},
    policy::v1::PodDisruptionBudget,
};
use kube::ResourceExt;

use crate::{
    cache::{Cached, Event, Kept, Key},
    change,
    context::Context,
    controller::{Reconciler, Watches, label},
    error::Error,
    model_version::VersionStage,
    object::owner_reference,
    queue::Next,
    status::Owned,
    trace,
};

pub(crate) use build::PORT;
pub(crate) use gather::servers;
pub(crate) use judge::in_order;
use plan::Hold;
pub(crate) use rollout::{DEADLINE_EXCEEDED, MODEL_REFUSED};

/// Name of the container that serves.
pub(crate) const CONTAINER: &str = "server";

/// First pause during a rollout, in case no watch reports anything.
const WHILE_ROLLING: Duration = Duration::from_secs(5);
/// Interval of a classifier at rest. A look costs no request while the caches agree with the plan.
const AT_REST: Duration = Duration::from_secs(300);

/// The controller of ComplaintClassifiers.
pub(crate) struct ComplaintClassifiers;

impl Reconciler for ComplaintClassifiers {
    type Kind = ComplaintClassifier;

    const NAME: &'static str = "complaint-classifier-controller";
    const TELLS_UNREADABLE: bool = true;

    fn watches(on: &Watches) {
        fn own<K: Cached>(on: &Watches) {
            on.on_part(|part: &Kept<K>| label(part, labels::CLASSIFIER));
        }
        own::<Deployment>(on);
        own::<ReplicaSet>(on);
        own::<Service>(on);
        own::<PodDisruptionBudget>(on);
        own::<HorizontalPodAutoscaler>(on);
        own::<PersistentVolumeClaim>(on);
        on.on_part(|pod: &Kept<Pod>| server_classifier(pod));
        on.on(|_, event: &Event<'_, ModelVersion>| {
            let Some(version) = event.new.or(event.old).filter(|_| is_of_interest(event)) else {
                return Vec::new();
            };
            let classifier = gather::classifier_of(version);
            let key = classifier.map(|name| Key::new(&version.namespace().unwrap_or_default(), name));
            key.into_iter().collect()
        });
    }

    async fn reconcile(classifier: &ComplaintClassifier, context: &Context) -> Result<Next, Error> {
        let objects = context.objects(classifier.namespace());
        let mut seen = gather::gather(classifier, &objects)?;
        let mut plan = plan::plan(classifier, &seen);
        if seen.confirm(&plan, &objects).await? {
            plan = plan::plan(classifier, &seen);
        }
        let owner = owner_reference(classifier)?;
        let now = context.now();
        let changes = build::build(classifier, &seen, &plan, &owner, &context.settings, now);
        match change::apply(&changes, &objects).await {
            Ok(applied) => plan.look_again(classifier, &mut seen, applied.get(&classifier.name_any())?),
            Err(Error::Taken { object, .. }) => {
                seen.found(&object);
                plan = plan::plan(classifier, &seen);
            }
            Err(error) => match error.refusal() {
                Some(message) => plan.refused(message),
                None => return Err(error),
            },
        }
        // Published at once: a version is judged once, and writing the status may have to be retried.
        context.publish(classifier, status::rejections(&plan)).await;
        let (next, notices) = status::next(classifier, &seen, &plan, &context.settings, now);
        objects.write_status(classifier, &next).await?;
        trace::promoted(classifier, &next, plan.target.as_ref());
        context.publish(classifier, notices).await;
        // No watch reports the end of a foreign object: it lacks the product's label.
        let blocked = plan.hold == Some(Hold::NameTaken);
        Ok(if plan.is_at_rest() && !blocked {
            Next::After(AT_REST)
        } else {
            Next::Patiently(WHILE_ROLLING)
        })
    }
}

/// The classifier of a server pod, by its labels. The trainer's pods carry one of them, too.
pub(crate) fn server_classifier(pod: &impl ResourceExt) -> Option<String> {
    let serves = label(pod, labels::COMPONENT).is_some_and(|component| component == "server");
    serves.then(|| label(pod, labels::CLASSIFIER)).flatten()
}

/// Whether more of a version changed than its stage, which follows from the classifier's own record.
fn is_of_interest(event: &Event<'_, ModelVersion>) -> bool {
    let without_stage = |kept: &Kept<ModelVersion>| {
        let mut version = kept.to_value();
        version["metadata"]["resourceVersion"].take();
        VersionStage::without(&mut version["status"]);
        version
    };
    match (event.old, event.new) {
        (Some(old), Some(new)) => without_stage(old) != without_stage(new),
        _ => true,
    }
}
