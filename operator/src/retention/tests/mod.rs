//! Plans over objects as the API server would send them.

use complaint_api::{ComplaintClassifier, ModelVersion, TrainingRun};
use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt;
use serde_json::{Value, json};

use super::{gather::Seen, plan};

mod notices;

const DAY: SignedDuration = SignedDuration::from_hours(24);

fn at(time: &str) -> Timestamp {
    time.parse().expect("a time")
}

fn now() -> Timestamp {
    at("2026-11-29T12:00:00Z")
}

fn sha(name: &str) -> String {
    crate::object::digest_of(&name)
}

fn created(number: u32) -> String {
    format!("2026-11-28T00:{number:02}:00Z")
}

/// The version `v<number>`, which a run made and a rule of promotion rejected.
fn version(number: u32) -> ModelVersion {
    let name = format!("v{number}");
    let rejected = json!({ "type": "Rejected", "status": "True", "reason": "NotBetter", "message": "",
                           "lastTransitionTime": created(number) });
    serde_json::from_value(json!({
        "metadata": { "name": name, "namespace": "default", "uid": format!("{name}-uid"), "resourceVersion": "7",
                      "creationTimestamp": created(number), "labels": { "complaints.dev/training-run": name } },
        "spec": { "classifierRef": { "name": "cards" },
                  "artifact": { "uri": format!("pvc://cards-artifacts/default/cards/{name}/model.safetensors"), "sha256": sha(&name) },
                  "lineage": { "trainingRun": name } },
        "status": { "evaluation": { "metrics": { "macroF1": 0.8 }, "rows": 128 }, "conditions": [rejected] },
    }))
    .expect("a ModelVersion")
}

fn edited(mut version: ModelVersion, edit: impl Fn(&mut Value)) -> ModelVersion {
    let mut value = json!(version);
    edit(&mut value);
    version = serde_json::from_value(value).expect("a ModelVersion");
    version
}

/// The version before anybody has judged it.
fn candidate(number: u32) -> ModelVersion {
    edited(version(number), |version| version["status"]["conditions"] = json!([]))
}

/// The run of `v<number>`, which `retraining` made.
fn run(number: u32, ended: bool) -> TrainingRun {
    let name = format!("v{number}");
    let condition = json!({ "type": "Complete", "status": "True", "reason": "Trained", "message": "",
                            "lastTransitionTime": created(number) });
    serde_json::from_value(json!({
        "metadata": { "name": name, "namespace": "default", "uid": format!("{name}-run"), "creationTimestamp": created(number),
                      "ownerReferences": [{ "apiVersion": "complaints.dev/v1alpha1", "kind": "ComplaintClassifier",
                                            "name": "cards", "uid": "cc-uid", "controller": true }] },
        "spec": { "classifierRef": { "name": "cards" }, "dataset": { "source": { "uri": "https://example.org/c.csv" },
                  "format": "Csv", "textField": "narrative", "labelFields": ["category"] } },
        "status": { "conditions": if ended { json!([condition]) } else { json!([]) } },
    }))
    .expect("a TrainingRun")
}

/// A classifier with that retention, which was announced long ago.
fn classifier(retention: Value) -> ComplaintClassifier {
    let mut classifier: ComplaintClassifier = serde_json::from_value(json!({
        "metadata": { "name": "cards", "namespace": "default", "uid": "cc-uid", "resourceVersion": "9",
                      "creationTimestamp": "2026-11-27T00:00:00Z" },
        "spec": { "retention": retention },
        "status": { "champion": { "name": "v1", "sha256": sha("v1") } },
    }))
    .expect("a ComplaintClassifier");
    let told = plan::plan(&classifier, &Seen::default(), DAY, now() - DAY - DAY).status;
    classifier.status.as_mut().expect("a status").retention = told;
    classifier
}

fn seen(versions: Vec<ModelVersion>, runs: Vec<TrainingRun>) -> Seen {
    Seen {
        versions,
        runs,
        deletes_files: false,
    }
}

fn names<K: ResourceExt>(objects: &[&K]) -> Vec<String> {
    objects.iter().map(|object| object.name_any()).collect()
}

fn deleted(classifier: &ComplaintClassifier, seen: &Seen) -> (Vec<String>, Vec<String>) {
    let plan = plan::plan(classifier, seen, DAY, now());
    (names(&plan.deleted.versions), names(&plan.deleted.runs))
}

fn texts(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn the_newest_versions_stay_and_those_that_serve_or_may_serve() {
    type Case = (
        &'static str,
        Value,
        Value,
        fn(u32) -> ModelVersion,
        &'static [&'static str],
    );
    let reference = |name: &str| json!({ "name": name, "sha256": sha(name) });
    let cases: Vec<Case> = vec![
        (
            "the champion is kept besides",
            json!({}),
            json!({}),
            version,
            &["v2", "v3", "v4"],
        ),
        (
            "and the one before, and what rolls out",
            json!({}),
            json!({ "previousChampion": reference("v3"), "challenger": reference("v5") }),
            version,
            &["v2"],
        ),
        (
            "a pinned one",
            json!({ "promotion": { "modelVersion": "v2" } }),
            json!({}),
            version,
            &["v3", "v4"],
        ),
        // The champion is none of the two newest, and v2 to v6 wait for their comparison.
        ("those that wait to be judged", json!({}), json!({}), candidate, &[]),
        (
            "but not where a person judges",
            json!({ "promotion": { "policy": "Manual" } }),
            json!({}),
            candidate,
            &["v2", "v3", "v4"],
        ),
        (
            "nor while one is pinned",
            json!({ "promotion": { "modelVersion": "v1" } }),
            json!({}),
            candidate,
            &["v2", "v3", "v4"],
        ),
        (
            "a name on record is enough",
            json!({}),
            json!({ "challenger": { "name": "v2", "sha256": "00" } }),
            version,
            &["v3", "v4"],
        ),
        (
            "nothing while it is paused",
            json!({ "paused": true }),
            json!({}),
            version,
            &[],
        ),
    ];
    for (what, spec, status, version, expected) in cases {
        let mut changed = json!(classifier(json!({ "keepVersions": 2 })));
        for (part, fields) in [("spec", spec), ("status", status)] {
            for (field, value) in fields.as_object().expect("an object") {
                changed[part][field] = value.clone();
            }
        }
        let changed = serde_json::from_value(changed).expect("a ComplaintClassifier");
        let seen = seen((1..=6).rev().map(version).collect(), vec![]);
        assert_eq!(deleted(&changed, &seen).0, texts(expected), "{what}");
    }
}

#[test]
fn only_versions_that_a_run_made_and_has_recorded_go() {
    let by_hand = |number: u32| {
        edited(version(number), |version| {
            version["metadata"]["labels"] = json!({});
        })
    };
    let of_another_run = |number: u32| {
        edited(version(number), |version| {
            version["spec"]["lineage"]["trainingRun"] = json!("other");
        })
    };
    let versions = vec![
        version(2),
        by_hand(3),
        of_another_run(4),
        version(5),
        version(6),
        version(7),
    ];
    let cards = classifier(json!({ "keepVersions": 1 }));
    let all = seen(versions.clone(), vec![]);
    assert_eq!(deleted(&cards, &all).0, texts(&["v2", "v5", "v6"]));
    // The run of v5 is still at work: it writes what it measured.
    let all = seen(versions, vec![run(5, false), run(6, true)]);
    assert_eq!(deleted(&cards, &all).0, texts(&["v2", "v6"]));
}

/// A training on unchanged data ends with the version that was made from it.
#[test]
fn a_version_stays_while_a_run_of_the_same_settings_trains() {
    let hash = crate::training_run::spec_hash(&run(9, false));
    let of_settings = |number: u32| {
        edited(version(number), |version| {
            let lineage = &mut version["spec"]["lineage"];
            lineage["specHash"] = json!(hash);
            lineage["split"] = json!("v1/seed=42/testFraction=0.2");
            lineage["trainerVersion"] = json!(env!("CARGO_PKG_VERSION"));
        })
    };
    let versions = vec![of_settings(2), version(3), version(4)];
    let cards = classifier(json!({ "keepVersions": 1 }));
    for (ended, expected) in [(false, &["v3"][..]), (true, &["v2", "v3"])] {
        let all = seen(versions.clone(), vec![run(9, ended)]);
        assert_eq!(deleted(&cards, &all).0, texts(expected), "{ended}");
    }
}

#[test]
fn versions_that_no_answer_can_judge_any_more_go() {
    let failed = json!([{ "type": "Evaluated", "status": "False", "reason": "DatasetChanged", "message": "",
                          "lastTransitionTime": created(2) }]);
    let unjudged = edited(candidate(2), |version| version["status"]["conditions"] = failed.clone());
    let all = seen(vec![unjudged, candidate(3), version(4)], vec![]);
    assert_eq!(
        deleted(&classifier(json!({ "keepVersions": 1 })), &all).0,
        texts(&["v2"])
    );
}

#[test]
fn nothing_goes_before_somebody_has_said_who_served() {
    let mut cards = classifier(json!({ "keepVersions": 1, "keepRuns": 1 }));
    cards.status.as_mut().expect("a status").champion = None;
    let all = seen((2..=5).map(version).collect(), (2..=5).map(|n| run(n, true)).collect());
    assert_eq!(deleted(&cards, &all).0, texts(&["v2", "v3", "v4"]), "all were rejected");
    // The store is asked first, and what it names is to serve again.
    let mut unmeasured = seen((2..=5).map(version).collect(), vec![]);
    unmeasured
        .versions
        .push(edited(version(6), |version| version["status"] = json!({})));
    assert_eq!(deleted(&cards, &unmeasured).0, texts(&[]));
    let answer = |name: Option<&str>| {
        let named = name.map(|name| json!({ "name": name, "sha256": sha(name) }));
        json!({ "restoredTime": "2026-11-27T00:00:01Z", "restoredChampion": named })
    };
    for (name, expected) in [(Some("v9"), &[][..]), (None, &["v2", "v3", "v4"])] {
        let mut answered = json!(cards);
        for (field, value) in answer(name).as_object().expect("an object") {
            answered["status"][field] = value.clone();
        }
        let answered = serde_json::from_value(answered).expect("a ComplaintClassifier");
        assert_eq!(deleted(&answered, &unmeasured).0, texts(expected), "{name:?}");
    }
    // The classifier is younger than its versions.
    cards.metadata.creation_timestamp = serde_json::from_value(json!("2026-11-29T00:00:00Z")).expect("a time");
    assert_eq!(deleted(&cards, &all), (vec![], vec![]));
}

#[test]
fn the_newest_runs_stay_of_those_that_retraining_made() {
    let by_hand = |number: u32| {
        let mut run = run(number, true);
        run.metadata.owner_references = None;
        run
    };
    let runs = vec![
        run(7, true),
        run(6, true),
        run(5, false),
        by_hand(4),
        run(3, true),
        run(2, true),
    ];
    let cards = classifier(json!({ "keepRuns": 2 }));
    assert_eq!(deleted(&cards, &seen(vec![], runs.clone())).1, texts(&["v2", "v3"]));
    // A comparison takes the keys of its data from the run.
    let all = seen(vec![candidate(2)], runs);
    assert_eq!(deleted(&cards, &all), (vec![], texts(&["v3"])));
}

#[test]
fn an_unset_number_keeps_all_and_without_retention_nothing_is_said() {
    let all = seen((2..=9).map(version).collect(), (2..=9).map(|n| run(n, true)).collect());
    assert_eq!(
        deleted(&classifier(json!({ "deletionPolicy": "Delete" })), &all),
        (vec![], vec![])
    );
    let mut cards = classifier(json!({ "keepVersions": 1 }));
    cards.spec.retention = None;
    let plan = plan::plan(&cards, &all, DAY, now());
    assert!(plan.status.is_none() && plan.deleted.is_empty() && plan.announced.is_none());
}

#[test]
fn versions_go_a_jobful_at_a_time() {
    let cards = classifier(json!({ "keepVersions": 1 }));
    let mut all = seen((2..=50).map(version).collect(), vec![]);
    let (first, _) = deleted(&cards, &all);
    assert_eq!((first.len(), first[0].as_str()), (30, "v2"));
    all.deletes_files = true;
    assert_eq!(deleted(&cards, &all).0, texts(&[]));
}
