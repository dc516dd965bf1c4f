//! Suspension, deletion, re-application.

use complaint_api::{
    ModelVersion, TrainingRun,
    condition::{self, COMPLETE, READY},
};
use futures::TryStreamExt;
use k8s_openapi::api::{
    batch::v1::Job,
    core::v1::{ConfigMap, Pod},
};
use kube::{
    ResourceExt,
    api::{DeleteParams, EvictParams},
    runtime::{WatchStreamExt, watcher},
};
use serde_json::json;

use crate::{
    cluster::World,
    runs::{apply_classifier, apply_sample, poor_features, run, train, until_ended},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_run_starts_when_it_is_released() {
    let world = World::open("suspend").await;
    apply_sample(&world).await;
    apply_classifier(&world, "cards", json!({})).await;
    let mut manifest = run("cards-1", "sample", poor_features(40));
    manifest["spec"]["suspend"] = json!(true);
    world.apply::<TrainingRun>(manifest).await.expect("accepted");
    let held = world
        .until::<TrainingRun>("cards-1", "suspended", |run| {
            run.status
                .as_ref()
                .and_then(|s| condition::find(&s.conditions, READY))
                .is_some_and(|c| c.reason == "Suspended")
        })
        .await;
    assert_eq!(
        held.status
            .and_then(|s| condition::find(&s.conditions, READY).map(|c| c.status.clone())),
        Some("Unknown".into())
    );
    assert!(
        world
            .api::<Job>()
            .get_opt("cards-1-train")
            .await
            .expect("a read")
            .is_none()
    );

    let release = json!({ "spec": { "suspend": false } });
    world.patch::<TrainingRun>("cards-1", release).await;
    world
        .until::<TrainingRun>("cards-1", "complete", |run| {
            run.status
                .as_ref()
                .is_some_and(|status| condition::is_true(&status.conditions, COMPLETE))
        })
        .await;
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_a_run_takes_its_job_and_leaves_its_version() {
    let world = World::open("delete").await;
    apply_sample(&world).await;
    apply_classifier(&world, "cards", json!({})).await;
    let manifest = run("cards-1", "sample", poor_features(40));
    train(&world, manifest.clone()).await;
    world
        .api::<TrainingRun>()
        .delete("cards-1", &DeleteParams::background())
        .await
        .expect("deleted");
    world.until_gone::<Job>("cards-1-train").await;
    world.until_gone::<ConfigMap>("cards-1-train").await;
    assert!(
        world
            .api::<ModelVersion>()
            .get_opt("cards-1")
            .await
            .expect("a read")
            .is_some()
    );

    // If the run is applied again, it completes at once, without a Job.
    let again = train(&world, manifest).await;
    let conditions = again.status.expect("a status").conditions;
    assert_eq!(
        condition::find(&conditions, READY).map(|c| c.reason.as_str()),
        Some("AlreadyTrained")
    );
    assert!(
        world
            .api::<Job>()
            .get_opt("cards-1-train")
            .await
            .expect("a read")
            .is_none()
    );
    world
        .api::<TrainingRun>()
        .delete("cards-1", &DeleteParams::background())
        .await
        .expect("deleted");
    world.until_gone::<TrainingRun>("cards-1").await;

    // A different spec under the same name is rejected.
    let other = run("cards-1", "sample", poor_features(50));
    let (reason, message) = crate::runs::fails(&world, other).await;
    assert_eq!(reason, "NameTaken");
    assert!(message.contains("another name"), "{message}");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ended_run_goes_after_its_time() {
    let world = World::open("ttl").await;
    apply_sample(&world).await;
    apply_classifier(&world, "cards", json!({})).await;
    let mut manifest = run("cards-1", "sample", poor_features(40));
    manifest["spec"]["ttlSecondsAfterFinished"] = json!(1);
    world.apply::<TrainingRun>(manifest).await.expect("accepted");
    world.until::<ModelVersion>("cards-1", "recorded", |_| true).await;
    world.until_gone::<TrainingRun>("cards-1").await;
    assert!(
        world
            .api::<ModelVersion>()
            .get_opt("cards-1")
            .await
            .expect("a read")
            .is_some()
    );
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_evicted_pod_is_replaced_even_without_retries() {
    let world = World::open("evicted").await;
    apply_sample(&world).await;
    apply_classifier(&world, "cards", json!({})).await;
    let mut manifest = run("cards-1", "sample", json!({ "backoffLimit": 0 }));
    // Long enough to be evicted from.
    let grid = json!({ "C": [0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2, 5, 10], "classWeight": ["Balanced", "None"] });
    manifest["spec"]["search"] = json!({ "folds": 10, "candidates": [
        { "algorithm": "LogisticRegression", "grid": grid }, { "algorithm": "NbSvm", "grid": grid } ] });
    world.apply::<TrainingRun>(manifest).await.expect("accepted");

    let pods = world.api::<Pod>();
    let ours = watcher::Config::default().labels("complaints.dev/training-run=cards-1");
    let mut seen = std::pin::pin!(watcher(pods.clone(), ours).default_backoff().applied_objects());
    let first = loop {
        let pod = seen.try_next().await.expect("a watch").expect("it goes on");
        let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
        assert_ne!(phase, Some("Succeeded"), "too quick to be evicted");
        if phase == Some("Running") {
            break pod;
        }
    };
    pods.evict(&first.name_any(), &EvictParams::default())
        .await
        .expect("it can be evicted");
    let ended = until_ended(&world, "cards-1").await;
    let conditions = ended.status.expect("a status").conditions;
    assert!(condition::is_true(&conditions, COMPLETE), "{conditions:#?}");
    world.close().await;
}
