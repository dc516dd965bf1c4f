//! ModelVersion: the finalizer, which a version has as long as its `deletionPolicy` is `Delete`.

use complaint_api::{ComplaintClassifier, DeletionPolicy, ModelVersion};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::{ResourceExt, core::ApiResource};
use serde_json::json;

use super::{finalizers, has_finalizer, others, plan::Fate, status};
use crate::{
    change::{self, Change, Target},
    context::Context,
    controller::{Reconciler, Watches},
    error::Error,
    queue::Next,
};

/// The controller of the finalizer.
pub(crate) struct Finalizers;

/// What is done about a version's finalizer.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Decision {
    /// It is as it should be, or its classifier's controller decides.
    Keep,
    /// It is added or removed, as the policy says.
    Set,
    /// It is removed from a version that is being deleted, whose files stay.
    Release(Fate),
}

impl Reconciler for Finalizers {
    type Kind = ModelVersion;

    const NAME: &'static str = "finalizer-controller";
    const OF_DELETED: bool = true;

    fn watches(on: &Watches) {
        on.on_classifier(
            |classifier| classifier.metadata.deletion_timestamp.is_some(),
            |version: &ModelVersion, classifier| version.spec.classifier_ref.name == classifier,
        );
    }

    async fn reconcile(version: &ModelVersion, context: &Context) -> Result<Next, Error> {
        let objects = context.objects(version.namespace());
        let classifier = objects.kept::<ComplaintClassifier>(&version.spec.classifier_ref.name);
        let classifier = classifier.as_ref().and_then(|kept| kept.readable());
        let decision = decide(version, classifier);
        let change = match &decision {
            Decision::Keep => return Ok(Next::OnChange),
            Decision::Set => set(Target::as_read(version), &finalizers(version).unwrap_or_default()),
            Decision::Release(_) => set(Target::as_read(version), &others(version.finalizers())),
        };
        change::apply(&[change], &objects).await?;
        if let Decision::Release(fate) = &decision {
            let notice = status::notice(version, fate);
            context.publish(version, notice.into_iter().collect()).await;
        }
        Ok(Next::OnChange)
    }

    /// What is not known of it may be anything: its files stay.
    async fn release(metadata: &ObjectMeta, context: &Context) -> Result<(), Error> {
        let finalizers = metadata.finalizers.as_deref().unwrap_or_default();
        let others = others(finalizers);
        if others.len() == finalizers.len() {
            return Ok(());
        }
        let target = Target {
            resource: ApiResource::erase::<ModelVersion>(&()),
            name: metadata.name.clone().unwrap_or_default(),
            uid: metadata.uid.clone(),
            resource_version: metadata.resource_version.clone(),
        };
        let objects = context.objects(metadata.namespace.clone());
        change::apply(&[set(target, &others)], &objects).await.map(drop)
    }
}

/// What is done about the finalizer of `version`, whose classifier is there if it can be read. Pure.
pub(super) fn decide(version: &ModelVersion, classifier: Option<&ComplaintClassifier>) -> Decision {
    let has = has_finalizer(version);
    let wanted = version.spec.deletion_policy == DeletionPolicy::Delete;
    if version.metadata.deletion_timestamp.is_none() {
        return if has == wanted { Decision::Keep } else { Decision::Set };
    }
    let name = &version.spec.classifier_ref.name;
    let is_there = classifier.is_some_and(|classifier| classifier.metadata.deletion_timestamp.is_none());
    match (has, wanted) {
        (false, _) => Decision::Keep,
        (true, false) => Decision::Release(Fate::Orphaned),
        (true, true) if is_there => Decision::Keep,
        (true, true) => Decision::Release(Fate::Left {
            why: format!("its ComplaintClassifier {name}, which names the store, is not there or can't be read"),
        }),
    }
}

/// The merge patch of the finalizers.
pub(super) fn set(target: Target, finalizers: &[String]) -> Change {
    Change::Merge(target, json!({ "metadata": { "finalizers": finalizers } }))
}
