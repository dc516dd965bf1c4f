//! Thresholds of categories: a wrong name stops a rollout and rejects nobody, a right one marks answers for review.

use complaint_api::{
    ComplaintClassifier, ModelVersion,
    condition::{self, STALLED},
};
use serde_json::{Value, json};

use crate::{
    cluster::World,
    runs::{apply_classifier, apply_sample, run, train, until_champion},
    traffic::predict,
};

const FEES: &str = "they charged me a late fee twice";

fn thresholds(thresholds: Value) -> Value {
    json!({ "spec": { "serving": { "thresholds": thresholds } } })
}

/// Waits until the classifier is stalled because the model lacks a category, and returns what it says.
async fn until_stalled(world: &World) -> String {
    let stalled = world
        .until::<ComplaintClassifier>("cards", "stalled by a category", |classifier| {
            let conditions = classifier.status.iter().flat_map(|status| &status.conditions);
            let mut stalled = conditions.filter(|condition| condition.type_ == STALLED);
            stalled.any(|condition| condition.reason == "UnknownCategory")
        })
        .await;
    let status = stalled.status.expect("a status");
    let condition = condition::find(&status.conditions, STALLED).expect("it is stated");
    condition.message.clone()
}

async fn needs_review(world: &World, text: &str) -> (String, bool) {
    let answer = predict(&world.client, &world.namespace, "cards", text).await;
    let answer = answer.expect("an answer");
    let category = answer["category"].as_str().expect("a category").to_owned();
    (category, answer["needsReview"].as_bool().expect("a verdict"))
}

#[tokio::test(flavor = "multi_thread")]
async fn categories_have_thresholds_and_a_wrong_name_stops_the_rollout_alone() {
    let world = World::open("thresholds").await;
    apply_sample(&world).await;
    let wrong = json!({ "serving": { "thresholds": [{ "category": "Fee", "minPrecision": 0.9 }] } });
    apply_classifier(&world, "cards", wrong).await;
    train(&world, run("cards-1", "sample", json!({}))).await;
    let told = until_stalled(&world).await;
    assert!(
        told.contains("no category `Fee`") && told.contains("`Fees and interest`"),
        "{told}"
    );
    let version = world.api::<ModelVersion>().get("cards-1").await.expect("it is there");
    assert!(version.status.expect("a status").rejection().is_none());

    // A share that no number of answers in this sample shows: all of the category's answers need review.
    let strict = thresholds(json!([{ "category": "Fees and interest", "minPrecision": 0.999 }]));
    world.patch::<ComplaintClassifier>("cards", strict).await;
    until_champion(&world, "cards", "cards-1").await;
    assert_eq!(needs_review(&world, FEES).await, ("Fees and interest".into(), true));
    let (category, needed) = needs_review(&world, "somebody stole my card and paid with it").await;
    assert!(category != "Fees and interest" && !needed, "{category}");

    // The champion's pods go on.
    let wrong = thresholds(json!([{ "category": "Fee", "minRecall": 0.5 }]));
    world.patch::<ComplaintClassifier>("cards", wrong).await;
    until_stalled(&world).await;
    assert!(needs_review(&world, FEES).await.1);
    world.patch::<ComplaintClassifier>("cards", thresholds(json!([]))).await;
    world
        .until::<ComplaintClassifier>("cards", "served as asked", |classifier| {
            let conditions = classifier.status.iter().flat_map(|status| &status.conditions);
            let mut stalled = conditions.filter(|condition| condition.type_ == STALLED);
            let observed = classifier.status.as_ref().and_then(|status| status.observed_generation);
            observed == classifier.metadata.generation && stalled.next().is_none()
        })
        .await;
    until_champion(&world, "cards", "cards-1").await;
    assert!(!needs_review(&world, FEES).await.1);
    world.close().await;
}
