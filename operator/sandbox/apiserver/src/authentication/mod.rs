//! Authentication: from credentials in a request to a [`User`].

mod impersonation;
mod request;

use http::{HeaderMap, header};
use subtle::ConstantTimeEq;

use crate::Api;
use crate::error::ApiError;
use crate::meta::Meta;
use crate::token::{Claims, ISSUER, Named};
use crate::user::User;

pub(crate) use impersonation::impersonate;
pub(crate) use request::{issue, review};

/// Authenticates a request.
///
/// # Errors
/// 401 if the credentials are invalid, or missing while anonymous requests are not allowed.
pub(crate) fn authenticate(api: &Api, headers: &HeaderMap) -> Result<User, ApiError> {
    let Some(given) = headers.get(header::AUTHORIZATION) else {
        return if api.rbac {
            Ok(User::anonymous())
        } else {
            Err(ApiError::unauthorized())
        };
    };
    let given = given.to_str().unwrap_or_default();
    let token = given.strip_prefix("Bearer ").unwrap_or_default().trim();
    user_of(api, token, ISSUER)
        .map(|(user, _)| user)
        .ok_or_else(ApiError::unauthorized)
}

/// The user of a bearer token for an audience, and the token's audiences.
fn user_of(api: &Api, token: &str, audience: &str) -> Option<(User, Vec<String>)> {
    if constant_time_equal(token, &api.token) {
        return (audience == ISSUER).then(|| (User::admin(), vec![ISSUER.to_owned()]));
    }
    let claims = api.token_key.verify(token)?;
    let now = jiff::Timestamp::now().as_second();
    let in_time = claims.nbf <= now && now < claims.exp;
    if claims.iss != ISSUER || !in_time || !claims.aud.iter().any(|a| a == audience) || !holds(api, &claims) {
        return None;
    }
    let bound = &claims.bound;
    let mut user = User::service_account(&bound.namespace, &bound.serviceaccount.name);
    user.uid.clone_from(&bound.serviceaccount.uid);
    let mut tell = |key: &str, value: String| {
        user.extra
            .insert(format!("authentication.kubernetes.io/{key}"), vec![value]);
    };
    tell("credential-id", format!("JTI={}", claims.jti));
    if let Some(pod) = &bound.pod {
        tell("pod-name", pod.name.clone());
        tell("pod-uid", pod.uid.clone());
    }
    Some((user, claims.aud))
}

/// Whether the objects that a token is bound to still exist.
fn holds(api: &Api, claims: &Claims) -> bool {
    let bound = &claims.bound;
    let exists = |storage: &str, named: &Named| {
        let found = api.store.get(storage, &bound.namespace, &named.name);
        found.is_some_and(|item| item.object.uid() == named.uid)
    };
    exists("/serviceaccounts", &bound.serviceaccount)
        && bound.pod.as_ref().is_none_or(|pod| exists("/pods", pod))
        && bound.secret.as_ref().is_none_or(|secret| exists("/secrets", secret))
}

/// Compares in constant time.
fn constant_time_equal(a: &str, b: &str) -> bool {
    a.as_bytes().ct_eq(b.as_bytes()).into()
}
