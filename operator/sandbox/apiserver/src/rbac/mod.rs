//! RBAC authorisation, like upstream's authoriser.
//!
//! [`Attributes`] describe a request, `rule` tells what a rule allows, `resolve` which rules a user has. `escalation`
//! checks that users grant only permissions that they hold.

mod escalation;
mod resolve;
mod rule;

use crate::Api;
use crate::error::{ApiError, Qualified};
use crate::request::Attributes;
use crate::resource::Resource;
use crate::user::{MASTERS, User};

pub(crate) use escalation::check_grant;
pub(crate) use resolve::{Decision, decide, rules_review};

/// The API group of Roles and bindings.
pub(crate) const GROUP: &str = "rbac.authorization.k8s.io";

/// Authorises a request; returns the reason.
///
/// # Errors
/// 403, in upstream's words.
pub(crate) fn authorize(api: &Api, user: &User, wish: &Attributes) -> Result<String, ApiError> {
    let Decision { allowed, reason } = judge(api, user, wish);
    if allowed {
        Ok(reason)
    } else {
        Err(refusal(user, wish, &reason))
    }
}

/// Like [`decide`], but allows everything if RBAC is off.
pub(crate) fn judge(api: &Api, user: &User, wish: &Attributes) -> Decision {
    if user.is_in(MASTERS) {
        return Decision::allowed("");
    }
    if api.rbac {
        decide(api, user, wish)
    } else {
        Decision::allowed("the sandbox runs without --rbac")
    }
}

/// An update or patch that creates an object also needs the permission to create.
///
/// # Errors
/// 403 without this permission.
pub(crate) fn authorize_create(
    api: &Api,
    user: &User,
    resource: &Resource,
    namespace: &str,
    name: &str,
) -> Result<(), ApiError> {
    let wish = Attributes {
        verb: "create".into(),
        group: resource.group.clone(),
        version: resource.version.clone(),
        resource: resource.plural.clone(),
        namespace: namespace.into(),
        name: name.into(),
        ..Attributes::default()
    };
    authorize(api, user, &wish).map(drop)
}

fn refusal(user: &User, wish: &Attributes, reason: &str) -> ApiError {
    let who = format!("User {:?} cannot {}", user.name, wish.verb);
    let mut why = if !wish.is_resource() {
        format!("{who} path {:?}", wish.path)
    } else {
        let what = format!(
            "{who} resource {:?} in API group {:?}",
            wish.whole_resource(),
            wish.group
        );
        if wish.namespace.is_empty() {
            format!("{what} at the cluster scope")
        } else {
            format!("{what} in the namespace {:?}", wish.namespace)
        }
    };
    if !reason.is_empty() {
        why = format!("{why}: {reason}");
    }
    if !wish.is_resource() {
        return ApiError::forbidden_path(why);
    }
    let what = Qualified {
        group: wish.group.clone(),
        resource: wish.resource.clone(),
    };
    ApiError::forbidden(&what, &wish.name, why)
}
