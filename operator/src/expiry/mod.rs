//! ComplaintClassifier: its corrections and captured answers are kept for as many days as it says.
//!
//! At most once a day a short Job deletes the days that are over. `status.expiry` says for which day that was done.

mod plan;
mod status;
#[cfg(test)]
mod tests;

use std::time::Duration;

use complaint_api::ComplaintClassifier;
use k8s_openapi::api::batch::v1::Job;
use kube::ResourceExt;

use crate::{
    change,
    context::Context,
    controller::{Reconciler, Watches},
    error::Error,
    object::{is_owned_by, owner_reference},
    queue::Next,
    store_job,
};
use plan::Limits;

/// The component in the labels of the Job and its pods.
const COMPONENT: &str = "expiry";
/// First pause while a Job works; its watch reports the end.
const WHILE_WORKING: Duration = Duration::from_secs(30);

/// The controller that lets old rows be deleted.
pub(crate) struct Expiries;

impl Reconciler for Expiries {
    type Kind = ComplaintClassifier;

    const NAME: &'static str = "expiry-controller";

    fn watches(on: &Watches) {
        store_job::watch(on, COMPONENT);
    }

    async fn reconcile(classifier: &ComplaintClassifier, context: &Context) -> Result<Next, Error> {
        let objects = context.objects(classifier.namespace());
        let is_ours = |job: &Job| is_owned_by(job, classifier);
        let (jobs, pods) = store_job::gather(&objects, COMPONENT, &classifier.name_any(), is_ours).await?;
        let now = context.now();
        let owner = owner_reference(classifier)?;
        let seen = plan::Seen {
            jobs: &jobs,
            pods: &pods,
        };
        let plan = plan::plan(classifier, Limits::of(classifier), seen, &owner, &context.settings, now);
        change::apply(&store_job::made(plan.start.as_deref(), &owner), &objects).await?;
        // What a Job said is on record before the Job goes.
        objects.write_status(classifier, &status::next(&plan)).await?;
        context.publish(classifier, status::notices(&plan, now)).await;
        change::apply(&store_job::gone(plan.done.iter().copied()), &objects).await?;
        Ok(match plan.again {
            Some(time) => Next::at(now, time),
            None if plan.works => Next::Patiently(WHILE_WORKING),
            None => Next::OnChange,
        })
    }
}
