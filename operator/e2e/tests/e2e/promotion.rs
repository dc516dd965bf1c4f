//! Promotion: a better version is promoted, a worse one is not, and a pin rolls back.

use complaint_api::{ComplaintClassifier, ModelVersion, PromotionReason, Stage, condition};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::{
    cluster::World,
    runs::{
        apply_classifier, apply_data, apply_sample, gated_out, poor_features, rows_of, run, sample, train,
        until_champion, until_stage,
    },
    traffic::{Traffic, predict},
};

/// `Reason: message` of the condition `Rejected`.
fn rejection(version: &ModelVersion) -> String {
    let rejection = version.status.as_ref().and_then(|status| status.rejection());
    let rejection = rejection.expect("it is rejected");
    format!("{}: {}", rejection.reason, rejection.message)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_better_version_takes_over_a_worse_one_does_not_and_a_pin_rolls_back() {
    let world = World::open("promotion").await;
    apply_sample(&world).await;
    apply_classifier(&world, "cards", json!({})).await;

    // The first version only has to pass the gates, and there are none.
    let first = train(&world, run("cards-1", "sample", poor_features(40))).await;
    assert_eq!(
        first
            .status
            .as_ref()
            .and_then(|s| s.model_version_ref.clone())
            .map(|r| r.name),
        Some("cards-1".into())
    );
    let serving = until_champion(&world, "cards", "cards-1").await;
    assert_eq!(
        serving.status.as_ref().map(|s| s.promotions[0].reason),
        Some(PromotionReason::FirstVersion)
    );

    // A better one is promoted without failed requests.
    let traffic = Traffic::start(&world, "cards");
    train(&world, run("cards-2", "sample", json!({}))).await;
    let replaced = until_champion(&world, "cards", "cards-2").await;
    traffic.stop().await;
    let status = replaced.status.expect("a status");
    assert_eq!(
        status.previous_champion.map(|version| version.name).as_deref(),
        Some("cards-1")
    );
    assert_eq!(status.promotions[0].reason, PromotionReason::Better);
    assert!(
        status.promotions[0]
            .comparison
            .is_some_and(|comparison| comparison.difference > 0.0),
        "{:?}",
        status.promotions[0]
    );
    until_stage(&world, "cards-1", Stage::Retired).await;
    let second = until_stage(&world, "cards-2", Stage::Champion).await;
    let answer = predict(
        &world.client,
        &world.namespace,
        "cards",
        "my mortgage servicer lost my escrow payment",
    )
    .await;
    let answer = answer.expect("an answer");
    assert_eq!(answer["modelDigest"], format!("sha256:{}", second.spec.artifact.sha256));

    // A worse one is compared on the same rows and rejected; the message has the numbers.
    train(&world, run("cards-3", "sample", poor_features(30))).await;
    let rejected = until_stage(&world, "cards-3", Stage::Rejected).await;
    let reason = rejection(&rejected);
    assert!(
        reason.starts_with("NotBetter") && reason.contains("cards-2"),
        "{reason}"
    );
    assert!(world.event("cards", "VersionRejected").await.contains("cards-3"));
    until_champion(&world, "cards", "cards-2").await;

    // A pin in the manifest rolls back.
    let traffic = Traffic::start(&world, "cards");
    apply_classifier(&world, "cards", json!({ "promotion": { "modelVersion": "cards-1" } })).await;
    let pinned = until_champion(&world, "cards", "cards-1").await;
    traffic.stop().await;
    assert_eq!(
        pinned.status.map(|status| status.promotions[0].reason),
        Some(PromotionReason::Pinned)
    );
    until_stage(&world, "cards-2", Stage::Retired).await;
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_whose_bytes_do_not_match_its_digest_never_serves() {
    let world = World::open("digest").await;
    apply_sample(&world).await;
    apply_classifier(&world, "cards", json!({})).await;
    train(&world, run("cards-1", "sample", poor_features(40))).await;
    until_champion(&world, "cards", "cards-1").await;
    let honest = world
        .api::<ModelVersion>()
        .get("cards-1")
        .await
        .expect("it is recorded");

    // The pin is set before the version exists, so that promotion does not judge it first.
    let traffic = Traffic::start(&world, "cards");
    let pin = json!({ "spec": { "promotion": { "modelVersion": "forged" } } });
    world.patch::<ComplaintClassifier>("cards", pin).await;
    let mut forged = serde_json::to_value(&honest.spec).expect("JSON");
    forged["artifact"]["sha256"] = json!("0".repeat(64));
    world
        .apply::<ModelVersion>(json!({ "metadata": { "name": "forged" }, "spec": forged }))
        .await
        .expect("the record is accepted");

    let rejected = until_stage(&world, "forged", Stage::Rejected).await;
    let reason = rejection(&rejected);
    assert!(reason.starts_with("DigestMismatch"), "{reason}");
    let classifier = world
        .until::<ComplaintClassifier>("cards", "stalled on the pin", |classifier| {
            classifier.status.as_ref().is_some_and(|status| {
                condition::find(&status.conditions, condition::STALLED)
                    .is_some_and(|c| c.reason == "PinnedVersionFailed")
            })
        })
        .await;
    let champion = classifier
        .status
        .and_then(|status| status.champion)
        .map(|champion| champion.name);
    assert_eq!(champion.as_deref(), Some("cards-1"));
    traffic.stop().await;
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_keeps_a_weak_first_version_out() {
    let world = World::open("gate").await;
    let rejected = gated_out(&world).await;
    let reason = rejection(&rejected);
    assert!(reason.starts_with("GateFailed") && reason.contains("0.99"), "{reason}");
    let classifier = world
        .api::<ComplaintClassifier>()
        .get("cards")
        .await
        .expect("it is there");
    assert_eq!(classifier.status.and_then(|status| status.champion), None);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_the_classifiers_own_decide_whatever_a_run_learns_from() {
    let world = World::open("holdout").await;
    let sample = sample();
    apply_data(&world, "sample", &sample).await;
    // The labels that a saboteur would like: a part of the data set itself, so that its own test rows agree with it.
    let text = String::from_utf8(sample.clone()).expect("text");
    let swapped = text
        .replace(",Fraud,", ",\0,")
        .replace(",Fees and interest,", ",Fraud,");
    apply_data(
        &world,
        "swapped",
        swapped.replace(",\0,", ",Fees and interest,").as_bytes(),
    )
    .await;
    let held_out = rows_of(&sample, 4);
    apply_data(&world, "reviewed", &held_out).await;
    let source = json!({ "configMap": { "name": "reviewed", "key": "complaints.csv" } });
    let evaluation = json!({ "holdout": {
        "source": source, "sha256": hex::encode(Sha256::digest(&held_out)), "format": "Csv",
        "textField": "narrative", "labelFields": ["category"] } });
    apply_classifier(&world, "cards", json!({ "evaluation": evaluation })).await;
    train(&world, run("cards-1", "sample", poor_features(200))).await;
    until_champion(&world, "cards", "cards-1").await;

    train(&world, run("cards-2", "swapped", json!({}))).await;
    let refused = until_stage(&world, "cards-2", Stage::Rejected).await;
    assert!(rejection(&refused).starts_with("NotBetter"), "{}", rejection(&refused));
    let comparison = refused
        .status
        .and_then(|status| status.comparison)
        .expect("a comparison");
    assert!(comparison.same_labels && comparison.same_split, "{comparison:?}");

    train(&world, run("cards-3", "sample", json!({}))).await;
    until_champion(&world, "cards", "cards-3").await;
    world.close().await;
}
