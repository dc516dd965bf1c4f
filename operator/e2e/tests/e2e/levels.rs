//! Categories with levels: one version answers products and issues, and gates and thresholds may be about either.

use complaint_api::{ComplaintClassifier, ModelVersion};
use serde_json::{Value, json};

use crate::{
    cluster::World,
    runs::{apply_classifier, apply_data, fails, run, sample, train, until_champion},
    traffic::predict,
};

const FEES: &str = "they charged me a late fee twice";
const STOLEN: &str = "somebody stole my card and paid with it";

/// The sample with a product above two of its categories. Every fifth of their rows has no issue.
fn leveled() -> Vec<u8> {
    let csv = sample();
    let mut reader = csv::Reader::from_reader(&csv[..]);
    let headers = reader.headers().expect("a header").clone();
    let place = |name: &str| headers.iter().position(|header| header == name).expect("a column");
    let (text, category) = (place("narrative"), place("category"));
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(["narrative", "product", "issue"]).expect("a row");
    for (number, record) in reader.records().enumerate() {
        let record = record.expect("a row");
        let (product, issue) = match &record[category] {
            issue @ ("Fees and interest" | "Purchase dispute") if number % 5 > 0 => ("Money", issue),
            "Fees and interest" | "Purchase dispute" => ("Money", ""),
            other => (other, ""),
        };
        writer.write_record([&record[text], product, issue]).expect("a row");
    }
    writer.into_inner().expect("the bytes")
}

fn with_levels(name: &str, levels: Value, min_rows: usize) -> Value {
    let features = json!({ "minDocumentFrequency": min_rows });
    let mut manifest = run(name, "sample", json!({ "features": features }));
    let dataset = manifest["spec"]["dataset"].as_object_mut().expect("an object");
    dataset.remove("labelFields");
    dataset.insert("labelLevels".into(), levels);
    manifest
}

#[tokio::test(flavor = "multi_thread")]
async fn one_version_answers_products_and_issues() {
    let world = World::open("levels").await;
    apply_data(&world, "sample", &leveled()).await;
    let spec = json!({
        "promotion": { "gates": [{ "metric": "accuracy", "level": "product", "min": 0.5 }, { "metric": "logLoss", "level": "issue", "max": 3 }] },
        "serving": { "thresholds": [{ "category": "Money", "minPrecision": 0.999 }] },
    });
    apply_classifier(&world, "cards", spec).await;
    train(&world, with_levels("cards-1", json!(["product", "issue"]), 5)).await;
    until_champion(&world, "cards", "cards-1").await;
    let version: ModelVersion = world.api().get("cards-1").await.expect("a version");
    let evaluation = version
        .status
        .and_then(|status| status.evaluation)
        .expect("it was evaluated");
    let levels: Vec<&str> = evaluation.levels.iter().map(|level| level.level.as_str()).collect();
    assert_eq!(levels, ["product", "issue"]);
    assert!(evaluation.levels[0].rows > evaluation.levels[1].rows, "{evaluation:?}");
    let fields = version
        .spec
        .lineage
        .and_then(|lineage| lineage.dataset.fields)
        .expect("a lineage");
    assert_eq!((fields.labels.len(), fields.levels.len()), (0, 2));

    let answer = predict(&world.client, &world.namespace, "cards", FEES)
        .await
        .expect("an answer");
    assert_eq!(answer["category"], "Money > Fees and interest", "{answer}");
    assert_eq!(
        (&answer["levels"][0]["level"], &answer["levels"][0]["category"]),
        (&json!("product"), &json!("Money"))
    );
    // No number of answers in this sample shows such a share, so nothing below the product is sure either.
    assert!(
        (0..2).all(|level| answer["levels"][level]["needsReview"] == true),
        "{answer}"
    );
    let other = predict(&world.client, &world.namespace, "cards", STOLEN)
        .await
        .expect("an answer");
    assert!(
        other["levels"].as_array().is_some_and(|levels| levels.len() == 2),
        "{other}"
    );

    // The next version misses the gate of one level.
    let strict =
        json!({ "spec": { "promotion": { "gates": [{ "metric": "accuracy", "level": "issue", "min": 1 }] } } });
    world.patch::<ComplaintClassifier>("cards", strict).await;
    train(&world, with_levels("cards-2", json!(["product", "issue"]), 4)).await;
    let rejected = world
        .until::<ModelVersion>("cards-2", "rejected by a gate", |version| {
            version
                .status
                .as_ref()
                .is_some_and(|status| status.rejection().is_some())
        })
        .await;
    let status = rejected.status.expect("a status");
    let told = &status.rejection().expect("rejected").message;
    assert!(told.contains("accuracy of the level `issue`"), "{told}");

    let (reason, message) = fails(&world, with_levels("cards-3", json!(["product", "isue"]), 5)).await;
    assert_eq!(reason, "ColumnNotFound", "{message}");
    assert!(
        message.contains("`isue`") && message.contains("dataset.labelLevels"),
        "{message}"
    );
    world.close().await;
}
