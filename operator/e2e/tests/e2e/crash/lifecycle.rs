//! What a classifier goes through while its operator dies: each step waits for what a user would wait for.

use complaint_api::{
    ComplaintClassifier, ModelVersion, Stage, TrainingRun,
    condition::{self, COMPLETE},
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use crate::{
    cluster::World,
    retraining::{retraining, run_of, time},
    runs::{apply_classifier, apply_data, poor_features, rows_of, sample, until_champion, until_stage},
};

/// A name that the namespaces' watches leave out: the test's own data.
pub const DATA: &str = "sample";

/// A version by schedule becomes champion, a better one on request takes its place, two worse ones and one by hand, which a Job
/// compares, are rejected, a pin brings the first one back, and retention deletes the older of the worse ones with its files.
pub async fn live(world: &World) {
    // Enough rows to tell a good model from a bad one.
    apply_data(world, DATA, &rows_of(&sample(), 3)).await;
    let mut spec = retraining(poor_features(40), json!({ "schedule": "0 0 29 2 *" }));
    spec["serving"] = json!({ "replicas": 2 });
    spec["retention"] = json!({ "deletionPolicy": "Delete" });
    apply_classifier(world, "cards", spec.clone()).await;
    let first = run_of(&the_scheduled_time_comes(world).await);
    until_champion(world, "cards", &first).await;

    let requested = time("2026-03-01T10:00:00Z");
    let second = run_of(&requested);
    let later = json!({ "schedule": "0 0 29 2 *", "requestTime": requested });
    spec["retraining"] = retraining(json!({}), later)["retraining"].take();
    apply_classifier(world, "cards", spec.clone()).await;
    until_champion(world, "cards", &second).await;
    for trained in [&first, &second] {
        let is_complete = |run: &TrainingRun| {
            let status = run.status.as_ref();
            status.is_some_and(|status| condition::is_true(&status.conditions, COMPLETE))
        };
        world.until::<TrainingRun>(trained, "complete", is_complete).await;
    }

    let known = world.api::<ModelVersion>().get(&first).await.expect("a version");
    let copy = json!({ "metadata": { "name": "by-hand" }, "spec": known.spec });
    world.apply::<ModelVersion>(copy).await.expect("accepted");
    until_stage(world, "by-hand", Stage::Rejected).await;

    let worse = ["2026-03-01T11:00:00Z", "2026-03-01T12:00:00Z"].map(time);
    for (requested, terms) in worse.iter().zip([30, 20]) {
        let later = json!({ "schedule": "0 0 29 2 *", "requestTime": requested });
        spec["retraining"] = retraining(poor_features(terms), later)["retraining"].take();
        apply_classifier(world, "cards", spec.clone()).await;
        until_stage(world, &run_of(requested), Stage::Rejected).await;
    }

    spec["retention"] = json!({ "deletionPolicy": "Delete", "keepVersions": 1, "keepRuns": 1 });
    spec["promotion"] = json!({ "modelVersion": first });
    apply_classifier(world, "cards", spec).await;
    until_champion(world, "cards", &first).await;
    until_stage(world, &first, Stage::Champion).await;
    until_stage(world, &second, Stage::Retired).await;
    for deleted in [&first, &second, &run_of(&worse[0])] {
        world.until_gone::<TrainingRun>(deleted).await;
    }
    world.until_gone::<ModelVersion>(&run_of(&worse[0])).await;
}

/// Sets the promised time of the schedule, which is years ahead, back to the one before it: a schedule of every minute would
/// give each lifecycle other names. Returns that time.
async fn the_scheduled_time_comes(world: &World) -> Time {
    let promised = |classifier: &ComplaintClassifier| classifier.status.as_ref()?.next_schedule_time.clone();
    let classifier = world
        .until::<ComplaintClassifier>("cards", "scheduled", |classifier| promised(classifier).is_some())
        .await;
    let ahead = promised(&classifier).expect("a time").0.to_string();
    let (year, rest) = ahead.split_at(4);
    let year: u16 = year.parse().expect("a year");
    let due = time(&format!("{}{rest}", year - 4));
    let status = Patch::Merge(json!({ "status": { "nextScheduleTime": due } }));
    let set = world
        .api::<ComplaintClassifier>()
        .patch_status("cards", &PatchParams::default(), &status)
        .await;
    set.expect("a status");
    due
}
