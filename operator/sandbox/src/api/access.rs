//! What Roles and bindings allow a user: the answer to access reviews.

use serde_json::Value;

use super::Api;
use super::builtin::{entries, text};
use super::meta::Meta;

/// What somebody wants to do.
struct Wish<'a> {
    namespace: &'a str,
    verb: &'a str,
    group: &'a str,
    resource: String,
    name: &'a str,
    path: &'a str,
}

/// Why the user of a review may do what it asks about, if a binding allows it.
pub(crate) fn allowed_by(api: &Api, spec: &Value) -> Option<String> {
    let (resource, path) = (&spec["resourceAttributes"], &spec["nonResourceAttributes"]);
    let of_path = resource.is_null();
    let plural = text(resource, "resource");
    let wish = Wish {
        namespace: text(resource, "namespace"),
        verb: text(if of_path { path } else { resource }, "verb"),
        group: text(resource, "group"),
        resource: match text(resource, "subresource") {
            "" => plural.to_owned(),
            sub => format!("{plural}/{sub}"),
        },
        name: text(resource, "name"),
        path: text(path, "path"),
    };
    let (group, mut bindings) = ("rbac.authorization.k8s.io", Vec::new());
    bindings.extend(
        api.store
            .all(&format!("{group}/clusterrolebindings"), "")
            .into_iter()
            .map(|b| (b, true)),
    );
    if !wish.namespace.is_empty() {
        bindings.extend(
            api.store
                .all(&format!("{group}/rolebindings"), wish.namespace)
                .into_iter()
                .map(|b| (b, false)),
        );
    }
    bindings.into_iter().find_map(|(binding, everywhere)| {
        let binding = &binding.object;
        let subject = entries(binding, "subjects")
            .map(|(_, s)| s)
            .find(|s| is_subject(s, spec))?;
        let role = &binding["roleRef"];
        let (kind, name) = (text(role, "kind"), text(role, "name"));
        let found = match kind {
            "ClusterRole" => api.store.get(&format!("{group}/clusterroles"), "", name),
            _ => api.store.get(&format!("{group}/roles"), binding.namespace(), name),
        }?;
        entries(&found.object, "rules")
            .any(|(_, rule)| grants(rule, &wish))
            .then(|| {
                let (what, who) = if everywhere {
                    ("ClusterRoleBinding", binding.name().to_owned())
                } else {
                    ("RoleBinding", format!("{}/{}", binding.name(), binding.namespace()))
                };
                format!(
                    "RBAC: allowed by {what} \"{who}\" of {kind} \"{name}\" to {} \"{}\"",
                    text(subject, "kind"),
                    text(subject, "name")
                )
            })
    })
}

fn is_subject(subject: &Value, spec: &Value) -> bool {
    let name = text(subject, "name");
    let user = text(spec, "user");
    let in_group = |group: &str| entries(spec, "groups").any(|(_, g)| g == group);
    match text(subject, "kind") {
        "User" => name == user,
        "Group" => in_group(name) || name == "system:authenticated",
        "ServiceAccount" => user == format!("system:serviceaccount:{}:{name}", text(subject, "namespace")),
        _ => false,
    }
}

fn lists(rule: &Value, field: &str, wanted: &str) -> bool {
    entries(rule, field).any(|(_, v)| v == wanted || v == "*")
}

fn grants(rule: &Value, wish: &Wish<'_>) -> bool {
    if !lists(rule, "verbs", wish.verb) {
        return false;
    }
    if !wish.path.is_empty() {
        return entries(rule, "nonResourceURLs").any(|(_, url)| match url.as_str() {
            Some(url) => url == wish.path || url.strip_suffix('*').is_some_and(|head| wish.path.starts_with(head)),
            None => false,
        });
    }
    // `*/scale` stands for that subresource of everything.
    let any_of = wish.resource.split_once('/').map(|(_, sub)| format!("*/{sub}"));
    let resource = lists(rule, "resources", &wish.resource)
        || any_of.is_some_and(|pattern| entries(rule, "resources").any(|(_, v)| *v == pattern));
    let named =
        entries(rule, "resourceNames").next().is_none() || entries(rule, "resourceNames").any(|(_, n)| n == wish.name);
    lists(rule, "apiGroups", wish.group) && resource && named
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rules_grant_what_they_list() {
        let wish = |verb: &'static str, resource: &str, name: &'static str| Wish {
            namespace: "n",
            verb,
            group: "",
            resource: resource.to_owned(),
            name,
            path: "",
        };
        let rule = json!({"apiGroups": [""], "resources": ["pods", "*/scale"], "verbs": ["get"]});
        assert!(grants(&rule, &wish("get", "pods", "")));
        assert!(grants(&rule, &wish("get", "things/scale", "")));
        assert!(!grants(&rule, &wish("get", "pods/log", "")));
        assert!(!grants(&rule, &wish("delete", "pods", "")));
        let named = json!({"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"], "resourceNames": ["a"]});
        assert!(grants(&named, &wish("delete", "pods", "a")));
        assert!(!grants(&named, &wish("delete", "pods", "b")));
    }
}
