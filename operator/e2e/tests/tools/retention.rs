//! Retention over real stores: of thirty versions the right ones stay, and the store holds exactly their files.

use std::collections::BTreeSet;

use complaint_harness::{Case, Kubectl, S3Server, Weed, tests};
use serde_json::{Value, json};

use crate::{
    cluster::has,
    shell::{Shell, name, rows, run, text},
};

pub fn tests() -> Vec<Case> {
    tests![
        of_thirty_versions_on_a_claim_the_right_ones_stay,
        of_thirty_versions_in_a_bucket_the_right_ones_stay
    ]
}

const VERSIONS: usize = 30;
const KEPT: usize = 8;

fn of_thirty_versions_on_a_claim_the_right_ones_stay(kubectl: Kubectl) {
    let shell = Shell::start(&kubectl);
    let files = || shell.cluster.files("cards-artifacts");
    the_right_ones_stay(&shell, json!({}), files);
}

fn of_thirty_versions_in_a_bucket_the_right_ones_stay(kubectl: Kubectl, weed: Weed) {
    let s3 = S3Server::start(&weed);
    s3.put("models", "ready", b"yes");
    s3.delete("models", "ready");
    let shell = Shell::start(&kubectl);
    let keys: serde_json::Map<String, Value> = s3
        .variables()
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect();
    shell.apply(json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "keys" }, "stringData": keys }));
    let artifacts = json!({ "artifacts": { "uri": "s3://models/prod", "secretRef": { "name": "keys" } } });
    the_right_ones_stay(&shell, artifacts, || s3.list("models"));
}

fn digest(version: &Value) -> String {
    text(version, "/spec/artifact/sha256")
}

fn the_right_ones_stay(shell: &Shell<'_>, artifacts: Value, files: impl Fn() -> Vec<String>) {
    let mut spec = json!({ "promotion": { "policy": "Manual" }, "retention": { "deletionPolicy": "Delete" } });
    for (field, value) in artifacts.as_object().expect("an object") {
        spec[field] = value.clone();
    }
    shell.apply(
        json!({ "apiVersion": "complaints.dev/v1alpha1", "kind": "ComplaintClassifier",
                        "metadata": { "name": "cards" }, "spec": spec }),
    );
    shell.apply(
        json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "rows" },
                        "data": { "rows.csv": rows() } }),
    );
    let runs: Vec<Value> = (1..=VERSIONS).map(run).collect();
    shell.apply_all(&runs);
    shell.ok("wait tr --all --for=condition=Complete --timeout=180s");
    shell.promote("cards-3");
    shell.promote("cards-5");
    // The store's own record names both by now.
    let promoted = shell.ok("get cc/cards -o jsonpath={.status.champion.promotionTime}");
    shell.ok(&format!(
        "wait cc/cards --for=jsonpath={{.status.storeRecord.promotionTime}}={promoted} --timeout=60s"
    ));

    let versions = shell.versions();
    let of = |wanted: &str| {
        versions
            .iter()
            .find(|version| name(version) == wanted)
            .expect("it is there")
    };
    let digests: BTreeSet<String> = versions.iter().map(digest).collect();
    assert_eq!(digests.len(), VERSIONS, "each version has its own artifact");
    // Somebody's, which is no run's, and names the artifact of another version.
    shell.apply(json!({ "apiVersion": "complaints.dev/v1alpha1", "kind": "ModelVersion", "metadata": { "name": "by-hand" },
                        "spec": { "classifierRef": { "name": "cards" }, "artifact": of("cards-7")["spec"]["artifact"] } }));
    // One whose files are to stay, and one that somebody keeps.
    shell.patch("mv/cards-11", &json!({ "spec": { "deletionPolicy": "Orphan" } }));
    shell.patch(
        "mv/cards-9",
        &json!({ "metadata": { "labels": { "complaints.dev/training-run": null } } }),
    );
    let before = files();
    let always = ["cards-3", "cards-5", "cards-9"];
    let free: Vec<String> = versions
        .iter()
        .map(name)
        .filter(|name| !always.contains(&name.as_str()))
        .collect();
    let (surplus, newest) = free.split_at(free.len() - KEPT);

    shell.patch(
        "cc/cards",
        &json!({ "spec": { "retention": { "keepVersions": KEPT } } }),
    );
    let gone: Vec<String> = surplus.iter().map(|name| format!("mv/{name}")).collect();
    shell.ok(&format!("wait {} --for=delete --timeout=120s", gone.join(" ")));

    let left: BTreeSet<String> = shell.versions().iter().map(name).collect();
    let always = always.iter().copied().chain(["by-hand"]).map(str::to_owned);
    let expected: BTreeSet<String> = newest.iter().cloned().chain(always).collect();
    assert_eq!(left, expected);
    let kept: BTreeSet<String> = left
        .iter()
        .filter(|name| *name != "by-hand")
        .map(|name| digest(of(name)))
        .chain([digest(of("cards-7")), digest(of("cards-11"))])
        .collect();
    // What is beside the versions' folders stays in any case.
    let is_kept = |path: &&String| {
        let of = digests.iter().find(|digest| path.contains(digest.as_str()));
        of.is_none_or(|digest| kept.contains(digest))
    };
    let expected: Vec<String> = before.iter().filter(is_kept).cloned().collect();
    assert_eq!(
        files(),
        expected,
        "the store has exactly the files of the versions that stay"
    );
    assert!(expected.len() >= 4 * kept.len() && expected.len() < before.len());
    has(&shell.events(), &["VersionsDeleted", "FilesDeleted"]);
    if surplus.contains(&"cards-7".to_owned()) {
        has(
            &shell.events(),
            &["FilesKept", "ModelVersion by-hand in namespace default"],
        );
    }
    // The Job that deleted them goes, too.
    shell.ok("wait job/cards-delete --for=delete --timeout=60s");
}
