use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
    time::Instant,
};

use complaint_api::{ModelVersion, labels};
use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{Pod, Service},
};
use kube::{Resource, ResourceExt, core::ApiResource};
use serde_json::{Value, json};

use super::{Cached, Caches, Event, Found, Kept, Key, Origin, Store};

fn version(name: &str, at: u64, algorithm: &str) -> Kept<ModelVersion> {
    Kept::read(json!({
        "apiVersion": "complaints.dev/v1alpha1", "kind": "ModelVersion",
        "metadata": { "name": name, "namespace": "default", "uid": "u", "resourceVersion": at.to_string() },
        "spec": { "classifierRef": { "name": "cards" }, "algorithm": algorithm,
                  "artifact": { "uri": "s3://b/a", "sha256": "0".repeat(64) } },
    }))
}

fn sound(name: &str, at: u64) -> Kept<ModelVersion> {
    version(name, at, "LinearSvm")
}

/// A store that writes down its events.
fn watched() -> (Store<ModelVersion>, Arc<Mutex<Vec<String>>>) {
    let store = Store::default();
    let log = Arc::new(Mutex::new(Vec::new()));
    let told = log.clone();
    store.listen(move |event: &Event<'_, ModelVersion>| {
        let at = |kept: Option<&Kept<ModelVersion>>| kept.and_then(ResourceExt::resource_version).unwrap_or("-".into());
        told.lock()
            .expect("unpoisoned")
            .push(format!("{} to {}", at(event.old), at(event.new)));
    });
    (store, log)
}

fn known(store: &Store<ModelVersion>, name: &str) -> Option<String> {
    store.get(&Key::new("default", name))?.resource_version()
}

#[test]
fn the_latest_state_stays_whoever_brings_it() {
    let (store, log) = watched();
    store.put(sound("a", 10), Origin::Watch);
    store.put(version("a", 20, "NbSvm"), Origin::Own);
    // The watch is behind, and must not undo what was written.
    store.put(sound("a", 15), Origin::Watch);
    assert_eq!(known(&store, "a").as_deref(), Some("20"));
    store.put(version("a", 20, "NbSvm"), Origin::Watch);
    store.put(version("a", 25, "NbSvm"), Origin::Watch);
    assert_eq!(known(&store, "a").as_deref(), Some("25"));
    // The last one changed nothing but its number.
    assert_eq!(*log.lock().expect("unpoisoned"), ["- to 10", "10 to 20"]);
}

#[test]
fn a_late_answer_does_not_bring_a_deleted_object_back_and_a_successor_does() {
    let (store, log) = watched();
    store.put(sound("a", 10), Origin::Watch);
    store.remove(&sound("a", 12));
    store.put(sound("a", 11), Origin::Own);
    assert_eq!(known(&store, "a"), None);
    store.put(sound("a", 13), Origin::Own);
    // The watch tells of the first deletion late.
    store.remove(&sound("a", 12));
    assert_eq!(known(&store, "a").as_deref(), Some("13"));
    store.forget(&Key::new("default", "a"));
    assert_eq!(known(&store, "a"), None);
    assert_eq!(
        *log.lock().expect("unpoisoned"),
        ["- to 10", "10 to -", "- to 13", "13 to -"]
    );
}

#[test]
fn a_complete_list_removes_what_it_lacks_in_its_scope_but_not_what_was_written_just_now() {
    let (store, _) = watched();
    for name in ["kept", "gone"] {
        store.put(sound(name, 10), Origin::Watch);
    }
    let began = Instant::now();
    store.put(sound("made", 11), Origin::Own);
    let listed = HashSet::from([Key::new("default", "kept")]);
    store.retain(Some("elsewhere"), &HashSet::new(), began);
    store.retain(Some("default"), &listed, began);
    let names: Vec<String> = store
        .list("default", |_| true)
        .iter()
        .map(|kept| kept.name_any())
        .collect();
    assert_eq!(names, ["kept", "made"]);
    // A list that began after the write knows better.
    store.retain(None, &listed, Instant::now());
    assert_eq!(known(&store, "made"), None);
}

#[test]
fn an_object_of_a_later_release_is_kept_apart_with_its_classifier() {
    let kept = version("v9", 1, "Transformer");
    let unread = kept.0.as_ref().expect_err("an algorithm of a later release");
    assert_eq!(unread.classifier.as_deref(), Some("cards"));
    assert!(unread.error.contains("Transformer"), "{}", unread.error);
    assert_eq!(Key::of(&kept), Key::new("default", "v9"));
}

fn trimmed<K: Cached>(object: Value) -> Value {
    Kept::<K>::read(object).to_value()
}

#[test]
fn what_nobody_reads_is_not_kept() {
    let long = "x".repeat(200_000);
    let metadata = json!({
        "name": "a", "namespace": "default", "selfLink": "s",
        "labels": { labels::CLASSIFIER: "cards", "team": "x" },
        "annotations": { "note": long, "complaints.dev/model-version": "v1" },
        "managedFields": [
            { "manager": "kubectl", "fieldsV1": { "f:metadata": { "f:labels": {} } } },
            { "manager": "kube-controller-manager", "subresource": "scale", "fieldsV1": { "f:spec": { "f:replicas": {}, "f:x": {} } } },
        ],
    });
    let object = json!({ "metadata": metadata, "spec": { "containers": [] }, "status": { "phase": "Running" } });

    let pod = trimmed::<Pod>(object.clone());
    assert_eq!(pod["metadata"]["labels"], json!({ labels::CLASSIFIER: "cards" }));
    assert_eq!(
        pod["metadata"]["annotations"],
        json!({ "complaints.dev/model-version": "v1" })
    );
    assert_eq!(
        (&pod["metadata"]["managedFields"], &pod["spec"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(pod["status"]["phase"], "Running");

    let mut deployment = object.clone();
    deployment["spec"] = json!({ "replicas": 2, "selector": {}, "template": {} });
    let deployment = trimmed::<Deployment>(deployment);
    let managers = deployment["metadata"]["managedFields"]
        .as_array()
        .expect("those of replicas");
    assert_eq!(managers.len(), 1, "{managers:?}");
    assert_eq!(managers[0]["manager"], "kube-controller-manager");
    assert_eq!(deployment["spec"]["replicas"], 2);

    // The user asks for them in the classifier; a long one is compared by its digest.
    let mut service = object;
    service["spec"] = json!({});
    let other = {
        let mut other = service.clone();
        other["metadata"]["annotations"]["note"] = "y".repeat(200_000).into();
        trimmed::<Service>(other)
    };
    let service = trimmed::<Service>(service);
    assert!(
        service["metadata"]["annotations"]["note"]
            .as_str()
            .is_some_and(|note| note.len() < 100)
    );
    assert_ne!(service["metadata"]["annotations"], other["metadata"]["annotations"]);
}

#[test]
fn own_writes_are_found_by_kind() {
    let caches = Caches::new();
    let resource = ApiResource::erase::<ModelVersion>(&());
    let key = Key::new("default", "a");
    assert!(matches!(caches.find(&resource, &key), Found::Absent));
    let answer = serde_json::from_value(sound("a", 5).to_value()).expect("an object");
    caches.wrote(&resource, &answer);
    let Found::There(found) = caches.find(&resource, &key) else {
        panic!("it was written");
    };
    assert_eq!(found["kind"], ModelVersion::kind(&()).as_ref());
    caches.deleted(&resource, &key);
    assert!(matches!(caches.find(&resource, &key), Found::Absent));
    let config = ApiResource::erase::<k8s_openapi::api::core::v1::ConfigMap>(&());
    assert!(matches!(caches.find(&config, &key), Found::Unknown));
}
