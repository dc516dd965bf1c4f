//! Carries a plan out: verdicts are recorded on the versions first, the workload comes last.

use complaint_api::{ClassifierChampion, ComplaintClassifier, ModelVersion, labels};
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::Deployment;
use kube::{
    ResourceExt,
    api::{Patch, PatchParams},
};
use serde_json::json;

use super::{build, gather::Seen, plan::Plan, rollout, store};
use crate::{
    error::{Doing, Error},
    object::{Objects, owner_reference},
    settings::Settings,
};

/// Carries `plan` out and returns the Deployment as it stands then.
pub(crate) async fn apply(
    classifier: &ComplaintClassifier,
    seen: &Seen,
    plan: &Plan,
    objects: &Objects,
    settings: &Settings,
) -> Result<Option<Deployment>, Error> {
    if plan.paused {
        return Ok(seen.deployment.clone());
    }
    for rejected in &plan.rejected {
        let reason = format!("{}: {}", rejected.reason, rejected.message);
        if let Some(version) = seen
            .versions
            .iter()
            .find(|version| version.name_any() == rejected.version)
        {
            objects
                .apply_status(version, &json!({ "rejectionReason": reason }))
                .await?;
        }
    }
    children(classifier, seen, plan, objects, settings).await
}

/// Repeats on the champion's version what the classifier's status says, for the day that the status is lost. The status is
/// written first: it is the only truth, and whatever stops us here is made good by the next reconcile.
pub(crate) async fn annotate_champion(
    champion: &ClassifierChampion,
    seen: &Seen,
    objects: &Objects,
) -> Result<(), Error> {
    let Some(version) = seen.versions.iter().find(|version| version.name_any() == champion.name) else {
        return Ok(());
    };
    let Some(promoted) = champion.promotion_time.as_ref().map(|time| time.0) else {
        return Ok(());
    };
    let noted = version
        .annotations()
        .get(labels::PROMOTED_AT)
        .and_then(|at| at.parse::<Timestamp>().ok());
    let mut version = version.clone();
    if noted != Some(promoted) {
        version = annotate(&version.name_any(), promoted, objects).await?;
    }
    if version
        .status
        .as_ref()
        .is_some_and(|status| status.rejection_reason.is_some())
    {
        // Rejected once and brought back by pin: it serves after all.
        objects.apply_status(&version, &json!({})).await?;
    }
    Ok(())
}

async fn annotate(name: &str, promoted: Timestamp, objects: &Objects) -> Result<ModelVersion, Error> {
    let body = json!({
        "apiVersion": format!("{}/{}", complaint_api::GROUP, complaint_api::VERSION),
        "kind": "ModelVersion",
        "metadata": { "name": name, "annotations": { labels::PROMOTED_AT: promoted.to_string() } },
    });
    objects
        .api::<ModelVersion>()
        .patch(name, &PatchParams::apply(super::NAME).force(), &Patch::Apply(&body))
        .await
        .doing(|| format!("annotating ModelVersion {name}"))
}

async fn children(
    classifier: &ComplaintClassifier,
    seen: &Seen,
    plan: &Plan,
    objects: &Objects,
    settings: &Settings,
) -> Result<Option<Deployment>, Error> {
    let owner = owner_reference(classifier)?;
    if let Some(claim) = store::claim(classifier, settings) {
        let name = claim.name_any();
        // A claim's size may have been raised by hand, and most of it can't be changed: it is made once.
        if objects
            .get::<k8s_openapi::api::core::v1::PersistentVolumeClaim>(&name)
            .await?
            .is_none()
        {
            objects.apply(&claim).await?;
        }
    }
    objects.apply(&build::service(classifier, &owner)).await?;
    match (build::disruption_budget(classifier, &owner, settings), &seen.budget) {
        (Some(wanted), _) => {
            objects.apply(&wanted).await?;
        }
        (None, Some(unwanted)) => objects.delete(unwanted).await?,
        (None, None) => {}
    }
    let autoscaler = build::autoscaler(classifier, &owner);
    if let (None, Some(unwanted)) = (&autoscaler, &seen.autoscaler) {
        // First, or it would go on changing the number that is set next.
        objects.delete(unwanted).await?;
    }
    let deployment = match (&plan.target, &seen.deployment) {
        (Some(version), _) => {
            let replicas = rollout::replicas_to_set(&classifier.spec.serving, seen.deployment.as_ref());
            let mut wanted = build::deployment(classifier, version, replicas, &owner, settings);
            if classifier.spec.serving.autoscaling.is_some() && replicas.is_some() {
                // Whoever scaled it since it was read must not be undone: then the apply conflicts, and is tried again.
                wanted.metadata.resource_version = seen.deployment.as_ref().and_then(ResourceExt::resource_version);
            }
            Some(objects.apply(&wanted).await?)
        }
        // The champion's record may be gone while its pods serve: they are left alone.
        (None, Some(deployment)) if plan.champion.is_none() => {
            objects.delete(deployment).await?;
            None
        }
        (None, deployment) => deployment.clone(),
    };
    match (autoscaler, &deployment, &seen.autoscaler) {
        (Some(wanted), Some(_), _) => {
            objects.apply(&wanted).await?;
        }
        // Nothing is there to scale.
        (Some(_), None, Some(idle)) => objects.delete(idle).await?,
        _ => {}
    }
    Ok(deployment)
}
