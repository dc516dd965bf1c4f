//! Tokens of ServiceAccounts: JSON Web Tokens with upstream's claims, bound to an account and optionally to a Pod.
//!
//! Upstream signs them with a key pair and publishes the public key. Only the sandbox verifies these, so they are
//! signed with a secret (HS256), and there is no issuer discovery.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use serde::{Deserialize, Serialize};

/// The issuer, and the default audience.
pub(crate) const ISSUER: &str = "https://kubernetes.default.svc.cluster.local";
const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

/// The claims of a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Claims {
    /// Audiences.
    pub(crate) aud: Vec<String>,
    /// Expiry, in seconds since 1970.
    pub(crate) exp: i64,
    /// Time of issue.
    pub(crate) iat: i64,
    /// Issuer.
    pub(crate) iss: String,
    /// Unique id.
    pub(crate) jti: String,
    /// The objects that it is bound to.
    #[serde(rename = "kubernetes.io")]
    pub(crate) bound: Bound,
    /// Start of its validity.
    pub(crate) nbf: i64,
    /// User name.
    pub(crate) sub: String,
}

/// The objects that a token is bound to; it is valid only while they exist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Bound {
    /// Namespace of all of them.
    pub(crate) namespace: String,
    /// A Pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) pod: Option<Named>,
    /// A Secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) secret: Option<Named>,
    /// The account.
    pub(crate) serviceaccount: Named,
    /// For an extended token, the expiry that was requested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) warnafter: Option<i64>,
}

/// An object by name and uid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Named {
    /// Name.
    pub(crate) name: String,
    /// Uid.
    pub(crate) uid: String,
}

/// The key that signs tokens.
pub(crate) struct TokenKey(hmac::Key);

impl TokenKey {
    /// The key from a secret.
    pub(crate) fn new(secret: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// Signs a token with these claims.
    pub(crate) fn sign(&self, claims: &Claims) -> String {
        let body = serde_json::to_vec(claims).unwrap_or_default();
        let text = format!("{}.{}", URL_SAFE_NO_PAD.encode(HEADER), URL_SAFE_NO_PAD.encode(body));
        let tag = hmac::sign(&self.0, text.as_bytes());
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(tag.as_ref()))
    }

    /// The claims of a token that this key signed.
    pub(crate) fn verify(&self, token: &str) -> Option<Claims> {
        let (text, tag) = token.rsplit_once('.')?;
        let (_, body) = text.split_once('.')?;
        hmac::verify(&self.0, text.as_bytes(), &URL_SAFE_NO_PAD.decode(tag).ok()?).ok()?;
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(body).ok()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_keys_own_tokens_are_believed() {
        let claims = Claims {
            aud: vec![ISSUER.into()],
            exp: 2,
            iat: 1,
            iss: ISSUER.into(),
            jti: "j".into(),
            bound: Bound {
                namespace: "n".into(),
                pod: None,
                secret: None,
                serviceaccount: Named {
                    name: "a".into(),
                    uid: "u".into(),
                },
                warnafter: None,
            },
            nbf: 1,
            sub: "system:serviceaccount:n:a".into(),
        };
        let key = TokenKey::new(b"one");
        let token = key.sign(&claims);
        assert_eq!(key.verify(&token), Some(claims.clone()));
        assert_eq!(TokenKey::new(b"two").verify(&token), None);
        let other = Claims {
            sub: "system:serviceaccount:n:b".into(),
            ..claims
        };
        let forged = format!(
            "{}.{}",
            key.sign(&other).rsplit_once('.').unwrap().0,
            token.rsplit_once('.').unwrap().1
        );
        assert_eq!(key.verify(&forged), None);
        for nonsense in ["", "a", "a.b", "a.b.c", ".."] {
            assert_eq!(key.verify(nonsense), None, "{nonsense}");
        }
    }
}
