//! Nothing that a user can write decides what is served: names, labels and annotations are claims.

use complaint_api::{
    ComplaintClassifier, ModelVersion, PromotionReason, Stage, TrainingRun,
    condition::{self, READY, STALLED},
};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{ResourceExt, api::DeleteParams};
use serde_json::json;

use crate::{
    cluster::World,
    runs::{apply_classifier, apply_sample, fails, poor_features, run, train, until_champion, until_stage},
};

fn is_ready_with(classifier: &ComplaintClassifier, reason: &str) -> bool {
    let conditions = classifier.status.iter().flat_map(|status| &status.conditions);
    conditions
        .into_iter()
        .any(|condition| condition.type_ == READY && condition.reason == reason)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuilt_classifier_promotes_nothing_by_itself_and_a_pin_goes_on() {
    let world = World::open("rebuilt").await;
    apply_sample(&world).await;
    apply_classifier(&world, "cards", json!({})).await;
    train(&world, run("cards-1", "sample", poor_features(40))).await;
    until_champion(&world, "cards", "cards-1").await;
    until_stage(&world, "cards-1", Stage::Champion).await;
    let claim = |time: &str| json!({ "metadata": { "annotations": { "complaints.dev/promoted-at": time } } });
    world
        .patch::<ModelVersion>("cards-1", claim("9999-12-01T00:00:00Z"))
        .await;

    let api = world.api::<ComplaintClassifier>();
    api.delete("cards", &DeleteParams::foreground())
        .await
        .expect("it can be deleted");
    world.until_gone::<ComplaintClassifier>("cards").await;
    apply_classifier(&world, "cards", json!({})).await;
    let waiting = world
        .until::<ComplaintClassifier>("cards", "waiting for a pin", |classifier| {
            is_ready_with(classifier, "RestoreNeedsPin")
        })
        .await;
    let status = waiting.status.expect("a status");
    let ready = condition::find(&status.conditions, READY).expect("it is stated");
    assert!(
        ready.message.contains("cards-1 claims to have served last"),
        "{}",
        ready.message
    );
    assert_eq!((status.champion, status.challenger), (None, None));
    let candidate = until_stage(&world, "cards-1", Stage::Candidate).await;
    let conditions = candidate.status.expect("a status").conditions;
    let reason = condition::find(&conditions, READY).map(|ready| ready.reason.as_str());
    assert_eq!(reason, Some("RestoreNeedsPin"));

    let pin = json!({ "spec": { "promotion": { "modelVersion": "cards-1" } } });
    world.patch::<ComplaintClassifier>("cards", pin).await;
    let pinned = until_champion(&world, "cards", "cards-1").await;
    assert_eq!(
        pinned.status.expect("a status").promotions[0].reason,
        PromotionReason::Pinned
    );
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_artifact_under_the_champions_name_is_not_served() {
    let world = World::open("replaced").await;
    apply_sample(&world).await;
    apply_classifier(&world, "cards", json!({})).await;
    train(&world, run("cards-1", "sample", poor_features(40))).await;
    until_champion(&world, "cards", "cards-1").await;

    let versions = world.api::<ModelVersion>();
    let mut spec = json!(versions.get("cards-1").await.expect("it is there").spec);
    versions
        .delete("cards-1", &DeleteParams::default())
        .await
        .expect("it can be deleted");
    world.until_gone::<ModelVersion>("cards-1").await;
    spec["artifact"]["sha256"] = json!("0".repeat(64));
    world
        .apply::<ModelVersion>(json!({ "metadata": { "name": "cards-1" }, "spec": spec }))
        .await
        .expect("the record is accepted");
    let refused = world
        .until::<ModelVersion>("cards-1", "refused", |version| {
            let conditions = version.status.iter().flat_map(|status| &status.conditions);
            conditions
                .into_iter()
                .any(|condition| condition.type_ == STALLED && condition.reason == "VersionReplaced")
        })
        .await;
    assert_ne!(refused.status.and_then(|status| status.stage), Some(Stage::Champion));

    let pin = json!({ "spec": { "promotion": { "modelVersion": "cards-1" } } });
    world.patch::<ComplaintClassifier>("cards", pin).await;
    let stalled = world
        .until::<ComplaintClassifier>("cards", "stalled", |classifier| {
            is_ready_with(classifier, "VersionReplaced")
        })
        .await;
    let status = stalled.status.expect("a status");
    assert_eq!(status.challenger, None);
    assert_ne!(status.champion.expect("the record stays").sha256, "0".repeat(64));
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_object_of_a_childs_name_is_neither_changed_nor_deleted() {
    let world = World::open("taken").await;
    apply_sample(&world).await;
    apply_classifier(&world, "cards", json!({})).await;
    let foreign = json!({ "metadata": { "name": "cards-1-train" }, "data": { "complaints.csv": "somebody's" } });
    let before: ConfigMap = world.apply(foreign).await.expect("a ConfigMap is accepted");

    let (reason, message) = fails(&world, run("cards-1", "sample", poor_features(40))).await;
    assert_eq!(reason, "NameTaken");
    assert!(
        message.starts_with("ConfigMap cards-1-train belongs to something else"),
        "{message}"
    );
    let runs = world.api::<TrainingRun>();
    runs.delete("cards-1", &DeleteParams::foreground())
        .await
        .expect("it can be deleted");
    world.until_gone::<TrainingRun>("cards-1").await;
    let after = world
        .api::<ConfigMap>()
        .get("cards-1-train")
        .await
        .expect("it is there");
    assert_eq!(
        (after.uid(), after.resource_version()),
        (before.uid(), before.resource_version())
    );
    world.close().await;
}
