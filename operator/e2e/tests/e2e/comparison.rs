//! Versions that no training compared with the present champion: a Job lets both answer the same rows.

use complaint_api::{
    ComplaintClassifier, ModelVersion, Stage,
    condition::{self, EVALUATED},
};
use k8s_openapi::api::batch::v1::Job;
use kube::Api;
use serde_json::json;

use crate::{
    cluster::World,
    runs::{
        apply_classifier, apply_data, apply_sample, forge, gated_out, poor_features, run, sample, train,
        until_champion, until_stage,
    },
};

/// Waits until the version's evaluation by a Job failed, and returns reason and message.
async fn until_not_evaluated(world: &World, version: &str) -> String {
    let evaluated = |version: &ModelVersion| {
        let status = version.status.as_ref()?;
        condition::find(&status.conditions, EVALUATED)
            .filter(|found| found.status == "False")
            .cloned()
    };
    let version = world
        .until::<ModelVersion>(version, "not evaluated", |version| evaluated(version).is_some())
        .await;
    let condition = evaluated(&version).expect("it failed");
    format!("{}: {}", condition.reason, condition.message)
}

#[tokio::test(flavor = "multi_thread")]
async fn overlapping_runs_are_compared_without_a_second_training() {
    let world = World::open("overlap").await;
    apply_sample(&world).await;
    // Neither run finds a champion to compare with.
    let paused = json!({ "promotion": { "policy": "Manual" } });
    apply_classifier(&world, "cards", paused).await;
    train(&world, run("cards-1", "sample", poor_features(40))).await;
    train(&world, run("cards-2", "sample", json!({}))).await;
    train(&world, run("cards-3", "sample", poor_features(30))).await;
    let automatic = json!({ "spec": { "promotion": { "policy": "Automatic" } } });
    world.patch::<ComplaintClassifier>("cards", automatic).await;

    let served = until_champion(&world, "cards", "cards-2").await;
    let promotions = served.status.expect("a status").promotions;
    let order: Vec<_> = promotions.iter().map(|promotion| promotion.version.as_str()).collect();
    assert_eq!(order, ["cards-2", "cards-1"]);
    assert!(
        promotions[0]
            .comparison
            .as_ref()
            .is_some_and(|comparison| comparison.difference > 0.0)
    );
    assert_eq!(promotions[0].from.as_deref(), Some("cards-1"));

    // A training against the same champion gives the same numbers.
    let rejected = until_stage(&world, "cards-3", Stage::Rejected).await;
    let by_job = rejected.status.as_ref().and_then(|status| status.comparison.clone());
    // The same bytes at another place, so that the training is not spared.
    apply_data(&world, "again", &sample()).await;
    train(&world, run("cards-4", "again", poor_features(30))).await;
    let again = until_stage(&world, "cards-4", Stage::Rejected).await;
    assert_eq!(again.spec.artifact.sha256, rejected.spec.artifact.sha256);
    let by_training = again.status.as_ref().and_then(|status| status.comparison.clone());
    assert!(by_job.is_some());
    assert_eq!(by_job, by_training);
    let measured = |version: &ModelVersion| version.status.as_ref().and_then(|status| status.evaluation.clone());
    assert_eq!(measured(&rejected), measured(&again));

    let jobs: Api<Job> = world.api();
    for version in ["cards-2", "cards-3"] {
        let job = jobs.get_opt(&format!("{version}-compare")).await.expect("an answer");
        assert!(
            job.is_none_or(|job| job.metadata.deletion_timestamp.is_some()),
            "the Job goes with its answer"
        );
    }
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_by_hand_is_judged_on_what_a_job_measures() {
    let world = World::open("by-hand").await;
    let rejected = gated_out(&world).await;
    forge(&world, &rejected, |_| {}).await;
    let judged = until_stage(&world, "forged", Stage::Rejected).await;
    let status = judged.status.expect("a status");
    let rejection = status.rejection().expect("it is rejected");
    assert_eq!(rejection.reason, "GateFailed");
    let before = rejected.status.and_then(|status| status.evaluation);
    assert!(before.is_some());
    assert_eq!(status.evaluation, before, "measured, not claimed");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_data_is_no_test_set() {
    let world = World::open("changed-data").await;
    apply_sample(&world).await;
    apply_classifier(&world, "cards", json!({ "promotion": { "policy": "Manual" } })).await;
    train(&world, run("cards-1", "sample", poor_features(40))).await;
    train(&world, run("cards-2", "sample", json!({}))).await;
    let mut changed = sample();
    changed.extend_from_slice(changed.clone().split(|byte| *byte == b'\n').nth(1).unwrap_or_default());
    changed.push(b'\n');
    apply_data(&world, "sample", &changed).await;
    let automatic = json!({ "spec": { "promotion": { "policy": "Automatic" } } });
    world.patch::<ComplaintClassifier>("cards", automatic).await;
    until_champion(&world, "cards", "cards-1").await;
    let told = until_not_evaluated(&world, "cards-2").await;
    assert!(
        told.starts_with("DatasetChanged") && told.contains("spec.evaluation.holdout"),
        "{told}"
    );
    world.close().await;
}
