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
use crate::{change::steps, settings::Settings};

mod decisions;
mod identity;
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

fn waits_for(decision: &Decision) -> &'static str {
    match decision {
        Decision::Wait { reason, .. } => reason,
        other => panic!("expected a wait, got {other:?}"),
    }
}

#[test]
fn a_run_waits_for_its_classifier_and_its_data_by_name() {
    let run = run(json!({}));
    assert_eq!(waits_for(&planned(&run, &Seen::default())), "ClassifierNotFound");
    let mut seen = ready_to_train();
    assert_eq!(planned(&run, &seen), Decision::Train);
    let missing = [
        (None, "ConfigMap data does not exist in namespace default"),
        (
            Some(vec!["other.csv".to_owned()]),
            "no key complaints.csv.gz; its keys are: other.csv",
        ),
    ];
    for (keys, told) in missing {
        seen.source = Source::ConfigMap(keys);
        let decision = planned(&run, &seen);
        assert_eq!(waits_for(&decision), "DatasetNotFound");
        assert!(
            matches!(&decision, Decision::Wait { message, .. } if message.contains(told)),
            "{decision:?}"
        );
    }
    seen.source = Source::ConfigMap(Some(vec!["complaints.csv.gz".to_owned()]));
    assert_eq!(planned(&run, &seen), Decision::Train);
    let mut paused = classifier();
    paused.spec.paused = true;
    assert_eq!(
        waits_for(&planned(
            &run,
            &Seen {
                classifier: Some(paused),
                ..Seen::default()
            }
        )),
        "ClassifierPaused"
    );
}

#[test]
fn a_reapplied_run_is_done_at_once_and_a_taken_name_is_refused() {
    let run = run(json!({}));
    let recorded = |hash: String| -> ModelVersion {
        serde_json::from_value(json!({
            "metadata": { "name": "cards-1" },
            "spec": { "classifierRef": { "name": "cards" }, "artifact": { "uri": "pvc://a/b", "sha256": "00" },
                      "lineage": { "specHash": hash } },
            "status": { "evaluation": { "metrics": { "macroF1": 0.7 }, "rows": 128 } },
        }))
        .expect("a ModelVersion")
    };
    let seen = |hash| Seen {
        recorded: Some(recorded(hash)),
        ..ready_to_train()
    };
    assert_eq!(planned(&run, &seen(spec_hash(&run))), Decision::AlreadyTrained);
    assert_eq!(waits_for(&planned(&run, &seen("other".into()))), "NameTaken");
    let mut forged = seen(spec_hash(&run));
    forged.recorded.as_mut().expect("a version").status = None;
    assert_eq!(
        waits_for(&planned(&run, &forged)),
        "NotEvaluated",
        "a claim is no evidence"
    );

    let now = Timestamp::from_second(100).expect("a valid time");
    let trained = seen(spec_hash(&run));
    let (status, _) = status::next(&run, &trained, &Decision::AlreadyTrained, now);
    assert_eq!(status.metrics.and_then(|metrics| metrics.macro_f1), Some(0.7));
}

#[test]
fn the_spec_hash_ignores_what_does_not_shape_the_model() {
    let plain = spec_hash(&run(json!({})));
    assert_eq!(
        plain,
        spec_hash(&run(json!({ "suspend": true, "ttlSecondsAfterFinished": 5 })))
    );
    assert_eq!(
        plain,
        spec_hash(&run(
            json!({ "preset": "Standard", "features": {}, "dataset": run(json!({})).spec.dataset })
        )),
        "a default spelled out"
    );
    assert_ne!(plain, spec_hash(&run(json!({ "preset": "Thorough" }))));
    assert_ne!(
        plain,
        spec_hash(&run(json!({ "features": { "minDocumentFrequency": 2 } })))
    );
}

#[test]
fn suspension_stops_the_job_and_its_end_resumes_it() {
    let held = run(json!({ "suspend": true }));
    assert_eq!(planned(&held, &ready_to_train()), Decision::Suspend { stop_job: false });
    let with = |suspend| Seen {
        job: Some(job(json!({}), suspend)),
        ..ready_to_train()
    };
    assert_eq!(planned(&held, &with(false)), Decision::Suspend { stop_job: true });
    assert_eq!(planned(&held, &with(true)), Decision::Suspend { stop_job: false });
    assert_eq!(
        planned(&run(json!({})), &with(true)),
        Decision::Watch {
            resume: true,
            blocked: None
        }
    );
}

#[test]
fn failures_say_what_the_trainer_said() {
    let bad_data = json!({ "exitCode": 65, "reason": "Error",
        "message": "{\"error\":{\"reason\":\"ColumnNotFound\",\"message\":\"the data set has no column `x`\"}}" });
    let cases = [
        (
            vec![ended_pod("Failed", bad_data.clone())],
            "PodFailurePolicy",
            "ColumnNotFound",
            "no column `x`",
        ),
        (
            vec![ended_pod("Failed", json!({ "exitCode": 137, "reason": "OOMKilled" }))],
            "BackoffLimitExceeded",
            "OOMKilled",
            "limits.memory",
        ),
        (
            vec![ended_pod("Failed", json!({ "exitCode": 101, "reason": "Error" }))],
            "BackoffLimitExceeded",
            "BackoffLimitExceeded",
            "kubectl logs job/cards-1-train",
        ),
        (
            vec![ended_pod("Failed", bad_data)],
            "DeadlineExceeded",
            "DeadlineExceeded",
            "activeDeadlineSeconds",
        ),
        (
            vec![],
            "BackoffLimitExceeded",
            "BackoffLimitExceeded",
            "the Job says so",
        ),
    ];
    for (pods, job_reason, expected, words) in cases {
        let seen = Seen {
            job: Some(job(condition("Failed", job_reason), false)),
            pods,
            ..ready_to_train()
        };
        let Decision::Fail { reason, message } = planned(&run(json!({})), &seen) else {
            panic!("{expected}")
        };
        assert_eq!(reason, expected);
        assert!(message.contains(words), "{message}");
    }
}

#[test]
fn a_complete_job_gives_its_result_or_says_why_not() {
    let seen = |pods| Seen {
        job: Some(job(condition("Complete", "CompletionsReached"), false)),
        pods,
        ..ready_to_train()
    };
    let said = |message: &str| ended_pod("Succeeded", json!({ "exitCode": 0, "message": message }));
    let decided = |pods| planned(&run(json!({})), &seen(pods));
    assert!(matches!(
        decided(vec![said(&outcome().to_string())]),
        Decision::Record(_)
    ));
    assert!(matches!(decided(vec![said("{}")]), Decision::Fail { reason, .. } if reason == "ResultUnreadable"));
    assert!(matches!(decided(vec![]), Decision::Fail { reason, .. } if reason == "ResultLost"));
}

#[test]
fn the_status_of_a_recorded_run_is_complete_and_events_repeat_the_trainers_warnings() {
    let run = run(json!({}));
    let outcome = serde_json::from_value(outcome()).expect("an outcome");
    let now = Timestamp::from_second(100).expect("a valid time");
    let (next, notices) = status::next(&run, &ready_to_train(), &Decision::Record(Box::new(outcome)), now);
    assert_eq!(next.phase, Some(RunPhase::Succeeded));
    assert!(condition::is_true(&next.conditions, READY) && condition::is_true(&next.conditions, COMPLETE));
    assert_eq!(
        next.current_optimal_trial
            .as_ref()
            .map(|trial| trial.cross_validation.mean),
        Some(0.8001)
    );
    let told: Vec<(bool, &str, &str)> = notices
        .iter()
        .map(|notice| (notice.warning, notice.reason.as_str(), notice.note.as_str()))
        .collect();
    assert_eq!(
        told[..3],
        [
            (true, "LabelsDropped", "labels were left out: Other (7 rows)"),
            (true, "LabelMapUnused", "no row has `Kard`"),
            (
                false,
                "DatasetRead",
                "650 records read, 640 used; left out: 3 copies, 7 of labels with too few rows"
            ),
        ]
    );

    let mut ended = run.clone();
    ended.status = Some(next);
    ended.spec.ttl_seconds_after_finished = Some(10);
    assert!(status::ended(&ended));
    let after = |seconds: i64| Timestamp::from_second(100 + seconds).expect("a valid time");
    assert_eq!(
        status::expires_in(&ended, after(4)),
        Some(std::time::Duration::from_secs(6))
    );
    assert_eq!(status::expires_in(&ended, after(11)), Some(std::time::Duration::ZERO));
}

#[test]
fn the_same_trouble_is_told_once() {
    let mut run = run(json!({}));
    let now = Timestamp::from_second(100).expect("a valid time");
    let decision = planned(&run, &Seen::default());
    let (first, notices) = status::next(&run, &Seen::default(), &decision, now);
    assert_eq!(notices.len(), 1);
    assert!(condition::is_true(&first.conditions, STALLED) && !condition::is_true(&first.conditions, RECONCILING));
    run.status = Some(first.clone());
    let (second, notices) = status::next(&run, &Seen::default(), &decision, now);
    assert_eq!((first, Vec::new()), (second, notices));
    let failed = Decision::Fail {
        reason: "EmptyDataset".into(),
        message: "no rows".into(),
    };
    let (third, _) = status::next(&run, &Seen::default(), &failed, now);
    assert!(condition::is_true(&third.conditions, FAILED));
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
    let settings = Settings::default();
    let inputs = build::Inputs {
        run: &run,
        classifier: &classifier,
        champion: Some(&champion),
        owner: crate::object::owner_reference(&run).expect("a uid"),
        settings: &settings,
    };
    insta::assert_yaml_snapshot!("job", build::job(&inputs));
    insta::assert_json_snapshot!("config", build::config(&run, &classifier, Some(&champion)));
}

#[test]
fn the_trainer_reaches_what_the_chart_allows() {
    let (run, classifier) = (run(json!({})), classifier());
    for reach in complaint_contract::Reach::ALL {
        let settings = crate::settings::Settings {
            trainer_reach: reach,
            ..Default::default()
        };
        let job = build::job(&build::Inputs {
            run: &run,
            classifier: &classifier,
            champion: None,
            owner: crate::object::owner_reference(&run).expect("a uid"),
            settings: &settings,
        });
        let args = json!(job)["spec"]["template"]["spec"]["containers"][0]["args"].clone();
        let args: Vec<String> = serde_json::from_value(args).expect("arguments");
        let place = args.iter().position(|argument| argument == "--reach").expect("--reach");
        assert_eq!(args[place + 1], reach.to_string());
    }
    assert_eq!(
        crate::settings::Settings::default().trainer_reach,
        complaint_contract::Reach::SameHost
    );
}

#[test]
fn a_secret_gives_access_to_an_object_and_is_never_read() {
    let source = json!({ "uri": "s3://complaints/2026/cards.csv.gz", "secretRef": { "name": "s3" } });
    let run = run(
        json!({ "dataset": { "source": source, "format": "Csv", "textField": "narrative", "labelFields": ["category"] } }),
    );
    let classifier = classifier();
    let settings = Settings::default();
    let inputs = build::Inputs {
        run: &run,
        classifier: &classifier,
        champion: None,
        owner: crate::object::owner_reference(&run).expect("a uid"),
        settings: &settings,
    };
    let pod = build::job(&inputs)
        .spec
        .expect("a Job has a spec")
        .template
        .spec
        .expect("a pod has a spec");
    let container = serde_json::to_value(&pod.containers[0]).expect("a container is JSON");
    assert_eq!(
        container["envFrom"],
        json!([{ "secretRef": { "name": "s3", "optional": false } }])
    );
    let arguments = container["args"].as_array().expect("arguments");
    let dataset = arguments
        .iter()
        .position(|argument| argument == "--dataset")
        .expect("--dataset");
    assert_eq!(arguments[dataset + 1], "s3://complaints/2026/cards.csv.gz");
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
