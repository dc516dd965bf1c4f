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

use complaint_api::{ComplaintClassifier, ModelVersion, TrainingRun};
use k8s_openapi::api::{batch::v1::Job, core::v1::Pod};
use kube::ResourceExt;

use crate::{
    cache::Kept,
    change,
    context::Context,
    controller::{Reconciler, Watches},
    error::Error,
    object::owner_reference,
    queue::Next,
    store_job,
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
        on.on_part(|job: &Kept<Job>| store_job::classifier_of(job, COMPONENT));
        on.on_part(|pod: &Kept<Pod>| store_job::classifier_of(pod, COMPONENT));
        on.on_part(|version: &Kept<ModelVersion>| Some(version.readable()?.spec.classifier_ref.name.clone()));
        on.on_part(|run: &Kept<TrainingRun>| Some(run.readable()?.spec.classifier_ref.name.clone()));
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
