//! What was promoted outlives the cluster: the store has its record, and what trainings measured.

use complaint_api::{
    ComplaintClassifier, ModelVersion, PromotionReason, Stage, TrainingRun,
    condition::{self, COMPLETE, READY},
};
use k8s_openapi::api::batch::v1::Job;
use kube::api::DeleteParams;
use serde_json::{Value, json};

use crate::{
    cluster::World,
    runs::{
        apply_classifier, apply_sample, is_ready_with, poor_features, run, train, until_champion, until_ended,
        until_stage,
    },
};

/// The manifests of these versions, as they stand in Git: without a status.
async fn manifests(world: &World, names: &[&str]) -> Vec<Value> {
    let mut manifests = Vec::new();
    for name in names {
        let version = world.api::<ModelVersion>().get(name).await.expect("it is there");
        manifests.push(json!({ "metadata": { "name": name }, "spec": version.spec }));
    }
    manifests
}

async fn remove<K: complaint_operator::object::Object + Send + 'static>(world: &World, name: &str) {
    let deleted = world.api::<K>().delete(name, &DeleteParams::foreground()).await;
    deleted.expect("it can be deleted");
    world.until_gone::<K>(name).await;
}

/// Waits until the store has the record of the last promotion.
async fn until_recorded(world: &World) {
    world
        .until::<ComplaintClassifier>("cards", "recorded", |classifier| {
            let Some(status) = &classifier.status else { return false };
            let record = status
                .store_record
                .as_ref()
                .and_then(|record| record.promotion_time.as_ref());
            record.is_some() && record == status.promotions.first().map(|promotion| &promotion.time)
        })
        .await;
    world.until_gone::<Job>("cards-record").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuilt_cluster_serves_the_champion_of_before() {
    let world = World::open("rebuilt").await;
    apply_sample(&world).await;
    apply_classifier(&world, "cards", json!({})).await;
    train(&world, run("cards-1", "sample", poor_features(40))).await;
    until_champion(&world, "cards", "cards-1").await;
    let better = run("cards-2", "sample", json!({}));
    train(&world, better.clone()).await;
    until_champion(&world, "cards", "cards-2").await;
    let pin = json!({ "spec": { "promotion": { "modelVersion": "cards-1" } } });
    world.patch::<ComplaintClassifier>("cards", pin).await;
    until_champion(&world, "cards", "cards-1").await;
    until_recorded(&world).await;

    // What is left is Git and the store.
    let versions = manifests(&world, &["cards-1", "cards-2"]).await;
    remove::<ComplaintClassifier>(&world, "cards").await;
    for name in ["cards-1", "cards-2"] {
        remove::<TrainingRun>(&world, name).await;
        remove::<ModelVersion>(&world, name).await;
    }
    apply_classifier(&world, "cards", json!({ "promotion": { "policy": "Manual" } })).await;
    for manifest in versions {
        world
            .apply::<ModelVersion>(manifest)
            .await
            .expect("a ModelVersion is accepted");
    }
    world
        .apply::<TrainingRun>(better)
        .await
        .expect("a TrainingRun is accepted");

    let served = until_champion(&world, "cards", "cards-1").await;
    let status = served.status.expect("a status");
    assert_eq!(status.promotions.len(), 1);
    assert_eq!(status.promotions[0].reason, PromotionReason::Restored);
    assert!(status.restored_time.is_some());
    world.event("cards", "ChampionFound").await;
    until_recorded(&world).await;

    // The run of Git is not trained again, and its version gets what the store has of its training.
    let ended = until_ended(&world, "cards-2").await.status.expect("a status");
    assert!(
        condition::is_true(&ended.conditions, COMPLETE),
        "{:#?}",
        ended.conditions
    );
    assert_eq!(ended.start_time, None, "no pod trained");
    world.until_gone::<Job>("cards-2-result").await;
    let other = until_stage(&world, "cards-2", Stage::Candidate)
        .await
        .status
        .expect("a status");
    assert!(
        other
            .evaluation
            .is_some_and(|evaluation| evaluation.metrics.macro_f1.is_some())
    );

    // It is better than the one that serves, and was found: only a pin promotes it.
    let automatic = json!({ "spec": { "promotion": { "policy": "Automatic" } } });
    world.patch::<ComplaintClassifier>("cards", automatic).await;
    let waits = world
        .until::<ModelVersion>("cards-2", "waiting for a pin", |version| {
            let conditions = version.status.iter().flat_map(|status| &status.conditions);
            conditions
                .into_iter()
                .any(|condition| condition.type_ == READY && condition.reason == "RestoreNeedsPin")
        })
        .await;
    assert_eq!(waits.status.and_then(|status| status.stage), Some(Stage::Candidate));
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_that_nothing_promoted_wait_for_a_pin_in_a_rebuilt_cluster() {
    let world = World::open("unpromoted").await;
    apply_sample(&world).await;
    apply_classifier(&world, "cards", json!({ "promotion": { "policy": "Manual" } })).await;
    train(&world, run("cards-1", "sample", poor_features(40))).await;
    until_stage(&world, "cards-1", Stage::Candidate).await;
    let claim = json!({ "metadata": { "annotations": { "complaints.dev/promoted-at": "9999-12-01T00:00:00Z" } } });
    world.patch::<ModelVersion>("cards-1", claim).await;

    remove::<ComplaintClassifier>(&world, "cards").await;
    apply_classifier(&world, "cards", json!({})).await;
    let waiting = world
        .until::<ComplaintClassifier>("cards", "waiting for a pin", |classifier| {
            let asked = classifier
                .status
                .as_ref()
                .is_some_and(|status| status.restored_time.is_some());
            asked && is_ready_with(classifier, "RestoreNeedsPin")
        })
        .await;
    let status = waiting.status.expect("a status");
    let ready = condition::find(&status.conditions, READY).expect("it is stated");
    assert!(
        ready.message.contains("cards-1 claims to have served last"),
        "{}",
        ready.message
    );
    assert_eq!((status.champion, status.restored_champion), (None, None));

    let pin = json!({ "spec": { "promotion": { "modelVersion": "cards-1" } } });
    world.patch::<ComplaintClassifier>("cards", pin).await;
    let pinned = until_champion(&world, "cards", "cards-1").await;
    assert_eq!(
        pinned.status.expect("a status").promotions[0].reason,
        PromotionReason::Pinned
    );
    world.close().await;
}
