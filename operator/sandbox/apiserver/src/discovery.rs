//! Discovery of groups, versions and resources.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::Api;
use crate::resource::{Resource, Source, Verbs};

const ALL_VERBS: [&str; 8] = [
    "create",
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "update",
    "watch",
];
const CUSTOM_VERBS: [&str; 8] = [
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "create",
    "update",
    "watch",
];

/// One subresource in discovery documents.
struct Sub {
    name: String,
    kind: String,
    group: String,
    version: String,
    verbs: Vec<&'static str>,
}

fn verbs(resource: &Resource) -> Vec<&'static str> {
    match &resource.source {
        Source::Custom(_) => CUSTOM_VERBS.to_vec(),
        Source::BuiltIn(kind) => match kind.verbs {
            Verbs::All => ALL_VERBS.to_vec(),
            Verbs::NoDeleteCollection => ALL_VERBS.iter().copied().filter(|v| *v != "deletecollection").collect(),
            Verbs::CreateOnly => vec!["create"],
        },
    }
}

fn names(resource: &Resource) -> (String, Vec<String>, Vec<String>) {
    let owned = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect();
    match &resource.source {
        Source::BuiltIn(kind) => (
            discovered_singular(kind.kind, kind.singular),
            owned(kind.short_names),
            owned(kind.categories),
        ),
        Source::Custom(version) => (
            version.singular.clone(),
            version.short_names.clone(),
            version.categories.clone(),
        ),
    }
}

/// Upstream's singular name in discovery, which differs for ReplicaSet.
fn discovered_singular(kind: &str, singular: &str) -> String {
    if kind == "ReplicaSet" {
        "replicaset".to_owned()
    } else {
        singular.to_owned()
    }
}

fn subresources(resource: &Resource) -> Vec<Sub> {
    match &resource.source {
        Source::BuiltIn(kind) => kind
            .subresources
            .iter()
            .map(|s| Sub {
                name: s.name.into(),
                kind: s.kind.into(),
                group: s.group.into(),
                version: s.version.into(),
                verbs: s.verbs.to_vec(),
            })
            .collect(),
        Source::Custom(version) => {
            let verbs = vec!["get", "patch", "update"];
            let mut subs = Vec::new();
            if version.has_status {
                let kind = resource.kind.clone();
                subs.push(Sub {
                    name: "status".into(),
                    kind,
                    group: String::new(),
                    version: String::new(),
                    verbs: verbs.clone(),
                });
            }
            if version.scale.is_some() {
                subs.push(Sub {
                    name: "scale".into(),
                    kind: "Scale".into(),
                    group: "autoscaling".into(),
                    version: "v1".into(),
                    verbs,
                });
            }
            subs
        }
    }
}

/// Groups with their versions, the preferred version first.
fn groups(api: &Api) -> BTreeMap<String, Vec<String>> {
    let mut groups: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for resource in api.registry.all() {
        let versions = groups.entry(resource.group.clone()).or_default();
        if !versions.contains(&resource.version) {
            versions.push(resource.version.clone());
        }
    }
    // autoscaling/v1 is served without resources, for clients that look for it.
    if let Some(versions) = groups.get_mut("autoscaling") {
        versions.push("v1".into());
    }
    for versions in groups.values_mut() {
        versions.sort_by_key(|v| std::cmp::Reverse(priority(v)));
    }
    groups
}

/// Upstream's version priority: stable, beta, alpha, each highest first, then other names.
fn priority(version: &str) -> (u8, u64, u64, std::cmp::Reverse<String>) {
    let other = || (0, 0, 0, std::cmp::Reverse(version.to_owned()));
    let Some(rest) = version.strip_prefix('v') else {
        return other();
    };
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let Ok(major) = rest[..digits].parse::<u64>() else {
        return other();
    };
    let tail = &rest[digits..];
    let (rank, minor) = if tail.is_empty() {
        (3, Ok(0))
    } else if let Some(n) = tail.strip_prefix("beta") {
        (2, n.parse())
    } else if let Some(n) = tail.strip_prefix("alpha") {
        (1, n.parse())
    } else {
        return other();
    };
    minor.map_or_else(
        |_| other(),
        |minor| (rank, major, minor, std::cmp::Reverse(String::new())),
    )
}

/// `/api`.
pub(crate) fn core_versions(host: &str) -> Value {
    json!({
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [{ "clientCIDR": "0.0.0.0/0", "serverAddress": host }],
    })
}

fn group_document(name: &str, versions: &[String]) -> Value {
    let shown: Vec<Value> = versions
        .iter()
        .map(|v| json!({ "groupVersion": format!("{name}/{v}"), "version": v }))
        .collect();
    json!({ "name": name, "versions": shown, "preferredVersion": shown.first() })
}

/// `/apis`.
pub(crate) fn group_list(api: &Api) -> Value {
    let documents: Vec<Value> = groups(api)
        .iter()
        .filter(|(g, _)| !g.is_empty())
        .map(|(g, v)| group_document(g, v))
        .collect();
    json!({ "kind": "APIGroupList", "apiVersion": "v1", "groups": documents })
}

/// `/apis/{group}`.
pub(crate) fn group(api: &Api, name: &str) -> Option<Value> {
    let groups = groups(api);
    let versions = groups.get(name).filter(|_| !name.is_empty())?;
    let mut document = group_document(name, versions);
    document["kind"] = "APIGroup".into();
    document["apiVersion"] = "v1".into();
    Some(document)
}

/// Whether a version of a group is served.
pub(crate) fn has_version(api: &Api, group: &str, version: &str) -> bool {
    groups(api).get(group).is_some_and(|v| v.iter().any(|v| v == version))
}

fn of_version(api: &Api, group: &str, version: &str) -> Vec<Arc<Resource>> {
    let mut found: Vec<_> = api
        .registry
        .all()
        .into_iter()
        .filter(|r| r.group == group && r.version == version)
        .collect();
    // Upstream orders some groups by kind and others by plural; clients do not depend on the order.
    found.sort_by(|a, b| a.plural.cmp(&b.plural));
    found
}

/// `/api/v1` and `/apis/{group}/{version}`.
pub(crate) fn resource_list(api: &Api, group: &str, version: &str) -> Value {
    let mut resources = Vec::new();
    for resource in of_version(api, group, version) {
        let (singular, short_names, categories) = names(&resource);
        let mut entry = json!({
            "name": resource.plural,
            "singularName": singular,
            "namespaced": resource.namespaced,
            "kind": resource.kind,
            "verbs": verbs(&resource),
        });
        if !short_names.is_empty() {
            entry["shortNames"] = short_names.into();
        }
        if !categories.is_empty() {
            entry["categories"] = categories.into();
        }
        resources.push(entry);
        for sub in subresources(&resource) {
            let mut entry = json!({
                "name": format!("{}/{}", resource.plural, sub.name),
                "singularName": "",
                "namespaced": resource.namespaced,
                "kind": sub.kind,
                "verbs": sub.verbs,
            });
            if !sub.version.is_empty() {
                entry["group"] = sub.group.into();
                entry["version"] = sub.version.into();
            }
            resources.push(entry);
        }
    }
    let group_version = if group.is_empty() {
        version.to_owned()
    } else {
        format!("{group}/{version}")
    };
    json!({ "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": resources })
}

/// The aggregated document of `/api` (`core`) or `/apis`.
pub(crate) fn aggregated(api: &Api, core: bool) -> Value {
    let items: Vec<Value> = groups(api)
        .iter()
        .filter(|(group, _)| group.is_empty() == core)
        .map(|(group, versions)| {
            let versions: Vec<Value> = versions
                .iter()
                .map(|version| {
                    let resources: Vec<Value> = of_version(api, group, version)
                        .iter()
                        .map(|r| aggregated_resource(r))
                        .collect();
                    json!({ "version": version, "resources": resources, "freshness": "Current" })
                })
                .collect();
            let metadata = if core { json!({}) } else { json!({ "name": group }) };
            json!({ "metadata": metadata, "versions": versions })
        })
        .collect();
    json!({ "kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items })
}

fn aggregated_resource(resource: &Resource) -> Value {
    let (singular, short_names, categories) = names(resource);
    // Group and version are left out if they are the resource's own, except for custom resources.
    let (own_group, own_version) = if resource.is_custom() {
        (resource.group.as_str(), resource.version.as_str())
    } else {
        ("", "")
    };
    let mut entry = json!({
        "resource": resource.plural,
        "responseKind": { "group": own_group, "version": own_version, "kind": resource.kind },
        "scope": if resource.namespaced { "Namespaced" } else { "Cluster" },
        "singularResource": singular,
        "verbs": verbs(resource),
    });
    if !short_names.is_empty() {
        entry["shortNames"] = short_names.into();
    }
    if !categories.is_empty() {
        entry["categories"] = categories.into();
    }
    let subs: Vec<Value> = subresources(resource)
        .into_iter()
        .map(|s| {
            let (group, version) = if s.version.is_empty() {
                (own_group.to_owned(), own_version.to_owned())
            } else {
                (s.group, s.version)
            };
            json!({
                "subresource": s.name,
                "responseKind": { "group": group, "version": version, "kind": s.kind },
                "verbs": s.verbs,
            })
        })
        .collect();
    if !subs.is_empty() {
        entry["subresources"] = subs.into();
    }
    entry
}

/// The `/version` document.
pub(crate) fn version() -> Value {
    json!({
        "major": "1",
        "minor": "36",
        "emulationMajor": "1",
        "emulationMinor": "36",
        "minCompatibilityMajor": "1",
        "minCompatibilityMinor": "35",
        "gitVersion": "v1.36.0+sandbox",
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "none",
        "compiler": "rustc",
        "platform": format!("{}/{}", std::env::consts::OS, std::env::consts::ARCH),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_by_priority() {
        let mut versions = vec!["v1alpha1", "v1beta2", "v1", "v2", "v1beta10", "other"];
        versions.sort_by_key(|v| std::cmp::Reverse(priority(v)));
        assert_eq!(versions, ["v2", "v1", "v1beta10", "v1beta2", "v1alpha1", "other"]);
    }
}
