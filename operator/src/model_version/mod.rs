//! ModelVersion: its stage, computed from the classifier's record.

mod build;
mod gather;
mod plan;
mod status;
#[cfg(test)]
mod tests;

use complaint_api::{ComplaintClassifier, ModelVersion};
use kube::ResourceExt;

use crate::{
    change,
    context::Context,
    controller::{Reconciler, Watches, before_and_after, concerned},
    error::Error,
    queue::Next,
};

pub(crate) use status::VersionStage;

/// The controller of ModelVersions.
pub(crate) struct ModelVersions;

impl Reconciler for ModelVersions {
    type Kind = ModelVersion;

    const NAME: &'static str = "model-version-controller";

    fn watches(on: &Watches) {
        on.on(|caches, event| {
            // Stages depend on the spec and the record.
            let record = |classifier: Option<&ComplaintClassifier>| {
                let status = classifier?.status.clone().unwrap_or_default();
                let generation = classifier?.metadata.generation;
                Some((
                    generation,
                    status.champion,
                    status.challenger,
                    status.previous_champion,
                    status.promotions,
                ))
            };
            let (before, after) = before_and_after(event);
            let Some(classifier) = after.or(before).filter(|_| record(before) != record(after)) else {
                return Vec::new();
            };
            let name = classifier.name_any();
            concerned(
                caches,
                &classifier.namespace().unwrap_or_default(),
                |version: &ModelVersion| version.spec.classifier_ref.name == name,
            )
        });
    }

    /// Works on the version of the cache: one that has changed since is a conflict, and is reconciled again.
    async fn reconcile(version: &ModelVersion, context: &Context) -> Result<Next, Error> {
        let objects = context.objects(version.namespace());
        let seen = gather::gather(version, &objects)?;
        let plan = plan::plan(version, &seen);
        let applied = change::apply(&build::build(version, &plan), &objects).await?;
        let changed: Option<ModelVersion> = applied.get(&version.name_any())?;
        let version = changed.as_ref().unwrap_or(version);
        let (next, notices) = status::next(version, &plan, context.now());
        if objects.write_status(version, &next).await? {
            context.publish(version, notices).await;
        }
        Ok(Next::OnChange)
    }
}
