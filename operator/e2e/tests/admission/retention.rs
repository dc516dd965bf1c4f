//! What the API server rejects of `spec.retention`, and of changes of a version.

use complaint_api::ModelVersion;
use kube::{
    Api,
    api::{Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

use crate::{refusal, served};

#[tokio::test]
async fn numbers_that_keep_nothing_are_refused() {
    let (_sandbox, client) = served().await;
    let (low, high) = (
        Some("should be greater than or equal to 1"),
        Some("should be less than or equal to 1000"),
    );
    let cases = [
        (json!({}), None),
        (
            json!({ "keepVersions": 1, "keepRuns": 1000, "deletionPolicy": "Delete" }),
            None,
        ),
        (json!({ "keepVersions": 0 }), low),
        (json!({ "keepRuns": 0 }), low),
        (json!({ "keepVersions": -1 }), low),
        (json!({ "keepVersions": 1001 }), high),
        (json!({ "keepRuns": 1001 }), high),
        (json!({ "keepVersions": 2.5 }), Some("keepVersions")),
        (json!({ "keepVersions": "2" }), Some("keepVersions")),
        (json!({ "deletionPolicy": "Retain" }), Some("deletionPolicy")),
        (
            json!({ "keepDays": 30 }),
            Some("unknown field \"spec.retention.keepDays\""),
        ),
    ];
    for (retention, told) in cases {
        let spec = json!({ "retention": retention });
        match (refusal(&client, "ComplaintClassifier", "Strict", &spec).await, told) {
            (None, None) => {}
            (Some((_, message)), Some(told)) => assert!(message.contains(told), "{retention}: {message}"),
            (refused, told) => panic!("{retention}: {refused:?}, expected {told:?}"),
        }
    }
}

/// Presence counts as well as value, in both directions.
#[tokio::test]
async fn only_the_deletion_policy_of_a_version_can_be_changed() {
    let (_sandbox, client) = served().await;
    let api: Api<ModelVersion> = Api::default_namespaced(client);
    let bare = json!({ "classifierRef": { "name": "cards" },
                       "artifact": { "uri": "pvc://cards-artifacts/a/model.safetensors", "sha256": "ab".repeat(32) } });
    let optional = json!({
        "report": { "uri": "pvc://cards-artifacts/a/report.json", "sha256": "ab".repeat(32) },
        "algorithm": "LinearSvm",
        "parameters": { "C": 1 },
        "classCount": 2,
        "lineage": { "trainingRun": "cards-1" },
    });
    let mut full = bare.clone();
    for (field, value) in optional.as_object().expect("an object") {
        full[field] = value.clone();
    }
    for (name, spec) in [("bare", &bare), ("full", &full)] {
        let version = json!({ "metadata": { "name": name }, "spec": spec });
        let version = serde_json::from_value(version).expect("a ModelVersion");
        let made = api
            .create(&PostParams::default(), &version)
            .await
            .expect("it is accepted");
        assert_eq!(made.spec.deletion_policy, complaint_api::DeletionPolicy::Orphan);
    }
    let change = async |name: &str, spec: Value| {
        let patch = Patch::Merge(json!({ "spec": spec }));
        api.patch(name, &PatchParams::default(), &patch)
            .await
            .err()
            .map(|error| error.to_string())
    };
    for policy in ["Delete", "Orphan", "Delete"] {
        assert_eq!(change("full", json!({ "deletionPolicy": policy })).await, None);
    }
    // Left out, it is the default.
    assert_eq!(change("full", json!({ "deletionPolicy": null })).await, None);
    let other = json!({
        "classifierRef": { "name": "loans" },
        "artifact": { "sizeBytes": 7 },
        "metrics": { "macroF1": 0.9 },
        "report": { "sha256": "cd".repeat(32) },
        "algorithm": "NbSvm",
        "parameters": { "C": 2 },
        "classCount": 3,
        "lineage": { "trainingRun": "cards-2" },
    });
    let mut changes: Vec<(&str, Value)> = Vec::new();
    for (field, value) in other.as_object().expect("an object") {
        changes.push(("full", json!({ field: value })));
    }
    for (field, value) in optional.as_object().expect("an object") {
        changes.push(("full", json!({ field: null })));
        changes.push(("bare", json!({ field: value })));
    }
    for (name, spec) in changes {
        let refused = change(name, spec.clone()).await;
        let told = refused.unwrap_or_else(|| panic!("{name}: {spec} is accepted"));
        assert!(
            told.contains("can't be changed, except deletionPolicy"),
            "{spec}: {told}"
        );
    }
}
