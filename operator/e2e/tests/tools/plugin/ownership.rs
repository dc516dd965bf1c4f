//! A change is one field of its own manager.

use complaint_harness::Kubectl;
use serde_json::{Value, json};

use super::Shell;
use crate::cluster::{Cluster, example, has};

/// The field that a command is about changes, and no other, for users of client-side and of server-side apply.
pub(super) fn a_change_touches_one_field_however_the_manifest_was_applied(kubectl: Kubectl) {
    let shell = Shell {
        cluster: Cluster::with_definitions(&kubectl),
        kubectl: &kubectl,
    };
    let digest = |digit: &str| digit.repeat(64);
    for (name, apply) in [("client", "apply -f -"), ("server", "apply --server-side -f -")] {
        let version = |version: &str, digit: &str| {
            json!({ "apiVersion": "complaints.dev/v1alpha1", "kind": "ModelVersion", "metadata": { "name": version },
                    "spec": { "classifierRef": { "name": name }, "artifact": {
                        "uri": format!("pvc://{name}-artifacts/default/{name}/{}/model.safetensors", digest(digit)),
                        "sha256": digest(digit) } } })
        };
        let (one, two) = (format!("{name}-1"), format!("{name}-2"));
        shell.apply("apply -f -", &version(&one, "1").to_string());
        shell.apply("apply -f -", &version(&two, "2").to_string());
        let manifest = |pin: &str| {
            let manifest =
                example("quickstart/classifier.yaml").replace("name: card-complaints", &format!("name: {name}"));
            manifest.replace("  promotion:\n", &format!("  promotion:\n{pin}"))
        };
        let object = format!("cc/{name}");
        let spec = || -> Value {
            serde_json::from_str(&shell.kubectl(&format!("get {object} -o json --show-managed-fields"))).expect("JSON")
        };
        let with = |mut object: Value, pointer: &str, value: Value| {
            let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
            object.pointer_mut(parent).expect("the parent")[key] = value;
            object["spec"].clone()
        };
        shell.apply(apply, &manifest(""));
        let before = spec();
        shell.ok(&format!("promote {one} --apply"));
        assert_eq!(
            spec()["spec"],
            with(before.clone(), "/spec/promotion/modelVersion", json!(one)),
            "{name}"
        );
        let paused = shell.call(&format!("pause {name} --apply"));
        assert_eq!(
            (paused.code, paused.err.contains("warning")),
            (Some(0), false),
            "{}",
            paused.err
        );
        let paused = with(before.clone(), "/spec/promotion/modelVersion", json!(one));
        assert_eq!(
            spec()["spec"],
            with(json!({ "spec": paused }), "/spec/paused", json!(true)),
            "{name}"
        );
        let owned: Vec<(String, Value)> = managed(&spec(), "kubectl-complaints-");
        let expected = [
            ("kubectl-complaints-pause", json!({ "f:spec": { "f:paused": {} } })),
            (
                "kubectl-complaints-pin",
                json!({ "f:spec": { "f:promotion": { "f:modelVersion": {} } } }),
            ),
        ];
        assert_eq!(
            owned,
            expected.map(|(manager, fields)| (manager.to_owned(), fields)),
            "{name}"
        );
        shell.ok(&format!("resume {name} --apply"));
        // The manifest without these fields takes nothing out again.
        shell.apply(apply, &manifest(""));
        assert_eq!(
            spec()["spec"],
            with(before.clone(), "/spec/promotion/modelVersion", json!(one)),
            "{name}"
        );
        let unpinned = shell.call(&format!("unpin {name} --apply"));
        assert_eq!(unpinned.code, Some(0), "{}", unpinned.err);
        assert!(!unpinned.err.contains("warning"), "{}", unpinned.err);
        assert_eq!(spec()["spec"], before["spec"], "{name}");

        // A pin that the manifest holds.
        shell.apply(apply, &manifest(&format!("    modelVersion: {one}\n")));
        let taken = shell.call(&format!("promote {two} --apply"));
        assert_eq!(taken.code, Some(0), "{}", taken.err);
        has(
            &taken.err,
            &["warning: ", "spec.promotion.modelVersion", "writes", "Git"],
        );
        assert_eq!(shell.field(&object, ".spec.promotion.modelVersion"), two);
        // Git's next change: a client-side apply makes it, and a server-side one says who else owns the field.
        let next = shell
            .cluster
            .run(&kubectl, apply, &manifest(&format!("    modelVersion: {one}\n")));
        match name {
            "client" => assert!(next.ok, "{}", next.err),
            _ => has(
                &next.err,
                &[
                    "conflict with \"kubectl-complaints-pin\"",
                    ".spec.promotion.modelVersion",
                ],
            ),
        }
        let removed = shell.call(&format!("unpin {name} --apply"));
        assert_eq!(removed.code, Some(0), "{}", removed.err);
        assert_eq!(spec()["spec"], before["spec"], "{name}");
        has(
            &shell.fails(1, &format!("rollback {name}")),
            &["no previous champion", "--to"],
        );
    }
    has(
        &shell.fails(1, "rollback client --to server-1"),
        &["belongs to ComplaintClassifier server"],
    );
}

/// Managers with this prefix and what they own, sorted.
fn managed(object: &Value, prefix: &str) -> Vec<(String, Value)> {
    let entries = object["metadata"]["managedFields"].as_array();
    let mut found: Vec<(String, Value)> = entries
        .into_iter()
        .flatten()
        .map(|entry| {
            (
                entry["manager"].as_str().unwrap_or_default().to_owned(),
                entry["fieldsV1"].clone(),
            )
        })
        .filter(|(manager, _)| manager.starts_with(prefix))
        .collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}
