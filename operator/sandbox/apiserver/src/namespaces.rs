//! Namespaces: their initial content and their termination.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::Api;
use crate::context::Context;
use crate::meta::{Meta, now};
use crate::ownership::New;
use crate::resource::Resource;
use crate::verbs::{Change, DeleteOptions, Part, Propagation, Tracking, create, delete, update};

/// The initial namespaces.
const INITIAL: [&str; 4] = ["default", "kube-node-lease", "kube-public", "kube-system"];

/// Creates the initial namespaces and their content.
pub(super) fn create_initial(api: &Api) {
    let Some(namespaces) = api.registry.get("", "v1", "namespaces") else {
        return;
    };
    for name in INITIAL {
        if api.store.get(&namespaces.storage, "", name).is_some() {
            continue;
        }
        let object = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } });
        if let Err(error) = create(api, &namespaces, "", object, &Context::internal(), New::Update) {
            tracing::error!(%error, name, "creating an initial namespace");
        }
    }
}

/// Resumes the termination of namespaces after a restart.
pub(super) fn resume(api: &Api, woken: &mpsc::UnboundedSender<String>) {
    for namespace in api.store.all("/namespaces", "") {
        if namespace.object.is_deleting() {
            // The receiver is gone only when the sandbox is shutting down.
            let _ = woken.send(namespace.object.name().to_owned());
        }
    }
}

/// Terminates namespaces that are being deleted; `woken` receives the name of a namespace when an object in it changes.
pub(super) async fn run(api: Arc<Api>, mut woken: mpsc::UnboundedReceiver<String>) {
    let mut waiting: HashSet<String> = HashSet::new();
    loop {
        tokio::select! {
            name = woken.recv() => match name {
                Some(name) => { waiting.insert(name); }
                None => return,
            },
            () = api.stopping.cancelled() => return,
        }
        // Debounce bursts of changes.
        while let Ok(Some(name)) = tokio::time::timeout(Duration::from_millis(20), woken.recv()).await {
            waiting.insert(name);
            if waiting.len() > 100 {
                break;
            }
        }
        for name in waiting.drain() {
            end(&api, &name);
        }
    }
}

/// Deletes a namespace's content, and then the empty namespace.
fn end(api: &Api, name: &str) {
    let Some(namespaces) = api.registry.get("", "v1", "namespaces") else {
        return;
    };
    let Some(item) = api.store.get(&namespaces.storage, "", name) else {
        return;
    };
    if !item.object.is_deleting() {
        return;
    }
    let options = DeleteOptions {
        propagation: Some(Propagation::Background),
        ..DeleteOptions::default()
    };
    let mut remaining: BTreeMap<String, usize> = BTreeMap::new();
    let mut finalizers: BTreeMap<String, usize> = BTreeMap::new();
    let mut seen = HashSet::new();
    for resource in api.registry.all() {
        if !resource.namespaced || !resource.stores_objects() || !seen.insert(resource.storage.clone()) {
            continue;
        }
        for object in api.store.all(&resource.storage, name) {
            // On failure somebody else has deleted it.
            let _ = delete(api, &resource, name, object.object.name(), &options);
        }
        for object in api.store.all(&resource.storage, name) {
            *remaining
                .entry(format!("{}.{}", resource.plural, resource.group))
                .or_default() += 1;
            for finalizer in object.object.finalizers() {
                *finalizers.entry(finalizer.to_owned()).or_default() += 1;
            }
        }
    }
    let result = if remaining.is_empty() {
        finalize(api, &namespaces, name)
    } else {
        report(api, &namespaces, name, &remaining, &finalizers)
    };
    if let Err(error) = result {
        tracing::debug!(%error, name, "ending a namespace");
    }
}

fn finalize(api: &Api, namespaces: &Resource, name: &str) -> Result<(), crate::error::ApiError> {
    update(api, namespaces, "", name, Part::Whole, &Context::internal(), &|old| {
        let mut object = old.clone();
        object["spec"] = json!({});
        Ok(Change {
            object,
            tracking: Tracking::Update,
            warnings: Vec::new(),
        })
    })
    .map(drop)
}

fn report(
    api: &Api,
    namespaces: &Resource,
    name: &str,
    remaining: &BTreeMap<String, usize>,
    finalizers: &BTreeMap<String, usize>,
) -> Result<(), crate::error::ApiError> {
    let counts = |map: &BTreeMap<String, usize>, word: &str| {
        map.iter()
            .map(|(k, n)| format!("{k} {word} {n} resource instances"))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let content = format!("Some resources are remaining: {}", counts(remaining, "has"));
    let held = format!(
        "Some content in the namespace has finalizers remaining: {}",
        counts(finalizers, "in")
    );
    let no = |what: &str| what.to_owned();
    let wanted = [
        (
            "NamespaceDeletionDiscoveryFailure",
            "False",
            "ResourcesDiscovered",
            no("All resources successfully discovered"),
        ),
        (
            "NamespaceDeletionGroupVersionParsingFailure",
            "False",
            "ParsedGroupVersions",
            no("All legacy kube types successfully parsed"),
        ),
        (
            "NamespaceDeletionContentFailure",
            "False",
            "ContentDeleted",
            no("All content successfully deleted, may be waiting on finalization"),
        ),
        ("NamespaceContentRemaining", "True", "SomeResourcesRemain", content),
        if finalizers.is_empty() {
            (
                "NamespaceFinalizersRemaining",
                "False",
                "ContentHasNoFinalizers",
                no("All content-preserving finalizers finished"),
            )
        } else {
            ("NamespaceFinalizersRemaining", "True", "SomeFinalizersRemain", held)
        },
    ];
    update(api, namespaces, "", name, Part::Status, &Context::internal(), &|old| {
        let mut object = old.clone();
        let before = old["status"]["conditions"].as_array().cloned().unwrap_or_default();
        let conditions: Vec<Value> = wanted
            .iter()
            .map(|(kind, status, reason, message)| {
                let since = before.iter().find(|c| c["type"] == *kind && c["status"] == *status);
                let time = since.and_then(|c| c["lastTransitionTime"].as_str()).map_or_else(now, str::to_owned);
                json!({ "type": kind, "status": status, "lastTransitionTime": time, "reason": reason, "message": message })
            })
            .collect();
        object["status"]["conditions"] = conditions.into();
        Ok(Change { object, tracking: Tracking::Update, warnings: Vec::new() })
    })
    .map(drop)
}
