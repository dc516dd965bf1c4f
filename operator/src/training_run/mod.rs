//! TrainingRun: one ConfigMap and one Job; at the end a ModelVersion of the same name.

mod build;
mod gather;
mod plan;
mod status;
#[cfg(test)]
mod tests;

use std::time::Duration;

use complaint_api::{ComplaintClassifier, TrainingRun, TrainingRunStatus, labels};
use jiff::Timestamp;
use k8s_openapi::api::{batch::v1::Job, core::v1::Pod};
use kube::{
    ResourceExt,
    runtime::{Controller, controller::Action, watcher},
};

use crate::{
    change,
    context::Context,
    controller::{Guarded, Reconciler, Scope, concerned, labelled, pause},
    error::Error,
    object::owner_reference,
};
use plan::Decision;

pub use build::config as trainer_config;

/// Requeue interval of a running training: its progress is in its log, which can't be watched cheaply.
const WHILE_RUNNING: Duration = Duration::from_secs(5);
/// Requeue interval while an unwatched object (a ConfigMap, a claim) is missing.
const WHILE_WAITING: Duration = Duration::from_secs(10);

/// The controller of TrainingRuns.
pub(crate) struct TrainingRuns;

impl Reconciler for TrainingRuns {
    type Kind = TrainingRun;

    const NAME: &'static str = "training-run-controller";

    fn watches(controller: Controller<Guarded<TrainingRun>>, scope: &Scope) -> Controller<Guarded<TrainingRun>> {
        let ours = watcher::Config::default().labels(labels::TRAINING_RUN);
        let runs = controller.store();
        controller
            .owns(scope.api::<Job>(), ours.clone())
            .watches(scope.api::<Pod>(), ours, |pod: Pod| {
                labelled(&pod, labels::TRAINING_RUN)
            })
            .watches(
                scope.api::<Guarded<ComplaintClassifier>>(),
                watcher::Config::default(),
                move |classifier: Guarded<ComplaintClassifier>| {
                    let name = classifier.name_any();
                    // Only runs that wait for this classifier.
                    concerned(&runs, &classifier, |run: &TrainingRun| {
                        run.spec.classifier_ref.name == name && !status::ended(run)
                    })
                },
            )
    }

    async fn reconcile(cached: &TrainingRun, context: &Context) -> Result<Action, Error> {
        let objects = context.objects(cached.namespace());
        let Some(run) = objects.again(cached).await? else {
            return Ok(Action::await_change());
        };
        let now = context.now();
        let seen = gather::gather(&run, &objects).await?;
        let mut decision = plan::plan(&run, &seen, &context.settings, now);
        let changes = build::build(&run, &seen, &decision, &owner_reference(&run)?, &context.settings);
        if let Err(error) = change::apply(&changes, &objects).await {
            decision = Decision::refused(error)?;
        }
        if decision == Decision::Expire {
            return Ok(Action::await_change());
        }
        let (next, notices) = status::next(&run, &seen, &decision, now);
        objects.write_status(&run, &next).await?;
        context.publish(&run, notices).await;
        Ok(look_again(&decision, &next, now))
    }
}

fn look_again(decision: &Decision, status: &TrainingRunStatus, now: Timestamp) -> Action {
    let pause = |least| Action::requeue(pause(&status.conditions, now, least));
    match decision {
        Decision::Watch { blocked: Some(_), .. } => pause(WHILE_RUNNING),
        Decision::Train | Decision::Replace | Decision::Watch { .. } => Action::requeue(WHILE_RUNNING),
        Decision::Wait { .. } => pause(WHILE_WAITING),
        Decision::Ended { expires_in: Some(left) } => Action::requeue(*left),
        _ => Action::await_change(),
    }
}

/// The name of a run's Job and ConfigMap.
pub(crate) fn job_name(run: &str) -> String {
    format!("{run}-train")
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
