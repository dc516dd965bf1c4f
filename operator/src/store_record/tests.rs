//! Plans over objects as the API server would send them.

use complaint_api::{ComplaintClassifier, ModelVersion};
use complaint_contract::{Promotions, StoredPromotion};
use jiff::Timestamp;
use k8s_openapi::{api::batch::v1::Job, apimachinery::pkg::apis::meta::v1::OwnerReference};
use serde_json::{Value, json};

use super::{build, gather::Seen, plan, status};
use crate::{change::steps, context::Notice, object::owner_reference, settings::Settings, store_job::tests::ended};

fn sha(digit: char) -> String {
    digit.to_string().repeat(64)
}

fn classifier(spec: Value, status: Value) -> ComplaintClassifier {
    serde_json::from_value(json!({
        "metadata": { "name": "cards", "namespace": "default", "uid": "cc-uid", "creationTimestamp": "2026-11-29T00:00:00Z" },
        "spec": spec, "status": status,
    }))
    .expect("a ComplaintClassifier")
}

fn promotion(number: u32) -> Value {
    json!({ "version": format!("v{number}"), "sha256": sha('a'), "reason": "Better", "time": format!("2026-11-29T00:0{number}:00Z") })
}

/// A classifier with two promotions, the newest first.
fn promoted(record: Value) -> ComplaintClassifier {
    let champion = json!({ "name": "v2", "sha256": sha('a') });
    let status = json!({ "champion": champion, "promotions": [promotion(2), promotion(1)], "storeRecord": record });
    classifier(json!({}), status)
}

fn version(created: &str, status: Value) -> ModelVersion {
    serde_json::from_value(json!({
        "metadata": { "name": "v1", "namespace": "default", "creationTimestamp": created },
        "spec": { "classifierRef": { "name": "cards" },
                  "artifact": { "uri": "pvc://cards-artifacts/default/cards/a/model.safetensors", "sha256": sha('a') } },
        "status": status,
    }))
    .expect("a ModelVersion")
}

fn owner(classifier: &ComplaintClassifier) -> OwnerReference {
    owner_reference(classifier).expect("a uid")
}

fn now() -> Timestamp {
    Timestamp::from_second(200).expect("a time")
}

/// What is changed before the status and after it, the status, and the reasons of the Events.
fn planned(classifier: &ComplaintClassifier, seen: &Seen) -> (Vec<String>, Value, Vec<String>) {
    let owner = owner(classifier);
    let plan = plan::plan(classifier, seen, &owner, &Settings::default(), now());
    let mut changes = steps(&build::before(&plan, &owner));
    let (next, notices) = status::next(classifier, &plan, now());
    changes.extend(steps(&build::after(&plan)));
    let reasons = notices.into_iter().map(|Notice { reason, .. }| reason).collect();
    (changes, json!(next), reasons)
}

fn made(classifier: &ComplaintClassifier, seen: &Seen) -> Job {
    let plan = plan::plan(classifier, seen, &owner(classifier), &Settings::default(), now());
    *plan.start.expect("a Job")
}

/// What is seen after the Job has ended.
fn after(mut seen: Seen, job: Job, condition: &str, exit_code: i32, message: &str) -> Seen {
    let (job, pod) = ended(job, condition, exit_code, message);
    (seen.jobs, seen.pods) = (vec![job], vec![pod]);
    seen
}

const FORBIDDEN: &str = r#"{"error":{"reason":"StoreForbidden","message":"the store refuses changes"}}"#;

#[test]
fn promotions_are_recorded_one_after_the_other_and_each_once() {
    let fresh = promoted(json!(null));
    let (changes, ..) = planned(&fresh, &Seen::default());
    assert_eq!(changes, ["create Job cards-record"]);
    let job = made(&fresh, &Seen::default());
    let told = json!(job)["spec"]["template"]["spec"]["containers"][0]["args"].to_string();
    assert!(told.contains("v1") && told.contains("2026-11-29T00:01:00Z"), "{told}");

    let complete = after(Seen::default(), job.clone(), "Complete", 0, "{}");
    let (changes, status, _) = planned(&fresh, &complete);
    assert_eq!(changes, ["delete Job cards-record"]);
    assert_eq!(status["storeRecord"]["promotionTime"], "2026-11-29T00:01:00Z");

    // The Job of the first is still there, since its deletion failed: the second's can't be made beside it.
    let first = promoted(status["storeRecord"].clone());
    let (changes, ..) = planned(&first, &after(Seen::default(), job, "Complete", 0, "{}"));
    assert_eq!(changes, ["delete Job cards-record"]);
    assert_eq!(planned(&first, &Seen::default()).0, ["create Job cards-record"]);
    let both = promoted(json!({ "promotionTime": "2026-11-29T00:02:00Z" }));
    assert!(planned(&both, &Seen::default()).0.is_empty());
    let paused = ComplaintClassifier {
        spec: serde_json::from_value(json!({ "paused": true })).expect("a spec"),
        ..fresh
    };
    assert!(planned(&paused, &Seen::default()).0.is_empty());
}

#[test]
fn a_store_that_takes_no_record_is_told_of_once() {
    let fresh = promoted(json!({ "promotionTime": "2026-11-29T00:01:00Z" }));
    let seen = after(Seen::default(), made(&fresh, &Seen::default()), "Failed", 65, FORBIDDEN);
    let (changes, status, reasons) = planned(&fresh, &seen);
    assert_eq!(
        (changes.as_slice(), reasons.as_slice()),
        (
            &["delete Job cards-record".to_owned()][..],
            &["PromotionNotRecorded".to_owned()][..]
        )
    );
    let refused = promoted(status["storeRecord"].clone());
    assert!(
        planned(&refused, &Seen::default()).0.is_empty(),
        "only the next promotion tries again"
    );
    // The next one records the lost one first, and says nothing if it fails again.
    let mut next = refused;
    let third = serde_json::from_value(promotion(3)).expect("a record");
    next.status.as_mut().expect("a status").promotions.insert(0, third);
    let job = made(&next, &Seen::default());
    assert!(json!(job).to_string().contains("v2"));
    let (_, _, reasons) = planned(&next, &after(Seen::default(), job, "Failed", 65, FORBIDDEN));
    assert!(reasons.is_empty());
}

#[test]
fn a_classifier_without_a_record_asks_before_it_judges_what_it_did_not_make() {
    let evaluated = json!({ "evaluation": { "metrics": { "macroF1": 0.8 }, "rows": 128 } });
    let old = "2026-11-28T00:00:00Z";
    let young = "2026-11-30T00:00:00Z";
    let asks = |spec: Value, status: Value, version: ModelVersion, recording: &[&str]| {
        let seen = Seen {
            versions: vec![version],
            recording: recording.iter().map(ToString::to_string).collect(),
            ..Seen::default()
        };
        planned(&classifier(spec, status), &seen).0 == ["create Job cards-restore"]
    };
    for policy in ["Automatic", "Manual"] {
        let spec = json!({ "promotion": { "policy": policy } });
        assert!(
            asks(spec.clone(), json!({}), version(young, json!({})), &[]),
            "{policy}: by hand"
        );
        assert!(
            asks(spec, json!({}), version(old, evaluated.clone()), &[]),
            "{policy}: older"
        );
    }
    assert!(!asks(json!({}), json!({}), version(young, evaluated), &[]), "made here");
    assert!(
        !asks(json!({}), json!({}), version(young, json!({})), &["v1"]),
        "being made here"
    );
    let pinned = json!({ "promotion": { "modelVersion": "v1" } });
    assert!(
        !asks(pinned, json!({}), version(young, json!({})), &[]),
        "a pin needs no answer"
    );
    let asked = json!({ "restoredTime": young });
    assert!(!asks(json!({}), asked, version(old, json!({})), &[]), "asked before");
}

#[test]
fn what_the_store_names_is_noted_and_a_store_that_can_not_be_read_is_asked_again() {
    let fresh = classifier(json!({}), json!({}));
    let found = || Seen {
        versions: vec![version("2026-11-28T00:00:00Z", json!({}))],
        ..Seen::default()
    };
    let job = made(&fresh, &found());
    let stored = |number: u8| StoredPromotion {
        version: format!("v{number}"),
        sha256: sha('a').parse().expect("a digest"),
        previous: None,
        reason: "Better".into(),
        time: "2026-11-01T00:00:00Z".into(),
    };
    let message = Promotions {
        promotions: vec![stored(7), stored(6)],
    }
    .message();
    let (changes, status, reasons) = planned(&fresh, &after(found(), job.clone(), "Complete", 0, &message));
    assert_eq!(changes, ["delete Job cards-restore"]);
    assert_eq!(status["restoredChampion"], json!({ "name": "v7", "sha256": sha('a') }));
    assert_eq!(
        (status["restoredTime"].as_str(), reasons.as_slice()),
        (Some("1970-01-01T00:03:20Z"), &["ChampionFound".to_owned()][..])
    );

    let (_, status, reasons) = planned(
        &fresh,
        &after(found(), job.clone(), "Complete", 0, r#"{"promotions":[]}"#),
    );
    assert!(status["restoredChampion"].is_null() && status["restoredTime"].is_string() && reasons.is_empty());

    // Ten minutes after the failure, at 100 s, and not before.
    let failed = after(
        found(),
        job,
        "Failed",
        1,
        r#"{"error":{"reason":"StoreUnavailable","message":"no answer"}}"#,
    );
    let (changes, status, reasons) = planned(&fresh, &failed);
    assert!(changes.is_empty());
    assert_eq!(reasons, ["StoreRecordUnreadable"]);
    assert_eq!(status["storeRecord"]["unreadable"], "StoreUnavailable: no answer");
    let told = classifier(json!({}), status);
    assert!(planned(&told, &failed).2.is_empty(), "it is told once");
    let later = Timestamp::from_second(700).expect("a time");
    let plan = plan::plan(&told, &failed, &owner(&told), &Settings::default(), later);
    assert_eq!(steps(&build::after(&plan)), ["delete Job cards-restore"]);
}
