//! Aggregated ClusterRoles.

use serde_json::{Value, json};

use crate::Api;
use crate::context::Context;
use crate::meta::Meta;
use crate::rbac::GROUP;
use crate::selector::LabelSelector;
use crate::value::entries;
use crate::verbs::{Change, Part, Tracking, update};

/// Updates the rules of all aggregated ClusterRoles. Called after every change of a ClusterRole.
pub(crate) fn gather(api: &Api) {
    let storage = format!("{GROUP}/clusterroles");
    let Some(resource) = api.registry.get(GROUP, "v1", "clusterroles") else {
        return;
    };
    let roles = api.store.all(&storage, "");
    for role in roles.iter().filter(|role| role.object["aggregationRule"].is_object()) {
        let mut rules: Vec<Value> = Vec::new();
        for (_, selector) in entries(&role.object["aggregationRule"], "clusterRoleSelectors") {
            let Some(selector) = LabelSelector::from_object(selector) else {
                continue;
            };
            let chosen = roles.iter().filter(|other| other.object.name() != role.object.name());
            for other in chosen.filter(|other| selector.matches(other.object.meta("labels"))) {
                for (_, rule) in entries(&other.object, "rules") {
                    if !rules.contains(rule) {
                        rules.push(rule.clone());
                    }
                }
            }
        }
        let rules = Value::from(rules);
        let present = role.object.get("rules").cloned().unwrap_or_else(|| json!([]));
        if present == rules {
            continue;
        }
        let context = Context {
            manager: "clusterrole-aggregation-controller".into(),
            ..Context::internal()
        };
        let result = update(api, &resource, "", role.object.name(), Part::Main, &context, &|old| {
            let mut object = old.clone();
            object["rules"] = rules.clone();
            Ok(Change {
                object,
                tracking: Tracking::Update,
                warnings: Vec::new(),
            })
        });
        if let Err(error) = result {
            tracing::debug!(%error, role = role.object.name(), "gathering the rules of a ClusterRole");
        }
    }
}
