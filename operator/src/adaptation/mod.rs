//! ComplaintClassifier: a version of the champion for the mix of categories of its traffic.
//!
//! Where the mix has shifted and `spec.monitoring.onDrift` is `Adapt`, a short Job gets the mix that the monitoring estimated, and
//! makes a model with the champion's weights and other intercepts. Its result is the evidence by which the version is judged. One
//! episode of drift makes one version.

mod build;
mod gather;
mod plan;
mod status;
#[cfg(test)]
mod tests;

use std::time::Duration;

use complaint_api::ComplaintClassifier;
use kube::ResourceExt;

use crate::{
    change,
    context::Context,
    controller::{Reconciler, Watches},
    error::Error,
    object::owner_reference,
    queue::Next,
    store_job,
};

/// The component in the labels of the Jobs and their pods.
const COMPONENT: &str = "adaptation";
/// First pause while a Job works; its watch reports the end.
const WHILE_WORKING: Duration = Duration::from_secs(30);

/// The controller of adaptations.
pub(crate) struct Adaptations;

impl Reconciler for Adaptations {
    type Kind = ComplaintClassifier;

    const NAME: &'static str = "adaptation-controller";

    fn watches(on: &Watches) {
        store_job::watch(on, COMPONENT);
    }

    async fn reconcile(classifier: &ComplaintClassifier, context: &Context) -> Result<Next, Error> {
        let objects = context.objects(classifier.namespace());
        let seen = gather::gather(classifier, &objects, &context.caches.monitoring).await?;
        let owner = owner_reference(classifier)?;
        let plan = plan::plan(classifier, &seen, &owner, &context.settings);
        change::apply(&build::before(classifier, &seen, &plan, &owner), &objects).await?;
        // What a Job said is on record before the Job goes.
        let (next, notices) = status::next(classifier, &plan, context.now());
        objects.write_status(classifier, &next).await?;
        context.publish(classifier, notices).await;
        change::apply(&build::after(&plan), &objects).await?;
        Ok(match plan.works {
            true => Next::Patiently(WHILE_WORKING),
            false => Next::OnChange,
        })
    }
}
