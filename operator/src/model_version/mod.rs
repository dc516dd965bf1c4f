//! ModelVersion: its stage, computed from the classifier's record.

mod build;
mod gather;
mod plan;
mod status;
#[cfg(test)]
mod tests;

use std::time::Duration;

use complaint_api::{ModelVersion, Stage};
use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt;

use crate::{
    change,
    context::Context,
    controller::{Reconciler, Watches},
    error::Error,
    queue::Next,
};

pub(crate) use build::{artifact, recorded, with_evidence};
pub(crate) use status::VersionStage;

/// The controller of ModelVersions.
pub(crate) struct ModelVersions;

impl Reconciler for ModelVersions {
    type Kind = ModelVersion;

    const NAME: &'static str = "model-version-controller";
    const TELLS_UNREADABLE: bool = true;

    fn watches(on: &Watches) {
        on.on_classifier(
            // Stages depend on the spec and the record.
            |classifier| {
                let status = classifier.status.clone().unwrap_or_default();
                let champions = (status.champion, status.challenger, status.previous_champion);
                let restored = (status.restored_time, status.restored_champion);
                (classifier.metadata.generation, champions, status.promotions, restored)
            },
            |version: &ModelVersion, classifier| version.spec.classifier_ref.name == classifier,
        );
    }

    /// Works on the version of the cache: one that has changed since is a conflict, and is reconciled again.
    async fn reconcile(version: &ModelVersion, context: &Context) -> Result<Next, Error> {
        let objects = context.objects(version.namespace());
        let now = context.now();
        let seen = gather::gather(version, &objects)?;
        let plan = plan::plan(version, &seen);
        // A promotion is noted at once: a classifier that is made anew must find it.
        if plan.stage == Stage::Candidate && awaits_evidence(version, now) {
            return Ok(Next::After(TO_WRITE_EVIDENCE));
        }
        let applied = change::apply(&build::build(version, &plan), &objects).await?;
        let changed: Option<ModelVersion> = applied.get(&version.name_any())?;
        let version = changed.as_ref().unwrap_or(version);
        let (next, notices) = status::next(version, &plan, now);
        if objects.write_status(version, &next).await? {
            context.publish(version, notices).await;
        }
        Ok(Next::OnChange)
    }
}

/// How long a new version may be without any status. The run that makes it writes next what it measured, and its classifier
/// decides at once: before that there is nothing to tell.
const TO_WRITE_EVIDENCE: Duration = Duration::from_secs(1);

fn awaits_evidence(version: &ModelVersion, now: Timestamp) -> bool {
    let created = version.creation_timestamp();
    let is_new = created.is_some_and(|created| now.duration_since(created.0) <= SignedDuration::from_secs(1));
    let told = version.status.as_ref().is_some_and(|status| status.stage.is_some());
    is_new && !told
}
