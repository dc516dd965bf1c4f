//! The objects of an owner: matching orphans are adopted, and objects that no longer match are released.

use std::fmt::Debug;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::api::{ListParams, Patch, PatchParams};
use kube::core::{Selector, SelectorExt};
use kube::{Api, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use serde_json::json;

use super::code;
use super::pods::{controlled_by, controller_of};

/// The action for an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Claim {
    /// The owner controls it.
    Keep,
    /// The owner adopts it.
    Adopt,
    /// The owner releases it.
    Release,
    /// It is not related to the owner.
    Ignore,
}

fn judge<O, D>(owner: &O, object: &D, matches: bool) -> Claim
where
    O: Resource<DynamicType = ()>,
    D: Resource<DynamicType = ()>,
{
    let owner_stays = owner.meta().deletion_timestamp.is_none();
    match controller_of(object) {
        Some(controller) if Some(&controller.uid) != owner.meta().uid.as_ref() => Claim::Ignore,
        Some(_) if matches => Claim::Keep,
        Some(_) if owner_stays => Claim::Release,
        None if matches && owner_stays && object.meta().deletion_timestamp.is_none() => Claim::Adopt,
        _ => Claim::Ignore,
    }
}

/// The objects that `owner` controls and its selector matches.
///
/// # Errors
/// If they can't be listed or changed.
pub(super) async fn claim<O, D>(
    api: &Api<D>,
    owner: &O,
    selector: Option<&LabelSelector>,
) -> Result<Vec<D>, kube::Error>
where
    O: Resource<DynamicType = ()>,
    D: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    let selector = selector.cloned().and_then(|selector| Selector::try_from(selector).ok());
    // An empty selector would match everything.
    let selector = selector.filter(|selector| !selector.selects_all());
    let mut owned = Vec::new();
    for object in api.list(&ListParams::default()).await? {
        let matches = selector
            .as_ref()
            .is_some_and(|selector| selector.matches(object.labels()));
        match judge(owner, &object, matches) {
            Claim::Keep => owned.push(object),
            Claim::Ignore => {}
            Claim::Adopt => {
                let references = json!(controlled_by(owner));
                owned.extend(refer(api, &object, references).await?);
            }
            Claim::Release => {
                let uid = owner.meta().uid.clone();
                refer(api, &object, json!([{ "$patch": "delete", "uid": uid }])).await?;
            }
        }
    }
    Ok(owned)
}

/// Changes owner references; `None` if the object is gone or was replaced.
async fn refer<D>(api: &Api<D>, object: &D, references: serde_json::Value) -> Result<Option<D>, kube::Error>
where
    D: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    let patch = json!({ "metadata": { "uid": object.uid(), "ownerReferences": references } });
    match api
        .patch(&object.name_any(), &PatchParams::default(), &Patch::Strategic(patch))
        .await
    {
        Ok(changed) => Ok(Some(changed)),
        Err(error) if matches!(code(&error), Some(404 | 409 | 422)) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::apps::v1::ReplicaSet;
    use k8s_openapi::api::core::v1::Pod;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn orphans_are_adopted_and_strangers_released() {
        let owner = |deleting: bool| -> ReplicaSet {
            let mut set = json!({ "metadata": { "name": "a", "namespace": "n", "uid": "u" } });
            if deleting {
                set["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
            }
            serde_json::from_value(set).expect("a ReplicaSet")
        };
        let pod = |controller: Option<&str>| -> Pod {
            let references: Vec<Value> = controller
                .iter()
                .map(|uid| json!({ "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "x", "uid": uid, "controller": true }))
                .collect();
            serde_json::from_value(json!({ "metadata": { "name": "p", "ownerReferences": references } }))
                .expect("a Pod")
        };
        for (controller, matches, deleting, expected) in [
            (Some("u"), true, false, Claim::Keep),
            (Some("u"), true, true, Claim::Keep),
            (Some("u"), false, false, Claim::Release),
            (Some("u"), false, true, Claim::Ignore),
            (Some("other"), true, false, Claim::Ignore),
            (None, true, false, Claim::Adopt),
            (None, true, true, Claim::Ignore),
            (None, false, false, Claim::Ignore),
        ] {
            let found = judge(&owner(deleting), &pod(controller), matches);
            assert_eq!(found, expected, "{controller:?} {matches} {deleting}");
        }
    }
}
