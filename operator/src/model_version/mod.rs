//! ModelVersion: its stage, computed from the classifier's record.

mod build;
mod gather;
mod plan;
mod status;
#[cfg(test)]
mod tests;

use complaint_api::{ComplaintClassifier, ModelVersion};
use kube::{
    ResourceExt,
    runtime::{Controller, controller::Action, watcher},
};

use crate::{
    change,
    context::Context,
    controller::{Guarded, Reconciler, Scope, concerned},
    error::Error,
};

/// The controller of ModelVersions.
pub(crate) struct ModelVersions;

impl Reconciler for ModelVersions {
    type Kind = ModelVersion;

    const NAME: &'static str = "model-version-controller";

    fn watches(controller: Controller<Guarded<ModelVersion>>, scope: &Scope) -> Controller<Guarded<ModelVersion>> {
        let versions = controller.store();
        controller.watches(
            scope.api::<Guarded<ComplaintClassifier>>(),
            watcher::Config::default(),
            move |classifier: Guarded<ComplaintClassifier>| {
                let name = classifier.name_any();
                concerned(&versions, &classifier, |version: &ModelVersion| {
                    version.spec.classifier_ref.name == name
                })
            },
        )
    }

    /// Works on the cached version: if it has changed, the write conflicts and the reconcile is retried.
    async fn reconcile(version: &ModelVersion, context: &Context) -> Result<Action, Error> {
        let objects = context.objects(version.namespace());
        let seen = gather::gather(version, &objects).await?;
        let plan = plan::plan(version, &seen);
        let applied = change::apply(&build::build(version, &plan), &objects).await?;
        let changed: Option<ModelVersion> = applied.get(&version.name_any())?;
        let version = changed.as_ref().unwrap_or(version);
        let (next, notices) = status::next(version, &plan, context.now());
        if objects.write_status(version, &next).await? {
            context.publish(version, notices).await;
        }
        Ok(Action::await_change())
    }
}
