//! What a version records of its training, so that its held-out rows can be read again.

use complaint_api::{ComplaintClassifier, DeletionPolicy, ModelVersion, TrainingRun};
use complaint_contract::{SplitName, TrainingResult};
use serde_json::json;

use super::{build, classifier, ended_pod, job, outcome, run};
use crate::{
    change::Change,
    object::owner_reference,
    settings::Settings,
    store::Store,
    training_run::{gather::Seen, plan::Decision, spec_hash},
};

#[test]
fn a_version_records_where_its_rows_were_and_how_they_were_read() {
    let run = run(json!({ "dataset": {
        "source": { "uri": "s3://data/cards.csv.gz", "secretRef": { "name": "keys" } }, "format": "JsonLines",
        "textField": "said", "labelFields": ["meant"], "labelMap": { "old": "new" }, "minSamplesPerClass": 7,
        "splitField": "part" } }));
    let result: TrainingResult = serde_json::from_value(outcome()).expect("a result");
    let store = Store::Claim("cards-artifacts".into());
    let version = build::model_version(&run, &store, None, DeletionPolicy::Orphan, &result);
    let lineage = version.spec.lineage.expect("a lineage");
    assert_eq!(
        json!(lineage.dataset),
        json!({ "source": { "uri": "s3://data/cards.csv.gz" }, "format": "JsonLines",
                "fields": { "text": "said", "labels": ["meant"] }, "labelMap": { "old": "new" },
                "minSamplesPerClass": 7, "splitField": "part", "sha256": "cc".repeat(32) })
    );
    let split = SplitName::Key {
        version: "v1".into(),
        seed: 42,
        test_fraction: 0.2,
    };
    assert_eq!(lineage.split.parse(), Ok(split));
}

/// The changes that record what the run's Job said.
fn recording(run: &TrainingRun, classifier: ComplaintClassifier) -> Vec<Change> {
    let result: TrainingResult = serde_json::from_value(outcome()).expect("a result");
    let seen = Seen {
        classifier: Some(classifier),
        job: Some(job(json!({}), false)),
        pods: vec![ended_pod("Succeeded", json!({ "exitCode": 0 }))],
        ..Seen::default()
    };
    let owner = owner_reference(run).expect("a uid");
    let decision = Decision::Record(Box::new(result));
    build::build(run, &seen, &decision, &owner, &Settings::default())
}

#[test]
fn a_version_keeps_where_its_run_wants_it_logged() {
    let part = |tracking: serde_json::Value| {
        let run = run(tracking);
        let changes = recording(&run, classifier());
        let Some(Change::Status { part, .. }) = changes.last() else {
            panic!("no status is written");
        };
        part.value()["tracking"].clone()
    };
    let mlflow = json!({ "mlflow": { "uri": "http://mlflow:5000", "secretRef": { "name": "login" } } });
    assert_eq!(part(json!({ "tracking": mlflow })), mlflow);
    assert_eq!(part(json!({ "tracking": {} })), json!({}));
    assert_eq!(part(json!({})), json!(null));
    // It changes nothing about the model.
    let of_run = |tracking: serde_json::Value| spec_hash(&run(tracking));
    assert_eq!(of_run(json!({ "tracking": mlflow })), of_run(json!({})));
}

#[test]
fn a_version_has_the_deletion_policy_of_its_classifier_and_its_finalizer_at_once() {
    let run = run(json!({}));
    let recorded = |retention: Option<serde_json::Value>| -> ModelVersion {
        let mut classifier = classifier();
        classifier.spec.retention = retention.map(|retention| serde_json::from_value(retention).expect("settings"));
        let changes = recording(&run, classifier);
        let Change::Create(manifest) = &changes[0] else {
            panic!("{}", changes[0]);
        };
        serde_json::from_value(manifest.body.clone()).expect("a ModelVersion")
    };
    let with_files = recorded(Some(json!({ "deletionPolicy": "Delete" })));
    assert_eq!(with_files.spec.deletion_policy, DeletionPolicy::Delete);
    assert_eq!(
        with_files.metadata.finalizers,
        Some(vec!["complaints.dev/artifact".into()])
    );
    for retention in [None, Some(json!({ "keepVersions": 3 }))] {
        let version = recorded(retention);
        assert_eq!(version.spec.deletion_policy, DeletionPolicy::Orphan);
        assert_eq!(version.metadata.finalizers, None);
    }
}
