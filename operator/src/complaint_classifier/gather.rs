//! Reads what a decision about a classifier needs.

use complaint_api::{ComplaintClassifier, ModelVersion, labels};
use k8s_openapi::api::{
    apps::v1::Deployment,
    autoscaling::v2::HorizontalPodAutoscaler,
    core::v1::{Pod, Service},
    policy::v1::PodDisruptionBudget,
};
use kube::{ResourceExt, api::ListParams};

use crate::{
    error::{Doing, Error},
    object::{Object, Objects, is_owned_by},
};

/// The cluster as this classifier sees it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// Its versions.
    pub(crate) versions: Vec<ModelVersion>,
    /// Its Deployment.
    pub(crate) deployment: Option<Deployment>,
    /// Its PodDisruptionBudget.
    pub(crate) budget: Option<PodDisruptionBudget>,
    /// Its HorizontalPodAutoscaler.
    pub(crate) autoscaler: Option<HorizontalPodAutoscaler>,
    /// Its server pods.
    pub(crate) pods: Vec<Pod>,
    /// Something else that has the name of one of its objects.
    pub(crate) taken: Option<String>,
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
    let deployment: Option<Deployment> = objects.get(&name).await?;
    let service: Option<Service> = objects.get(&name).await?;
    let budget: Option<PodDisruptionBudget> = objects.get(&name).await?;
    let autoscaler: Option<HorizontalPodAutoscaler> = objects.get(&name).await?;
    let taken = [
        foreign(deployment.as_ref(), classifier),
        foreign(service.as_ref(), classifier),
        foreign(budget.as_ref(), classifier),
        foreign(autoscaler.as_ref(), classifier),
    ];
    let pods = objects
        .list::<Pod>(&format!("{}={name},{}=server", labels::CLASSIFIER, labels::COMPONENT))
        .await?;
    Ok(Seen {
        versions,
        deployment,
        budget,
        autoscaler,
        pods,
        taken: taken.into_iter().flatten().next(),
    })
}

/// The object's kind and name, where it is not the classifier's.
fn foreign<K: Object>(object: Option<&K>, classifier: &ComplaintClassifier) -> Option<String> {
    let object = object.filter(|object| !is_owned_by(*object, classifier))?;
    Some(format!("{} {}", K::kind(&()), object.name_any()))
}
