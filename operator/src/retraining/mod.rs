//! Retraining: makes TrainingRuns for a classifier, by its schedule and on request.

mod build;
mod gather;
mod plan;
mod schedule;
mod status;
#[cfg(test)]
mod tests;

use complaint_api::ComplaintClassifier;

use crate::{
    change,
    context::Context,
    controller::{Reconciler, Watches},
    error::Error,
    object::owner_reference,
    queue::Next,
};

pub(crate) use schedule::{Fault, fault};

/// The controller that makes runs.
pub(crate) struct Retrainings;

impl Reconciler for Retrainings {
    type Kind = ComplaintClassifier;

    const NAME: &'static str = "retraining-controller";

    fn watches(on: &Watches) {
        on.on_runs(plan::is_active);
    }

    async fn reconcile(classifier: &ComplaintClassifier, context: &Context) -> Result<Next, Error> {
        let objects = context.objects(classifier.metadata.namespace.clone());
        let now = context.now();
        let runs = gather::gather(classifier, &objects);
        let plan = plan::plan(classifier, &runs, now);
        let changes = build::build(classifier, &plan, &owner_reference(classifier)?);
        match change::apply(&changes, &objects).await {
            // Published at once: a run is made once, and writing the status may have to be retried.
            Ok(_) => context.publish(classifier, status::started(&plan)).await,
            // A run of this name is the run, whoever made it.
            Err(error) if error.is_already_exists() => {}
            Err(error) => {
                context.publish_refusal(classifier, "RetrainingRefused", &error).await;
                return Err(error);
            }
        }
        objects.write_status(classifier, &status::next(&plan)).await?;
        context.publish(classifier, plan.notices).await;
        Ok(plan.again.map_or(Next::OnChange, |time| Next::at(now, time)))
    }
}
