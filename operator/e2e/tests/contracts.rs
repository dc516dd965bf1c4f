//! The trainer reads what the operator writes, and the operator reads what the trainer reports (`docs/contracts.md`).

use std::{path::Path, process::Command};

use complaint_api::{ComplaintClassifier, ModelVersion, TrainingRun};
use complaint_contract::{Feedback, Progress, TrainingResult, TrainingStage};
use complaint_operator::training_run::trainer_config;
use complaint_trainer::config::RunConfig;
use serde_json::{Value, json};

fn run(spec: Value) -> TrainingRun {
    let manifest = json!({ "metadata": { "name": "cards-2", "namespace": "default" }, "spec": spec });
    serde_json::from_value(manifest).expect("a TrainingRun")
}

fn classifier() -> ComplaintClassifier {
    serde_json::from_value(json!({ "metadata": { "name": "cards" }, "spec": {} })).expect("a ComplaintClassifier")
}

fn champion() -> ModelVersion {
    let spec = json!({ "classifierRef": { "name": "cards" },
                       "artifact": { "uri": "pvc://cards-artifacts/a/model.safetensors", "sha256": "ab".repeat(32) } });
    serde_json::from_value(json!({ "metadata": { "name": "cards-1" }, "spec": spec })).expect("a ModelVersion")
}

fn dataset(extra: Value) -> Value {
    let mut dataset = json!({ "source": { "uri": "https://example.org/c.csv" }, "format": "Csv",
                              "textField": "narrative", "labelFields": ["category"] });
    for (key, value) in extra.as_object().expect("an object") {
        dataset[key] = value.clone();
    }
    dataset
}

#[test]
fn the_trainer_reads_what_the_operator_renders() {
    let everything = json!({
        "classifierRef": { "name": "cards" },
        "dataset": dataset(json!({ "format": "JsonLines", "labelFields": ["_source.a", "_source.b"], "splitField": "split", "timeField": "received",
            "feedback": "Include",
            "minSamplesPerClass": 5, "labelMap": { "old": "new" },
            "source": { "uri": "https://example.org/c.csv", "sha256": "cd".repeat(32) } })),
        "preprocessing": { "language": "pt", "expandContractions": false, "removeStopWords": false, "normalizer": "Stem",
            "keepNumbers": true, "minTokenLength": 3, "redactionPattern": "X+" },
        "features": { "wordNgrams": [1, 3], "charNgrams": [3, 5], "minDocumentFrequency": "Auto", "maxDocumentFraction": 0.5,
            "maxFeatures": 1000, "sublinearTf": false, "hashingBits": 18 },
        "search": { "folds": 3, "repeats": 2, "scoring": "logLoss", "maxTrialCount": 9, "maxFailedTrialCount": 0, "candidates": [
            { "algorithm": "LogisticRegression", "grid": { "C": [0.5, 2], "classWeight": ["None", "Balanced"] } },
            { "algorithm": "LinearSvm" },
            { "algorithm": "ComplementNaiveBayes", "grid": { "alpha": [0.1] } } ] },
    });
    let plain = json!({ "classifierRef": { "name": "cards" }, "dataset": dataset(json!({})) });
    let vectors = json!({
        "classifierRef": { "name": "cards" }, "dataset": dataset(json!({ "feedback": "Include" })),
        "features": { "wordVectors": { "maxWords": 1000, "license": "PDDL",
            "source": { "uri": "https://example.org/v.txt.gz", "sha256": "ab".repeat(32) } } },
    });
    for (spec, champion) in [
        (everything, Some(champion())),
        (plain, None),
        (vectors, Some(champion())),
    ] {
        let rendered = trainer_config(&run(spec), &classifier(), champion.as_ref()).to_json();
        let read = RunConfig::parse(rendered.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{rendered}"));
        assert_eq!(read.classifier, "cards");
        assert_eq!(read.champion.is_some(), champion.is_some());
        assert_eq!(read.feedback == Feedback::Include, champion.is_some());
    }
}

#[test]
fn the_operator_reads_what_the_trainer_says() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/data/complaints.csv");
    let spec = json!({
        "classifierRef": { "name": "cards" }, "dataset": dataset(json!({})), "features": { "maxFeatures": 200 },
        "search": { "folds": 2, "candidates": [{ "algorithm": "LinearSvm", "grid": { "C": [1] } }] },
    });
    let config = trainer_config(&run(spec), &classifier(), None).to_json();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("run.json"), config).expect("a file can be written");
    let output = Command::new(env!("CARGO_BIN_EXE_complaint-e2e"))
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped())
        .args(["exec", "trainer", "run", "--config"])
        .arg(path("run.json"))
        .arg("--dataset")
        .arg(data)
        .arg("--store")
        .arg(path("store"))
        .arg("--termination-log")
        .arg(path("termination"))
        .spawn()
        .and_then(wait_with_open_input)
        .expect("the trainer runs");
    assert!(output.status.success(), "{output:?}");

    let message = std::fs::read_to_string(path("termination")).expect("a termination message");
    assert!(message.len() <= 4000, "{} bytes", message.len());
    let outcome = TrainingResult::read(&message).unwrap_or_else(|error| panic!("{error}\n{message}"));
    assert_eq!((outcome.class_count, outcome.trials.total), (8, 1));
    assert!(path("store").join(&outcome.artifact.path).is_file() && path("store").join(&outcome.report.path).is_file());

    let stdout = String::from_utf8(output.stdout).expect("UTF-8");
    let stages: Vec<TrainingStage> = stdout
        .lines()
        .filter_map(Progress::of_line)
        .map(|progress| progress.stage)
        .collect();
    assert_eq!(stages.first(), Some(&TrainingStage::Loading), "{stdout}");
    assert_eq!(stages.last(), Some(&TrainingStage::Done), "{stdout}");
}

/// `wait_with_output` would close the input first.
fn wait_with_open_input(mut child: std::process::Child) -> std::io::Result<std::process::Output> {
    let input = child.stdin.take();
    let output = child.wait_with_output();
    drop(input);
    output
}
