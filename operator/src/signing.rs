//! Signatures of models: the private key in training pods, the public keys of servers. The operator reads no private key.

use complaint_api::{ComplaintClassifier, VerificationPolicy};
use k8s_openapi::api::core::v1::{KeyToPath, SecretVolumeSource, Volume, VolumeMount};

const VOLUME: &str = "signing-key";
const DIRECTORY: &str = "/etc/complaint-signing";
/// Only the owner may read the key. With a pod's `fsGroup` the kubelet lets that group read it, too.
const MODE: i32 = 0o400;

/// The volume with the private key of a classifier's trainings, its mount, and the path of the key.
pub(crate) fn key(classifier: &ComplaintClassifier) -> Option<(Volume, VolumeMount, String)> {
    let reference = &classifier.spec.signing.as_ref()?.key_secret_ref;
    // The path names both, so that a message about it says which Secret to create.
    let directory = format!("{DIRECTORY}/{}", reference.name);
    let path = format!("{directory}/{}", reference.key);
    let volume = Volume {
        name: VOLUME.into(),
        secret: Some(SecretVolumeSource {
            secret_name: Some(reference.name.clone()),
            items: Some(vec![KeyToPath {
                key: reference.key.clone(),
                path: reference.key.clone(),
                mode: None,
            }]),
            default_mode: Some(MODE),
            // A pod without the Secret would wait without a word in its status. The trainer says what is missing.
            optional: Some(true),
        }),
        ..Volume::default()
    };
    let mount = VolumeMount {
        name: VOLUME.into(),
        mount_path: directory,
        read_only: Some(true),
        ..VolumeMount::default()
    };
    Some((volume, mount, path))
}

/// The server's arguments by which it verifies signatures: none if it reads none. A public key is no secret, and as an argument
/// it changes with the pods: those that run keep the keys that they began with.
pub(crate) fn verification(classifier: &ComplaintClassifier) -> Vec<String> {
    let verification = classifier.spec.verification.as_ref();
    let Some(verification) = verification.filter(|found| found.policy != VerificationPolicy::Ignore) else {
        return Vec::new();
    };
    let mut args = vec!["--verification".to_owned(), verification.policy.to_string()];
    for key in &verification.public_keys {
        args.extend(["--public-key".to_owned(), key.trim().to_owned()]);
    }
    args
}
