//! ComplaintClassifier: has versions evaluated that no training compared with the present champion.
//!
//! A short Job lets version and champion answer the same held-out rows. It is needed where the champion changed while a
//! run trained, where a version came by hand, and where the rows or the metric that decide are others now.

mod build;
mod gather;
mod plan;
mod status;
#[cfg(test)]
mod tests;

use std::time::Duration;

use complaint_api::{ComplaintClassifier, ModelVersion};
use k8s_openapi::api::batch::v1::Job;
use kube::{Resource, ResourceExt};

use crate::{
    change,
    context::Context,
    controller::{Reconciler, Watches},
    error::Error,
    queue::Next,
    store_job,
};

/// The component in the labels of the Jobs and their pods.
const COMPONENT: &str = "comparison";
/// First pause while a Job works or waits; its watch reports the end.
const WHILE_COMPARING: Duration = Duration::from_secs(30);

/// The controller of comparisons.
pub(crate) struct Comparisons;

impl Reconciler for Comparisons {
    type Kind = ComplaintClassifier;

    const NAME: &'static str = "comparison-controller";

    fn watches(on: &Watches) {
        store_job::watch(on, COMPONENT);
        on.on_versions();
    }

    async fn reconcile(classifier: &ComplaintClassifier, context: &Context) -> Result<Next, Error> {
        let objects = context.objects(classifier.namespace());
        let seen = gather::gather(classifier, &objects).await?;
        let plan = plan::plan(classifier, &seen);
        let now = context.now();
        let changes = build::build(classifier, &seen, &plan, &context.settings, now)?;
        change::apply(&changes, &objects).await?;
        if let Some((version, notice)) = status::notice(&plan) {
            context.publish(version, vec![notice]).await;
        }
        Ok(match plan.step {
            Some(_) => Next::Patiently(WHILE_COMPARING),
            None if plan.awaits_run => Next::Patiently(WHILE_COMPARING),
            None => Next::OnChange,
        })
    }
}

/// The name of the Job that compares a version.
fn job_name(version: &str) -> String {
    format!("{version}-compare")
}

/// Whether `version` is what the Job was made for.
fn is_of(job: &Job, version: &ModelVersion) -> bool {
    crate::object::is_owned_by(job, version) && job.meta().name.as_deref() == Some(&job_name(&version.name_any()))
}
