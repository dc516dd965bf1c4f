//! Runs that the operator makes: on request and by schedule.

use complaint_api::{
    ComplaintClassifier, ComplaintClassifierStatus, ModelVersion, TrainingRun,
    condition::{self, COMPLETE, READY, STALLED},
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::{ResourceExt, api::DeleteParams};
use serde_json::{Value, json};

use crate::{
    cluster::World,
    runs::{apply_classifier, apply_sample, poor_features, run, until_ended},
};

/// The part of a classifier's spec that makes runs on the ConfigMap `sample`; `overrides` as for [`run`].
pub fn retraining(overrides: Value, fields: Value) -> Value {
    let mut template = run("x", "sample", overrides)["spec"].clone();
    template.as_object_mut().expect("an object").remove("classifierRef");
    let mut retraining = json!({ "template": template });
    for (field, value) in fields.as_object().expect("an object") {
        retraining[field] = value.clone();
    }
    json!({ "retraining": retraining })
}

pub fn time(text: &str) -> Time {
    serde_json::from_value(json!(text)).expect("a time")
}

/// The name of the run for that time.
pub fn run_of(time: &Time) -> String {
    format!("cards-{}", time.0.as_second() / 60)
}

async fn names(world: &World) -> Vec<String> {
    let runs = world
        .api::<TrainingRun>()
        .list(&Default::default())
        .await
        .expect("a list");
    runs.iter().map(ResourceExt::name_any).collect()
}

async fn until(
    world: &World,
    what: &str,
    check: impl Fn(&ComplaintClassifierStatus) -> bool,
) -> ComplaintClassifierStatus {
    let classifier = world
        .until::<ComplaintClassifier>("cards", what, |classifier| {
            classifier.status.as_ref().is_some_and(&check)
        })
        .await;
    classifier.status.expect("a status")
}

#[tokio::test(flavor = "multi_thread")]
async fn each_later_request_makes_one_run_that_trains() {
    let world = World::open("request").await;
    apply_sample(&world).await;
    let times = ["2026-03-01T10:00:00Z", "2026-03-01T11:30:00Z"].map(time);
    let [first, second] = times.each_ref().map(run_of);
    apply_classifier(
        &world,
        "cards",
        retraining(poor_features(40), json!({ "requestTime": times[0] })),
    )
    .await;
    let ended = until_ended(&world, &first).await;
    let conditions = ended.status.as_ref().expect("a status").conditions.clone();
    assert!(condition::is_true(&conditions, READY), "{conditions:#?}");
    assert_eq!(ended.labels()["complaints.dev/trigger"], "Request");
    assert_eq!(ended.owner_references()[0].name, "cards");
    world.event("cards", "RetrainingStarted").await;
    until(&world, "requested", |status| {
        status.last_request_time.as_ref() == Some(&times[0])
    })
    .await;

    let later = json!({ "spec": { "retraining": { "requestTime": times[1] } } });
    world.patch::<ComplaintClassifier>("cards", later).await;
    let spared = until_ended(&world, &second).await.status.expect("a status");
    until(&world, "requested", |status| {
        status.last_request_time.as_ref() == Some(&times[1])
    })
    .await;
    // Neither the data nor the settings have changed.
    let complete = condition::find(&spared.conditions, COMPLETE).expect("it is complete");
    assert_eq!(
        (complete.status.as_str(), complete.reason.as_str()),
        ("True", "Unchanged")
    );
    assert_eq!(
        spared.model_version_ref.map(|version| version.name),
        Some(first.clone())
    );
    let versions = world
        .api::<ModelVersion>()
        .list(&Default::default())
        .await
        .expect("a list");
    assert_eq!(
        versions.iter().map(ResourceExt::name_any).collect::<Vec<_>>(),
        std::slice::from_ref(&first)
    );
    // An earlier one makes none; the operator has seen it once it has seen the schedule beside it.
    let earlier = json!({ "spec": { "retraining": { "requestTime": "2026-03-01T10:45:00Z", "schedule": "@yearly" } } });
    world.patch::<ComplaintClassifier>("cards", earlier).await;
    until(&world, "scheduled", |status| status.next_schedule_time.is_some()).await;
    assert_eq!(names(&world).await, [first.clone(), second]);

    // The runs go with their classifier, and the models stay.
    let classifiers = world.api::<ComplaintClassifier>();
    classifiers
        .delete("cards", &DeleteParams::background())
        .await
        .expect("deleted");
    world.until_gone::<TrainingRun>(&first).await;
    let version = world.api::<ModelVersion>().get_opt(&first).await.expect("a read");
    assert!(version.is_some());
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_due_schedule_makes_a_run_and_a_suspended_one_none() {
    let world = World::open("schedule").await;
    apply_sample(&world).await;
    let spec = retraining(
        poor_features(40),
        json!({ "schedule": "* * * * *", "requestTime": "2026-03-01T10:00:00Z", "suspend": true }),
    );
    apply_classifier(&world, "cards", spec).await;
    let promised = until(&world, "scheduled", |status| status.next_schedule_time.is_some()).await;
    assert_eq!(names(&world).await, Vec::<String>::new());
    // The request has been seen and is not due while it is suspended; without it only the schedule is left.
    let released = json!({ "spec": { "retraining": { "requestTime": null, "suspend": false } } });
    world.patch::<ComplaintClassifier>("cards", released).await;
    let due = until(&world, "due", |status| status.last_schedule_time.is_some()).await;
    let held = json!({ "spec": { "retraining": { "suspend": true } } });
    world.patch::<ComplaintClassifier>("cards", held).await;
    let time = due.last_schedule_time.expect("a time");
    assert!(time.0 >= promised.next_schedule_time.expect("a time").0);
    let made = until_ended(&world, &run_of(&time)).await;
    assert_eq!(made.labels()["complaints.dev/trigger"], "Schedule");
    assert!(condition::is_true(&made.status.expect("a status").conditions, READY));
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_that_never_comes_is_told_and_requests_go_on() {
    let world = World::open("never").await;
    apply_sample(&world).await;
    let spec = retraining(
        poor_features(40),
        json!({ "schedule": "0 0 30 2 *", "requestTime": "2026-03-01T10:00:00Z" }),
    );
    apply_classifier(&world, "cards", spec).await;
    let stalled = until(&world, "stalled", |status| {
        condition::is_true(&status.conditions, STALLED)
    })
    .await;
    let told = condition::find(&stalled.conditions, STALLED)
        .expect("a condition")
        .clone();
    assert_eq!(told.reason, "ScheduleInvalid");
    assert!(told.message.contains("never comes"), "{}", told.message);
    assert_eq!(world.event("cards", "ScheduleInvalid").await, told.message);
    until_ended(&world, &run_of(&time("2026-03-01T10:00:00Z"))).await;
    let corrected = json!({ "spec": { "retraining": { "schedule": "0 0 28 2 *" } } });
    world.patch::<ComplaintClassifier>("cards", corrected).await;
    until(&world, "scheduled", |status| {
        status.next_schedule_time.is_some() && !condition::is_true(&status.conditions, STALLED)
    })
    .await;
    world.close().await;
}
