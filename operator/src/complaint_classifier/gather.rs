//! Reads what a decision about a classifier needs.

use complaint_api::{ComplaintClassifier, ModelVersion, labels};
use k8s_openapi::api::{
    apps::v1::Deployment,
    autoscaling::v2::HorizontalPodAutoscaler,
    core::v1::{PersistentVolumeClaim, Pod, Service},
    policy::v1::PodDisruptionBudget,
};
use kube::{ResourceExt, api::ListParams};

use crate::{
    error::{Doing, Error},
    object::Objects,
    store::default_claim,
};

/// The cluster as this classifier sees it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// Its versions.
    pub(crate) versions: Vec<ModelVersion>,
    /// The Deployment with its name.
    pub(crate) deployment: Option<Deployment>,
    /// The Service with its name.
    pub(crate) service: Option<Service>,
    /// Whether the claim of the classifier's own store exists.
    pub(crate) claim: bool,
    /// The PodDisruptionBudget with its name.
    pub(crate) budget: Option<PodDisruptionBudget>,
    /// The HorizontalPodAutoscaler with its name.
    pub(crate) autoscaler: Option<HorizontalPodAutoscaler>,
    /// Its server pods.
    pub(crate) pods: Vec<Pod>,
}

pub(crate) async fn gather(classifier: &ComplaintClassifier, objects: &Objects) -> Result<Seen, Error> {
    let name = classifier.name_any();
    let of_this = ListParams::default().fields(&format!("spec.classifierRef.name={name}"));
    let versions = objects
        .api::<ModelVersion>()
        .list(&of_this)
        .await
        .doing(|| format!("listing the ModelVersions of {name}"))?
        .items;
    let pods = objects
        .list::<Pod>(&format!("{}={name},{}=server", labels::CLASSIFIER, labels::COMPONENT))
        .await?;
    let claim: Option<PersistentVolumeClaim> = match classifier.spec.artifacts {
        None => objects.get(&default_claim(&name)).await?,
        Some(_) => None,
    };
    Ok(Seen {
        versions,
        deployment: objects.get(&name).await?,
        service: objects.get(&name).await?,
        claim: claim.is_some(),
        budget: objects.get(&name).await?,
        autoscaler: objects.get(&name).await?,
        pods,
    })
}
