//! Objects as an operator leaves them.

use complaint_api::{ComplaintClassifier, ModelVersion, TrainingRun};
use serde_json::{Value, json};

use crate::info::Objects;

/// The time of now.
pub(crate) const NOW: &str = "2026-11-28T12:00:00Z";
const SPLIT: &str = "v1/seed=42/testFraction=0.2";

fn condition(type_: &str, status: &str, reason: &str, message: &str) -> Value {
    json!({ "type": type_, "status": status, "reason": reason, "message": message,
            "lastTransitionTime": "2026-11-27T12:00:00Z", "observedGeneration": 1 })
}

fn digest(digits: &str) -> String {
    digits.repeat(32)
}

fn classifier(name: &str, spec: Value, status: Value) -> ComplaintClassifier {
    let object = json!({
        "metadata": { "name": name, "namespace": "team-a", "uid": format!("uid-of-{name}"), "generation": 1,
                      "creationTimestamp": "2026-11-01T00:00:00Z" },
        "spec": spec, "status": status,
    });
    serde_json::from_value(object).expect("a classifier")
}

/// One that serves, is watched and trained every Monday, and rejected two newcomers.
pub(crate) fn cards() -> ComplaintClassifier {
    classifier(
        "cards",
        json!({
            "promotion": { "minImprovement": 0.005, "requireSignificance": true, "minClassRecall": 0.5,
                           "gates": [{ "metric": "macroF1", "min": 0.7 }, { "metric": "logLoss", "max": 0.9 },
                                     { "metric": "calibrationError", "max": 0.05 }] },
            "monitoring": {},
            "retraining": { "schedule": "0 3 * * 1", "timeZone": "Europe/Berlin", "template": {
                "dataset": { "source": { "uri": "https://example.org/c.csv" }, "format": "Csv",
                             "textField": "narrative", "labelFields": ["category"] } } },
        }),
        json!({
            "observedGeneration": 1,
            "champion": { "name": "cards-1", "sha256": digest("a1"), "promotionTime": "2026-11-24T18:55:10Z",
                          "metrics": { "macroF1": 0.8257, "accuracy": 0.8291 } },
            "replicas": { "desired": 2, "ready": 2, "serving": 2 },
            "url": "http://cards.team-a.svc.cluster.local:8080",
            "nextScheduleTime": "2026-11-30T02:00:00Z",
            "promotions": [{ "version": "cards-1", "sha256": digest("a1"), "reason": "FirstVersion", "time": "2026-11-24T18:55:10Z" }],
            "monitoring": {
                "sha256": digest("a1"), "window": "24h", "referenceAccuracy": 0.801,
                "windows": [{ "endTime": "2026-11-28T00:00:00Z", "answers": 2400, "judged": true, "reasons": ["EstimatedAccuracyLow"] }],
                "estimatedAccuracy": { "value": 0.712, "lower": 0.689, "upper": 0.735 },
            },
            "conditions": [
                condition("Available", "True", "Serving", "2 pods serve the champion"),
                condition("Drifted", "True", "EstimatedAccuracyLow",
                          "EstimatedAccuracyLow in the window until 2026-11-28T00:00:00Z: estimated accuracy 0.712 (0.689 to 0.735), on the held-out rows 0.801"),
                condition("Monitored", "True", "Monitored", "the last window ended at 2026-11-28T00:00:00Z"),
                condition("Ready", "True", "Serving", "every pod serves cards-1"),
            ],
        }),
    )
}

/// The same, with all that monitoring shows.
pub(crate) fn drifted() -> ComplaintClassifier {
    let mut classifier = cards();
    let status = classifier.status.as_mut().expect("a status");
    let shown = json!({
        "sha256": digest("a1"), "window": "24h", "referenceAccuracy": 0.801, "categoryDistance": 0.0874, "probabilityShift": 0.0613,
        "unknownWordShift": 0.0212, "feedbackRows": 62,
        "windows": [
            { "endTime": "2026-11-28T00:00:00Z", "answers": 24312, "judged": true, "corrections": { "rows": 31, "correct": 24 },
              "reasons": ["EstimatedAccuracyLow", "CategoriesShifted"] },
            { "endTime": "2026-11-27T00:00:00Z", "answers": 23015, "judged": true },
            { "endTime": "2026-11-26T00:00:00Z", "answers": 212, "judged": false },
        ],
        "estimatedAccuracy": { "value": 0.712, "lower": 0.689, "upper": 0.735 },
        "measuredAccuracy": { "value": 0.774, "lower": 0.66, "upper": 0.86 },
        "categories": [{ "label": "Fraud", "trainedShare": 0.142, "estimatedShare": 0.271, "estimatedF1": 0.71 },
                       { "label": "Fees", "trainedShare": 0.183, "estimatedShare": 0.121, "estimatedF1": 0.81 }],
    });
    status.monitoring = Some(serde_json::from_value(shown).expect("what monitoring shows"));
    classifier
}

/// One that somebody paused, with another version pinned.
pub(crate) fn paused() -> ComplaintClassifier {
    classifier(
        "loans",
        json!({ "paused": true, "promotion": { "policy": "Manual", "modelVersion": "loans-1", "metric": "accuracy" } }),
        json!({
            "observedGeneration": 1,
            "champion": { "name": "loans-1", "sha256": digest("b1"), "promotionTime": "2026-11-28T11:58:30Z",
                          "metrics": { "macroF1": 0.71, "accuracy": 0.74 } },
            "previousChampion": { "name": "loans-0", "sha256": digest("b0") },
            "replicas": { "desired": 3, "ready": 2, "serving": 2 },
            "url": "http://loans.team-a.svc.cluster.local:8080",
            "promotions": [
                { "version": "loans-1", "sha256": digest("b1"), "from": "loans-0", "reason": "Pinned", "time": "2026-11-28T11:58:30Z",
                  "comparison": { "metric": "accuracy", "difference": 0.0213, "confidenceInterval": [-0.004, 0.047] } },
                { "version": "loans-0", "sha256": digest("b0"), "reason": "FirstVersion", "time": "2026-10-01T00:00:00Z" },
            ],
            "conditions": [condition("Ready", "Unknown", "Paused", "nothing is changed while spec.paused is true")],
        }),
    )
}

/// One whose pin names nothing.
pub(crate) fn stalled() -> ComplaintClassifier {
    let message = "ModelVersion fees-9 does not exist: correct spec.promotion.modelVersion";
    classifier(
        "fees",
        json!({ "promotion": { "modelVersion": "fees-9" } }),
        json!({
            "observedGeneration": 1, "replicas": { "desired": 1, "ready": 0, "serving": 0 },
            "conditions": [condition("Ready", "False", "PinnedVersionNotFound", message),
                           condition("Stalled", "True", "PinnedVersionNotFound", message)],
        }),
    )
}

/// One that the operator has not seen.
pub(crate) fn fresh() -> ComplaintClassifier {
    classifier("new", json!({}), json!({}))
}

struct Version<'a> {
    name: &'a str,
    digits: &'a str,
    created: &'a str,
    status: Value,
}

fn version(version: Version<'_>) -> ModelVersion {
    let Version {
        name,
        digits,
        created,
        status,
    } = version;
    let classifier = name.split('-').next().expect("a name");
    let folder = format!("pvc://{classifier}-artifacts/team-a/{classifier}/{}", digest(digits));
    serde_json::from_value(json!({
        "metadata": { "name": name, "namespace": "team-a", "creationTimestamp": created, "generation": 1 },
        "spec": {
            "classifierRef": { "name": classifier },
            "artifact": { "uri": format!("{folder}/model.safetensors"), "sha256": digest(digits) },
            "report": { "uri": format!("{folder}/report.json"), "sha256": digest("ee") },
            "algorithm": "LogisticRegression", "parameters": { "C": 1.0, "classWeight": "Balanced" }, "classCount": 8,
            "metrics": { "macroF1": 0.99 },
            "lineage": { "trainingRun": name, "specHash": digest(digits), "rows": 1263, "split": SPLIT, "trainerVersion": "0.1.0",
                         "dataset": { "format": "Csv", "fields": { "text": "narrative", "labels": ["category"] }, "sha256": digest("da") } },
        },
        "status": status,
    }))
    .expect("a version")
}

fn evaluation(macro_f1: f64, accuracy: f64) -> Value {
    json!({ "metrics": { "macroF1": macro_f1, "weightedF1": 0.81, "accuracy": accuracy, "logLoss": 0.5012 }, "rows": 275, "split": SPLIT,
            "calibrationError": 0.0312, "minClassRecall": { "recall": 0.61, "support": 33, "label": "Fees" },
            "weakestClasses": [{ "label": "Fees", "recall": 0.61, "support": 33 }, { "label": "Other", "recall": 0.7, "support": 20 }],
            "levels": [{ "level": "product", "metrics": { "macroF1": 0.9012, "accuracy": 0.9123 }, "rows": 280, "calibrationError": 0.0123 },
                       { "level": "issue", "metrics": { "macroF1": macro_f1, "accuracy": accuracy }, "rows": 275 }] })
}

fn comparison(champion: &str, digits: &str, figures: [f64; 5]) -> Value {
    let [value, champion_value, difference, lower, upper] = figures;
    json!({ "championRef": { "name": champion }, "championSha256": digest(digits), "metric": "macroF1", "value": value,
            "championValue": champion_value, "difference": difference, "confidenceInterval": [lower, upper], "rows": 275,
            "sameLabels": true, "sameSplit": true })
}

fn versions() -> Vec<ModelVersion> {
    let recorded = condition("Ready", "True", "Recorded", "the version is recorded");
    let rejected = |reason: &str, message: &str| json!([recorded, condition("Rejected", "True", reason, message)]);
    let all = [
        Version {
            name: "cards-1",
            digits: "a1",
            created: "2026-11-24T18:55:00Z",
            status: json!({ "stage": "Champion", "promotionTime": "2026-11-24T18:55:10Z", "conditions": [recorded],
                            "evaluation": evaluation(0.8257, 0.8291) }),
        },
        Version {
            name: "cards-2",
            digits: "a2",
            created: "2026-11-25T03:00:00Z",
            status: json!({
                "stage": "Rejected",
                "conditions": rejected("NotBetter", "macroF1 0.8058 against the champion cards-1's 0.8257 on the same 275 rows: a difference of -0.0198, and at least 0.005 is needed"),
                "evaluation": evaluation(0.8058, 0.8109), "comparison": comparison("cards-1", "a1", [0.8058, 0.8257, -0.0198, -0.055, 0.0176]),
            }),
        },
        Version {
            name: "cards-3",
            digits: "a3",
            created: "2026-11-26T03:00:00Z",
            status: json!({
                "stage": "Rejected", "conditions": rejected("GateFailed", "macroF1 0.65 is below the gate's minimum 0.7"),
                "evaluation": evaluation(0.65, 0.68),
            }),
        },
        // Somebody's, which nothing here evaluated.
        Version {
            name: "cards-4",
            digits: "a4",
            created: "2026-11-27T03:00:00Z",
            status: json!({
                "stage": "Candidate",
                "conditions": [condition("Ready", "True", "NotEvaluated", "the version is recorded, but not evaluated in this cluster on the rows that decide: set spec.evaluation.holdout of ComplaintClassifier cards, or pin it with spec.promotion.modelVersion to serve it")],
            }),
        },
        Version {
            name: "loans-1",
            digits: "b1",
            created: "2026-11-20T00:00:00Z",
            status: json!({ "stage": "Champion", "promotionTime": "2026-11-28T11:58:30Z", "conditions": [recorded],
                            "evaluation": evaluation(0.71, 0.74) }),
        },
        Version {
            name: "loans-2",
            digits: "b2",
            created: "2026-11-28T00:00:00Z",
            status: json!({ "stage": "Candidate", "conditions": [recorded], "evaluation": evaluation(0.72, 0.75) }),
        },
    ];
    all.into_iter().map(version).collect()
}

fn run(name: &str, created: &str, labels: Value, status: Value) -> TrainingRun {
    let classifier = name.split('-').next().expect("a name");
    serde_json::from_value(json!({
        "metadata": { "name": name, "namespace": "team-a", "creationTimestamp": created, "labels": labels },
        "spec": { "classifierRef": { "name": classifier },
                  "dataset": { "source": { "uri": "https://example.org/c.csv" }, "format": "Csv",
                               "textField": "narrative", "labelFields": ["category"] } },
        "status": status,
    }))
    .expect("a run")
}

fn runs() -> Vec<TrainingRun> {
    vec![
        run(
            "cards-29891520",
            "2026-11-28T11:50:00Z",
            json!({ "complaints.dev/trigger": "Schedule" }),
            json!({ "phase": "Running", "startTime": "2026-11-28T11:58:00Z",
                    "progress": { "stage": "Searching", "percent": 42, "message": "trial 3 of 6" },
                    "conditions": [condition("Reconciling", "True", "Training", "trial 3 of 6")] }),
        ),
        run(
            "cards-2",
            "2026-11-25T02:58:00Z",
            json!({}),
            json!({ "phase": "Succeeded", "startTime": "2026-11-25T02:58:10Z", "completionTime": "2026-11-25T03:00:00Z",
                    "dataset": { "rows": 1263, "duplicates": 46, "classes": 8, "sha256": digest("da") },
                    "trials": { "succeeded": 4, "failed": 0, "total": 4 }, "metrics": { "macroF1": 0.8058 },
                    "currentOptimalTrial": { "algorithm": "Ensemble", "parameters": {}, "crossValidation": { "mean": 0.8, "standardDeviation": 0.01 } },
                    "modelVersionRef": { "name": "cards-2" },
                    "conditions": [condition("Ready", "True", "Trained", "the version cards-2 is recorded")] }),
        ),
        run(
            "fees-1",
            "2026-11-27T00:00:00Z",
            json!({}),
            json!({ "phase": "Failed", "completionTime": "2026-11-27T00:00:09Z",
                    "conditions": [condition("Failed", "True", "ColumnNotFound", "complaints.csv has no column `narative`; set dataset.textField"),
                                   condition("Ready", "False", "ColumnNotFound", "complaints.csv has no column `narative`; set dataset.textField"),
                                   condition("Stalled", "True", "ColumnNotFound", "complaints.csv has no column `narative`; set dataset.textField")] }),
        ),
    ]
}

/// All of them.
pub(crate) fn objects() -> Objects {
    Objects {
        classifiers: vec![cards(), paused(), stalled(), fresh()],
        versions: versions(),
        runs: runs(),
        unreadable: Vec::new(),
    }
}
