//! TokenRequest and TokenReview.

use serde_json::{Value, json};

use super::user_of;
use crate::Api;
use crate::error::{ApiError, Qualified};
use crate::field::{FieldError, Path};
use crate::meta::{Meta, new_uid, now};
use crate::token::{Bound, Claims, ISSUER, Named};
use crate::value::{entries, has, text};

const SHORTEST: i64 = 600;
const LONGEST: i64 = 1 << 32;
const DEFAULT: i64 = 3600;
/// The lifetime that kubelets request. Such a token is extended to a year, for programs that never reload it.
const EXTENDED: i64 = 3607;
const EXTENSION: i64 = 365 * 24 * 3600;

/// Answers a TokenRequest for a service account.
///
/// # Errors
/// 404 if the account or the bound object is missing, 409 if the object's uid differs, 422 for a duration out of range.
pub(crate) fn issue(api: &Api, namespace: &str, account: &str, mut request: Value) -> Result<Value, ApiError> {
    let found = existing(api, "serviceaccounts", namespace, account)?;
    if !request["spec"].is_object() {
        request["spec"] = json!({});
    }
    let spec = &request["spec"];
    let seconds = spec["expirationSeconds"].as_i64().unwrap_or(DEFAULT);
    check_time(account, seconds)?;
    let (pod, secret) = bound_object(api, namespace, account, &spec["boundObjectRef"])?;
    let audiences: Vec<String> = entries(spec, "audiences")
        .filter_map(|(_, a)| a.as_str().map(str::to_owned))
        .collect();
    let audiences = if audiences.is_empty() {
        vec![ISSUER.to_owned()]
    } else {
        audiences
    };
    let begins = jiff::Timestamp::now().as_second();
    let extended = seconds == EXTENDED && audiences == [ISSUER];
    let claims = Claims {
        exp: begins + if extended { EXTENSION } else { seconds },
        aud: audiences.clone(),
        iat: begins,
        iss: ISSUER.into(),
        jti: new_uid(),
        bound: Bound {
            namespace: namespace.into(),
            pod,
            secret,
            serviceaccount: Named {
                name: account.into(),
                uid: found,
            },
            warnafter: extended.then_some(begins + seconds),
        },
        nbf: begins,
        sub: format!("system:serviceaccount:{namespace}:{account}"),
    };
    let ends = jiff::Timestamp::from_second(begins + seconds).unwrap_or(jiff::Timestamp::MAX);
    request["metadata"] = json!({ "name": account, "namespace": namespace, "creationTimestamp": now() });
    request["spec"]["audiences"] = audiences.into();
    request["spec"]["expirationSeconds"] = seconds.into();
    request["status"] = json!({ "token": api.token_key.sign(&claims), "expirationTimestamp": ends.to_string() });
    Ok(request)
}

/// The uid of an existing object.
fn existing(api: &Api, plural: &str, namespace: &str, name: &str) -> Result<String, ApiError> {
    let qualified = Qualified {
        group: String::new(),
        resource: plural.into(),
    };
    let found = api.store.get(&format!("/{plural}"), namespace, name);
    found
        .map(|item| item.object.uid().to_owned())
        .ok_or_else(|| ApiError::not_found(&qualified, name))
}

fn check_time(account: &str, seconds: i64) -> Result<(), ApiError> {
    let detail = match seconds {
        SHORTEST..=LONGEST => return Ok(()),
        ..SHORTEST => "may not specify a duration less than 10 minutes",
        _ => "may not specify a duration larger than 2^32 seconds",
    };
    let error = FieldError::invalid(&Path::new("spec.expirationSeconds"), &seconds.into(), detail);
    Err(ApiError::invalid(
        "authentication.k8s.io",
        "TokenRequest",
        account,
        &[error],
    ))
}

/// The Pod or Secret to bind a token to.
fn bound_object(
    api: &Api,
    namespace: &str,
    account: &str,
    reference: &Value,
) -> Result<(Option<Named>, Option<Named>), ApiError> {
    if reference.is_null() {
        return Ok((None, None));
    }
    let (kind, name, wanted) = (text(reference, "kind"), text(reference, "name"), text(reference, "uid"));
    let plural = match kind {
        "Pod" => "pods",
        "Secret" => "secrets",
        _ => {
            let why = format!("cannot bind token for serviceaccount \"{account}\" to object of type {kind}");
            return Err(ApiError::bad_request(why));
        }
    };
    let uid = existing(api, plural, namespace, name)?;
    if !wanted.is_empty() && wanted != uid {
        let qualified = Qualified {
            group: String::new(),
            resource: plural.into(),
        };
        let why = format!(
            "the UID in the bound object reference ({wanted}) does not match the UID in record. The \
                           object might have been deleted and then recreated"
        );
        return Err(ApiError::conflict(&qualified, name, why));
    }
    if kind == "Pod" {
        let pod = api.store.get("/pods", namespace, name);
        if pod.is_some_and(|pod| text(&pod.object["spec"], "serviceAccountName") != account) {
            let why = format!(
                "cannot bind token for serviceaccount \"{account}\" to pod running with different \
                               serviceaccount name."
            );
            return Err(ApiError::bad_request(why));
        }
    }
    let named = Some(Named { name: name.into(), uid });
    Ok(if kind == "Pod" { (named, None) } else { (None, named) })
}

/// The status of a TokenReview.
pub(crate) fn review(api: &Api, spec: &Value) -> Value {
    let wanted: Vec<&str> = entries(spec, "audiences").filter_map(|(_, a)| a.as_str()).collect();
    let wanted = if has(spec, "audiences") && !wanted.is_empty() {
        wanted
    } else {
        vec![ISSUER]
    };
    let token = text(spec, "token");
    let found = wanted.iter().find_map(|audience| user_of(api, token, audience));
    match found {
        Some((user, audiences)) => {
            let common: Vec<&String> = audiences.iter().filter(|a| wanted.contains(&a.as_str())).collect();
            json!({ "authenticated": true, "user": user.info(), "audiences": common })
        }
        None => json!({ "user": {}, "error": "the token was not issued by this cluster, or has expired" }),
    }
}
