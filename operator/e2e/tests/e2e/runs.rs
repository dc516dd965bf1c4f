//! Manifests of the tests, and waits for their results.

use std::path::Path;

use base64::{Engine, engine::general_purpose::STANDARD};
use complaint_api::{
    ComplaintClassifier, ModelVersion, Stage, TrainingRun,
    condition::{self, COMPLETE, FAILED, READY, STALLED},
};
use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::{Value, json};

use crate::cluster::World;

/// The sample data set of the examples, as a ConfigMap `sample` with the key `complaints.csv`.
pub async fn apply_sample(world: &World) {
    apply_data(world, "sample", &sample()).await;
}

/// The sample data set of the examples, as CSV.
pub fn sample() -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/data/complaints.csv");
    std::fs::read(path).expect("the sample is readable")
}

/// One of `each` rows of a CSV, and its header.
pub fn rows_of(csv: &[u8], each: usize) -> Vec<u8> {
    let mut reader = csv::Reader::from_reader(csv);
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(reader.headers().expect("a header")).expect("a row");
    for record in reader.records().step_by(each) {
        writer.write_record(&record.expect("a row")).expect("a row");
    }
    writer.into_inner().expect("the bytes")
}

/// A data set as a ConfigMap with the key `complaints.csv`.
pub async fn apply_data(world: &World, name: &str, csv: &[u8]) {
    let manifest = json!({ "metadata": { "name": name }, "binaryData": { "complaints.csv": STANDARD.encode(csv) } });
    world
        .apply::<ConfigMap>(manifest)
        .await
        .expect("a ConfigMap is accepted");
}

/// A classifier; `spec` as given.
pub async fn apply_classifier(world: &World, name: &str, spec: Value) -> ComplaintClassifier {
    let manifest = json!({ "metadata": { "name": name }, "spec": spec });
    world.apply(manifest).await.expect("a ComplaintClassifier is accepted")
}

/// A run on the ConfigMap `data` for the classifier `cards`, quick to train; `overrides` replaces fields of the spec.
pub fn run(name: &str, data: &str, overrides: Value) -> Value {
    let mut manifest = json!({
        "metadata": { "name": name },
        "spec": {
            "classifierRef": { "name": "cards" },
            "dataset": {
                "source": { "configMap": { "name": data, "key": "complaints.csv" } },
                "format": "Csv", "textField": "narrative", "labelFields": ["category"],
            },
            "features": { "minDocumentFrequency": 2 },
            "search": { "folds": 2, "candidates": [
                { "algorithm": "LinearSvm", "grid": { "C": [0.3], "classWeight": ["Balanced"] } } ] },
        },
    });
    for (field, value) in overrides.as_object().expect("an object") {
        manifest["spec"][field] = value.clone();
    }
    manifest
}

/// Features that give a bad model.
pub fn poor_features(terms: u32) -> Value {
    json!({ "features": { "minDocumentFrequency": 2, "wordNgrams": [1, 1], "maxFeatures": terms } })
}

/// Applies a run and waits until it is complete.
pub async fn train(world: &World, manifest: Value) -> TrainingRun {
    let name = manifest["metadata"]["name"].as_str().expect("a name").to_owned();
    world
        .apply::<TrainingRun>(manifest)
        .await
        .expect("a TrainingRun is accepted");
    let ended = until_ended(world, &name).await;
    let status = ended.status.clone().expect("a status");
    assert!(
        condition::is_true(&status.conditions, READY),
        "{:#?}",
        status.conditions
    );
    ended
}

/// Waits until a run is complete or failed.
pub async fn until_ended(world: &World, run: &str) -> TrainingRun {
    world
        .until::<TrainingRun>(run, "ended", |run| {
            run.status.as_ref().is_some_and(|status| {
                condition::is_true(&status.conditions, COMPLETE) || condition::is_true(&status.conditions, FAILED)
            })
        })
        .await
}

/// Waits until `version` is champion and every pod serves it.
pub async fn until_champion(world: &World, classifier: &str, version: &str) -> ComplaintClassifier {
    world
        .until::<ComplaintClassifier>(classifier, &format!("served by {version}"), |classifier| {
            classifier.status.as_ref().is_some_and(|status| {
                status
                    .champion
                    .as_ref()
                    .is_some_and(|champion| champion.name == version)
                    && condition::is_true(&status.conditions, READY)
            })
        })
        .await
}

/// Whether `Ready` has this reason.
pub fn is_ready_with(classifier: &ComplaintClassifier, reason: &str) -> bool {
    let conditions = classifier.status.iter().flat_map(|status| &status.conditions);
    conditions
        .into_iter()
        .any(|condition| condition.type_ == READY && condition.reason == reason)
}

/// Waits until a version has this stage.
pub async fn until_stage(world: &World, version: &str, stage: Stage) -> ModelVersion {
    world
        .until::<ModelVersion>(version, &format!("{stage:?}"), |version| {
            version
                .status
                .as_ref()
                .is_some_and(|status| status.stage == Some(stage))
        })
        .await
}

/// Trains the version `cards-1` of the classifier `cards`, whose gate rejects it.
pub async fn gated_out(world: &World) -> ModelVersion {
    apply_sample(world).await;
    let gates = json!({ "promotion": { "gates": [{ "metric": "macroF1", "min": 0.99 }] } });
    apply_classifier(world, "cards", gates).await;
    train(world, run("cards-1", "sample", poor_features(40))).await;
    until_stage(world, "cards-1", Stage::Rejected).await
}

/// Records the model of a version once more, under the name `forged` and with metrics that pass every gate.
pub async fn forge(world: &World, version: &ModelVersion, edit: impl Fn(&mut Value)) {
    let mut forged = serde_json::to_value(&version.spec).expect("JSON");
    forged["metrics"] = json!({ "macroF1": 1.0, "accuracy": 1.0 });
    edit(&mut forged);
    let manifest = json!({ "metadata": { "name": "forged" }, "spec": forged });
    world
        .apply::<ModelVersion>(manifest)
        .await
        .expect("the record is accepted");
}

/// Applies a run that must fail, waits until it is stalled, and returns reason and message.
pub async fn fails(world: &World, manifest: Value) -> (String, String) {
    let name = manifest["metadata"]["name"].as_str().expect("a name").to_owned();
    world
        .apply::<TrainingRun>(manifest)
        .await
        .expect("a TrainingRun is accepted");
    let stalled = world
        .until::<TrainingRun>(&name, "stalled", |run| {
            run.status
                .as_ref()
                .is_some_and(|status| condition::is_true(&status.conditions, STALLED))
        })
        .await;
    let status = stalled.status.expect("a status");
    let condition = condition::find(&status.conditions, STALLED)
        .expect("a condition")
        .clone();
    // An Event has the same message, for `kubectl describe`.
    assert_eq!(world.event(&name, &condition.reason).await, condition.message);
    (condition.reason, condition.message)
}
