//! ComplaintClassifier: its versions are logged to a tracking server, for people who work with one.
//!
//! A short Job logs versions that the server does not have, and sets the aliases of the registered model as promotions go. It
//! holds nothing else up: a training, a promotion and a rollout know nothing of it. What fails is tried again, ever more
//! rarely. Without `spec.tracking` nothing happens here.

mod build;
mod gather;
mod place;
mod plan;
mod status;
#[cfg(test)]
mod tests;
mod turn;

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
    store_job, training_run,
};

/// The component in the labels of the Jobs and their pods.
const COMPONENT: &str = "tracking";
/// First pause while a Job works; its watch reports the end.
const WHILE_WORKING: Duration = Duration::from_secs(30);

/// The controller of tracking.
pub(crate) struct Trackings;

impl Reconciler for Trackings {
    type Kind = ComplaintClassifier;

    const NAME: &'static str = "tracking-controller";

    fn watches(on: &Watches) {
        store_job::watch(on, COMPONENT);
        on.on_versions();
        on.on_runs(training_run::ended);
    }

    async fn reconcile(classifier: &ComplaintClassifier, context: &Context) -> Result<Next, Error> {
        if classifier.spec.paused {
            return Ok(Next::OnChange);
        }
        let objects = context.objects(classifier.namespace());
        let seen = gather::gather(classifier, &objects).await?;
        let now = context.now();
        let owner = owner_reference(classifier)?;
        let plan = plan::plan(classifier, &seen, &owner, &context.settings, now);
        let (next, notices) = status::next(classifier, &plan, now);
        change::apply(&build::before(&plan, &owner), &objects).await?;
        // What a Job said is on record before the Job goes: first in the versions, which tell that they are logged.
        change::apply(&build::versions(&plan, now), &objects).await?;
        objects.write_status(classifier, &next).await?;
        context.publish(classifier, notices).await;
        for (version, notice) in status::of_versions(&plan) {
            context.publish(version, vec![notice]).await;
        }
        change::apply(&build::after(&plan), &objects).await?;
        Ok(match plan.again {
            Some(pause) => Next::After(pause),
            None if plan.works => Next::Patiently(WHILE_WORKING),
            None => Next::OnChange,
        })
    }
}
