//! A key of a Secret as a file in a pod.

use complaint_api::SecretKeyRef;
use k8s_openapi::api::core::v1::{KeyToPath, SecretVolumeSource, Volume, VolumeMount};

/// Only the owner may read the file. With a pod's `fsGroup` the kubelet lets that group read it, too.
const MODE: i32 = 0o400;

/// A file with what one key of a Secret holds.
#[derive(Debug)]
pub(crate) struct SecretFile {
    pub(crate) volume: Volume,
    pub(crate) mount: VolumeMount,
    /// Its path in the pod.
    pub(crate) path: String,
}

impl SecretFile {
    /// The file below `directory`. Its path names Secret and key, so that a message about it says which Secret to create.
    pub(crate) fn new(volume: &str, directory: &str, reference: &SecretKeyRef) -> Self {
        let directory = format!("{directory}/{}", reference.name);
        Self {
            path: format!("{directory}/{}", reference.key),
            volume: Volume {
                name: volume.into(),
                secret: Some(SecretVolumeSource {
                    secret_name: Some(reference.name.clone()),
                    items: Some(vec![KeyToPath {
                        key: reference.key.clone(),
                        path: reference.key.clone(),
                        mode: None,
                    }]),
                    default_mode: Some(MODE),
                    // A pod without the Secret would wait without a word in its status. The program says what is missing.
                    optional: Some(true),
                }),
                ..Volume::default()
            },
            mount: VolumeMount {
                name: volume.into(),
                mount_path: directory,
                read_only: Some(true),
                ..VolumeMount::default()
            },
        }
    }
}
