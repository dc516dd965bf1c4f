//! Plans over objects as the API server would send them.

use complaint_api::ComplaintClassifier;
use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;
use serde_json::{Value, json};

use super::{
    plan::{self, Limits, Plan, Seen},
    status,
};
use crate::{object::owner_reference, settings::Settings, store_job::tests::ended};

const LIMITS: Limits = Limits {
    feedback: Some(365),
    capture: Some(30),
};

fn classifier(name: &str, spec: Value, expiry: Value) -> ComplaintClassifier {
    let champion = json!({ "name": "v1", "sha256": "a".repeat(64) });
    serde_json::from_value(json!({
        "metadata": { "name": name, "namespace": "default", "uid": "cc-uid" },
        "spec": spec, "status": { "champion": champion, "expiry": expiry },
    }))
    .expect("a ComplaintClassifier")
}

fn cards(expiry: Value) -> ComplaintClassifier {
    classifier("cards", json!({}), expiry)
}

/// Noon, when the day of every classifier has begun.
fn noon(day: &str) -> Timestamp {
    format!("{day}T12:00:00Z").parse().expect("a time")
}

fn planned<'a>(classifier: &ComplaintClassifier, limits: Limits, seen: Seen<'a>, now: Timestamp) -> Plan<'a> {
    let owner = owner_reference(classifier).expect("a uid");
    plan::plan(classifier, limits, seen, &owner, &Settings::default(), now)
}

fn first(classifier: &ComplaintClassifier, now: Timestamp) -> Job {
    *planned(classifier, LIMITS, Seen::default(), now).start.expect("a Job")
}

/// What the Job is asked for.
fn request(job: &Job) -> Value {
    let args = json!(job)["spec"]["template"]["spec"]["containers"][0]["args"].clone();
    let args: Vec<String> = serde_json::from_value(args).expect("arguments");
    assert_eq!(&args[..2], ["expire", "--request"]);
    serde_json::from_str(&args[2]).expect("a request")
}

fn reasons(plan: &Plan<'_>, now: Timestamp) -> Vec<String> {
    let notices = status::notices(plan, now).into_iter();
    notices.map(|notice| notice.reason).collect()
}

#[test]
fn rows_expire_once_a_day() {
    let now = noon("2026-11-29");
    let fresh = cards(json!(null));
    let job = first(&fresh, now);
    assert_eq!(
        request(&job),
        json!({ "namespace": "default", "classifier": "cards", "feedbackBefore": "2025-11-29",
                "captureBefore": "2026-10-30", "dryRun": false })
    );
    let spec = &json!(job)["spec"]["template"]["spec"];
    assert!(
        spec["volumes"][0]["persistentVolumeClaim"].get("readOnly").is_none(),
        "{spec}"
    );

    // While it works, nothing else happens.
    let working = [job.clone()];
    let seen = Seen {
        jobs: &working,
        pods: &[],
    };
    let plan = planned(&fresh, LIMITS, seen, now);
    assert!(plan.works && plan.start.is_none() && plan.done.is_empty() && plan.status.is_none());

    let said = json!({ "dryRun": false, "feedback": { "days": 1, "segments": 2, "bytes": 30 },
                       "capture": { "days": 3, "segments": 4, "bytes": 50 } });
    let (complete, pod) = ended(job, "Complete", 0, &said.to_string());
    let (jobs, pods) = ([complete], [pod]);
    let seen = Seen {
        jobs: &jobs,
        pods: &pods,
    };
    let plan = planned(&fresh, LIMITS, seen, now);
    assert_eq!((plan.done.len(), plan.start.is_none()), (1, true));
    assert_eq!(reasons(&plan, now), ["RowsExpired"]);
    let status = json!(status::next(&plan))["expiry"].clone();
    assert_eq!(status, json!({ "day": "2026-11-29", "segments": 6, "bytes": 80 }));

    // The Job is still there, since its deletion failed: it goes, and nothing is said again.
    let done = cards(status);
    let plan = planned(&done, LIMITS, seen, now);
    assert_eq!(
        (plan.done.len(), plan.start.is_none(), reasons(&plan, now)),
        (1, true, vec![])
    );
    let again = plan.again.expect("a time");
    assert!(again > noon("2026-11-29") && again < noon("2026-11-30"), "{again}");
    let before = planned(
        &done,
        LIMITS,
        Seen::default(),
        again - jiff::SignedDuration::from_secs(1),
    );
    assert!(before.start.is_none() && before.again == Some(again));
    let next = planned(&done, LIMITS, Seen::default(), again)
        .start
        .expect("a Job of the next day");
    assert_eq!(request(&next)["captureBefore"], "2026-10-31");
}

#[test]
fn a_job_of_another_day_or_with_other_limits_goes_first() {
    let fresh = cards(json!(null));
    let jobs = [first(&fresh, noon("2026-11-28"))];
    let seen = Seen { jobs: &jobs, pods: &[] };
    let plan = planned(&fresh, LIMITS, seen, noon("2026-11-29"));
    assert!(plan.start.is_none() && plan.works);
    assert_eq!(plan.done.len(), 1);
    let shorter = Limits {
        capture: Some(7),
        ..LIMITS
    };
    let plan = planned(&fresh, shorter, seen, noon("2026-11-28"));
    assert_eq!((plan.done.len(), plan.start.is_none()), (1, true));
}

#[test]
fn a_failure_is_told_once_and_tried_again_the_next_day() {
    let now = noon("2026-11-29");
    let fresh = cards(json!(null));
    let forbidden = r#"{"error":{"reason":"StoreForbidden","message":"the store refuses changes"}}"#;
    let (failed, pod) = ended(first(&fresh, now), "Failed", 65, forbidden);
    let (jobs, pods) = ([failed], [pod]);
    let seen = Seen {
        jobs: &jobs,
        pods: &pods,
    };
    let plan = planned(&fresh, LIMITS, seen, now);
    assert_eq!(reasons(&plan, now), ["ExpiryFailed"]);
    let status = json!(status::next(&plan))["expiry"].clone();
    assert_eq!(status["problem"], "StoreForbidden: the store refuses changes");
    let told = cards(status);
    let plan = planned(&told, LIMITS, Seen::default(), now);
    assert!(plan.start.is_none() && reasons(&plan, now).is_empty());
    assert!(
        planned(&told, LIMITS, Seen::default(), noon("2026-11-30"))
            .start
            .is_some()
    );
}

#[test]
fn nothing_expires_without_limits_a_server_or_while_paused() {
    let now = noon("2026-11-29");
    let expired = json!({ "day": "2026-11-28", "segments": 1, "bytes": 2 });
    let cards = cards(expired.clone());
    let jobs = [first(&cards, now)];
    let seen = Seen { jobs: &jobs, pods: &[] };
    let plan = planned(&cards, Limits::default(), seen, now);
    assert_eq!((plan.done.len(), plan.status.is_none(), plan.again), (1, true, None));
    let paused = classifier("cards", json!({ "paused": true }), expired);
    let plan = planned(&paused, LIMITS, seen, now);
    assert!(plan.start.is_none() && plan.done.is_empty() && plan.status.is_some());
    let mut unserved = cards.clone();
    unserved.status.as_mut().expect("a status").champion = None;
    assert!(planned(&unserved, LIMITS, Seen::default(), now).start.is_none());
    // One limit alone leaves the other rows.
    let only = Limits {
        feedback: None,
        ..LIMITS
    };
    let job = planned(&cards, only, Seen::default(), now).start.expect("a Job");
    assert!(request(&job).get("feedbackBefore").is_none());
}

#[test]
fn no_days_or_none_are_for_ever() {
    let of = |serving: Value| {
        let mut classifier = cards(json!(null));
        classifier.spec.serving = serde_json::from_value(serving).expect("a serving");
        Limits::of(&classifier)
    };
    let serving = |mut rows: Value| {
        let capture = rows.clone();
        rows["tokenSecretRef"] = json!({ "name": "reviewers", "key": "token" });
        json!({ "feedback": rows, "capture": capture })
    };
    let mut days = serving(json!({ "retentionDays": 365 }));
    days["capture"]["retentionDays"] = json!(30);
    assert_eq!(of(days), LIMITS);
    for days in [0, -1] {
        let rows = serving(json!({ "retentionDays": days }));
        assert_eq!(of(rows), Limits::default(), "{days}");
    }
    assert_eq!(of(json!({})), Limits::default());
}

#[test]
fn classifiers_begin_their_day_at_different_times() {
    let begins: std::collections::BTreeSet<Timestamp> = (0..20)
        .map(|number| {
            let classifier = classifier(
                &format!("cards-{number}"),
                json!({}),
                json!({ "day": "2026-11-29", "segments": 0, "bytes": 0 }),
            );
            let plan = planned(&classifier, LIMITS, Seen::default(), noon("2026-11-29"));
            plan.again.expect("a time")
        })
        .collect();
    assert!(begins.len() > 15, "{begins:?}");
    let first = begins.first().expect("a time").to_string();
    assert!(first.starts_with("2026-11-30T0"), "{first}");
}
