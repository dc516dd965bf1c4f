//! Plans and changes over objects as the API server would send them.

use complaint_api::{ComplaintClassifier, ModelVersion, TrainingRun};
use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;
use kube::ResourceExt;
use serde_json::{Value, json};

use super::{
    build,
    gather::Seen,
    plan::{Plan, State, plan},
};
use crate::{
    change::{Change, steps},
    settings::Settings,
    store_job::tests::ended,
    training_run::spec_hash,
};

fn sha(digit: char) -> String {
    digit.to_string().repeat(64)
}

fn run(secret: Option<&str>) -> TrainingRun {
    let secret = secret.map(|name| json!({ "name": name }));
    serde_json::from_value(json!({
        "metadata": { "name": "v2", "namespace": "default", "uid": "run-uid" },
        "spec": { "classifierRef": { "name": "cards" }, "dataset": {
            "source": { "uri": "s3://data/complaints.csv", "secretRef": secret },
            "format": "Csv", "textField": "narrative", "labelFields": ["category"] } },
    }))
    .expect("a TrainingRun")
}

fn version(name: &str, digit: char, status: Value) -> ModelVersion {
    let seconds = name[1..].parse::<u32>().expect("a number");
    serde_json::from_value(json!({
        "metadata": { "name": name, "namespace": "default", "uid": format!("{name}-uid"), "generation": 1,
                      "creationTimestamp": format!("2026-11-29T00:00:{seconds:02}Z") },
        "spec": { "classifierRef": { "name": "cards" },
                  "artifact": { "uri": format!("pvc://cards-artifacts/default/cards/{digit}/model.safetensors"), "sha256": sha(digit) },
                  "lineage": { "trainingRun": name, "specHash": spec_hash(&run(None)), "rows": 640, "split": "v1/seed=42/testFraction=0.2",
                      "trainerVersion": "0.1.0",
                      "dataset": { "source": { "uri": "s3://data/complaints.csv" }, "format": "Csv", "minSamplesPerClass": 20,
                          "fields": { "text": "narrative", "labels": ["category"] }, "sha256": sha('d') } } },
        "status": status,
    }))
    .expect("a ModelVersion")
}

fn evaluated() -> Value {
    json!({ "evaluation": { "metrics": { "macroF1": 0.8 }, "rows": 128, "split": "v1/seed=42/testFraction=0.2" } })
}

fn classifier(spec: Value, challenger: bool) -> ComplaintClassifier {
    let challenger = challenger.then(|| json!({ "name": "v9", "sha256": sha('9') }));
    serde_json::from_value(json!({
        "metadata": { "name": "cards", "namespace": "default", "uid": "cc-uid", "creationTimestamp": "2026-11-28T00:00:00Z" },
        "spec": spec,
        "status": { "champion": { "name": "v1", "sha256": sha('1') }, "challenger": challenger },
    }))
    .expect("a ComplaintClassifier")
}

fn seen(versions: Vec<ModelVersion>) -> Seen {
    Seen {
        versions,
        ..Seen::default()
    }
}

/// A champion, and a version that no training compared with it.
fn uncompared() -> Seen {
    seen(vec![version("v1", '1', evaluated()), version("v2", '2', evaluated())])
}

fn changes(classifier: &ComplaintClassifier, seen: &Seen, plan: &Plan<'_>) -> Vec<Change> {
    let now = Timestamp::from_second(100).expect("a time");
    build::build(classifier, seen, plan, &Settings::default(), now).expect("stored versions")
}

/// The Job that is made for the next question.
fn started(classifier: &ComplaintClassifier, seen: &Seen) -> Job {
    let plan = plan(classifier, seen);
    let created = changes(classifier, seen, &plan)
        .into_iter()
        .find_map(|change| match change {
            Change::CreateOwned(manifest, _) => Some(manifest.body),
            _ => None,
        });
    serde_json::from_value(created.expect("a Job")).expect("a Job")
}

fn answer(champion: char) -> String {
    json!({
        "sha256": sha('2'), "split": "v1/seed=42/testFraction=0.2", "sameSplit": true,
        "evaluation": { "metrics": { "macroF1": 0.81, "weightedF1": 0.8, "accuracy": 0.8, "logLoss": 0.5 }, "rows": 128 },
        "comparison": { "championRef": { "name": "v1" }, "championSha256": sha(champion), "metric": "macroF1",
            "value": 0.81, "championValue": 0.8, "difference": 0.01, "confidenceInterval": [0.0, 0.02], "rows": 128,
            "sameLabels": true, "sameSplit": true },
    })
    .to_string()
}

#[test]
fn one_job_at_a_time_compares_versions_in_their_order() {
    let classifier = classifier(json!({}), false);
    let mut seen = uncompared();
    seen.versions.insert(0, version("v3", '3', evaluated()));
    let plan = plan(&classifier, &seen);
    assert_eq!(
        steps(&changes(&classifier, &seen, &plan)),
        ["create Job v2-compare", "write the status of ModelVersion v2"]
    );
    let job = started(&classifier, &seen);
    let args = job
        .spec
        .as_ref()
        .and_then(|spec| spec.template.spec.as_ref()?.containers[0].args.clone());
    let args = args.expect("arguments").join(" ");
    let root = "/var/lib/complaint-store/default/cards";
    for part in [
        "compare --request ",
        &format!("--model {root}/2/model.safetensors"),
        &format!("--champion {root}/1/model.safetensors"),
        "--dataset s3://data/complaints.csv",
    ] {
        assert!(args.contains(part), "{part}: {args}");
    }
    seen.jobs = vec![job];
    let plan = super::plan::plan(&classifier, &seen);
    assert!(matches!(
        plan.step.as_ref().map(|step| &step.state),
        Some(State::Works { .. })
    ));
    assert_eq!(
        steps(&changes(&classifier, &seen, &plan)),
        ["write the status of ModelVersion v2"]
    );
}

#[test]
fn the_answer_is_written_and_its_job_goes() {
    let classifier = classifier(json!({}), false);
    let mut seen = uncompared();
    let (job, pod) = ended(started(&classifier, &seen), "Complete", 0, &answer('1'));
    (seen.jobs, seen.pods) = (vec![job], vec![pod]);
    let answered = plan(&classifier, &seen);
    assert_eq!(
        steps(&changes(&classifier, &seen, &answered)),
        ["write the status of ModelVersion v2", "delete Job v2-compare"]
    );

    // An answer about another champion answers nothing.
    let (job, pod) = ended(seen.jobs.remove(0), "Complete", 0, &answer('7'));
    (seen.jobs, seen.pods) = (vec![job], vec![pod]);
    let plan = plan(&classifier, &seen);
    let state = plan.step.map(|step| step.state);
    assert!(
        matches!(&state, Some(State::Impossible { reason, .. }) if reason == "ResultUnreadable"),
        "{state:?}"
    );
}

#[test]
fn what_a_job_said_and_is_lost_is_asked_again() {
    let classifier = classifier(json!({}), false);
    let mut seen = uncompared();
    let (job, _) = ended(started(&classifier, &seen), "Complete", 0, &answer('1'));
    seen.jobs = vec![job];
    let plan = plan(&classifier, &seen);
    assert_eq!(
        steps(&changes(&classifier, &seen, &plan)),
        [
            "delete Job v2-compare",
            "create Job v2-compare",
            "write the status of ModelVersion v2"
        ]
    );
}

#[test]
fn a_comparison_that_fails_is_told_once_and_keeps_no_other_waiting() {
    let classifier = classifier(json!({}), false);
    let mut seen = uncompared();
    seen.versions.push(version("v3", '3', evaluated()));
    let message = r#"{"error":{"reason":"DatasetChanged","message":"the data set has other bytes"}}"#;
    let (job, pod) = ended(started(&classifier, &seen), "Failed", 65, message);
    (seen.jobs, seen.pods) = (vec![job], vec![pod]);
    let failed = plan(&classifier, &seen);
    let Some(State::Impossible { reason, message }) = failed.step.as_ref().map(|step| &step.state) else {
        panic!("{failed:?}");
    };
    assert_eq!(reason, "DatasetChanged");
    assert!(message.contains("spec.evaluation.holdout"), "{message}");
    let mut status = evaluated();
    status["conditions"] = json!([{ "type": "Evaluated", "status": "False", "reason": reason, "message": message,
                                    "lastTransitionTime": "2026-11-29T00:00:00Z" }]);
    seen.versions[1] = version("v2", '2', status);
    let next = plan(&classifier, &seen);
    assert_eq!(next.step.map(|step| step.version.name_any()).as_deref(), Some("v3"));
    assert!(next.superseded.is_empty(), "it is not tried again by itself");
}

#[test]
fn nothing_is_compared_for_nobody() {
    let mut seen = uncompared();
    let automatic = classifier(json!({}), false);
    seen.jobs = vec![started(&automatic, &seen)];
    let manual = classifier(json!({ "promotion": { "policy": "Manual" } }), false);
    let pinned = classifier(json!({ "promotion": { "modelVersion": "v1" } }), false);
    let while_another_rolls_out = classifier(json!({}), true);
    for classifier in [manual, pinned, while_another_rolls_out] {
        let plan = plan(&classifier, &seen);
        assert!(plan.step.is_none());
        assert_eq!(plan.superseded.len(), 1);
    }
    // Another champion, another question.
    let mut other = automatic.clone();
    let champion = other.status.as_mut().and_then(|status| status.champion.as_mut());
    champion.expect("a champion").sha256 = sha('7');
    let plan = plan(&other, &seen);
    assert_eq!(plan.superseded.len(), 1);
}

#[test]
fn a_version_whose_run_is_about_to_write_what_it_measured_needs_no_job() {
    let classifier = classifier(json!({}), false);
    let mut seen = seen(vec![version("v1", '1', evaluated()), version("v2", '2', json!({}))]);
    seen.recording = vec!["v2".into()];
    let waits = plan(&classifier, &seen);
    assert!(waits.step.is_none() && waits.awaits_run, "{waits:?}");
    seen.recording.clear();
    let alone = plan(&classifier, &seen);
    assert_eq!(alone.step.map(|step| step.version.name_any()).as_deref(), Some("v2"));
}

#[test]
fn test_rows_that_nobody_can_name_are_told() {
    let classifier = classifier(json!({}), false);
    let mut seen = uncompared();
    if let Some(lineage) = &mut seen.versions[1].spec.lineage {
        lineage.dataset.source = None;
    }
    let state = plan(&classifier, &seen).step.map(|step| step.state);
    assert!(
        matches!(&state, Some(State::Impossible { reason, .. }) if reason == "NoTestRows"),
        "{state:?}"
    );
}

#[test]
fn keys_come_only_from_the_run_that_the_version_was_made_by() {
    let classifier = classifier(json!({}), false);
    let mut seen = uncompared();
    let with = run(Some("keys"));
    if let Some(lineage) = &mut seen.versions[1].spec.lineage {
        lineage.spec_hash = spec_hash(&with);
    }
    let secrets = |seen: &Seen| -> Vec<String> {
        let pod = started(&classifier, seen)
            .spec
            .and_then(|spec| spec.template.spec)
            .expect("a pod");
        let sources = pod.containers[0].env_from.clone().unwrap_or_default();
        sources
            .into_iter()
            .filter_map(|source| Some(source.secret_ref?.name))
            .collect()
    };
    assert!(secrets(&seen).is_empty(), "the run is gone");
    seen.runs = vec![with];
    assert_eq!(secrets(&seen), ["keys"]);
    if let Some(lineage) = &mut seen.versions[1].spec.lineage {
        lineage.dataset.source.as_mut().expect("a source").uri = Some("https://elsewhere.example/x.csv".into());
    }
    assert!(secrets(&seen).is_empty(), "another address than the run's");
}
