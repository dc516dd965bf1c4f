//! Prevents privilege escalation: a writer of Roles and bindings must hold the permissions that they grant.

use serde_json::Value;

use super::resolve::{rules_for, rules_of};
use super::rule::{Rule, missing, quoted};
use super::{Attributes, GROUP, judge};
use crate::Api;
use crate::error::ApiError;
use crate::meta::Meta;
use crate::resource::Resource;
use crate::user::{MASTERS, User};
use crate::value::{has, text};

/// Checks the write of a Role or binding; other kinds pass.
///
/// # Errors
/// 403 if it would grant permissions that the user lacks, 404 if a binding's role does not exist.
pub(crate) fn check_grant(
    api: &Api,
    user: &User,
    resource: &Resource,
    new: &Value,
    old: Option<&Value>,
) -> Result<(), ApiError> {
    if !api.rbac || resource.group != GROUP || user.is_in(MASTERS) {
        return Ok(());
    }
    let same = |field: &str| old.is_some_and(|old| old[field] == new[field]);
    let refuse = |why: String| Err(ApiError::forbidden(&resource.qualified(), new.name(), why));
    let namespace = new.namespace();
    match resource.plural.as_str() {
        "roles" | "clusterroles" => {
            if (same("rules") && same("aggregationRule"))
                || may(api, user, "escalate", &resource.plural, namespace, new.name())
            {
                return Ok(());
            }
            if has(new, "aggregationRule")
                && !same("aggregationRule")
                && let Some(why) = gap(api, user, "", &Rule::everything())
            {
                return refuse(format!(
                    "must have cluster-admin privileges to use an aggregationRule: {why}"
                ));
            }
            gap(api, user, namespace, &Rule::all_of(new)).map_or(Ok(()), refuse)
        }
        "rolebindings" | "clusterrolebindings" => {
            if same("roleRef") && same("subjects") {
                return Ok(());
            }
            let role = &new["roleRef"];
            let plural = if text(role, "kind") == "ClusterRole" {
                "clusterroles"
            } else {
                "roles"
            };
            if may(api, user, "bind", plural, namespace, text(role, "name")) {
                return Ok(());
            }
            let rules = rules_of(api, role, namespace)?;
            gap(api, user, namespace, &rules).map_or(Ok(()), refuse)
        }
        _ => Ok(()),
    }
}

fn may(api: &Api, user: &User, verb: &str, resource: &str, namespace: &str, name: &str) -> bool {
    let wish = Attributes {
        verb: verb.into(),
        group: GROUP.into(),
        version: "v1".into(),
        resource: resource.into(),
        namespace: namespace.into(),
        name: name.into(),
        ..Attributes::default()
    };
    judge(api, user, &wish).allowed
}

/// The permissions of `wanted` that the user lacks, in upstream's words.
fn gap(api: &Api, user: &User, namespace: &str, wanted: &[Rule]) -> Option<String> {
    let (owned, problems) = rules_for(api, user, namespace);
    let lines = missing(&owned, wanted);
    if lines.is_empty() {
        return None;
    }
    let mut why = format!(
        "user {:?} (groups={}) is attempting to grant RBAC permissions not currently held:\n{}",
        user.name,
        quoted(&user.groups),
        lines.join("\n")
    );
    if !problems.is_empty() {
        why = format!("{why}; resolution errors: [{}]", problems.join(", "));
    }
    Some(why)
}
