//! Nothing that a user can write decides what is served: names, labels and annotations are claims.

use complaint_api::{ComplaintClassifier, ModelVersion, Stage, TrainingRun, condition::STALLED};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{ResourceExt, api::DeleteParams};
use serde_json::json;

use crate::{
    cluster::World,
    runs::{apply_classifier, apply_sample, fails, is_ready_with, poor_features, run, train, until_champion},
};

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
