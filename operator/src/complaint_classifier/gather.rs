//! Reads what a decision about a classifier needs.

use complaint_api::{ComplaintClassifier, ModelVersion, labels};
use k8s_openapi::api::{
    apps::v1::{Deployment, ReplicaSet},
    autoscaling::v2::HorizontalPodAutoscaler,
    core::v1::{PersistentVolumeClaim, Pod, Service},
    policy::v1::PodDisruptionBudget,
};
use kube::{ResourceExt, api::ListParams};

use crate::{
    error::{Doing, Error},
    object::{Objects, is_owned_by},
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
    /// The pods of its Deployment.
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
    let servers = format!("{}={name},{}=server", labels::CLASSIFIER, labels::COMPONENT);
    let deployment: Option<Deployment> = objects.get(&name).await?;
    let pods = match &deployment {
        // Pods before ReplicaSets, so that the set of each pod is there.
        Some(deployment) => {
            let pods = objects.list::<Pod>(&servers).await?;
            let sets = objects.list::<ReplicaSet>(&servers).await?;
            pods_of(deployment, &sets, pods)
        }
        None => Vec::new(),
    };
    let claim: Option<PersistentVolumeClaim> = match classifier.spec.artifacts {
        None => objects.get(&default_claim(&name)).await?,
        Some(_) => None,
    };
    Ok(Seen {
        versions,
        deployment,
        service: objects.get(&name).await?,
        claim: claim.is_some(),
        budget: objects.get(&name).await?,
        autoscaler: objects.get(&name).await?,
        pods,
    })
}

/// The pods that a Deployment's ReplicaSets made. A label is anybody's, and what a pod says decides about versions.
fn pods_of(deployment: &Deployment, sets: &[ReplicaSet], mut pods: Vec<Pod>) -> Vec<Pod> {
    let owned: Vec<_> = sets.iter().filter(|set| is_owned_by(*set, deployment)).collect();
    pods.retain(|pod| owned.iter().any(|set| is_owned_by(pod, *set)));
    pods
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn object<K: serde::de::DeserializeOwned>(name: &str, owner: Option<&str>) -> K {
        let owners: Vec<Value> = owner
            .iter()
            .map(|uid| json!({ "apiVersion": "apps/v1", "kind": "Owner", "name": "cards", "uid": uid, "controller": true }))
            .collect();
        let metadata = json!({ "name": name, "uid": format!("{name}-uid"), "ownerReferences": owners });
        serde_json::from_value(json!({ "metadata": metadata })).expect("an object")
    }

    #[test]
    fn only_pods_of_the_deployments_own_replica_sets_count() {
        let deployment: Deployment = object("cards", None);
        let sets = [
            object("ours", Some("cards-uid")),
            object("foreign", Some("other-uid")),
            object("bare", None),
        ];
        let pods = [
            Some("ours-uid"),
            Some("foreign-uid"),
            Some("bare-uid"),
            Some("cards-uid"),
            None,
        ];
        let pods = pods.map(|owner| object(owner.unwrap_or("forged"), owner)).into();
        let names: Vec<_> = pods_of(&deployment, &sets, pods)
            .iter()
            .map(ResourceExt::name_any)
            .collect();
        assert_eq!(names, ["ours-uid"]);
    }
}
