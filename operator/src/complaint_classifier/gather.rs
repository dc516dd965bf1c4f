//! Reads what a decision about a classifier needs.

use complaint_api::{ComplaintClassifier, ModelVersion, labels};
use k8s_openapi::api::{apps::v1::Deployment, core::v1::Pod};
use kube::{ResourceExt, api::ListParams};

use crate::{
    error::{Doing, Error},
    object::Objects,
};

/// The cluster as this classifier sees it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// Its versions.
    pub(crate) versions: Vec<ModelVersion>,
    /// Its Deployment.
    pub(crate) deployment: Option<Deployment>,
    /// Its server pods.
    pub(crate) pods: Vec<Pod>,
    /// Whether something else owns a Deployment or Service of its name.
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
    let service: Option<k8s_openapi::api::core::v1::Service> = objects.get(&name).await?;
    let foreign = |object: &dyn HasOwner| object.owner_uid() != classifier.uid();
    let taken = if deployment.as_ref().is_some_and(|deployment| foreign(deployment)) {
        Some(format!("Deployment {name}"))
    } else if service.as_ref().is_some_and(|service| foreign(service)) {
        Some(format!("Service {name}"))
    } else {
        None
    };
    let pods = objects
        .list::<Pod>(&format!("{}={name},{}=server", labels::CLASSIFIER, labels::COMPONENT))
        .await?;
    Ok(Seen {
        versions,
        deployment,
        pods,
        taken,
    })
}

/// The uid of an object's controller.
trait HasOwner {
    fn owner_uid(&self) -> Option<String>;
}

impl<K: ResourceExt> HasOwner for K {
    fn owner_uid(&self) -> Option<String> {
        let owner = self
            .owner_references()
            .iter()
            .find(|owner| owner.controller == Some(true))?;
        Some(owner.uid.clone())
    }
}
