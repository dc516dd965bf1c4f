//! What a version records of its training, so that its held-out rows can be read again.

use complaint_api::{ComplaintClassifier, DeletionPolicy, ModelVersion, TrainingRun};
use complaint_contract::{Feedback, SplitName, TrainingResult};
use jiff::Timestamp;
use serde_json::json;

use super::{arg_of, build, classifier, condition, ended_pod, job, outcome, planned, ready_to_train, run};
use crate::{
    change::Change,
    object::owner_reference,
    settings::Settings,
    store::Store,
    training_run::{gather::Seen, plan::Decision, spec_hash, status},
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

/// A result with corrections.
fn with_corrections() -> TrainingResult {
    let mut result = outcome();
    result["dataset"]["feedback"] = json!({
        "sha256": "dd".repeat(32), "rows": 31, "relabelledRows": 4, "segments": 2,
        "records": { "records": 35, "superseded": 3, "heldOut": 1 },
    });
    serde_json::from_value(result).expect("a result")
}

#[test]
fn corrections_are_on_record() {
    let run = run(json!({}));
    let store = Store::Claim("cards-artifacts".into());
    let result = with_corrections();
    let version = build::model_version(&run, &store, None, DeletionPolicy::Orphan, &result);
    let lineage = version.spec.lineage.expect("a lineage");
    assert_eq!(lineage.dataset.feedback_sha256, Some("dd".repeat(32)));

    let seen = Seen::default();
    let decision = Decision::Record(Box::new(result));
    let (status, notices) = status::next(&run, &seen, &decision, Timestamp::UNIX_EPOCH);
    assert_eq!(status.dataset.expect("data").feedback_rows, Some(31));
    let told = notices
        .iter()
        .find(|notice| notice.reason == "FeedbackRead")
        .expect("an Event");
    assert_eq!(
        told.note,
        "35 corrections read, 31 used; left out: 3 replaced by a later one, 1 nearly equal to a held-out row"
    );

    // A training that read none says nothing about them.
    let result: TrainingResult = serde_json::from_value(outcome()).expect("a result");
    let version = build::model_version(&run, &store, None, DeletionPolicy::Orphan, &result);
    assert_eq!(version.spec.lineage.expect("a lineage").dataset.feedback_sha256, None);
    let (status, notices) = status::next(&run, &seen, &Decision::Record(Box::new(result)), Timestamp::UNIX_EPOCH);
    assert_eq!(status.dataset.expect("data").feedback_rows, None);
    assert!(notices.iter().all(|notice| notice.reason != "FeedbackRead"));
}

fn dataset(feedback: serde_json::Value) -> serde_json::Value {
    let mut dataset = json!({ "source": { "configMap": { "name": "data", "key": "complaints.csv.gz" } },
                              "format": "Csv", "textField": "narrative", "labelFields": ["category"] });
    if !feedback.is_null() {
        dataset["feedback"] = feedback;
    }
    json!({ "dataset": dataset })
}

#[test]
fn a_training_reads_corrections_as_the_run_says() {
    let cases = [
        (json!(null), Feedback::Exclude),
        (json!("Exclude"), Feedback::Exclude),
        (json!("Include"), Feedback::Include),
    ];
    for (set, expected) in cases {
        let run = run(dataset(set.clone()));
        assert_eq!(build::config(&run, &classifier(), None).feedback, expected, "{set}");
        // It is one of the settings that the model depends on.
        let unset = spec_hash(&self::run(dataset(json!(null))));
        assert_eq!(spec_hash(&run) == unset, set.is_null(), "{set}");
    }
    // Where the classifier collects them, they are read unless the run says otherwise.
    let mut collects = classifier();
    let feedback = json!({ "feedback": { "tokenSecretRef": { "name": "reviewers", "key": "token" } } });
    collects.spec.serving = serde_json::from_value(feedback).expect("a serving");
    let read = |set| build::config(&run(dataset(set)), &collects, None).feedback;
    assert_eq!(read(json!(null)), Feedback::Include);
    assert_eq!(read(json!("Exclude")), Feedback::Exclude);
}

#[test]
fn a_run_is_unchanged_only_with_the_corrections_of_the_version_before() {
    let run = run(json!({}));
    let result = with_corrections();
    let store = Store::Claim("cards-artifacts".into());
    let before = build::model_version(&run, &store, None, DeletionPolicy::Orphan, &result);
    let inputs = build::Inputs {
        run: &run,
        classifier: &classifier(),
        champion: None,
        earlier: Some(&before),
        owner: owner_reference(&run).expect("a uid"),
        trace: None,
        settings: &Settings::default(),
    };
    let job = build::job(&inputs);
    assert_eq!(arg_of(&job, "--known-dataset"), "cc".repeat(32));
    assert_eq!(arg_of(&job, "--known-feedback"), "dd".repeat(32));

    let decided = |feedback: serde_json::Value| {
        let mut unchanged = json!({ "datasetSha256": "cc".repeat(32) });
        if !feedback.is_null() {
            unchanged["feedbackSha256"] = feedback;
        }
        let message = json!({ "unchanged": unchanged }).to_string();
        let seen = Seen {
            job: Some(self::job(condition("Complete", "CompletionsReached"), false)),
            pods: vec![ended_pod("Succeeded", json!({ "exitCode": 0, "message": message }))],
            earlier: vec![before.clone()],
            ..ready_to_train()
        };
        planned(&run, &seen)
    };
    let version = before.metadata.name.clone().expect("a name");
    assert_eq!(decided(json!("dd".repeat(32))), Decision::Unchanged { version });
    for other in [json!(null), json!("ee".repeat(32))] {
        let decision = decided(other);
        assert!(
            matches!(&decision, Decision::Fail { reason, .. } if reason == "VersionGone"),
            "{decision:?}"
        );
    }
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
