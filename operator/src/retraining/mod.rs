//! Retraining: makes TrainingRuns for a classifier, by its schedule and on request.

mod build;
mod gather;
mod plan;
mod schedule;
mod status;
#[cfg(test)]
mod tests;

use std::time::Duration;

use complaint_api::{ComplaintClassifier, TrainingRun};
use jiff::Timestamp;

use crate::{
    cache::{Event, Key},
    change,
    context::{Context, Notice},
    controller::{Reconciler, Watches, before_and_after},
    error::Error,
    object::owner_reference,
    queue::Next,
};

pub(crate) use schedule::{Fault, fault};

/// The longest pause before a time that is to come: a clock may be set.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// The controller that makes runs.
pub(crate) struct Retrainings;

impl Reconciler for Retrainings {
    type Kind = ComplaintClassifier;

    const NAME: &'static str = "retraining-controller";

    fn watches(on: &Watches) {
        on.on(|_, event: &Event<'_, TrainingRun>| {
            let (before, after) = before_and_after(event);
            let is_news = before.map(plan::is_active) != after.map(plan::is_active);
            let run = after.or(before).filter(|_| is_news);
            let key = run.map(|run| {
                let namespace = run.metadata.namespace.as_deref().unwrap_or_default();
                Key::new(namespace, &run.spec.classifier_ref.name)
            });
            key.into_iter().collect()
        });
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
                let refusal = error
                    .refusal()
                    .map(|message| Notice::warning("RetrainingRefused", message));
                context.publish(classifier, refusal.into_iter().collect()).await;
                return Err(error);
            }
        }
        objects.write_status(classifier, &status::next(&plan)).await?;
        context.publish(classifier, plan.notices).await;
        Ok(plan.again.map_or(Next::OnChange, |time| Next::After(pause(now, time))))
    }
}

fn pause(now: Timestamp, until: Timestamp) -> Duration {
    let pause = Duration::try_from(until.duration_since(now)).unwrap_or_default();
    pause.min(LONGEST_PAUSE)
}
