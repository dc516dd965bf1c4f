//! What was applied last, so that nothing is applied again without need.
//!
//! Whether an apply would change anything can't be told from the manifest alone: defaults are added, numbers and quantities
//! are written in another way, and a field that the last manifest had and this one lacks has to go. So each apply is
//! remembered as two digests: of the manifest, and of what the stored object had in the manifest's fields afterwards. While
//! both are the same there is nothing to do. What others add is in neither.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use kube::core::ApiResource;
use serde_json::{Map, Value};

use crate::{cache::Key, change::Manifest, object::digest_of};

/// The last apply of each object, since the process started, and what was found to exist outside the caches.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// By object and field manager.
    applied: Mutex<HashMap<Place, HashMap<&'static str, Digests>>>,
    existing: Mutex<HashSet<Place>>,
}

/// Kind and name of an object.
type Place = (String, Key);

#[derive(Debug, PartialEq, Eq)]
struct Digests {
    manifest: String,
    stored: String,
}

impl Digests {
    fn of(manifest: &Value, stored: &Value) -> Self {
        let mut manifest = manifest.clone();
        if let Some(metadata) = manifest["metadata"].as_object_mut() {
            // Says which state is meant, not what is wanted.
            metadata.remove("resourceVersion");
        }
        Self {
            stored: digest_of(&in_fields_of(&manifest, stored)),
            manifest: digest_of(&manifest),
        }
    }
}

impl Memory {
    /// Whether `manager` applied the very same, and the stored object still has it.
    pub(crate) fn is_applied(&self, manager: &'static str, manifest: &Manifest, key: &Key, stored: &Value) -> bool {
        let applied = lock(&self.applied);
        let last = applied
            .get(&place(&manifest.resource, key))
            .and_then(|by| by.get(manager));
        last.is_some_and(|last| *last == Digests::of(&manifest.body, stored))
    }

    /// Notes an apply and the object that came of it.
    pub(crate) fn note(&self, manager: &'static str, manifest: &Manifest, key: &Key, stored: &Value) {
        let digests = Digests::of(&manifest.body, stored);
        let mut applied = lock(&self.applied);
        applied
            .entry(place(&manifest.resource, key))
            .or_default()
            .insert(manager, digests);
    }

    /// Forgets the applies of an object that is gone.
    pub(crate) fn forget(&self, resource: &ApiResource, key: &Key) {
        lock(&self.applied).remove(&place(resource, key));
    }

    /// Whether an object was found to exist.
    pub(crate) fn exists(&self, resource: &ApiResource, key: &Key) -> bool {
        lock(&self.existing).contains(&place(resource, key))
    }

    /// Notes that an object exists which the caches don't have.
    pub(crate) fn note_existing(&self, resource: &ApiResource, key: &Key) {
        lock(&self.existing).insert(place(resource, key));
    }

    /// No longer relies on an object's existence.
    pub(crate) fn doubt(&self, resource: &ApiResource, key: &Key) {
        lock(&self.existing).remove(&place(resource, key));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Valid whatever a panicking holder did: each change is one insertion or removal.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn place(resource: &ApiResource, key: &Key) -> Place {
    (resource.kind.clone(), key.clone())
}

/// What `stored` has in the fields of `manifest`. A list is compared entry by entry where its entries can be told apart by
/// name, and as a whole otherwise.
fn in_fields_of(manifest: &Value, stored: &Value) -> Value {
    match (manifest, stored) {
        (Value::Object(wanted), Value::Object(found)) => {
            let fields = wanted.iter().map(|(field, value)| {
                let stored = found.get(field).unwrap_or(&Value::Null);
                (field.clone(), in_fields_of(value, stored))
            });
            Value::Object(fields.collect::<Map<_, _>>())
        }
        (Value::Array(wanted), Value::Array(found)) => {
            let entries = wanted.iter().map(|entry| {
                let same = only(found.iter().filter(|other| same_entry(entry, other)))?;
                Some(in_fields_of(entry, same))
            });
            let entries: Option<Vec<Value>> = entries.collect();
            entries.map_or_else(|| stored.clone(), Value::Array)
        }
        _ => stored.clone(),
    }
}

fn only<T>(mut items: impl Iterator<Item = T>) -> Option<T> {
    let first = items.next()?;
    items.next().is_none().then_some(first)
}

/// The fields by which Kubernetes tells the entries of a list apart.
const NAMES: [&str; 7] = ["name", "mountPath", "containerPort", "port", "protocol", "type", "uid"];

fn same_entry(wanted: &Value, found: &Value) -> bool {
    let mut named = NAMES
        .iter()
        .filter(|field| wanted[**field].is_string() || wanted[**field].is_number())
        .peekable();
    named.peek().is_some() && named.all(|field| wanted[*field] == found[*field])
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::apps::v1::Deployment;
    use serde_json::json;

    use super::*;

    fn manifest(replicas: u32, extra: Value) -> Manifest {
        let mut body = json!({
            "metadata": { "name": "cards", "labels": { "a": "b" }, "resourceVersion": replicas.to_string() },
            "spec": { "replicas": 1, "template": { "spec": { "containers": [
                { "name": "server", "args": ["--a"], "resources": { "limits": { "cpu": "1000m" } },
                  "volumeMounts": [{ "name": "tmp", "mountPath": "/tmp" }] },
            ] } } },
        });
        for (field, value) in extra.as_object().expect("an object") {
            body["spec"][field] = value.clone();
        }
        Manifest {
            resource: ApiResource::erase::<Deployment>(&()),
            body,
        }
    }

    /// The manifest as the API server stores it: with defaults, and quantities in their canonical form.
    fn stored() -> Value {
        let mut stored = manifest(7, json!({ "revisionHistoryLimit": 10 })).body;
        let container = &mut stored["spec"]["template"]["spec"]["containers"][0];
        container["resources"]["limits"]["cpu"] = "1".into();
        container["imagePullPolicy"] = "IfNotPresent".into();
        stored
    }

    #[test]
    fn only_a_difference_in_the_manifests_fields_is_a_reason_to_apply() {
        let key = Key::new("default", "cards");
        let memory = Memory::default();
        let same = |manifest: &Manifest, stored: &Value| memory.is_applied("m", manifest, &key, stored);
        let wanted = manifest(1, json!({}));
        assert!(!same(&wanted, &stored()), "not applied yet by this process");
        memory.note("m", &wanted, &key, &stored());
        assert!(same(&wanted, &stored()));
        assert!(same(&manifest(2, json!({})), &stored()), "another state is meant");
        assert!(!memory.is_applied("other", &wanted, &key, &stored()));
        assert!(!same(&manifest(1, json!({ "paused": true })), &stored()));

        let mut foreign = stored();
        foreign["metadata"]["annotations"] = json!({ "revision": "3" });
        foreign["spec"]["template"]["spec"]["containers"] = json!([
            { "name": "mesh", "args": ["--b"] }, stored()["spec"]["template"]["spec"]["containers"][0],
        ]);
        foreign["status"] = json!({ "replicas": 1 });
        assert!(same(&wanted, &foreign), "what others add is theirs");

        for (pointer, value) in [
            ("/spec/replicas", json!(2)),
            ("/metadata/labels/a", json!("c")),
            ("/spec/template/spec/containers/0/args", json!(["--a", "--more"])),
            (
                "/spec/template/spec/containers/0/volumeMounts/0/mountPath",
                json!("/else"),
            ),
            ("/spec/template/spec/containers/0/resources/limits/cpu", json!("2")),
        ] {
            let mut edited = stored();
            *edited.pointer_mut(pointer).expect("a field") = value;
            assert!(!same(&wanted, &edited), "{pointer}");
        }
        memory.forget(&wanted.resource, &key);
        assert!(!same(&wanted, &stored()));
    }
}
