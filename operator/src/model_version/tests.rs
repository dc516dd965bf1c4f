//! Stages and statuses over objects as the API server would send them.

use complaint_api::{
    ClassifierChampion, ComplaintClassifier, ComplaintClassifierSpec, ComplaintClassifierStatus, ModelVersion,
    ModelVersionStatus, Stage, VersionDigest, VersionEvaluation,
    condition::{self, READY, REJECTED, STALLED, Statement},
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
        "spec": { "classifierRef": { "name": "cards" }, "artifact": { "uri": "pvc://cards-artifacts/b", "sha256": "00" } },
    }))
    .expect("a ModelVersion");
    let promotion_time = promoted.then(|| {
        let time = "2026-01-02T03:04:05Z";
        version
            .annotations_mut()
            .insert(labels::PROMOTED_AT.into(), time.into());
        serde_json::from_value(json!(time)).expect("a time")
    });
    let now = Timestamp::from_second(1).expect("a valid time");
    version.status = Some(ModelVersionStatus {
        conditions: rejected.map_or_else(Vec::new, |reason| {
            condition::merge(&[], &[Statement::new(REJECTED, Some(true), reason, "x")], Some(1), now)
        }),
        evaluation: Some(VersionEvaluation::default()),
        promotion_time,
        ..Default::default()
    });
    version
}

fn classifier(champion: &str, challenger: Option<&str>) -> ComplaintClassifier {
    let mut classifier = ComplaintClassifier::new("cards", ComplaintClassifierSpec::default());
    classifier.status = Some(ComplaintClassifierStatus {
        champion: Some(ClassifierChampion {
            name: champion.into(),
            sha256: "00".into(),
            ..Default::default()
        }),
        challenger: challenger.map(|name| VersionDigest {
            name: name.into(),
            sha256: "00".into(),
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
            version(false, Some("NotBetter")),
            Some(classifier("v0", None)),
            Stage::Rejected,
        ),
        (
            version(false, Some("NotBetter")),
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
    let broken = next(&version(false, Some("DigestMismatch")));
    assert!(condition::is_true(&broken.conditions, STALLED));
    let weaker = next(&version(false, Some("NotBetter")));
    assert!(condition::is_true(&weaker.conditions, READY));
}

#[test]
fn the_other_controllers_part_is_no_difference() {
    let rejected = version(false, Some("NotBetter"));
    let mut stored = json!(next(&rejected));
    let others = json!(rejected.status);
    stored["evaluation"] = others["evaluation"].clone();
    let conditions = stored["conditions"].as_array_mut().expect("conditions");
    conditions.push(others["conditions"][0].clone());
    assert!(next(&rejected).part().is_in(&stored));
}

#[test]
fn a_version_that_no_training_evaluated_says_so_while_it_waits() {
    let mut forged = version(false, None);
    forged.status = None;
    let reason = |version: &ModelVersion, classifier| {
        let now = Timestamp::from_second(1).expect("a valid time");
        let part = status::next(version, &planned(version, classifier), now).0;
        let ready = condition::find(&part.conditions, READY).expect("it is stated");
        (ready.status.clone(), ready.reason.clone())
    };
    let stated = |reason: &str| ("True".to_owned(), reason.to_owned());
    assert_eq!(reason(&forged, None), stated("NotEvaluated"));
    assert_eq!(
        reason(&forged, Some(classifier("v1", None))),
        stated("Recorded"),
        "a pin serves it"
    );
    assert_eq!(reason(&version(false, None), None), stated("Recorded"));
}

#[test]
fn a_promotion_is_annotated_once_whoever_serves_by_now() {
    let mut recorded = classifier("v2", None);
    let status = recorded.status.as_mut().expect("a status");
    status.promotions = serde_json::from_value(json!([
        { "version": "v2", "sha256": "00", "reason": "Better", "time": "2026-01-03T00:00:00Z" },
        { "version": "v1", "sha256": "00", "reason": "FirstVersion", "time": "2026-01-02T00:00:00Z" },
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

#[test]
fn a_version_that_the_classifier_can_not_trust_is_a_candidate_with_the_reason() {
    let created = |classifier: &mut ComplaintClassifier, time: &str| {
        classifier.metadata.creation_timestamp = Some(serde_json::from_value(json!(time)).expect("a time"));
    };
    let mut old = version(true, None);
    old.metadata.creation_timestamp = Some(serde_json::from_value(json!("2026-01-01T00:00:00Z")).expect("a time"));
    let mut rebuilt = classifier("v0", None);
    created(&mut rebuilt, "2026-02-01T00:00:00Z");
    let mut empty = rebuilt.clone();
    empty.status = None;
    let mut lost = empty.clone();
    created(&mut lost, "2025-12-01T00:00:00Z");
    let mut same_name = old.clone();
    same_name.spec.artifact.sha256 = "11".into();
    let mut outside = old.clone();
    outside.spec.artifact.uri = "s3://elsewhere/a".into();
    let cases = [
        (&old, rebuilt, Stage::Candidate, "RestoreNeedsPin"),
        (&old, empty, Stage::Candidate, "RestoreNeedsPin"),
        (&old, lost, Stage::Candidate, "RestoreNeedsPin"),
        (&same_name, classifier("v1", None), Stage::Retired, "VersionReplaced"),
        (&outside, classifier("v0", None), Stage::Retired, "ArtifactOutsideStore"),
    ];
    for (version, classifier, stage, reason) in cases {
        let now = Timestamp::from_second(1).expect("a valid time");
        let part = status::next(version, &planned(version, Some(classifier)), now).0;
        let ready = condition::find(&part.conditions, READY).expect("it is stated");
        assert_eq!((part.stage, ready.reason.as_str()), (stage, reason));
    }
}
