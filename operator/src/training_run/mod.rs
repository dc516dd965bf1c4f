//! TrainingRun: one ConfigMap and one Job; at the end a ModelVersion of the same name.

mod build;
mod gather;
mod plan;
mod status;
#[cfg(test)]
mod tests;

use std::time::Duration;

use complaint_api::{ModelVersion, TrainingRun, labels};
use complaint_telemetry::Parent;
use jiff::Timestamp;
use k8s_openapi::api::{batch::v1::Job, core::v1::Pod};
use kube::ResourceExt;

use crate::{
    cache::{Event, Kept},
    candidate, change,
    context::Context,
    controller::{Reconciler, Watches, label},
    error::Error,
    object::owner_reference,
    queue::Next,
    trace,
};
use plan::Decision;

pub use build::config as trainer_config;
pub(crate) use build::{deletion_policy, evaluation_settings};
pub(crate) use gather::{made_again, recording};
pub(crate) use status::ended;

/// Interval between two looks at the log of a training, which reports its progress; it grows to a twentieth of the time
/// since the start.
const READ_LOG: Duration = Duration::from_secs(5);
/// The longest such interval.
const READ_LOG_AT_LEAST: Duration = Duration::from_secs(60);
/// First pause while an unwatched object (a ConfigMap, a claim) is missing.
const WHILE_WAITING: Duration = Duration::from_secs(10);

/// The controller of TrainingRuns.
pub(crate) struct TrainingRuns;

impl Reconciler for TrainingRuns {
    type Kind = TrainingRun;

    const NAME: &'static str = "training-run-controller";
    const TELLS_UNREADABLE: bool = true;

    fn watches(on: &Watches) {
        on.on_part(|job: &Kept<Job>| label(job, labels::TRAINING_RUN));
        on.on_part(|pod: &Kept<Pod>| label(pod, labels::TRAINING_RUN));
        // A run's version has its name, whoever made it.
        on.on_part(|version: &Kept<ModelVersion>| Some(version.name_any()));
        on.on(|caches, _: &Event<'_, Job>| caches.turns.next(caches));
        on.on(|caches, _: &Event<'_, TrainingRun>| caches.turns.next(caches));
        on.on_classifier(
            |classifier| {
                let champion = classifier.status.as_ref().and_then(|status| status.champion.as_ref());
                (
                    classifier.metadata.generation,
                    champion.map(|champion| champion.name.clone()),
                    candidate::awaits_restore(classifier),
                )
            },
            // Only runs that wait for this classifier.
            |run: &TrainingRun, classifier| run.spec.classifier_ref.name == classifier && !ended(run),
        );
    }

    fn place(run: &TrainingRun) -> Option<Parent> {
        trace::of_run(run).filter(|_| !ended(run))
    }

    async fn reconcile(run: &TrainingRun, context: &Context) -> Result<Next, Error> {
        let objects = context.objects(run.namespace());
        let now = context.now();
        let seen = gather::gather(run, &objects, now).await?;
        let mut decision = plan::plan(run, &seen, &context.settings, now);
        // Its place is held until the caches know of the Job.
        let place = decision
            .starts()
            .then(|| context.caches.turns.take(run, &context.caches, now));
        if matches!(place, Some(None)) {
            decision = Decision::WaitForTurn;
        }
        let changes = build::build(run, &seen, &decision, &owner_reference(run)?, &context.settings);
        let applied = change::apply(&changes, &objects).await;
        drop(place);
        if let Err(error) = applied {
            decision = Decision::refused(error)?;
        }
        if decision == Decision::Expire {
            return Ok(Next::OnChange);
        }
        let (next, notices) = status::next(run, &seen, &decision, now);
        objects.write_status(run, &next).await?;
        if let Some(failure) = status::end(&next).filter(|_| !ended(run)) {
            trace::ended(run, failure, now);
        }
        context.publish(run, notices).await;
        Ok(look_again(&seen, &decision, now))
    }
}

fn look_again(seen: &gather::Seen, decision: &Decision, now: Timestamp) -> Next {
    match decision {
        Decision::Watch { .. } => match gather::running(&seen.pods) {
            Some(pod) => {
                let since = pod.status.as_ref().and_then(|status| status.start_time.as_ref());
                let elapsed = since.map_or(0, |since| now.duration_since(since.0).as_secs());
                let pause = Duration::from_secs(u64::try_from(elapsed / 20).unwrap_or_default());
                Next::After(pause.clamp(READ_LOG, READ_LOG_AT_LEAST))
            }
            // Watches report on the Job and its pods; what a pod waits for is read.
            None => Next::Patiently(WHILE_WAITING),
        },
        Decision::Train | Decision::Replace | Decision::Wait { .. } | Decision::Reread { .. } => {
            Next::Patiently(WHILE_WAITING)
        }
        Decision::Ended { expires_in: Some(left) } => Next::After(*left),
        _ => Next::OnChange,
    }
}

/// The name of a run's Job and ConfigMap.
pub(crate) fn job_name(run: &str) -> String {
    format!("{run}-train")
}

/// The name of the Job that reads a run's result from the store.
pub(crate) fn reread_name(run: &str) -> String {
    format!("{run}-result")
}

/// The digest of all fields that affect the model: without `suspend`, the TTL and pod settings.
pub(crate) fn spec_hash(run: &TrainingRun) -> String {
    let spec = &run.spec;
    // An empty section equals an absent one.
    crate::object::digest_of(&(
        &spec.classifier_ref,
        &spec.dataset,
        &spec.preset,
        spec.preprocessing.clone().unwrap_or_default(),
        spec.features.clone().unwrap_or_default(),
        spec.search.clone().unwrap_or_default(),
    ))
}
