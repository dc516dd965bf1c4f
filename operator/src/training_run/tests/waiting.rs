//! What a run says while its Job's pod does not start.

use complaint_api::condition::{self, READY};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

use super::{ended_pod, job, planned, ready_to_train, run};
use crate::{
    change::steps,
    settings::Settings,
    training_run::{
        build,
        gather::{Seen, Source},
        plan::Decision,
        status,
    },
};

fn watched(pods: Vec<Pod>, extra: impl FnOnce(&mut Seen)) -> Seen {
    let mut seen = Seen {
        job: Some(job(json!({ "active": 1 }), false)),
        pods,
        ..ready_to_train()
    };
    extra(&mut seen);
    seen
}

fn pending(status: Value) -> Pod {
    let mut pod = json!({ "metadata": { "name": "cards-1-train-x" }, "status": { "phase": "Pending" } });
    for (key, value) in status.as_object().expect("an object") {
        pod["status"][key] = value.clone();
    }
    serde_json::from_value(pod).expect("a Pod")
}

/// A Job of the image that the settings name.
fn current(mut seen: Seen) -> Seen {
    let settings = Settings::default();
    let pod = seen
        .job
        .as_mut()
        .and_then(|job| job.spec.as_mut()?.template.spec.as_mut());
    let trainer = &mut pod.expect("a pod").containers[0];
    trainer.image = Some(settings.trainer_image);
    trainer.image_pull_policy = Some(settings.image_pull_policy);
    seen
}

#[test]
fn the_cause_is_told_wherever_it_stands() {
    let cases = [
        (
            watched(vec![pending(json!({}))], |seen| seen.source = Source::ConfigMap(None)),
            "DatasetNotFound",
            "ConfigMap data does not exist",
        ),
        (
            watched(vec![], |seen| {
                seen.creation_failure = Some("exceeded quota: pods".into())
            }),
            "FailedCreate",
            "exceeded quota: pods",
        ),
    ];
    for (seen, reason, told) in cases {
        let seen = current(seen);
        let run = run(json!({}));
        let now = Timestamp::from_second(100).expect("a valid time");
        let (status, notices) = status::next(&run, &seen, &planned(&run, &seen), now);
        let ready = condition::find(&status.conditions, READY).expect("it is stated");
        assert_eq!(ready.reason, reason);
        assert!(ready.message.contains(told), "{}", ready.message);
        assert!(notices[0].warning, "{notices:?}");
    }
}

#[test]
fn a_job_that_can_not_start_is_made_again_once_that_would_help() {
    let pulling = || {
        pending(json!({ "containerStatuses": [{
            "name": "trainer", "image": "trainer:typo", "imageID": "", "ready": false, "restartCount": 0,
            "state": { "waiting": { "reason": "ImagePullBackOff" } } }] }))
    };
    let run = run(json!({}));
    let old_image = watched(vec![pulling()], |_| ());
    assert_eq!(planned(&run, &old_image), Decision::Replace);
    let same_image = current(watched(vec![pulling()], |_| ()));
    assert!(matches!(
        planned(&run, &same_image),
        Decision::Watch { blocked: Some(_), .. }
    ));
    let works = watched(vec![ended_pod("Running", json!({ "exitCode": 0 }))], |_| ());
    assert!(matches!(planned(&run, &works), Decision::Watch { blocked: None, .. }));
    let without_configuration = current(watched(vec![pending(json!({}))], |seen| seen.config_missing = true));
    assert_eq!(planned(&run, &without_configuration), Decision::Replace);

    let owner = crate::object::owner_reference(&run).expect("a uid");
    let changes = build::build(&run, &old_image, &Decision::Replace, &owner, &Settings::default());
    assert_eq!(steps(&changes), ["delete Job cards-1-train"]);
}

#[test]
fn a_retry_does_not_hide_how_the_last_attempt_ended() {
    let killed = || ended_pod("Failed", json!({ "exitCode": 137, "reason": "OOMKilled" }));
    let next = |pods| {
        let run = run(json!({}));
        let seen = current(watched(pods, |_| ()));
        let now = Timestamp::from_second(100).expect("a valid time");
        let status = status::next(&run, &seen, &planned(&run, &seen), now).0;
        let ready = condition::find(&status.conditions, READY).expect("it is stated");
        (ready.reason.clone(), ready.message.clone())
    };
    let (reason, message) = next(vec![killed(), pending(json!({}))]);
    assert_eq!(reason, "WaitingForRetry");
    assert!(
        message.contains("1 failed, the last with exit code 137: OOMKilled"),
        "{message}"
    );
}
