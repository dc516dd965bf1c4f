//! Signatures of models: the private key in training pods, the public keys of servers. The operator reads no private key.

use complaint_api::{ComplaintClassifier, VerificationPolicy};

use crate::secret_file::SecretFile;

const VOLUME: &str = "signing-key";
const DIRECTORY: &str = "/etc/complaint-signing";

/// The file with the private key of a classifier's trainings.
pub(crate) fn key(classifier: &ComplaintClassifier) -> Option<SecretFile> {
    let reference = &classifier.spec.signing.as_ref()?.key_secret_ref;
    Some(SecretFile::new(VOLUME, DIRECTORY, reference))
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
