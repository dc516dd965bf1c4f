//! The product by kubectl alone, on a small data set.

use std::path::Path;

use serde_json::{Value, json};

use crate::cluster::{Cluster, root};

/// A sandbox with the operator, and kubectl.
pub struct Shell<'a> {
    pub cluster: Cluster,
    kubectl: &'a Path,
}

impl<'a> Shell<'a> {
    pub fn start(kubectl: &'a Path) -> Self {
        Self {
            cluster: Cluster::with(&["--with-operator"], &[("RETENTION_NOTICE", "0s")]),
            kubectl,
        }
    }

    pub fn ok(&self, args: &str) -> String {
        self.cluster.ok(self.kubectl, args)
    }

    pub fn apply(&self, manifest: Value) {
        self.apply_all(&[manifest]);
    }

    pub fn apply_all(&self, manifests: &[Value]) {
        let documents: Vec<String> = manifests.iter().map(Value::to_string).collect();
        let applied = self.cluster.run(self.kubectl, "apply -f -", &documents.join("\n---\n"));
        assert!(applied.ok, "{}", applied.err);
    }

    pub fn patch(&self, object: &str, patch: &Value) {
        self.ok(&format!("patch {object} --type=merge -p {patch}"));
    }

    pub fn promote(&self, version: &str) {
        self.patch(
            "cc/cards",
            &json!({ "spec": { "promotion": { "modelVersion": version } } }),
        );
        self.ok(&format!(
            "wait cc/cards --for=jsonpath={{.status.champion.name}}={version} --timeout=60s"
        ));
    }

    /// All versions, the oldest first.
    pub fn versions(&self) -> Vec<Value> {
        let list: Value = serde_json::from_str(&self.ok("get mv -o json")).expect("JSON");
        let mut versions = list["items"].as_array().expect("a list").clone();
        versions.sort_by_key(|version| (text(version, "/metadata/creationTimestamp"), name(version)));
        versions
    }

    /// Reasons and notes of all Events.
    pub fn events(&self) -> String {
        let all = |field: &str| self.ok(&format!("get events -o jsonpath={{.items[*].{field}}}"));
        all("reason") + &all("message")
    }
}

pub fn text(object: &Value, path: &str) -> String {
    let value = object.pointer(path).and_then(Value::as_str);
    value.unwrap_or_else(|| panic!("no {path} in {object:#}")).to_owned()
}

pub fn name(object: &Value) -> String {
    text(object, "/metadata/name")
}

/// A part of the sample, which is quick to train on.
pub fn rows() -> String {
    let sample = std::fs::read(root().join("examples/data/complaints.csv")).expect("the sample is readable");
    let mut rows = csv::Reader::from_reader(sample.as_slice());
    let mut part = csv::Writer::from_writer(Vec::new());
    part.write_record(rows.headers().expect("headers")).expect("memory");
    for row in rows.records().take(120) {
        part.write_record(&row.expect("a row")).expect("memory");
    }
    String::from_utf8(part.into_inner().expect("memory")).expect("text")
}

/// A run on the ConfigMap `rows` for the classifier `cards`. Each number gives another model.
pub fn run(number: usize) -> Value {
    json!({
        "apiVersion": "complaints.dev/v1alpha1", "kind": "TrainingRun", "metadata": { "name": format!("cards-{number}") },
        "spec": {
            "classifierRef": { "name": "cards" },
            "dataset": { "source": { "configMap": { "name": "rows", "key": "rows.csv" } }, "format": "Csv",
                         "textField": "narrative", "labelFields": ["category"], "minSamplesPerClass": 5 },
            // Each has another vocabulary, and so another digest.
            "features": { "minDocumentFrequency": 1, "wordNgrams": [1, 1], "maxFeatures": 30 + number },
            "search": { "folds": 2, "candidates": [{ "algorithm": "ComplementNaiveBayes", "grid": { "alpha": [1] } }] },
        },
    })
}
