//! Objects as the API server sends them, and the changes that are built for a run.

use complaint_api::{ComplaintClassifier, ModelVersion, TrainingRun};
use complaint_contract::TrainingResult;
use jiff::Timestamp;
use k8s_openapi::api::{batch::v1::Job, core::v1::Pod};
use serde_json::{Value, json};

use super::{
    build,
    gather::Seen,
    plan::{Decision, plan},
};
use crate::{change::steps, settings::Settings, store::Store};

mod decisions;
mod identity;
mod lineage;
mod reread;
mod statuses;
mod waiting;

fn run(extra: Value) -> TrainingRun {
    let mut run = json!({
        "apiVersion": "complaints.dev/v1alpha1", "kind": "TrainingRun",
        "metadata": { "name": "cards-1", "namespace": "default", "uid": "run-uid", "generation": 1 },
        "spec": {
            "classifierRef": { "name": "cards" },
            "dataset": {
                "source": { "configMap": { "name": "data", "key": "complaints.csv.gz" } },
                "format": "Csv", "textField": "narrative", "labelFields": ["category"],
            },
        },
    });
    for (key, value) in extra.as_object().expect("an object") {
        run["spec"][key] = value.clone();
    }
    serde_json::from_value(run).expect("a TrainingRun")
}

fn classifier() -> ComplaintClassifier {
    serde_json::from_value(json!({
        "metadata": { "name": "cards", "namespace": "default", "uid": "cc-uid" }, "spec": {},
    }))
    .expect("a ComplaintClassifier")
}

fn job(status: Value, suspend: bool) -> Job {
    serde_json::from_value(json!({
        "metadata": { "name": "cards-1-train", "ownerReferences": [{
            "apiVersion": "complaints.dev/v1alpha1", "kind": "TrainingRun", "name": "cards-1", "uid": "run-uid", "controller": true }] },
        "spec": { "suspend": suspend, "template": { "spec": {
            "containers": [{ "name": "trainer", "args": ["run", "--store", "/var/lib/complaint-store"] }],
            "volumes": [{ "name": "store", "persistentVolumeClaim": { "claimName": "cards-artifacts" } }] } } },
        "status": status,
    }))
    .expect("a Job")
}

fn ended_pod(phase: &str, terminated: Value) -> Pod {
    serde_json::from_value(json!({
        "metadata": { "name": "cards-1-train-x" },
        "status": { "phase": phase, "containerStatuses": [{
            "name": "trainer", "image": "", "imageID": "", "ready": false, "restartCount": 0,
            "state": { "terminated": terminated } }] },
    }))
    .expect("a Pod")
}

fn condition(type_: &str, reason: &str) -> Value {
    json!({ "conditions": [{ "type": type_, "status": "True", "reason": reason, "message": "the Job says so" }] })
}

fn outcome() -> Value {
    json!({
        "artifact": { "path": "default/cards/aa/model.safetensors", "sha256": "aa".repeat(32), "sizeBytes": 10, "format": "safetensors/2" },
        "report": { "path": "default/cards/aa/report.json", "sha256": "bb".repeat(32) },
        "algorithm": "LinearSvm", "parameters": { "C": 1, "classWeight": "Balanced" }, "classCount": 8,
        "metrics": { "macroF1": 0.8123, "weightedF1": 0.81, "accuracy": 0.81, "logLoss": 0.6 },
        "dataset": { "rows": 640, "trainRows": 512, "testRows": 128, "duplicates": 3, "classes": 8, "sha256": "cc".repeat(32), "droppedLabels": [{ "label": "Other", "rows": 7 }],
            "records": { "records": 650, "duplicates": 3, "rareLabels": 7 },
            "warnings": [{ "reason": "LabelsDropped", "message": "labels were left out: Other (7 rows)" },
                         { "reason": "LabelMapUnused", "message": "no row has `Kard`" }] },
        "trials": { "succeeded": 6, "failed": 0, "total": 6 },
        "currentOptimalTrial": { "algorithm": "LinearSvm", "parameters": { "C": 1 },
                                 "crossValidation": { "mean": 0.80005, "standardDeviation": 0.02 } },
        "split": "v1/seed=42/testFraction=0.2", "trainerVersion": "0.1.0",
    })
}

fn planned(run: &TrainingRun, seen: &Seen) -> Decision {
    plan(
        run,
        seen,
        &Settings::default(),
        Timestamp::from_second(100).expect("a valid time"),
    )
}

fn ready_to_train() -> Seen {
    Seen {
        classifier: Some(classifier()),
        ..Seen::default()
    }
}

/// The Job of a run, as it is built with these settings.
fn job_of(
    run: &TrainingRun,
    classifier: &ComplaintClassifier,
    champion: Option<&ModelVersion>,
    settings: &Settings,
) -> Job {
    build::job(&build::Inputs {
        run,
        classifier,
        champion,
        earlier: None,
        owner: crate::object::owner_reference(run).expect("a uid"),
        trace: None,
        settings,
    })
}

/// The arguments of a Job's container.
fn args_of(job: &Job) -> Vec<String> {
    let args = json!(job)["spec"]["template"]["spec"]["containers"][0]["args"].clone();
    serde_json::from_value(args).expect("arguments")
}

/// What stands behind an argument's name.
fn arg_of(job: &Job, name: &str) -> String {
    let args = args_of(job);
    let place = args.iter().position(|argument| argument == name);
    args[place.unwrap_or_else(|| panic!("no {name}: {args:?}")) + 1].clone()
}

#[test]
fn the_job_is_as_the_contract_says() {
    let run = run(json!({}));
    let classifier = classifier();
    let champion: ModelVersion = serde_json::from_value(json!({
        "metadata": { "name": "cards-0" },
        "spec": { "classifierRef": { "name": "cards" },
                  "artifact": { "uri": "pvc://cards-artifacts/default/cards/00/model.safetensors", "sha256": "00".repeat(32) } },
    }))
    .expect("a ModelVersion");
    let job = job_of(&run, &classifier, Some(&champion), &Settings::default());
    insta::assert_yaml_snapshot!("job", job);
    insta::assert_json_snapshot!("config", build::config(&run, &classifier, Some(&champion)));
}

#[test]
fn the_trainer_reaches_what_the_chart_allows() {
    let (run, classifier) = (run(json!({})), classifier());
    for reach in complaint_contract::Reach::ALL {
        let settings = Settings {
            trainer_reach: reach,
            ..Default::default()
        };
        let job = job_of(&run, &classifier, None, &settings);
        assert_eq!(arg_of(&job, "--reach"), reach.to_string());
    }
    assert_eq!(Settings::default().trainer_reach, complaint_contract::Reach::SameHost);
}

#[test]
fn a_secret_gives_access_to_an_object_and_is_never_read() {
    let source = json!({ "uri": "s3://complaints/2026/cards.csv.gz", "secretRef": { "name": "s3" } });
    let run = run(
        json!({ "dataset": { "source": source, "format": "Csv", "textField": "narrative", "labelFields": ["category"] } }),
    );
    let job = job_of(&run, &classifier(), None, &Settings::default());
    assert_eq!(
        json!(job)["spec"]["template"]["spec"]["containers"][0]["envFrom"],
        json!([{ "secretRef": { "name": "s3", "optional": false } }])
    );
    assert_eq!(arg_of(&job, "--dataset"), "s3://complaints/2026/cards.csv.gz");
}

/// Word vectors have keys and a volume of their own; the trainer gets their settings without their source.
#[test]
fn word_vectors_come_from_the_sources_of_data_sets() {
    let with = |source: Value| {
        let mut source = source;
        source["sha256"] = json!("ab".repeat(32));
        run(json!({
            "dataset": { "source": { "uri": "s3://complaints/cards.csv.gz", "secretRef": { "name": "of-data" } },
                         "format": "Csv", "textField": "narrative", "labelFields": ["category"] },
            "features": { "wordVectors": { "source": source, "maxWords": 1000, "license": "PDDL" } },
        }))
    };
    let of_object = with(json!({ "uri": "s3://vectors/glove.txt.gz", "secretRef": { "name": "of-vectors" } }));
    let job = job_of(&of_object, &classifier(), None, &Settings::default());
    assert_eq!(arg_of(&job, "--word-vectors"), "s3://vectors/glove.txt.gz");
    let env = json!(job)["spec"]["template"]["spec"]["containers"][0]["envFrom"].clone();
    assert_eq!(
        env,
        json!([{ "secretRef": { "name": "of-data", "optional": false } },
               { "prefix": "VECTORS_", "secretRef": { "name": "of-vectors", "optional": false } }])
    );
    let config = json!(build::config(&of_object, &classifier(), None));
    assert_eq!(
        config["features"],
        json!({ "wordVectors": { "sha256": "ab".repeat(32), "maxWords": 1000, "license": "PDDL" } })
    );
    let of_volume = with(json!({ "persistentVolumeClaim": { "claimName": "vectors", "path": "en/glove.txt" } }));
    let job = job_of(&of_volume, &classifier(), None, &Settings::default());
    assert_eq!(
        arg_of(&job, "--word-vectors"),
        "/var/lib/complaint-vectors/en/glove.txt"
    );
    let pod = &json!(job)["spec"]["template"]["spec"];
    let volume = json!({ "name": "vectors", "persistentVolumeClaim": { "claimName": "vectors", "readOnly": true } });
    assert!(
        pod["volumes"]
            .as_array()
            .is_some_and(|volumes| volumes.contains(&volume)),
        "{pod}"
    );
    let mount = json!({ "name": "vectors", "mountPath": "/var/lib/complaint-vectors", "readOnly": true });
    let mounts = &pod["containers"][0]["volumeMounts"];
    assert!(
        mounts.as_array().is_some_and(|mounts| mounts.contains(&mount)),
        "{mounts}"
    );

    let outcome: TrainingResult = serde_json::from_value(outcome()).expect("an outcome");
    let store = Store::of(&classifier());
    let version = build::model_version(&of_object, &store, None, Default::default(), &outcome);
    assert_eq!(
        json!(version)["spec"]["lineage"]["wordVectors"],
        json!({ "source": { "uri": "s3://vectors/glove.txt.gz" }, "sha256": "ab".repeat(32), "license": "PDDL" })
    );
    let plain = build::model_version(&run(json!({})), &store, None, Default::default(), &outcome);
    assert_eq!(json!(plain)["spec"]["lineage"].get("wordVectors"), None);
}

#[test]
fn the_signing_key_is_mounted_into_the_training_pod_and_into_no_other() {
    let signing = json!({ "signing": { "keySecretRef": { "name": "signing-key", "key": "cards.key" } } });
    let classifier: ComplaintClassifier = serde_json::from_value(json!({
        "metadata": { "name": "cards", "namespace": "default", "uid": "cc-uid" }, "spec": signing,
    }))
    .expect("a ComplaintClassifier");
    let run = run(json!({}));
    let job = job_of(&run, &classifier, None, &Settings::default());
    assert_eq!(
        arg_of(&job, "--signing-key"),
        "/etc/complaint-signing/signing-key/cards.key"
    );
    let pod = &json!(job)["spec"]["template"]["spec"];
    let of_key = |list: &Value| -> Vec<Value> {
        let all = list.as_array().expect("a list").iter();
        all.filter(|entry| entry["name"] == "signing-key").cloned().collect()
    };
    assert_eq!(
        of_key(&pod["volumes"]),
        [json!({ "name": "signing-key", "secret": {
            "secretName": "signing-key", "defaultMode": 0o400, "optional": true,
            "items": [{ "key": "cards.key", "path": "cards.key" }] } })]
    );
    assert_eq!(
        of_key(&pod["containers"][0]["volumeMounts"]),
        [json!({ "name": "signing-key", "mountPath": "/etc/complaint-signing/signing-key", "readOnly": true })]
    );

    let seen = Seen {
        classifier: Some(classifier),
        ..Seen::default()
    };
    let reread = Decision::Reread { blocked: None };
    let owner = crate::object::owner_reference(&run).expect("a uid");
    let changes = build::build(&run, &seen, &reread, &owner, &Settings::default());
    assert_eq!(changes.len(), 1);
    assert!(!format!("{changes:?}").contains("complaint-signing"), "{changes:?}");
    let without = job_of(&run, &self::classifier(), None, &Settings::default());
    assert!(!json!(without).to_string().contains("signing"));
}

#[test]
fn changes_follow_the_decision_in_order() {
    let run = run(json!({}));
    let outcome: TrainingResult = serde_json::from_value(outcome()).expect("an outcome");
    let with_job = || Seen {
        job: Some(job(json!({}), false)),
        ..ready_to_train()
    };
    let wait = Decision::Wait {
        reason: "ClassifierNotFound",
        message: String::new(),
    };
    let record = Decision::Record(Box::new(outcome));
    let recorded: ModelVersion = serde_json::from_value(json!({
        "metadata": { "name": "cards-1" },
        "spec": { "classifierRef": { "name": "cards" }, "artifact": { "uri": "pvc://a/b", "sha256": "aa" } },
    }))
    .expect("a ModelVersion");
    let mut evaluated = recorded.clone();
    evaluated.status = Some(complaint_api::ModelVersionStatus {
        evaluation: Some(complaint_api::VersionEvaluation::default()),
        ..Default::default()
    });
    let watch = |resume| Decision::Watch { resume, blocked: None };
    let cases: Vec<(Decision, Seen, &[&str])> = vec![
        (
            Decision::Train,
            ready_to_train(),
            &["create ConfigMap cards-1-train", "create Job cards-1-train"],
        ),
        (wait, Seen::default(), &[]),
        (Decision::Suspend { stop_job: false }, with_job(), &[]),
        (
            Decision::Suspend { stop_job: true },
            with_job(),
            &["change Job cards-1-train"],
        ),
        (watch(true), with_job(), &["change Job cards-1-train"]),
        (watch(false), with_job(), &[]),
        (
            record.clone(),
            with_job(),
            &[
                "create ModelVersion cards-1",
                "write the status of ModelVersion cards-1",
            ],
        ),
        (
            // Something stopped the operator between the two.
            record.clone(),
            Seen {
                recorded: Some(recorded),
                ..with_job()
            },
            &["write the status of ModelVersion cards-1"],
        ),
        (
            record,
            Seen {
                recorded: Some(evaluated),
                ..with_job()
            },
            &[],
        ),
        (Decision::AlreadyTrained, ready_to_train(), &[]),
        (Decision::Ended { expires_in: None }, Seen::default(), &[]),
        (Decision::Expire, Seen::default(), &["delete TrainingRun cards-1"]),
    ];
    let owner = crate::object::owner_reference(&run).expect("a uid");
    for (decision, seen, expected) in cases {
        let changes = build::build(&run, &seen, &decision, &owner, &Settings::default());
        assert_eq!(steps(&changes), expected, "{decision:?}");
    }
}
