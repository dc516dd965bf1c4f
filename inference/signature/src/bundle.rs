//! The signed file: a Sigstore bundle with a DSSE envelope.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use complaint_contract::Sha256Digest;
use serde::{Deserialize, Serialize};

use crate::key::{PublicKey, SigningKey};

const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
/// Largest signature that is read, in bytes. One of a version's folder has about 2 KiB.
pub const MAX_BYTES: u64 = 1 << 20;

/// Why a signature does not hold: the predicate of a sentence about the signature's file. Nothing of the file is quoted but
/// digests and key names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The file has more than [`MAX_BYTES`].
    #[error("has more than {MAX_BYTES} bytes")]
    TooLarge,
    /// The file is not a bundle.
    #[error("is not a Sigstore bundle 0.3 with one DSSE signature (line {line}, column {column})")]
    NoBundle {
        /// Line of the first difference; 0 if the whole is meant.
        line: usize,
        /// Column of the first difference.
        column: usize,
    },
    /// The signature was made with a certificate or an identity, not with a key.
    #[error("was made with a certificate or an identity, not with a key")]
    NoKey,
    /// None of the public keys made it.
    #[error("was made with {}, which is none of the public keys given", named(*.key))]
    UnknownKey {
        /// The name of the key that made it, by its own word.
        key: Option<Sha256Digest>,
    },
    /// The signed text or the signature was changed.
    #[error("was changed: the key {key} did not sign this text")]
    Forged {
        /// The key that it names.
        key: Sha256Digest,
    },
    /// The signed text is not a statement that can be read.
    #[error("signs a text that is not an in-toto statement about one subject")]
    NoStatement,
    /// The signed statement has another type.
    #[error("signs a statement of another kind")]
    OtherStatement,
    /// The digests were made in another way.
    #[error("lists its files in a way that is not supported: only SHA-256 of whole files is")]
    OtherDigests,
    /// The list of files does not match its own digest, or names a file twice.
    #[error("has a list of files that contradicts itself")]
    Inconsistent,
    /// The file is not in the list.
    #[error("does not cover {file}")]
    NotCovered {
        /// The file.
        file: String,
    },
    /// The file had another digest when it was signed.
    #[error("is for another {file}: it has the digest sha256:{signed} there, not sha256:{actual}")]
    OtherDigest {
        /// The file.
        file: String,
        /// The signed digest.
        signed: Sha256Digest,
        /// The digest of the file.
        actual: Sha256Digest,
    },
}

fn named(key: Option<Sha256Digest>) -> String {
    key.map_or_else(|| "an unnamed key".to_owned(), |key| format!("the key {key}"))
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bundle {
    media_type: String,
    verification_material: Material,
    dsse_envelope: Envelope,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Material {
    /// Absent in signatures that were made with a certificate.
    public_key: Option<KeyName>,
    /// Never used with keys, but readers of the format expect the list.
    #[serde(skip_deserializing)]
    tlog_entries: [(); 0],
}

#[derive(Debug, Serialize, Deserialize)]
struct KeyName {
    hint: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    payload: String,
    payload_type: String,
    signatures: Vec<Signature>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Signature {
    sig: String,
    #[serde(default)]
    keyid: String,
}

/// DSSE's encoding of what is signed: types and lengths stand in front, so that no two texts look alike.
fn pre_authentication_encoding(payload: &[u8]) -> Vec<u8> {
    let header = format!("DSSEv1 {} {PAYLOAD_TYPE} {} ", PAYLOAD_TYPE.len(), payload.len());
    [header.as_bytes(), payload].concat()
}

/// Signs a statement. Returns the file's bytes.
#[must_use]
pub fn sign(statement: &[u8], key: &SigningKey) -> Vec<u8> {
    let bundle = Bundle {
        media_type: MEDIA_TYPE.to_owned(),
        verification_material: Material {
            public_key: Some(KeyName {
                hint: Some(key.public().id().to_string()),
            }),
            tlog_entries: [],
        },
        dsse_envelope: Envelope {
            payload: STANDARD.encode(statement),
            payload_type: PAYLOAD_TYPE.to_owned(),
            signatures: vec![Signature {
                sig: STANDARD.encode(key.sign(&pre_authentication_encoding(statement))),
                keyid: String::new(),
            }],
        },
    };
    let mut bytes = serde_json::to_vec(&bundle).expect("strings and lists are JSON");
    bytes.push(b'\n');
    bytes
}

/// A signature that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// The signed statement.
    pub statement: Vec<u8>,
    /// The key that made the signature.
    pub key: Sha256Digest,
}

/// Verifies a signature with any of the public keys.
///
/// # Errors
/// [`SignatureError`].
pub fn open(bytes: &[u8], keys: &[PublicKey]) -> Result<Opened, SignatureError> {
    const WHOLE: SignatureError = SignatureError::NoBundle { line: 0, column: 0 };
    if bytes.len() as u64 > MAX_BYTES {
        return Err(SignatureError::TooLarge);
    }
    let bundle: Bundle = serde_json::from_slice(bytes).map_err(|error| SignatureError::NoBundle {
        line: error.line(),
        column: error.column(),
    })?;
    let envelope = &bundle.dsse_envelope;
    let [signature] = envelope.signatures.as_slice() else {
        return Err(WHOLE);
    };
    if bundle.media_type != MEDIA_TYPE || envelope.payload_type != PAYLOAD_TYPE {
        return Err(WHOLE);
    }
    let decoded = STANDARD
        .decode(&envelope.payload)
        .ok()
        .zip(STANDARD.decode(&signature.sig).ok());
    let (statement, signature) = decoded.ok_or(WHOLE)?;
    let named = bundle
        .verification_material
        .public_key
        .ok_or(SignatureError::NoKey)?
        .hint;
    // The first signers of the format named no key.
    let may_be = |key: &&PublicKey| named.as_ref().is_none_or(|named| *named == key.id().to_string());
    let message = pre_authentication_encoding(&statement);
    let mut candidates = keys.iter().filter(may_be).peekable();
    let known = candidates.peek().map(|key| key.id());
    if let Some(key) = candidates.find(|key| key.verifies(&message, &signature)) {
        return Ok(Opened {
            statement,
            key: key.id(),
        });
    }
    Err(match (named, known) {
        (Some(_), Some(key)) => SignatureError::Forged { key },
        (named, _) => SignatureError::UnknownKey {
            key: named.and_then(|named| named.parse().ok()),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of DSSE's specification, with this crate's type of payloads.
    #[test]
    fn lengths_stand_in_front_of_what_is_signed() {
        let expected = b"DSSEv1 28 application/vnd.in-toto+json 11 hello world";
        assert_eq!(pre_authentication_encoding(b"hello world"), expected);
        assert_eq!(
            pre_authentication_encoding(b""),
            b"DSSEv1 28 application/vnd.in-toto+json 0 "
        );
    }
}
