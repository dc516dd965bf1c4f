//! Which versions belong where, and what is said of those that can't be logged.

use complaint_api::{
    ModelVersion,
    condition::{self, TRACKED},
};
use complaint_contract::{ProgramError, TrackResult, TrackedOutcome};
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{
    super::{build, gather::Seen, turn},
    after, all_logged, classifier, ends, planned, seen, told, tracked, version,
};

#[test]
fn the_newest_versions_come_first_and_the_champion_before_them() {
    let versions: Vec<ModelVersion> = (1..=12).map(version).collect();
    let first = planned(&tracked(Some(2)), &seen(versions));
    assert_eq!(first.names(), ["v2", "v6", "v7", "v8", "v9", "v10", "v11", "v12"]);
    // What a run has not finished waits for it: it may say where its version is logged.
    let awaited = Seen {
        awaited: vec!["v1".into()],
        ..seen(vec![version(1)])
    };
    assert!(planned(&tracked(None), &awaited).changes.is_empty());
}

#[test]
fn a_run_says_where_its_version_is_logged() {
    let of_run = |tracking: Value| {
        let mut version = version(1);
        version.status = serde_json::from_value(json!({ "tracking": tracking })).expect("a status");
        version
    };
    let elsewhere = of_run(json!({ "mlflow": { "uri": "http://other:5000", "registeredModel": "trial" } }));
    let both = planned(&tracked(Some(1)), &seen(vec![elsewhere.clone(), version(2)]));
    assert_eq!(both.jobs.len(), 2);
    let names: Vec<_> = both.jobs.iter().filter_map(|job| job.metadata.name.clone()).collect();
    assert!(
        names[0] == "cards-track" && names[1].starts_with("cards-track-") && names[1].len() == 16,
        "{names:?}"
    );
    let other = build::asked(&both.jobs[1]).expect("a request");
    assert_eq!(
        (other.mlflow.uri.as_str(), other.mlflow.registered_model.as_str()),
        ("http://other:5000", "trial")
    );
    // The champion is there, so its alias is, too, and the Secret of the classifier is not.
    assert_eq!(other.aliases.champion.map(|version| version.name), Some("v1".into()));
    assert_eq!(both.request().aliases.champion, None);
    assert_eq!(build::secret_of(&both.jobs[1]), None);
    // Places with the same registered model share its aliases: none takes them from the other.
    let mut experiment = of_run(json!({ "mlflow": { "uri": "http://mlflow:5000", "experiment": "second" } }));
    let record = json!({ "uri": "http://mlflow:5000", "experiment": "second", "registeredModel": "default.cards",
                         "runId": "a", "registeredVersion": "7" });
    experiment.status.as_mut().expect("a status").mlflow = serde_json::from_value(record).expect("a record");
    let shared = planned(&tracked(Some(1)), &seen(vec![experiment]));
    for job in &shared.jobs {
        let request = build::asked(job).expect("a request");
        assert_eq!(request.aliases.champion.map(|version| version.name), Some("v1".into()));
    }
    assert_eq!(shared.jobs.len(), 2);
    // One that says nowhere is logged nowhere; and a run is logged where its classifier is not.
    assert!(
        planned(&tracked(Some(1)), &seen(vec![of_run(json!({}))]))
            .changes
            .is_empty()
    );
    let off = classifier(json!({}), json!({}));
    assert_eq!(planned(&off, &seen(vec![elsewhere])).jobs.len(), 1);
}

#[test]
fn what_would_fail_again_for_one_version_holds_no_other_up() {
    let on = tracked(Some(1));
    let first = planned(&on, &seen(vec![version(1), version(2)]));
    let mut result = TrackResult::read(&all_logged(&first.request())).expect("a result");
    result.versions[0] = TrackedOutcome {
        name: "v1".into(),
        error: Some(ProgramError {
            reason: "ReportUnreadable".into(),
            message: "report.json in the store is missing".into(),
        }),
        ..TrackedOutcome::default()
    };
    result.missing_aliases = vec!["champion".into()];
    let answered = ends(
        vec![version(1), version(2)],
        &first.jobs[0],
        "Complete",
        0,
        &result.message(),
    );
    let done = planned(&on, &answered);
    assert_eq!(done.told, ["v1: False ReportUnreadable", "v2: True Logged"]);
    let settled = seen(told(&on, &answered));
    // The alias can't be set, so the next request does without it, and then there is rest.
    let next = planned(&after(on.clone(), &done), &settled);
    assert!(
        next.jobs
            .iter()
            .all(|job| build::asked(job).is_some_and(|request| request.versions.is_empty()))
    );
    assert!(next.told.is_empty());
    let rejected = settled.versions[0].status.clone().expect("a status");
    assert!(condition::find(&rejected.conditions, TRACKED).is_some_and(|told| told.reason == "ReportUnreadable"));
}

#[test]
fn a_pod_that_can_not_start_is_told_of() {
    let on = tracked(None);
    let mut job = planned(&on, &seen(vec![version(1)])).jobs.remove(0);
    job.metadata.uid = Some("job-uid".into());
    let pod = serde_json::from_value(json!({
        "metadata": { "name": "pod", "ownerReferences": [{
            "apiVersion": "batch/v1", "kind": "Job", "name": "job", "uid": "job-uid", "controller": true }] },
        "status": { "phase": "Pending", "containerStatuses": [{
            "name": "trainer", "image": "", "imageID": "", "ready": false, "restartCount": 0,
            "state": { "waiting": { "reason": "CreateContainerConfigError", "message": "secret \"mlflow-login\" not found" } } }] },
    }))
    .expect("a Pod");
    let blocked = Seen {
        jobs: vec![job],
        pods: vec![pod],
        ..seen(vec![version(1)])
    };
    let waits = planned(&on, &blocked);
    assert!(waits.changes.is_empty());
    assert_eq!(
        (waits.told[0].as_str(), waits.notices[0].as_str()),
        ("v1: False CreateContainerConfigError", "CreateContainerConfigError")
    );
    let message = waits.status["conditions"][0]["message"].as_str().unwrap_or_default();
    assert!(message.contains("mlflow-login"), "{message}");
}

#[test]
fn pauses_never_overflow() {
    assert!(turn::pause(u32::MAX) <= SignedDuration::from_hours(4));
}
