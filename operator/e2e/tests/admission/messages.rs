//! What the API server rejects, and its messages.

use complaint_api::TrainingRun;
use kube::{
    Api,
    api::{Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

use crate::{refusal, served};

fn run(overrides: &Value) -> Value {
    let mut spec = json!({
        "classifierRef": { "name": "cards" },
        "dataset": { "source": { "uri": "https://example.org/c.csv" }, "format": "Csv",
                     "textField": "narrative", "labelFields": ["category"] },
    });
    for (field, value) in overrides.as_object().expect("an object") {
        spec[field] = value.clone();
    }
    spec
}

fn grid(algorithm: &str, grid: Value) -> Value {
    let candidates = json!([{ "algorithm": algorithm, "grid": grid }]);
    run(&json!({ "search": { "candidates": candidates } }))
}

/// Each bound from both sides, and with integers for fractions: an API server compares those with the integer part of a
/// bound.
#[tokio::test]
async fn numbers_outside_their_bounds_are_refused_with_the_bounds() {
    const RUN: &str = "TrainingRun";
    const CLASSIFIER: &str = "ComplaintClassifier";
    let (_sandbox, client) = served().await;
    let linear = |c: f64| grid("LinearSvm", json!({ "C": [1, number(c)] }));
    let bayes = |alpha: f64| grid("ComplementNaiveBayes", json!({ "alpha": [1, number(alpha)] }));
    let fraction = |share: f64| run(&json!({ "features": { "maxDocumentFraction": number(share) } }));
    let test = |share: f64| json!({ "evaluation": { "testFraction": number(share) } });
    let gate = |min: f64| json!({ "promotion": { "gates": [{ "metric": "macroF1", "min": number(min) }] } });
    let calibration =
        |max: f64| json!({ "promotion": { "gates": [{ "metric": "calibrationError", "max": number(max) }] } });
    let weakest = |min: f64| json!({ "promotion": { "minClassRecall": number(min) } });
    let gain = |min: f64| json!({ "promotion": { "minImprovement": number(min) } });
    let abstain = |below: f64| json!({ "serving": { "abstainBelow": number(below) } });
    let c = Some("C must be at least 0.000001 and at most 1000000");
    let alpha = Some("alpha must be at least 0.000001 and at most 1000");
    let share = Some("maxDocumentFraction must be at least 0.01 and at most 1");
    let part = Some("testFraction must be at least 0.01 and at most 0.5");
    let (low, high) = (
        Some("should be greater than or equal to 0"),
        Some("should be less than or equal to 1"),
    );
    for (kind, spec, told) in [
        (RUN, linear(0.0), c),
        (RUN, linear(-1.0), c),
        (RUN, linear(0.000_000_9), c),
        (RUN, linear(0.000_001), None),
        (RUN, linear(1.0), None),
        (RUN, linear(1_000_000.0), None),
        (RUN, linear(1_000_001.0), c),
        (RUN, bayes(0.0), alpha),
        (RUN, bayes(0.000_000_9), alpha),
        (RUN, bayes(0.000_001), None),
        (RUN, bayes(1000.0), None),
        (RUN, bayes(1001.0), alpha),
        (RUN, fraction(0.0), share),
        (RUN, fraction(0.009), share),
        (RUN, fraction(0.01), None),
        (RUN, fraction(1.0), None),
        (RUN, fraction(1.1), share),
        (RUN, fraction(2.0), share),
        (CLASSIFIER, test(0.0), part),
        (CLASSIFIER, test(0.009), part),
        (CLASSIFIER, test(0.01), None),
        (CLASSIFIER, test(0.5), None),
        (CLASSIFIER, test(0.51), part),
        (CLASSIFIER, test(1.0), part),
        (CLASSIFIER, gate(0.0), None),
        (CLASSIFIER, gate(1.0), None),
        (CLASSIFIER, gate(-1.0), low),
        (CLASSIFIER, gate(-0.1), low),
        (CLASSIFIER, gate(1.1), high),
        (CLASSIFIER, gate(2.0), high),
        (CLASSIFIER, calibration(0.05), None),
        (CLASSIFIER, calibration(-1.0), low),
        (CLASSIFIER, weakest(0.0), None),
        (CLASSIFIER, weakest(0.5), None),
        (CLASSIFIER, weakest(1.0), None),
        (CLASSIFIER, weakest(-0.1), low),
        (CLASSIFIER, weakest(1.1), high),
        (CLASSIFIER, gain(-1.0), low),
        (CLASSIFIER, gain(2.0), high),
        (CLASSIFIER, abstain(-1.0), low),
        (CLASSIFIER, abstain(2.0), high),
    ] {
        match (refusal(&client, kind, "Strict", &spec).await, told) {
            (None, None) => {}
            (Some((code, message)), Some(told)) => {
                assert_eq!(code, 422, "{spec}: {message}");
                assert!(message.contains(told), "{spec}: {message}");
            }
            (None, Some(told)) => panic!("{spec} is accepted, not refused: {told}"),
            (Some((_, message)), None) => panic!("{spec} is refused: {message}"),
        }
    }
}

/// A JSON number, without a fraction if it is an integer.
fn number(value: f64) -> Value {
    if value.fract() == 0.0 {
        json!(value as i64)
    } else {
        json!(value)
    }
}

#[tokio::test]
async fn a_gate_has_the_bound_of_its_metric_and_a_lineage_one_source() {
    let (_sandbox, client) = served().await;
    let gate = |gate: Value| ("ComplaintClassifier", json!({ "promotion": { "gates": [gate] } }));
    let source = |source: Value| {
        let artifact = json!({ "uri": "pvc://cards-artifacts/model.safetensors", "sha256": "ab".repeat(32) });
        let lineage = json!({ "dataset": { "source": source } });
        let spec = json!({ "classifierRef": { "name": "cards" }, "artifact": artifact, "lineage": lineage });
        ("ModelVersion", spec)
    };
    let (other, one) = (
        Some("a lower logLoss or calibrationError is better"),
        Some("set exactly one of"),
    );
    for ((kind, spec), told) in [
        (gate(json!({ "metric": "logLoss", "max": 0.5 })), None),
        (gate(json!({ "metric": "calibrationError", "max": 0.05 })), None),
        (gate(json!({ "metric": "accuracy", "min": 0.5 })), None),
        (
            gate(json!({ "metric": "accuracy", "level": "product", "min": 0.5 })),
            None,
        ),
        (
            gate(json!({ "metric": "accuracy", "level": "", "min": 0.5 })),
            Some("level"),
        ),
        (gate(json!({ "metric": "calibrationError", "min": 0.05 })), other),
        (gate(json!({ "metric": "logLoss", "min": 0.05 })), other),
        (gate(json!({ "metric": "accuracy", "max": 0.5 })), other),
        (gate(json!({ "metric": "accuracy" })), Some("set min")),
        (source(json!({ "uri": "s3://data/cards.csv.gz" })), None),
        (
            source(json!({ "configMap": { "name": "data", "key": "cards.csv" } })),
            None,
        ),
        (
            source(json!({ "persistentVolumeClaim": { "claimName": "data", "path": "cards.csv" } })),
            None,
        ),
        (source(json!({})), one),
        (
            source(json!({ "uri": "s3://data/a", "configMap": { "name": "data", "key": "a" } })),
            one,
        ),
        (
            source(json!({ "uri": "https://user:word@example.org/a.csv" })),
            Some("uri"),
        ),
        (
            source(json!({ "persistentVolumeClaim": { "claimName": "data", "path": "../a" } })),
            Some("must not hold '..'"),
        ),
    ] {
        match (refusal(&client, kind, "Strict", &spec).await, told) {
            (None, None) => {}
            (Some((_, message)), Some(told)) => assert!(message.contains(told), "{spec}: {message}"),
            (found, _) => panic!("{spec}: {found:?} in place of {told:?}"),
        }
    }
}

#[tokio::test]
async fn strict_validation_refuses_unknown_fields() {
    let (_sandbox, client) = served().await;
    let artifact = json!({ "uri": "pvc://cards-artifacts/model.safetensors", "sha256": "ab".repeat(32) });
    let dataset = json!({ "source": { "uri": "https://example.org/c.csv" }, "format": "Csv",
                          "textField": "narrative", "labelFields": ["category"], "sha256": "ab".repeat(32) });
    for (kind, spec, field) in [
        (
            "ComplaintClassifier",
            json!({ "promotion": { "minimumImprovement": 0.1 } }),
            "spec.promotion.minimumImprovement",
        ),
        (
            "ComplaintClassifier",
            json!({ "serving": { "replikas": 1 } }),
            "spec.serving.replikas",
        ),
        (
            "TrainingRun",
            run(&json!({ "dataset": dataset })),
            "spec.dataset.sha256",
        ),
        (
            "ModelVersion",
            json!({ "classifierRef": { "name": "cards" }, "artifact": artifact, "lineage": { "datasetSha256": "ab" } }),
            "spec.lineage.datasetSha256",
        ),
    ] {
        let told = format!(
            "{kind} in version \"v1alpha1\" cannot be handled as a {kind}: strict decoding error: unknown field \"{field}\""
        );
        assert_eq!(refusal(&client, kind, "Strict", &spec).await, Some((400, told)));
        assert_eq!(refusal(&client, kind, "Warn", &spec).await, None, "{field}");
    }
}

#[tokio::test]
async fn a_run_is_immutable_but_for_its_pause_and_its_end() {
    let (_sandbox, client) = served().await;
    let runs: Api<TrainingRun> = Api::default_namespaced(client);
    let manifest = |name: &str, spec: &Value| -> TrainingRun {
        serde_json::from_value(json!({ "metadata": { "name": name }, "spec": spec })).expect("a TrainingRun")
    };
    let bare = run(&json!({}));
    let full = run(&json!({
        "preset": "Thorough", "preprocessing": { "keepNumbers": true }, "features": { "maxFeatures": 1000 },
        "search": { "folds": 3 }, "podTemplate": { "labels": { "team": "cards" } }, "activeDeadlineSeconds": 60,
        "backoffLimit": 1,
    }));
    for (name, spec) in [("bare", &bare), ("full", &full)] {
        let made = runs.create(&PostParams::default(), &manifest(name, spec)).await;
        made.expect("a valid run");
    }
    let patched = async |name: &str, spec: Value| {
        let patch = Patch::Merge(json!({ "spec": spec }));
        runs.patch(name, &PatchParams::default(), &patch).await
    };
    for (field, value) in full.as_object().expect("an object") {
        let changes = match field.as_str() {
            "classifierRef" => vec![("full", json!({ "name": "other" }))],
            "dataset" => vec![("full", json!({ "source": { "sha256": "ab".repeat(32) } }))],
            "preset" => vec![("full", json!("Reference"))],
            "backoffLimit" => vec![("bare", value.clone())],
            // Absent fields can't be added, and present ones can't be removed.
            _ => vec![("bare", value.clone()), ("full", Value::Null)],
        };
        for (name, change) in changes {
            match patched(name, json!({ field: change })).await {
                Err(kube::Error::Api(status)) => assert!(
                    status.message.contains("a TrainingRun can't be changed after creation"),
                    "{field} of {name}: {}",
                    status.message
                ),
                other => panic!("{field} of {name} is not refused: {other:?}"),
            }
        }
    }
    for change in [
        json!({ "suspend": true }),
        json!({ "ttlSecondsAfterFinished": 5 }),
        json!({ "suspend": false }),
    ] {
        patched("bare", change).await.expect("what may be changed");
    }
}

/// A holdout has the forms of a data set's source.
#[tokio::test]
async fn a_holdout_has_the_sources_of_a_data_set() {
    let (_sandbox, client) = served().await;
    let digest = "ab".repeat(32);
    let bucket = json!({ "uri": "s3://reviewed/rows.csv", "secretRef": { "name": "reviewed" } });
    let key = json!({ "name": "reviewed", "key": "rows.csv" });
    for (source, told) in [
        (bucket, None),
        (json!({ "uri": "https://example.org/rows.csv" }), None),
        (json!({ "configMap": key }), None),
        (
            json!({ "configMap": key, "secretRef": { "name": "reviewed" } }),
            Some("set secretRef together with uri"),
        ),
        (
            json!({ "uri": "s3://reviewed/rows.csv", "sha256": digest }),
            Some("set sha256 of the holdout"),
        ),
    ] {
        let holdout = json!({ "source": source, "sha256": digest, "format": "Csv", "textField": "narrative",
                              "labelFields": ["category"] });
        let spec = json!({ "evaluation": { "holdout": holdout } });
        let refused = refusal(&client, "ComplaintClassifier", "Strict", &spec).await;
        match told {
            None => assert_eq!(refused, None, "{spec}"),
            Some(told) => assert!(
                refused.as_ref().is_some_and(|(_, message)| message.contains(told)),
                "{spec}: {refused:?}"
            ),
        }
    }
}
