//! The artifact store: its claim, addresses and mounts.

use std::collections::BTreeMap;

use complaint_api::{ComplaintClassifier, labels};
use k8s_openapi::{
    api::core::v1::{
        EnvFromSource, PersistentVolumeClaim, PersistentVolumeClaimSpec, PersistentVolumeClaimVolumeSource,
        PodAffinity, PodAffinityTerm, SecretEnvSource, Volume, VolumeMount, VolumeResourceRequirements,
    },
    apimachinery::pkg::{
        api::resource::Quantity,
        apis::meta::v1::{LabelSelector, ObjectMeta},
    },
};
use kube::ResourceExt;

use crate::{settings::Settings, workload};

/// The mount path of the store in pods.
pub(crate) const MOUNT_PATH: &str = "/var/lib/complaint-store";
/// The mount path of the folder that server pods may write to.
const WRITABLE_PATH: &str = "/var/lib/complaint-collected";
const VOLUME: &str = "store";

/// The name of the claim for a classifier without `spec.artifacts`.
pub(crate) fn default_claim(classifier: &str) -> String {
    format!("{classifier}-artifacts")
}

/// The store of a classifier's models.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Store {
    /// On a volume, which pods mount.
    Claim(String),
    /// In a bucket.
    Bucket {
        /// `s3://bucket/path`.
        uri: String,
        /// The Secret with its settings.
        secret: Option<String>,
    },
}

impl Store {
    /// The store of a classifier.
    pub(crate) fn of(classifier: &ComplaintClassifier) -> Self {
        let artifacts = classifier.spec.artifacts.clone().unwrap_or_default();
        match (artifacts.uri, artifacts.persistent_volume_claim) {
            (Some(uri), _) => Self::Bucket {
                uri,
                secret: artifacts.secret_ref.map(|secret| secret.name),
            },
            (None, Some(claim)) => Self::Claim(claim.claim_name),
            (None, None) => Self::Claim(default_claim(&classifier.name_any())),
        }
    }

    /// The store that a pod with these volumes sees at `root`.
    pub(crate) fn seen_at(root: &str, volumes: &[Volume]) -> Option<Self> {
        if root != MOUNT_PATH {
            return Some(Self::Bucket {
                uri: root.to_owned(),
                secret: None,
            });
        }
        let volume = volumes.iter().find(|volume| volume.name == VOLUME)?;
        Some(Self::Claim(volume.persistent_volume_claim.as_ref()?.claim_name.clone()))
    }

    /// Whether the other one is the same place, whatever its keys are.
    pub(crate) fn is_at(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Claim(one), Self::Claim(other)) => one == other,
            (Self::Bucket { uri: one, .. }, Self::Bucket { uri: other, .. }) => one == other,
            _ => false,
        }
    }

    /// The address of `path` in the store.
    pub(crate) fn uri(&self, path: &str) -> String {
        match self {
            Self::Claim(claim) => format!("pvc://{claim}/{path}"),
            Self::Bucket { uri, .. } => format!("{uri}/{path}"),
        }
    }

    /// What a pod of this store opens for the file at `uri`; `None` for a file that is not in the store. The pod's keys may
    /// open other buckets too, and whoever records a version must not choose among them.
    pub(crate) fn open(&self, uri: &str) -> Option<String> {
        let path = uri.strip_prefix(&self.uri(""))?;
        let plain = path
            .split('/')
            .all(|part| !part.is_empty() && part != "." && part != "..");
        plain.then(|| format!("{}/{path}", self.root()))
    }

    /// Its root in pods.
    pub(crate) fn root(&self) -> &str {
        match self {
            Self::Claim(_) => MOUNT_PATH,
            Self::Bucket { uri, .. } => uri,
        }
    }

    /// Its volume, if it has one.
    pub(crate) fn volume(&self, read_only: bool) -> Option<Volume> {
        let Self::Claim(claim) = self else { return None };
        Some(Volume {
            name: VOLUME.into(),
            persistent_volume_claim: Some(PersistentVolumeClaimVolumeSource {
                claim_name: claim.clone(),
                read_only: read_only.then_some(true),
            }),
            ..Volume::default()
        })
    }

    /// The volume's mount.
    pub(crate) fn mount(&self, read_only: bool) -> Option<VolumeMount> {
        matches!(self, Self::Claim(_)).then(|| VolumeMount {
            name: VOLUME.into(),
            mount_path: MOUNT_PATH.into(),
            read_only: read_only.then_some(true),
            ..VolumeMount::default()
        })
    }

    /// The place in a pod of a folder that the pod may write to.
    pub(crate) fn writable_at(&self, folder: &str) -> String {
        match self {
            Self::Claim(_) => WRITABLE_PATH.to_owned(),
            Self::Bucket { .. } => self.uri(folder),
        }
    }

    /// The mount of this folder alone. The pod's volume must not be read-only, but its other mount may be.
    pub(crate) fn writable_mount(&self, folder: &str) -> Option<VolumeMount> {
        let mount = self.mount(false)?;
        Some(VolumeMount {
            mount_path: WRITABLE_PATH.into(),
            sub_path: Some(folder.to_owned()),
            ..mount
        })
    }

    /// The keys of its Secret as environment variables whose names begin with `prefix`.
    pub(crate) fn variables(&self, prefix: Option<&str>) -> Option<EnvFromSource> {
        let Self::Bucket { secret, .. } = self else { return None };
        Some(secret_variables(secret.as_deref()?, prefix))
    }
}

/// All keys of a Secret as environment variables whose names begin with `prefix`. A missing Secret blocks the start of the pod.
pub(crate) fn secret_variables(secret: &str, prefix: Option<&str>) -> EnvFromSource {
    EnvFromSource {
        secret_ref: Some(SecretEnvSource {
            name: secret.into(),
            optional: Some(false),
        }),
        prefix: prefix.map(str::to_owned),
        ..EnvFromSource::default()
    }
}

/// With a ReadWriteOnce claim of the operator, all pods of a classifier must run on one node.
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

/// The claim of a classifier without `spec.artifacts`. It has no owner, so deleting a classifier never deletes models.
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
    use complaint_contract::variables;

    use super::*;

    #[test]
    fn a_path_never_leaves_its_store() {
        let store = Store::Claim("cards-artifacts".into());
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
            ("gs://bucket/a", None),
        ];
        for (uri, expected) in cases {
            assert_eq!(store.open(uri).as_deref(), expected, "{uri}");
        }
    }

    #[test]
    fn a_bucket_needs_no_volume() {
        let store = Store::Bucket {
            uri: "s3://models/prod".into(),
            secret: Some("keys".into()),
        };
        assert_eq!(store.uri("a/model.safetensors"), "s3://models/prod/a/model.safetensors");
        let cases = [
            ("s3://models/prod/staging/cards/ab/model.safetensors", true),
            ("s3://models/production/a", false),
            ("s3://models/staging/a", false),
            ("s3://models/prod/../staging/a", false),
            ("s3://models-2/prod/a", false),
            ("pvc://claim/a", false),
        ];
        for (uri, inside) in cases {
            assert_eq!(store.open(uri).as_deref(), inside.then_some(uri), "{uri}");
        }
        assert_eq!((store.volume(true), store.mount(true)), (None, None));
        let of_store = store.variables(Some(variables::STORE)).unwrap();
        assert_eq!(of_store.prefix.as_deref(), Some("STORE_"));
        assert_eq!(of_store.secret_ref.unwrap().name, "keys");
    }
}
