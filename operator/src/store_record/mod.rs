//! ComplaintClassifier: its promotions outlive the cluster.
//!
//! A short Job adds each promotion to `champion.json` in the store, so that the store knows of it at once; the next training
//! may be a month away. A classifier whose status has no record has the store asked, and serves the version that the store
//! names, if a ModelVersion here has its artifact.

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
    store_job, training_run,
};

/// The component in the labels of the Jobs and their pods.
const COMPONENT: &str = "store-record";
/// First pause while a Job works; its watch reports the end.
const WHILE_WORKING: Duration = Duration::from_secs(30);

/// The controller of the stores' records.
pub(crate) struct StoreRecords;

impl Reconciler for StoreRecords {
    type Kind = ComplaintClassifier;

    const NAME: &'static str = "store-record-controller";

    fn watches(on: &Watches) {
        store_job::watch(on, COMPONENT);
        on.on_versions();
        on.on_runs(training_run::ended);
    }

    async fn reconcile(classifier: &ComplaintClassifier, context: &Context) -> Result<Next, Error> {
        let objects = context.objects(classifier.namespace());
        let seen = gather::gather(classifier, &objects).await?;
        let now = context.now();
        let owner = owner_reference(classifier)?;
        let plan = plan::plan(classifier, &seen, &owner, &context.settings, now);
        let (next, notices) = status::next(classifier, &plan, now);
        change::apply(&build::before(&plan, &owner), &objects).await?;
        // What a Job said is on record before the Job goes.
        objects.write_status(classifier, &next).await?;
        context.publish(classifier, notices).await;
        change::apply(&build::after(&plan), &objects).await?;
        Ok(match plan.again {
            Some(pause) => Next::After(pause),
            None if plan.works() => Next::Patiently(WHILE_WORKING),
            None => Next::OnChange,
        })
    }
}
