//! The garbage collector: deletes dependents of deleted owners, and the objects of deleted definitions.

use std::sync::Arc;

use serde_json::Value;
use tokio::sync::mpsc;

use crate::Api;
use crate::context::Context;
use crate::crd;
use crate::error::ApiError;
use crate::meta::{Meta, OwnerReference};
use crate::resource::Resource;
use crate::roles;
use crate::store::{Change, Reference};
use crate::verbs::{self, DeleteOptions, Part, Propagation, Tracking, delete, update};

/// Processes all writes until the server stops.
pub(super) async fn run(
    api: Arc<Api>,
    mut changes: mpsc::UnboundedReceiver<Change>,
    to_namespaces: mpsc::UnboundedSender<String>,
) {
    loop {
        let change = tokio::select! {
            change = changes.recv() => change,
            () = api.stopping.cancelled() => return,
        };
        let Some(change) = change else { return };
        wake_namespace(&api, &change, &to_namespaces);
        if &*change.reference.storage == "rbac.authorization.k8s.io/clusterroles" {
            roles::gather(&api);
        }
        if change.removed {
            owner_gone(&api, &change);
        } else {
            written(&api, &change);
        }
    }
}

/// Notifies the namespace controller if an object in a terminating namespace is removed.
fn wake_namespace(api: &Api, change: &Change, to_namespaces: &mpsc::UnboundedSender<String>) {
    let reference = &change.reference;
    let name = if &*reference.storage == "/namespaces" {
        &reference.name
    } else {
        &reference.namespace
    };
    let ends = !name.is_empty()
        && api
            .store
            .get("/namespaces", "", name)
            .is_some_and(|n| n.object.is_deleting())
        && (change.removed
            || &*reference.storage != "/namespaces"
            || change.item.object["status"]["conditions"].is_null());
    if ends {
        let _ = to_namespaces.send(name.clone());
    }
}

fn resource_of(api: &Api, reference: &Reference) -> Option<Arc<Resource>> {
    api.registry.by_storage(&reference.storage)
}

fn owner_gone(api: &Api, change: &Change) {
    for dependent in api.store.dependents(change.item.object.uid()) {
        judge(api, &dependent);
    }
    // The owners of the removed object may have waited for it.
    for owner in change.item.object.owners() {
        if let Some(reference) = api.store.by_uid(&owner.uid) {
            finish_foreground(api, &reference);
        }
    }
    if let Some((group, plural)) = change.reference.storage.split_once('/') {
        let name = format!("{plural}.{group}");
        finish_definition(api, &name);
    }
}

fn written(api: &Api, change: &Change) {
    let object = &change.item.object;
    if !object.owners().is_empty() {
        judge(api, &change.reference);
        // A reference that no longer blocks may release the owner.
        for owner in object.owners() {
            if let Some(reference) = api.store.by_uid(&owner.uid) {
                finish_foreground(api, &reference);
            }
        }
    }
    if !object.is_deleting() {
        return;
    }
    if object.has_finalizer("orphan") {
        orphan_dependents(api, &change.reference, object.uid());
    }
    if object.has_finalizer("foregroundDeletion") {
        delete_dependents(api, object.uid());
        finish_foreground(api, &change.reference);
    }
    if &*change.reference.storage == "apiextensions.k8s.io/customresourcedefinitions" {
        empty_definition(api, object);
    }
}

/// The state of an owner.
#[derive(PartialEq, Eq)]
enum Owner {
    Present,
    Gone,
    /// Being deleted in the foreground, waiting for its dependents.
    Waiting,
}

fn owner_state(api: &Api, dependent: &Reference, owner: &OwnerReference) -> Owner {
    let Some(found) = api.store.by_uid(&owner.uid) else {
        return Owner::Gone;
    };
    // An owner in another namespace is treated as absent.
    if !found.namespace.is_empty() && found.namespace != dependent.namespace {
        return Owner::Gone;
    }
    match api.store.resolve(&found) {
        Some(item) if item.object.is_deleting() && item.object.has_finalizer("foregroundDeletion") => Owner::Waiting,
        Some(_) => Owner::Present,
        None => Owner::Gone,
    }
}

/// Deletes a dependent, or removes its references, depending on its owners.
fn judge(api: &Api, dependent: &Reference) {
    let Some(item) = api.store.resolve(dependent) else {
        return;
    };
    let owners = item.object.owners();
    if owners.is_empty() {
        return;
    }
    let states: Vec<(Owner, &OwnerReference)> = owners.iter().map(|o| (owner_state(api, dependent, o), o)).collect();
    if states.iter().all(|(s, _)| *s == Owner::Present) {
        return;
    }
    let Some(resource) = resource_of(api, dependent) else {
        return;
    };
    if states.iter().any(|(s, _)| *s == Owner::Present) {
        let gone: Vec<&str> = states
            .iter()
            .filter(|(s, _)| *s == Owner::Gone)
            .map(|(_, o)| o.uid.as_str())
            .collect();
        if !gone.is_empty() {
            drop_owners(api, &resource, dependent, &gone);
        }
        return;
    }
    if item.object.is_deleting() {
        return;
    }
    let waiting = states.iter().any(|(s, _)| *s == Owner::Waiting);
    let has_dependents = !api.store.dependents(item.object.uid()).is_empty();
    let propagation = if waiting && has_dependents {
        Propagation::Foreground
    } else {
        Propagation::Background
    };
    remove(api, &resource, dependent, &item.object, propagation);
}

fn remove(api: &Api, resource: &Resource, reference: &Reference, object: &Value, propagation: Propagation) {
    let options = DeleteOptions {
        propagation: Some(propagation),
        uid: Some(object.uid().to_owned()),
        ..DeleteOptions::default()
    };
    if let Err(error) = delete(api, resource, &reference.namespace, &reference.name, &options)
        && !error.is_not_found()
    {
        tracing::debug!(%error, name = reference.name, "collecting a dependent");
    }
}

fn change(api: &Api, resource: &Resource, reference: &Reference, edit: &dyn Fn(&mut Value)) {
    let result = update(
        api,
        resource,
        &reference.namespace,
        &reference.name,
        Part::Whole,
        &Context::internal(),
        &|old| {
            let mut object = old.clone();
            edit(&mut object);
            Ok(verbs::Change {
                object,
                tracking: Tracking::Update,
                warnings: Vec::new(),
            })
        },
    );
    if let Err(error) = result
        && !ApiError::is_not_found(&error)
    {
        tracing::debug!(%error, name = reference.name, "changing a collected object");
    }
}

fn drop_owners(api: &Api, resource: &Resource, dependent: &Reference, uids: &[&str]) {
    change(api, resource, dependent, &|object| {
        let Some(Value::Array(mut list)) = object.remove_meta("ownerReferences") else {
            return;
        };
        list.retain(|o| !o["uid"].as_str().is_some_and(|uid| uids.contains(&uid)));
        if !list.is_empty() {
            object.set_meta("ownerReferences", list);
        }
    });
}

fn drop_finalizer(api: &Api, resource: &Resource, reference: &Reference, finalizer: &str) {
    change(api, resource, reference, &|object| {
        let kept: Vec<String> = object
            .finalizers()
            .into_iter()
            .filter(|f| *f != finalizer)
            .map(str::to_owned)
            .collect();
        if kept.is_empty() {
            object.remove_meta("finalizers");
        } else {
            object.set_meta("finalizers", kept);
        }
    });
}

fn orphan_dependents(api: &Api, owner: &Reference, uid: &str) {
    for dependent in api.store.dependents(uid) {
        if let Some(resource) = resource_of(api, &dependent) {
            drop_owners(api, &resource, &dependent, &[uid]);
        }
    }
    if let Some(resource) = resource_of(api, owner) {
        drop_finalizer(api, &resource, owner, "orphan");
    }
}

fn delete_dependents(api: &Api, uid: &str) {
    for dependent in api.store.dependents(uid) {
        judge(api, &dependent);
    }
}

/// Removes the foreground finalizer of an owner once no dependent blocks it.
fn finish_foreground(api: &Api, owner: &Reference) {
    let Some(item) = api.store.resolve(owner) else { return };
    if !item.object.is_deleting() || !item.object.has_finalizer("foregroundDeletion") {
        return;
    }
    let uid = item.object.uid();
    let blocked = api.store.dependents(uid).iter().any(|d| {
        api.store
            .resolve(d)
            .is_some_and(|i| i.object.owners().iter().any(|o| o.uid == uid && o.blocks))
    });
    if !blocked && let Some(resource) = resource_of(api, owner) {
        drop_finalizer(api, &resource, owner, "foregroundDeletion");
    }
}

/// Deletes the objects of a definition that is being deleted.
fn empty_definition(api: &Api, definition: &Value) {
    let storage = crd::storage_of(definition);
    let Some(resource) = api.registry.by_storage(&storage) else {
        finish_definition(api, definition.name());
        return;
    };
    for item in api.store.all(&storage, "") {
        let reference = Reference::of(&storage, &item.object);
        remove(api, &resource, &reference, &item.object, Propagation::Background);
    }
    finish_definition(api, definition.name());
}

/// Removes the finalizer of a definition once it has no objects.
fn finish_definition(api: &Api, name: &str) {
    let Some(resource) = api
        .registry
        .get("apiextensions.k8s.io", "v1", "customresourcedefinitions")
    else {
        return;
    };
    let Some(item) = api.store.get(&resource.storage, "", name) else {
        return;
    };
    if !item.object.is_deleting() || !api.store.all(&crd::storage_of(&item.object), "").is_empty() {
        return;
    }
    let reference = Reference::of(&resource.storage, &item.object);
    drop_finalizer(api, &resource, &reference, crd::CLEANUP);
}
