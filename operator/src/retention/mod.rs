//! Retention: deletes versions and runs that a classifier no longer needs, as `spec.retention` says.
//!
//! It deletes records. What becomes of a version's files is the version's own `deletionPolicy`, which [`crate::deletion`]
//! carries out.

mod build;
mod gather;
mod plan;
mod status;
#[cfg(test)]
mod tests;

use complaint_api::ComplaintClassifier;

use crate::{
    change,
    context::Context,
    controller::{Reconciler, Watches},
    error::Error,
    queue::Next,
    training_run,
};

/// The controller that deletes versions and runs.
pub(crate) struct Retentions;

impl Reconciler for Retentions {
    type Kind = ComplaintClassifier;

    const NAME: &'static str = "retention-controller";

    fn watches(on: &Watches) {
        on.on_versions();
        on.on_runs(training_run::ended);
    }

    async fn reconcile(classifier: &ComplaintClassifier, context: &Context) -> Result<Next, Error> {
        let objects = context.objects(classifier.metadata.namespace.clone());
        let now = context.now();
        let seen = match classifier.spec.retention {
            Some(_) => gather::gather(classifier, &objects),
            None => gather::Seen::default(),
        };
        let plan = plan::plan(classifier, &seen, context.settings.retention_notice, now);
        match change::apply(&build::build(classifier, &plan), &objects).await {
            Ok(_) => context.publish(classifier, status::notices(&plan, now)).await,
            Err(error) => {
                context.publish_refusal(classifier, "RetentionRefused", &error).await;
                return Err(error);
            }
        }
        Ok(plan.again.map_or(Next::OnChange, |time| Next::at(now, time)))
    }
}
