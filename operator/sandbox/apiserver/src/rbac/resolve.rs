//! Resolves the rules of a user through bindings and roles.

use std::sync::Arc;

use serde_json::{Value, json};

use super::rule::Rule;
use super::{Attributes, GROUP};
use crate::Api;
use crate::error::{ApiError, Qualified};
use crate::meta::Meta;
use crate::store::Item;
use crate::user::User;
use crate::value::{entries, text};

/// A decision and its reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Decision {
    /// Whether the request is allowed.
    pub(crate) allowed: bool,
    /// The binding that allows it, or the errors of bindings.
    pub(crate) reason: String,
}

impl Decision {
    /// The request is allowed.
    pub(super) fn allowed(reason: &str) -> Self {
        Self {
            allowed: true,
            reason: reason.to_owned(),
        }
    }
}

/// A binding that names a user.
struct Grant {
    binding: Arc<Item>,
    everywhere: bool,
    subject: Value,
}

/// The bindings that name a user: ClusterRoleBindings, and the RoleBindings of the namespace if one is given.
fn grants(api: &Api, user: &User, namespace: &str) -> Vec<Grant> {
    let mut found = Vec::new();
    let mut look = |resource: &str, within: &str, everywhere: bool| {
        for binding in api.store.all(&format!("{GROUP}/{resource}"), within) {
            let subject = entries(&binding.object, "subjects").map(|(_, s)| s);
            let subject = subject
                .into_iter()
                .find(|s| names(s, user, binding.object.namespace()))
                .cloned();
            if let Some(subject) = subject {
                found.push(Grant {
                    binding,
                    everywhere,
                    subject,
                });
            }
        }
    };
    look("clusterrolebindings", "", true);
    if !namespace.is_empty() {
        look("rolebindings", namespace, false);
    }
    found
}

fn names(subject: &Value, user: &User, namespace: &str) -> bool {
    let name = text(subject, "name");
    match text(subject, "kind") {
        "User" => name == user.name,
        "Group" => user.is_in(name),
        "ServiceAccount" => {
            let given = text(subject, "namespace");
            let within = if given.is_empty() { namespace } else { given };
            user.name == format!("system:serviceaccount:{within}:{name}")
        }
        _ => false,
    }
}

/// The rules of the role that a binding refers to.
///
/// # Errors
/// 404 if the role does not exist.
pub(super) fn rules_of(api: &Api, reference: &Value, namespace: &str) -> Result<Vec<Rule>, ApiError> {
    let name = text(reference, "name");
    let (found, singular) = if text(reference, "kind") == "ClusterRole" {
        (api.store.get(&format!("{GROUP}/clusterroles"), "", name), "clusterrole")
    } else {
        (api.store.get(&format!("{GROUP}/roles"), namespace, name), "role")
    };
    let qualified = Qualified {
        group: GROUP.into(),
        resource: singular.into(),
    };
    found
        .map(|role| Rule::all_of(&role.object))
        .ok_or_else(|| ApiError::not_found(&qualified, name))
}

/// Decides a request by the user's bindings.
pub(crate) fn decide(api: &Api, user: &User, wish: &Attributes) -> Decision {
    let mut problems = Vec::new();
    for grant in grants(api, user, &wish.namespace) {
        let binding = &grant.binding.object;
        match rules_of(api, &binding["roleRef"], binding.namespace()) {
            Ok(rules) if rules.iter().any(|rule| rule.allows(wish)) => return Decision::allowed(&grant.reason()),
            Ok(_) => {}
            Err(error) => problems.push(error.message),
        }
    }
    let reason = match problems.as_slice() {
        [] => String::new(),
        [one] => format!("RBAC: {one}"),
        many => format!("RBAC: [{}]", many.join(", ")),
    };
    Decision { allowed: false, reason }
}

impl Grant {
    fn reason(&self) -> String {
        let (binding, role) = (&self.binding.object, &self.binding.object["roleRef"]);
        let (what, who) = if self.everywhere {
            ("ClusterRoleBinding", binding.name().to_owned())
        } else {
            ("RoleBinding", format!("{}/{}", binding.name(), binding.namespace()))
        };
        let (kind, name) = (text(&self.subject, "kind"), text(&self.subject, "name"));
        // A service account is shown with its namespace.
        let name = match text(&self.subject, "namespace") {
            namespace if kind == "ServiceAccount" && !namespace.is_empty() => format!("{name}/{namespace}"),
            _ => name.to_owned(),
        };
        format!(
            "RBAC: allowed by {what} \"{who}\" of {} \"{}\" to {kind} \"{name}\"",
            text(role, "kind"),
            text(role, "name"),
        )
    }
}

/// All rules of a user in a namespace (empty: cluster-wide ones only), and the resolution errors.
pub(super) fn rules_for(api: &Api, user: &User, namespace: &str) -> (Vec<Rule>, Vec<String>) {
    let (mut rules, mut problems) = (Vec::new(), Vec::new());
    for grant in grants(api, user, namespace) {
        let binding = &grant.binding.object;
        match rules_of(api, &binding["roleRef"], binding.namespace()) {
            Ok(more) => rules.extend(more),
            Err(error) => problems.push(error.message),
        }
    }
    (rules, problems)
}

/// The status of a SelfSubjectRulesReview.
pub(crate) fn rules_review(api: &Api, user: &User, namespace: &str) -> Value {
    let (rules, problems) = if api.rbac {
        rules_for(api, user, namespace)
    } else {
        (Rule::everything().to_vec(), Vec::new())
    };
    let (paths, resources): (Vec<&Rule>, Vec<&Rule>) = rules.iter().partition(|rule| !rule.urls.is_empty());
    let values = |rules: Vec<&Rule>| -> Vec<Value> { rules.into_iter().map(Rule::value).collect() };
    let mut status = json!({
        "resourceRules": values(resources),
        "nonResourceRules": values(paths),
        "incomplete": !problems.is_empty(),
    });
    if !problems.is_empty() {
        status["evaluationError"] = problems.join(", ").into();
    }
    status
}
