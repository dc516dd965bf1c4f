//! Reads what a decision about a classifier needs.

use complaint_api::{ComplaintClassifier, ModelVersion, labels};
use k8s_openapi::api::{
    apps::v1::{Deployment, ReplicaSet},
    autoscaling::v2::HorizontalPodAutoscaler,
    core::v1::{PersistentVolumeClaim, Pod, Service},
    policy::v1::PodDisruptionBudget,
};
use kube::{Resource, ResourceExt, core::DynamicObject};
use serde::de::DeserializeOwned;

use super::plan::{Plan, Rejected};
use crate::{
    cache::Kept,
    error::Error,
    object::{Object, Objects, is_owned_by},
    pod,
    store::default_claim,
};

/// The cluster as this classifier sees it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// Its versions.
    pub(crate) versions: Vec<ModelVersion>,
    /// Versions of it that this release can't read.
    pub(crate) unreadable: Vec<Unread>,
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

/// A version that this release can't read, such as one that a later release wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unread {
    pub(crate) version: String,
    /// Where its form differs.
    pub(crate) error: String,
}

pub(crate) fn gather(classifier: &ComplaintClassifier, objects: &Objects) -> Result<Seen, Error> {
    let name = classifier.name_any();
    let (mut versions, mut unreadable) = (Vec::new(), Vec::new());
    // One that is being deleted may wait for the deletion of its files: it is gone already.
    let is_one =
        |kept: &Kept<ModelVersion>| classifier_of(kept) == Some(&name) && kept.meta().deletion_timestamp.is_none();
    for kept in objects.select::<ModelVersion>(is_one) {
        match &kept.0 {
            Ok(version) => versions.push(version.clone()),
            Err(unread) => unreadable.push(Unread {
                version: unread.metadata.name.clone().unwrap_or_default(),
                error: unread.error.clone(),
            }),
        }
    }
    let deployment: Option<Deployment> = objects.cached(&name)?;
    let pods = deployment
        .as_ref()
        .map_or_else(Vec::new, |deployment| own_pods(deployment, objects));
    if pods.iter().any(|pod| pod::blocked(pod).is_some()) {
        // It may be the claim that is missing.
        objects.doubt::<PersistentVolumeClaim>(&default_claim(&name));
    }
    Ok(Seen {
        versions,
        unreadable,
        deployment,
        service: objects.cached(&name)?,
        claim: objects.kept::<PersistentVolumeClaim>(&default_claim(&name)).is_some(),
        budget: objects.cached(&name)?,
        autoscaler: objects.cached(&name)?,
        pods,
    })
}

impl Seen {
    /// Takes in an object that belongs to something else and has the name of one of the classifier's.
    pub(crate) fn found(&mut self, foreign: &DynamicObject) {
        fn read<K: DeserializeOwned + Object>(foreign: &DynamicObject) -> Option<K> {
            let types = foreign.types.as_ref()?;
            (types.kind == K::kind(&()))
                .then(|| foreign.clone().try_parse().ok())
                .flatten()
        }
        self.deployment = read(foreign).or(self.deployment.take());
        self.service = read(foreign).or(self.service.take());
        self.budget = read(foreign).or(self.budget.take());
        self.autoscaler = read(foreign).or(self.autoscaler.take());
    }

    /// Asks the API server about Deployment and pods where `plan` gives up what is rolled out: that is final, and the caches
    /// may be behind. Says whether it did.
    pub(crate) async fn confirm(&mut self, plan: &Plan, objects: &Objects) -> Result<bool, Error> {
        let Some(deployment) = &self.deployment else {
            return Ok(false);
        };
        let rolling = super::rollout::rolling(deployment).map(str::to_owned);
        let gives_up = |rejected: &Rejected| Some(&rejected.version) == rolling.as_ref();
        if !plan.rejected.iter().any(gives_up) {
            return Ok(false);
        }
        let name = deployment.name_any();
        let servers = format!("{}={name},{}=server", labels::CLASSIFIER, labels::COMPONENT);
        self.deployment = objects.get(&name).await?;
        // Pods before ReplicaSets, so that the set of each pod is there.
        let pods = objects.list::<Pod>(&servers).await?;
        let sets = objects.list::<ReplicaSet>(&servers).await?;
        let deployment = self.deployment.as_ref();
        self.pods = deployment.map_or_else(Vec::new, |deployment| pods_of(deployment, &sets, pods));
        Ok(true)
    }
}

/// The classifier that a version names.
pub(crate) fn classifier_of(version: &Kept<ModelVersion>) -> Option<&String> {
    match &version.0 {
        Ok(version) => Some(&version.spec.classifier_ref.name),
        Err(unread) => unread.classifier.as_ref(),
    }
}

/// Whether the object carries the labels of that classifier's servers.
fn is_server_of(object: &impl ResourceExt, classifier: &str) -> bool {
    let has = |label, value| object.labels().get(label).is_some_and(|found| found == value);
    has(labels::CLASSIFIER, classifier) && has(labels::COMPONENT, "server")
}

/// The pods of the classifier's own Deployment, as the caches know them.
pub(crate) fn servers(classifier: &ComplaintClassifier, objects: &Objects) -> Result<Vec<Pod>, Error> {
    let deployment: Option<Deployment> = objects.cached(&classifier.name_any())?;
    let own = deployment.filter(|deployment| is_owned_by(deployment, classifier));
    Ok(own.map_or_else(Vec::new, |deployment| own_pods(&deployment, objects)))
}

fn own_pods(deployment: &Deployment, objects: &Objects) -> Vec<Pod> {
    let name = deployment.name_any();
    let pods = objects.readable(|pod: &Pod| is_server_of(pod, &name));
    let sets = objects.readable(|set: &ReplicaSet| is_server_of(set, &name));
    pods_of(deployment, &sets, pods)
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

    fn object<K: DeserializeOwned>(name: &str, owner: Option<&str>) -> K {
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
