//! Ownership of statuses: foreign conditions are kept, foreign values of computed fields are replaced, and claims in a
//! manifest do not promote a version.

use complaint_api::{
    ComplaintClassifier, ModelVersion, Stage, TrainingRun,
    condition::{self, COMPLETE, READY, STALLED},
};
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use crate::{
    cluster::World,
    runs::{apply_classifier, apply_sample, forge, gated_out, poor_features, run, train, until_champion, until_stage},
};

/// Overwrites fields of a status, as a restore or an edit does.
async fn edit<K: complaint_operator::object::Object>(world: &World, name: &str, status: Value) {
    let params = PatchParams {
        field_manager: Some("restore".into()),
        ..PatchParams::default()
    };
    world
        .api::<K>()
        .patch_status(name, &params, &Patch::Merge(json!({ "status": status })))
        .await
        .expect("the status can be edited");
}

fn stated(type_: &str, status: &str) -> Value {
    json!({ "type": type_, "status": status, "reason": "Edited", "message": "by hand",
            "lastTransitionTime": "2026-01-01T00:00:00Z" })
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_conditions_are_kept_and_edited_fields_are_computed_again() {
    let world = World::open("status").await;
    apply_sample(&world).await;
    apply_classifier(&world, "cards", json!({})).await;
    let run_before = train(&world, run("cards-1", "sample", poor_features(40))).await;
    let before = until_champion(&world, "cards", "cards-1").await;
    let audited = "example.com/Audited";
    let ours = |conditions: &[k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition], type_: &str| {
        condition::find(conditions, type_).map(|condition| condition.reason.clone())
    };

    let conditions = [stated(audited, "True"), stated(STALLED, "True"), stated(READY, "False")];
    edit::<ComplaintClassifier>(
        &world,
        "cards",
        json!({ "conditions": conditions, "url": "http://elsewhere",
                "challenger": { "name": "nobody", "sha256": "0".repeat(64) } }),
    )
    .await;
    let mended = world
        .until::<ComplaintClassifier>("cards", "mended", |classifier| {
            classifier.status.as_ref().is_some_and(|status| {
                let (now, then) = (status, before.status.as_ref().expect("a status"));
                now.url == then.url
                    && now.challenger.is_none()
                    && condition::find(&now.conditions, STALLED).is_none()
                    && ours(&now.conditions, READY) == ours(&then.conditions, READY)
                    && condition::is_true(&now.conditions, audited)
            })
        })
        .await;
    let (status, then) = (mended.status.expect("a status"), before.status.expect("a status"));
    assert_eq!((status.champion, status.promotions), (then.champion, then.promotions));

    let conditions = [stated(audited, "True"), stated(READY, "False"), stated(STALLED, "True")];
    edit::<ModelVersion>(
        &world,
        "cards-1",
        json!({ "conditions": conditions, "stage": "Retired" }),
    )
    .await;
    let version = world
        .until::<ModelVersion>("cards-1", "mended", |version| {
            version.status.as_ref().is_some_and(|status| {
                status.stage == Some(Stage::Champion)
                    && condition::find(&status.conditions, STALLED).is_none()
                    && condition::is_true(&status.conditions, READY)
                    && condition::is_true(&status.conditions, audited)
            })
        })
        .await;
    assert!(
        version.status.expect("a status").evaluation.is_some(),
        "the record is kept"
    );

    edit::<TrainingRun>(&world, "cards-1", json!({ "phase": "Running" })).await;
    let run = world
        .until::<TrainingRun>("cards-1", "mended", |run| {
            run.status.as_ref().and_then(|status| status.phase) == run_before.status.as_ref().and_then(|s| s.phase)
        })
        .await;
    assert_eq!(run.status, run_before.status);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_version_is_not_promoted_and_a_pin_serves_it() {
    let world = World::open("forged").await;
    let rejected = gated_out(&world).await;

    // Nothing tells where its test rows are.
    forge(&world, &rejected, |spec| {
        spec["lineage"]["dataset"]["source"] = json!(null)
    })
    .await;
    let waiting = world
        .until::<ModelVersion>("forged", "not evaluated", |version| {
            version.status.as_ref().is_some_and(|status| {
                condition::find(&status.conditions, READY).is_some_and(|ready| ready.reason == "NotEvaluated")
            })
        })
        .await;
    assert_eq!(waiting.status.and_then(|status| status.stage), Some(Stage::Candidate));
    let blocked = world
        .until::<ComplaintClassifier>("cards", "waiting for an evaluation", |classifier| {
            classifier.status.as_ref().is_some_and(|status| {
                condition::find(&status.conditions, READY).is_some_and(|ready| ready.reason == "NotEvaluated")
            })
        })
        .await;
    assert_eq!(blocked.status.and_then(|status| status.champion), None);

    let pin = json!({ "spec": { "promotion": { "modelVersion": "forged" } } });
    world.patch::<ComplaintClassifier>("cards", pin).await;
    let pinned = until_champion(&world, "cards", "forged").await;
    let champion = pinned.status.and_then(|status| status.champion).expect("a champion");
    assert_eq!(champion.metrics.macro_f1, None, "claimed metrics are not used");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_was_stopped_between_its_version_and_its_evaluation_writes_it() {
    let world = World::open("evidence").await;
    apply_sample(&world).await;
    // Manual, so that nothing is promoted.
    apply_classifier(&world, "cards", json!({ "promotion": { "policy": "Manual" } })).await;
    let complete = train(&world, run("cards-1", "sample", poor_features(40))).await;
    let recorded = until_stage(&world, "cards-1", Stage::Candidate).await;
    let evaluation = recorded.status.and_then(|status| status.evaluation);
    assert!(
        evaluation.as_ref().is_some_and(|evaluation| evaluation.rows > 0),
        "{evaluation:?}"
    );

    edit::<ModelVersion>(&world, "cards-1", json!({ "evaluation": null })).await;
    let forgotten = json!({ "conditions": [], "phase": "Running", "completionTime": null });
    edit::<TrainingRun>(&world, "cards-1", forgotten).await;
    let again = world
        .until::<TrainingRun>("cards-1", "complete", |run| {
            run.status
                .as_ref()
                .is_some_and(|status| condition::is_true(&status.conditions, COMPLETE))
        })
        .await;
    let status = |run: TrainingRun| run.status.expect("a status");
    assert_eq!(status(again).metrics, status(complete).metrics);
    let version = world.api::<ModelVersion>().get("cards-1").await.expect("it is there");
    assert_eq!(version.status.and_then(|status| status.evaluation), evaluation);
    world.close().await;
}
