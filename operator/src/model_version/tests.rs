//! Stages and statuses over objects as the API server would send them.

use complaint_api::{
    ClassifierChampion, ComplaintClassifier, ComplaintClassifierSpec, ComplaintClassifierStatus, ModelVersion,
    ModelVersionStatus, Stage, VersionDigest,
    condition::{self, READY, STALLED},
    labels,
};
use jiff::Timestamp;
use kube::ResourceExt;
use serde_json::json;

use super::{
    build::build,
    gather::Seen,
    plan::{Plan, plan},
    status,
};
use crate::{change::steps, status::Owned};

fn version(promoted: bool, rejected: Option<&str>) -> ModelVersion {
    let mut version: ModelVersion = serde_json::from_value(json!({
        "metadata": { "name": "v1", "generation": 1 },
        "spec": { "classifierRef": { "name": "cards" }, "artifact": { "uri": "pvc://a/b", "sha256": "00" } },
    }))
    .expect("a ModelVersion");
    if promoted {
        version
            .annotations_mut()
            .insert(labels::PROMOTED_AT.into(), "2026-01-02T03:04:05Z".into());
    }
    version.status = rejected.map(|reason| ModelVersionStatus {
        rejection_reason: Some(reason.into()),
        ..Default::default()
    });
    version
}

fn classifier(champion: &str, challenger: Option<&str>) -> ComplaintClassifier {
    let mut classifier = ComplaintClassifier::new("cards", ComplaintClassifierSpec::default());
    classifier.status = Some(ComplaintClassifierStatus {
        champion: Some(ClassifierChampion {
            name: champion.into(),
            ..Default::default()
        }),
        challenger: challenger.map(|name| VersionDigest {
            name: name.into(),
            ..Default::default()
        }),
        ..Default::default()
    });
    classifier
}

fn planned(version: &ModelVersion, classifier: Option<ComplaintClassifier>) -> Plan {
    plan(version, &Seen { classifier })
}

fn next(version: &ModelVersion) -> status::VersionStage {
    let now = Timestamp::from_second(1).expect("a valid time");
    status::next(version, &planned(version, None), now).0
}

#[test]
fn stages_follow_the_classifiers_record() {
    let cases = [
        (version(false, None), None, Stage::Candidate),
        (version(true, None), Some(classifier("v1", None)), Stage::Champion),
        (
            version(false, None),
            Some(classifier("v0", Some("v1"))),
            Stage::Challenger,
        ),
        (version(true, None), Some(classifier("v2", None)), Stage::Retired),
        (
            version(false, Some("NotBetter: x")),
            Some(classifier("v0", None)),
            Stage::Rejected,
        ),
        (
            version(false, Some("NotBetter: x")),
            Some(classifier("v1", None)),
            Stage::Champion,
        ),
    ];
    for (version, classifier, expected) in cases {
        assert_eq!(planned(&version, classifier.clone()).stage, expected, "{classifier:?}");
    }
}

#[test]
fn a_model_that_can_not_be_loaded_is_stalled_and_a_weaker_one_is_not() {
    let broken = next(&version(false, Some("DigestMismatch: other bytes")));
    assert!(condition::is_true(&broken.conditions, STALLED));
    let weaker = next(&version(false, Some("NotBetter: 0.1")));
    assert!(condition::is_true(&weaker.conditions, READY));
}

#[test]
fn the_other_controllers_part_is_no_difference() {
    let rejected = version(false, Some("NotBetter: x"));
    let mut stored = json!(next(&rejected));
    stored["rejectionReason"] = json!("NotBetter: x");
    assert!(next(&rejected).part().is_in(&stored));
}

#[test]
fn a_promotion_is_annotated_once_whoever_serves_by_now() {
    let mut recorded = classifier("v2", None);
    let status = recorded.status.as_mut().expect("a status");
    status.promotions = serde_json::from_value(json!([
        { "version": "v2", "reason": "Better", "time": "2026-01-03T00:00:00Z" },
        { "version": "v1", "reason": "FirstVersion", "time": "2026-01-02T00:00:00Z" },
    ]))
    .expect("promotions");
    let cases = [
        (
            version(false, None),
            Some(recorded.clone()),
            vec!["apply ModelVersion v1"],
        ),
        // The annotation tells another time than the record.
        (version(true, None), Some(recorded), vec!["apply ModelVersion v1"]),
        (version(true, None), Some(classifier("v2", None)), vec![]),
        (version(false, None), None, vec![]),
    ];
    for (version, classifier, expected) in cases {
        let plan = planned(&version, classifier);
        assert_eq!(steps(&build(&version, &plan)), expected, "{plan:?}");
    }
}
