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

use std::time::Duration;

use complaint_api::{ComplaintClassifier, ModelVersion, TrainingRun};
use jiff::Timestamp;

use crate::{
    cache::{Event, Kept, Key},
    change,
    context::{Context, Notice},
    controller::{Reconciler, Watches, before_and_after},
    error::Error,
    queue::Next,
    training_run,
};

/// The longest pause before a time that is to come: a clock may be set.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// The controller that deletes versions and runs.
pub(crate) struct Retentions;

impl Reconciler for Retentions {
    type Kind = ComplaintClassifier;

    const NAME: &'static str = "retention-controller";

    fn watches(on: &Watches) {
        on.on_part(|version: &Kept<ModelVersion>| Some(version.readable()?.spec.classifier_ref.name.clone()));
        on.on(|_, event: &Event<'_, TrainingRun>| {
            let (before, after) = before_and_after(event);
            let is_news = before.map(training_run::ended) != after.map(training_run::ended);
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
        let seen = match classifier.spec.retention {
            Some(_) => gather::gather(classifier, &objects),
            None => gather::Seen::default(),
        };
        let plan = plan::plan(classifier, &seen, context.settings.retention_notice, now);
        match change::apply(&build::build(classifier, &plan), &objects).await {
            Ok(_) => context.publish(classifier, status::notices(&plan, now)).await,
            Err(error) => {
                let refusal = error
                    .refusal()
                    .map(|message| Notice::warning("RetentionRefused", message));
                context.publish(classifier, refusal.into_iter().collect()).await;
                return Err(error);
            }
        }
        Ok(plan.again.map_or(Next::OnChange, |time| Next::After(pause(now, time))))
    }
}

fn pause(now: Timestamp, until: Timestamp) -> Duration {
    let pause = Duration::try_from(until.duration_since(now)).unwrap_or_default();
    pause.min(LONGEST_PAUSE)
}
