//! ECDSA P-256 keys in PEM.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use complaint_contract::Sha256Digest;
use p256::SecretKey;
use p256::ecdsa::signature::{Signer, Verifier};
use p256::ecdsa::{DerSignature, Signature, VerifyingKey};
use p256::elliptic_curve::zeroize::Zeroizing;
use p256::pkcs8::{DecodePrivateKey, DecodePublicKey};

/// Identifier of the curve P-256 in DER, without tag and length.
const P256: [u8; 8] = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
/// The DER of a SubjectPublicKeyInfo of P-256 in front of the point's two coordinates.
const PUBLIC_KEY_HEADER: [u8; 27] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
];
/// Largest file with keys that is read, in bytes.
pub const MAX_KEY_BYTES: u64 = 64 << 10;
/// Bytes in a line of PEM.
const LINE: usize = 64;

/// Why a text is not a usable key: the predicate of a sentence. It quotes nothing of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The text has no key of the expected kind.
    #[error("has no {0} key in PEM")]
    Absent(&'static str),
    /// The private key needs a password.
    #[error("has a private key with a password, and nobody is there to type it")]
    Encrypted,
    /// The key is for another algorithm or curve.
    #[error("has a key that is not for ECDSA with the curve P-256 (prime256v1)")]
    OtherCurve,
    /// The text in the PEM can't be decoded.
    #[error("has a damaged key")]
    Damaged,
}

impl KeyError {
    /// What to do: a sentence without its full stop.
    #[must_use]
    pub const fn fix(self) -> &'static str {
        match self {
            Self::Encrypted => "Write it without: `openssl pkcs8 -in encrypted.key -topk8 -nocrypt -out signing.key`",
            _ => {
                "Make a private key with `openssl ecparam -name prime256v1 -genkey -noout -out signing.key`, and its public \
                 key with `openssl ec -in signing.key -pubout -out signing.pub`"
            }
        }
    }
}

/// A private key that signs.
pub struct SigningKey {
    key: p256::ecdsa::SigningKey,
    public: PublicKey,
}

impl SigningKey {
    /// Reads the first private key of a PEM text: PKCS#8 (`PRIVATE KEY`) or SEC1 (`EC PRIVATE KEY`).
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn from_pem(text: &[u8]) -> Result<Self, KeyError> {
        let text = std::str::from_utf8(text).map_err(|_| KeyError::Absent("private"))?;
        let block = blocks(text)
            .find(|block| block.label.ends_with("PRIVATE KEY"))
            .ok_or(KeyError::Absent("private"))?;
        if block.label.starts_with("ENCRYPTED") || block.body.contains("ENCRYPTED") {
            return Err(KeyError::Encrypted);
        }
        let der = Zeroizing::new(block.der()?);
        let key = match block.label {
            "PRIVATE KEY" => SecretKey::from_pkcs8_der(&der).ok(),
            "EC PRIVATE KEY" => SecretKey::from_sec1_der(&der).ok(),
            _ => return Err(KeyError::OtherCurve),
        };
        let key = p256::ecdsa::SigningKey::from(key.ok_or_else(|| fault(&der))?);
        let public = PublicKey::of(*key.verifying_key());
        Ok(Self { key, public })
    }

    /// The public key that verifies its signatures.
    #[must_use]
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// The signature of SHA-256 of `message`, in DER. The same message gives the same signature.
    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        let signature: DerSignature = self.key.sign(message);
        signature.as_bytes().to_vec()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey(of {})", self.public.id)
    }
}

/// A public key that verifies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    key: VerifyingKey,
    id: Sha256Digest,
}

impl PublicKey {
    /// Reads all public keys of a PEM text (`PUBLIC KEY`), in order. There is at least one.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn all_from_pem(text: &[u8]) -> Result<Vec<Self>, KeyError> {
        let text = std::str::from_utf8(text).map_err(|_| KeyError::Absent("public"))?;
        let keys: Vec<Self> = blocks(text)
            .filter(|block| block.label.ends_with("PUBLIC KEY"))
            .map(|block| {
                let der = block.der()?;
                let key = VerifyingKey::from_public_key_der(&der).map_err(|_| fault(&der))?;
                Ok(Self::of(key))
            })
            .collect::<Result<_, _>>()?;
        if keys.is_empty() {
            return Err(KeyError::Absent("public"));
        }
        Ok(keys)
    }

    fn of(key: VerifyingKey) -> Self {
        Self {
            key,
            id: Sha256Digest::of_bytes(pem(&key).as_bytes()),
        }
    }

    /// The key's name in signatures: SHA-256 of its [PEM](Self::to_pem), as `sha256sum signing.pub` prints it.
    #[must_use]
    pub fn id(&self) -> Sha256Digest {
        self.id
    }

    /// The key as OpenSSL writes it.
    #[must_use]
    pub fn to_pem(&self) -> String {
        pem(&self.key)
    }

    /// Whether `signature`, in DER, is that of SHA-256 of `message`.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        Signature::from_der(signature).is_ok_and(|signature| self.key.verify(message, &signature).is_ok())
    }
}

fn pem(key: &VerifyingKey) -> String {
    let point = key.to_sec1_point(false);
    let mut der = PUBLIC_KEY_HEADER.to_vec();
    // The first byte says that both coordinates follow. The header has it.
    der.extend(point.as_bytes().iter().skip(1));
    let text = STANDARD.encode(der);
    let mut pem = String::from("-----BEGIN PUBLIC KEY-----\n");
    for line in text.as_bytes().chunks(LINE) {
        pem.extend(line.iter().map(|&byte| char::from(byte)));
        pem.push('\n');
    }
    pem + "-----END PUBLIC KEY-----\n"
}

/// Why the DER of a key was refused.
fn fault(der: &[u8]) -> KeyError {
    let is_p256 = der.windows(P256.len()).any(|part| part == P256);
    if is_p256 {
        KeyError::Damaged
    } else {
        KeyError::OtherCurve
    }
}

/// A part of a PEM text.
struct Block<'t> {
    label: &'t str,
    body: &'t str,
}

impl Block<'_> {
    /// The decoded body. Lines may have any length.
    fn der(&self) -> Result<Vec<u8>, KeyError> {
        let text: Zeroizing<Vec<u8>> =
            Zeroizing::new(self.body.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect());
        STANDARD.decode(&*text).map_err(|_| KeyError::Damaged)
    }
}

/// The parts of a PEM text. What stands between them is ignored.
fn blocks(text: &str) -> impl Iterator<Item = Block<'_>> {
    const DASHES: &str = "-----";
    let mut rest = text;
    std::iter::from_fn(move || {
        let (_, begun) = rest.split_once("-----BEGIN ")?;
        let (label, after) = begun.split_once(DASHES)?;
        let (body, after) = after.split_once("-----END ")?;
        rest = after.split_once(DASHES).map_or("", |(_, rest)| rest);
        Some(Block { label, body })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6979, A.2.5: the signature of `sample` with SHA-256.
    #[test]
    fn signatures_are_those_of_rfc_6979() {
        let secret = hex("C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721");
        // A SEC1 key without its optional parts.
        let der = [&[0x30, 0x25, 0x02, 0x01, 0x01, 0x04, 0x20][..], &secret].concat();
        let pem = format!(
            "-----BEGIN EC PRIVATE KEY-----\n{}\n-----END EC PRIVATE KEY-----",
            STANDARD.encode(der)
        );
        let key = SigningKey::from_pem(pem.as_bytes()).unwrap();
        let signature = Signature::from_der(&key.sign(b"sample")).unwrap();
        let expected = hex(concat!(
            "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716",
            "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8"
        ));
        assert_eq!(signature.to_bytes().as_slice(), expected);
        assert!(key.public().verifies(b"sample", &key.sign(b"sample")));
        assert!(!key.public().verifies(b"Sample", &key.sign(b"sample")));
    }

    fn hex(digits: &str) -> Vec<u8> {
        let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
        (0..digits.len()).step_by(2).map(byte).collect()
    }
}
