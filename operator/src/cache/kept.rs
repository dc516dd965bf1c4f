//! An object as the caches keep it: without what nobody reads, and readable or not.

use std::borrow::Cow;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::Cached;

/// An object of a kind, or what is known of one that this release can't read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Kept<K>(pub(crate) Result<K, Box<Unreadable>>);

/// An object that is not of its kind's form, such as one that a later release wrote.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Unreadable {
    pub(crate) metadata: ObjectMeta,
    /// The classifier that it names, if that can be told.
    pub(crate) classifier: Option<String>,
    /// Digests of the artifacts that it names, as a version or as a classifier's record.
    pub(crate) artifacts: Vec<String>,
    /// Where its form differs.
    pub(crate) error: String,
}

impl<K: Cached> Kept<K> {
    /// Reads an object, and leaves out what nobody reads.
    pub(crate) fn read(mut object: Value) -> Self {
        let kind = K::kind(&());
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            trim_metadata(metadata, &kind);
        }
        K::trim(&mut object);
        let metadata = object["metadata"].clone();
        let classifier = object.pointer("/spec/classifierRef/name").and_then(Value::as_str);
        let classifier = classifier.map(str::to_owned);
        let named = ARTIFACTS.iter().filter_map(|path| object.pointer(path)?.as_str());
        let artifacts = named.map(str::to_owned).collect();
        Self(K::deserialize(object).map_err(|error| {
            Box::new(Unreadable {
                metadata: serde_json::from_value(metadata).unwrap_or_default(),
                classifier,
                artifacts,
                error: error.to_string(),
            })
        }))
    }

    /// The object, if it can be read.
    pub(crate) fn readable(&self) -> Option<&K> {
        self.0.as_ref().ok()
    }

    /// The object as JSON; what can't be read has only its metadata.
    pub(crate) fn to_value(&self) -> Value {
        match &self.0 {
            Ok(object) => serde_json::to_value(object).unwrap_or_default(),
            Err(unreadable) => json!({ "metadata": unreadable.metadata }),
        }
    }
}

impl<'de, K: Cached> Deserialize<'de> for Kept<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::read(Value::deserialize(deserializer)?))
    }
}

impl<K: Resource> Resource for Kept<K> {
    type DynamicType = K::DynamicType;
    type Scope = K::Scope;

    fn kind(kind: &Self::DynamicType) -> Cow<'_, str> {
        K::kind(kind)
    }

    fn group(kind: &Self::DynamicType) -> Cow<'_, str> {
        K::group(kind)
    }

    fn version(kind: &Self::DynamicType) -> Cow<'_, str> {
        K::version(kind)
    }

    fn plural(kind: &Self::DynamicType) -> Cow<'_, str> {
        K::plural(kind)
    }

    fn meta(&self) -> &ObjectMeta {
        self.0
            .as_ref()
            .map_or_else(|unreadable| &unreadable.metadata, Resource::meta)
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        match &mut self.0 {
            Ok(object) => object.meta_mut(),
            Err(unreadable) => &mut unreadable.metadata,
        }
    }
}

/// Where versions and classifiers name artifacts by their digests.
const ARTIFACTS: [&str; 4] = [
    "/spec/artifact/sha256",
    "/status/champion/sha256",
    "/status/challenger/sha256",
    "/status/previousChampion/sha256",
];

/// The metadata that somebody reads.
const METADATA: [&str; 12] = [
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "labels",
    "annotations",
    "creationTimestamp",
    "deletionTimestamp",
    "ownerReferences",
    "finalizers",
    "managedFields",
];
/// Labels that somebody reads begin so.
const LABELS: [&str; 3] = ["complaints.dev/", "app.kubernetes.io/", "batch.kubernetes.io/job-name"];
/// Annotations that somebody reads begin so.
const ANNOTATIONS: &str = "complaints.dev/";
/// A longer annotation is kept as its digest: a change of it is still seen.
const LONG: usize = 256;

fn trim_metadata(metadata: &mut Map<String, Value>, kind: &str) {
    metadata.retain(|field, _| METADATA.contains(&field.as_str()));
    let begins = |key: &str| LABELS.iter().any(|start| key.starts_with(start));
    if let Some(labels) = metadata.get_mut("labels").and_then(Value::as_object_mut) {
        labels.retain(|key, _| begins(key));
    }
    if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
        // A Service's annotations are the user's settings, and the operator applies them.
        annotations.retain(|key, _| kind == "Service" || key.starts_with(ANNOTATIONS));
        for (_, value) in annotations.iter_mut() {
            if let Some(text) = value.as_str().filter(|text| text.len() > LONG) {
                *value = format!("sha256:{}", hex::encode(Sha256::digest(text.as_bytes()))).into();
            }
        }
    }
    match metadata.get_mut("managedFields").filter(|_| kind == "Deployment") {
        Some(managers) => trim_managers(managers),
        None => _ = metadata.remove("managedFields"),
    }
}

/// Of the managers of a Deployment only those of `replicas` are of interest.
fn trim_managers(managers: &mut Value) {
    let Some(entries) = managers.as_array_mut() else { return };
    entries.retain(|entry| !entry["fieldsV1"]["f:spec"]["f:replicas"].is_null());
    for entry in entries {
        *entry = json!({
            "manager": entry["manager"],
            "fieldsType": "FieldsV1",
            "fieldsV1": { "f:spec": { "f:replicas": {} } },
        });
    }
}
