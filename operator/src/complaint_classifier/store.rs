//! The artifact store: its claim, its addresses, and how pods mount it.

use std::collections::BTreeMap;

use complaint_api::{ComplaintClassifier, labels};
use k8s_openapi::{
    api::core::v1::{
        PersistentVolumeClaim, PersistentVolumeClaimSpec, PersistentVolumeClaimVolumeSource, PodAffinity,
        PodAffinityTerm, Volume, VolumeMount, VolumeResourceRequirements,
    },
    apimachinery::pkg::{
        api::resource::Quantity,
        apis::meta::v1::{LabelSelector, ObjectMeta},
    },
};
use kube::ResourceExt;

use crate::{settings::Settings, workload};

/// Where pods see the store.
pub(crate) const MOUNT_PATH: &str = "/var/lib/complaint-store";
const VOLUME: &str = "store";

/// The claim that the operator makes for a classifier without `spec.artifacts`.
pub(crate) fn default_claim(classifier: &str) -> String {
    format!("{classifier}-artifacts")
}

/// The claim that holds a classifier's store.
pub(crate) fn claim_of(classifier: &ComplaintClassifier) -> String {
    match &classifier.spec.artifacts {
        Some(store) => store.persistent_volume_claim.claim_name.clone(),
        None => default_claim(&classifier.name_any()),
    }
}

/// The address of `path` in the store of that claim.
pub(crate) fn uri(claim: &str, path: &str) -> String {
    format!("pvc://{claim}/{path}")
}

/// Where a pod that mounts `claim` sees the file at `uri`; `None` when it is in another store.
pub(crate) fn path_in(uri: &str, claim: &str) -> Option<String> {
    let path = uri.strip_prefix("pvc://")?.strip_prefix(claim)?.strip_prefix('/')?;
    let plain = !path.is_empty()
        && path
            .split('/')
            .all(|part| !part.is_empty() && part != "." && part != "..");
    plain.then(|| format!("{MOUNT_PATH}/{path}"))
}

/// The volume.
pub(crate) fn volume(claim: &str, read_only: bool) -> Volume {
    Volume {
        name: VOLUME.into(),
        persistent_volume_claim: Some(PersistentVolumeClaimVolumeSource {
            claim_name: claim.into(),
            read_only: read_only.then_some(true),
        }),
        ..Volume::default()
    }
}

/// Its mount.
pub(crate) fn mount(read_only: bool) -> VolumeMount {
    VolumeMount {
        name: VOLUME.into(),
        mount_path: MOUNT_PATH.into(),
        read_only: read_only.then_some(true),
        ..VolumeMount::default()
    }
}

/// With a ReadWriteOnce claim of the operator's, all pods of a classifier must run where the first one does.
pub(crate) fn affinity(classifier: &ComplaintClassifier, settings: &Settings) -> Option<PodAffinity> {
    let shared = classifier.spec.artifacts.is_some() || settings.storage_access_mode != "ReadWriteOnce";
    (!shared).then(|| PodAffinity {
        required_during_scheduling_ignored_during_execution: Some(vec![PodAffinityTerm {
            label_selector: Some(LabelSelector {
                match_labels: Some(BTreeMap::from([(labels::CLASSIFIER.to_owned(), classifier.name_any())])),
                match_expressions: None,
            }),
            topology_key: "kubernetes.io/hostname".into(),
            ..PodAffinityTerm::default()
        }]),
        ..PodAffinity::default()
    })
}

/// The claim of a classifier without `spec.artifacts`. It belongs to nobody: deleting a classifier never deletes models.
pub(crate) fn claim(classifier: &ComplaintClassifier, settings: &Settings) -> Option<PersistentVolumeClaim> {
    if classifier.spec.artifacts.is_some() {
        return None;
    }
    let mut labels = workload::labels("complaint-store", "store", &classifier.name_any());
    labels.insert(labels::CLASSIFIER.into(), classifier.name_any());
    Some(PersistentVolumeClaim {
        metadata: ObjectMeta {
            name: Some(default_claim(&classifier.name_any())),
            namespace: classifier.namespace(),
            labels: Some(labels),
            ..ObjectMeta::default()
        },
        spec: Some(PersistentVolumeClaimSpec {
            access_modes: Some(vec![settings.storage_access_mode.clone()]),
            storage_class_name: settings.storage_class.clone(),
            resources: Some(VolumeResourceRequirements {
                requests: Some(BTreeMap::from([(
                    "storage".to_owned(),
                    Quantity(settings.storage_size.clone()),
                )])),
                limits: None,
            }),
            ..PersistentVolumeClaimSpec::default()
        }),
        status: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_never_leaves_its_store() {
        let cases = [
            (
                "pvc://cards-artifacts/default/cards/ab/model.safetensors",
                Some("/var/lib/complaint-store/default/cards/ab/model.safetensors"),
            ),
            ("pvc://other/default/cards/ab/model.safetensors", None),
            ("pvc://cards-artifacts/../secret", None),
            ("pvc://cards-artifacts/a//b", None),
            ("pvc://cards-artifacts/", None),
            ("pvc://cards-artifacts-2/a", None),
            ("s3://bucket/a", None),
        ];
        for (uri, expected) in cases {
            assert_eq!(path_in(uri, "cards-artifacts").as_deref(), expected, "{uri}");
        }
    }
}
