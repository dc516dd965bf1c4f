//! Signatures of models: who makes them, and who verifies them.

use complaint_contract::{VerificationPolicy, limits};
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How trainings sign what they write.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Signing {
    /// The private key: ECDSA P-256 in PEM, without a password. It is mounted into training pods only.
    pub key_secret_ref: SecretKeyRef,
}

/// A key of a Secret in the same namespace. The operator never reads it.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SecretKeyRef {
    /// Name of the Secret.
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$"))]
    pub name: String,
    /// The key in the Secret's data.
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^[-._a-zA-Z0-9]+$"))]
    pub key: String,
}

/// Whether servers verify a model's signature before they use it. Keys can be rotated: add the new one, sign, remove the old one.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.policy == 'Ignore' || (has(self.publicKeys) && self.publicKeys.size() > 0)")
    .message("the policies Required and IfSigned need a key: add the PEM text of the public key to publicKeys, or set policy to Ignore"))]
// Each P-256 key in DER begins with the same 27 bytes, which are 36 letters of base64.
#[x_kube(validation = Rule::new(
    "!has(self.publicKeys) || self.publicKeys.all(key, key.matches('^\\\\s*-----BEGIN PUBLIC KEY-----\\\\s+MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE[+/0-9A-Za-z\\\\s]{86,110}==\\\\s+-----END PUBLIC KEY-----\\\\s*$'))")
    .message("each of publicKeys is one ECDSA P-256 public key in PEM: make a private key with `openssl ecparam -name prime256v1 -genkey -noout -out signing.key`, and its public key with `openssl ec -in signing.key -pubout`"))]
pub struct Verification {
    /// Public keys in PEM. A signature of any of them is valid.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = limits::PUBLIC_KEYS), inner(length(min = 1, max = limits::PUBLIC_KEY)))]
    pub public_keys: Vec<String>,
    /// `Required`: only a model with a valid signature is served. `IfSigned`: one without a signature, too. `Ignore`: no
    /// signature is read.
    #[serde(default)]
    pub policy: VerificationPolicy,
}
