//! Impersonation (`kubectl --as`).

use std::collections::BTreeMap;

use http::HeaderMap;

use crate::Api;
use crate::error::ApiError;
use crate::rbac::authorize;
use crate::request::Attributes;
use crate::request::percent;
use crate::user::{AUTHENTICATED, UNAUTHENTICATED, User};

const EXTRA: &str = "impersonate-extra-";

/// The user that a request acts as: the authenticated one, or the one that its `Impersonate-` headers name.
///
/// # Errors
/// 403 if the impersonation is not allowed; 500 for invalid headers, as upstream answers.
pub(crate) fn impersonate(api: &Api, user: User, headers: &HeaderMap) -> Result<User, ApiError> {
    let all = |name: &str| -> Vec<String> {
        headers
            .get_all(name)
            .iter()
            .filter_map(|v| v.to_str().ok())
            .map(str::to_owned)
            .collect()
    };
    let name = all("impersonate-user").pop().unwrap_or_default();
    let groups = all("impersonate-group");
    let uid = all("impersonate-uid").pop().unwrap_or_default();
    let mut extra: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (key, value) in headers {
        if let (Some(key), Ok(value)) = (key.as_str().strip_prefix(EXTRA), value.to_str()) {
            extra.entry(percent(key)).or_default().push(value.to_owned());
        }
    }
    if name.is_empty() {
        if groups.is_empty() && uid.is_empty() && extra.is_empty() {
            return Ok(user);
        }
        let why = format!("requested {groups:?} groups, {extra:?} extra, {uid:?} uid without impersonating a user");
        return Err(ApiError::internal(why));
    }
    let may = |group: &str, resource: &str, subresource: &str, namespace: &str, name: &str| {
        let wish = Attributes {
            verb: "impersonate".into(),
            group: group.into(),
            resource: resource.into(),
            subresource: subresource.into(),
            namespace: namespace.into(),
            name: name.into(),
            ..Attributes::default()
        };
        authorize(api, &user, &wish).map(drop)
    };
    let account = name
        .strip_prefix("system:serviceaccount:")
        .and_then(|rest| rest.split_once(':'));
    match account {
        Some((namespace, account)) => may("", "serviceaccounts", "", namespace, account)?,
        None => may("", "users", "", "", &name)?,
    }
    for group in &groups {
        may("", "groups", "", "", group)?;
    }
    const AUTHENTICATION: &str = "authentication.k8s.io";
    if !uid.is_empty() {
        may(AUTHENTICATION, "uids", "", "", &uid)?;
    }
    for (key, values) in &extra {
        for value in values {
            may(AUTHENTICATION, "userextras", key, "", value)?;
        }
    }
    let is_account = account.is_some();
    Ok(acting(name, uid, groups, extra, is_account))
}

/// The impersonated user, with the groups of its kind.
fn acting(
    name: String,
    uid: String,
    groups: Vec<String>,
    extra: BTreeMap<String, Vec<String>>,
    is_account: bool,
) -> User {
    let mut groups = groups;
    if is_account && groups.is_empty() {
        let namespace = name.split(':').nth(2).unwrap_or_default();
        groups = vec![
            "system:serviceaccounts".into(),
            format!("system:serviceaccounts:{namespace}"),
        ];
    }
    let always = if name == "system:anonymous" {
        UNAUTHENTICATED
    } else {
        AUTHENTICATED
    };
    if !groups.iter().any(|g| g == always) {
        groups.push(always.into());
    }
    User {
        name,
        uid,
        groups,
        extra,
    }
}
