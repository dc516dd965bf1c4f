//! Bad input: a message that names the object, field or row and the fix, in the conditions and in an Event.

use complaint_api::{ComplaintClassifier, ModelVersion, TrainingRun, condition};
use serde_json::{Value, json};

use crate::{
    cluster::World,
    runs::{apply_classifier, apply_data, apply_sample, fails, poor_features, run, train},
};

/// A data set of `rows` complaints per label. Every row has its own words, because the split keeps near-twins together.
fn csv(labels: &[(&str, usize)]) -> String {
    let mut text = String::from("id,narrative,category\n");
    for (label, rows) in labels {
        for row in 0..*rows {
            let own: Vec<String> = (0..6).map(|word| invented_word(row * 6 + word)).collect();
            text.push_str(&format!(
                "{row},\"a complaint about {label}: {}\",{label}\n",
                own.join(" ")
            ));
        }
    }
    text
}

/// A word of letters, different for each number.
fn invented_word(number: usize) -> String {
    let letters = |digit: usize| ["ba", "co", "du", "fe", "gi", "la", "mo", "nu", "pe", "ri"][digit % 10];
    [number / 100, number / 10, number].map(letters).concat()
}

/// Asserts that a run on `data` fails for `reason`, with these words in its message.
async fn refused(test: &str, data: &[u8], overrides: Value, reason: &str, words: &[&str]) {
    let world = World::open(test).await;
    apply_data(&world, "data", data).await;
    apply_classifier(&world, "cards", json!({})).await;
    let (got, message) = fails(&world, run("bad", "data", overrides)).await;
    assert_eq!(got, reason, "{message}");
    for word in words {
        assert!(message.contains(word), "`{word}` is not in: {message}");
    }
    assert!(
        world
            .api::<ModelVersion>()
            .get_opt("bad")
            .await
            .expect("a read")
            .is_none(),
        "nothing half-made is recorded"
    );
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_column_is_named_with_the_columns_there_are() {
    let dataset = json!({ "dataset": { "source": { "configMap": { "name": "data", "key": "complaints.csv" } },
        "format": "Csv", "textField": "narative", "labelFields": ["category"] } });
    let data = csv(&[("fees", 30), ("fraud", 30)]);
    refused(
        "column",
        data.as_bytes(),
        dataset,
        "ColumnNotFound",
        &["narative", "narrative", "category"],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_data_set_says_so() {
    refused("empty", b"id,narrative,category\n", json!({}), "EmptyDataset", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_class_alone_can_not_be_learned() {
    refused(
        "one-class",
        csv(&[("fees", 40)]).as_bytes(),
        json!({}),
        "TooFewClasses",
        &["fees"],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_labels_of_which_one_is_too_small_are_too_few() {
    let data = csv(&[("fees", 40), ("fraud", 5)]);
    refused(
        "small-class",
        data.as_bytes(),
        json!({}),
        "TooFewClasses",
        &["fraud", "minSamplesPerClass"],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_not_utf8_are_found_by_row() {
    let mut data = csv(&[("fees", 30), ("fraud", 30)]).into_bytes();
    data.extend_from_slice(b"99,\"caf\xe9 charge\",fees\n");
    refused("encoding", &data, json!({}), "InvalidEncoding", &["61", "UTF-8"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_bytes_than_the_digest_says_are_refused() {
    let dataset = json!({ "dataset": {
        "source": { "configMap": { "name": "data", "key": "complaints.csv" }, "sha256": "0".repeat(64) },
        "format": "Csv", "textField": "narrative", "labelFields": ["category"] } });
    let data = csv(&[("fees", 30), ("fraud", 30)]);
    refused("sha256", data.as_bytes(), dataset, "DigestMismatch", &["sha256"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_source_classifier_or_key_is_named() {
    let world = World::open("missing").await;
    let (reason, message) = fails(&world, run("no-classifier", "data", json!({}))).await;
    assert_eq!(reason, "ClassifierNotFound");
    assert!(message.contains("cards"), "{message}");
    apply_classifier(&world, "cards", json!({})).await;
    let (reason, message) = fails(&world, run("no-data", "nowhere", json!({}))).await;
    assert_eq!(reason, "DatasetNotFound");
    assert!(message.contains("kubectl create configmap nowhere"), "{message}");
    let claim = json!({ "dataset": { "source": { "persistentVolumeClaim": { "claimName": "gone", "path": "x.csv" } },
        "format": "Csv", "textField": "narrative", "labelFields": ["category"] } });
    let (reason, message) = fails(&world, run("no-claim", "data", claim)).await;
    assert_eq!(reason, "DatasetNotFound");
    assert!(message.contains("gone"), "{message}");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_cluster_refuses_is_said_in_its_own_words() {
    let world = World::open("refused").await;
    apply_sample(&world).await;
    apply_classifier(&world, "cards", json!({})).await;
    let resources = json!({ "requests": { "memory": "2Gi" }, "limits": { "memory": "1Gi" } });
    let asked = json!({ "podTemplate": { "resources": resources } });
    let (reason, message) = fails(&world, run("bad", "sample", asked)).await;
    assert_eq!(reason, "ApplyRefused", "{message}");
    assert!(message.contains("bad-train") && message.contains("memory"), "{message}");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_without_a_text_and_small_labels_are_left_out_and_named() {
    let world = World::open("left-out").await;
    let mut data = csv(&[("fees", 40), ("fraud", 40), ("rare", 3)]);
    data.push_str("100,,fees\n101,\"   \",fraud\n");
    apply_data(&world, "data", data.as_bytes()).await;
    apply_classifier(&world, "cards", json!({})).await;
    let ended = train(&world, run("cards-1", "data", json!({}))).await;
    let dataset = ended.status.and_then(|status| status.dataset).expect("what was read");
    assert_eq!((dataset.rows, dataset.classes), (80, 2));
    assert!(world.event("cards-1", "LabelsDropped").await.contains("rare (3 rows)"));
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_schema_refuses_what_can_not_work_and_says_why() {
    let world = World::open("schema").await;
    let search = |candidate: Value| json!({ "search": { "candidates": [candidate] } });
    let dataset = |field: &str, value: Value| {
        let mut dataset = json!({ "source": { "configMap": { "name": "d", "key": "k" } }, "format": "Csv",
                                  "textField": "t", "labelFields": ["l"] });
        dataset[field] = value;
        json!({ "dataset": dataset })
    };
    let cases = [
        (search(json!({ "algorithm": "deepLearning" })), "LinearSvm"),
        (
            search(json!({ "algorithm": "LinearSvm", "grid": { "C": [0] } })),
            "spec.search.candidates[0].grid.C[0]",
        ),
        (
            search(json!({ "algorithm": "LinearSvm", "grid": { "alpha": [1] } })),
            "alpha is a parameter of NbSvm, ComplementNaiveBayes and MultinomialNaiveBayes",
        ),
        (
            search(json!({ "algorithm": "LinearSvm", "grid": { "depth": [1] } })),
            "depth",
        ),
        (json!({ "search": { "folds": 1 } }), "spec.search.folds"),
        (json!({ "search": { "folds": 1_000_000 } }), "spec.search.folds"),
        (json!({ "features": { "wordNgrams": [3, 1] } }), "shortest, longest"),
        (json!({ "features": { "maxFeatures": 0 } }), "spec.features.maxFeatures"),
        (dataset("source", json!({})), "exactly one of configMap"),
        (
            dataset(
                "source",
                json!({ "uri": "https://a/b", "configMap": { "name": "d", "key": "k" } }),
            ),
            "exactly one of configMap",
        ),
        (
            dataset(
                "source",
                json!({ "persistentVolumeClaim": { "claimName": "c", "path": "../../etc/passwd" } }),
            ),
            "relative to the volume's root",
        ),
        (
            dataset("source", json!({ "uri": "ftp://a/b.csv" })),
            "spec.dataset.source.uri",
        ),
        (
            dataset(
                "source",
                json!({ "configMap": { "name": "d", "key": "k" }, "secretRef": { "name": "s" } }),
            ),
            "set secretRef together with uri",
        ),
        (dataset("format", json!("parquet")), "JsonLines"),
        (dataset("textField", json!("")), "spec.dataset.textField"),
        (json!({ "typo": true }), "typo"),
    ];
    for (overrides, words) in cases {
        let refused = world.apply::<TrainingRun>(run("bad", "data", overrides.clone())).await;
        let Err(kube::Error::Api(status)) = refused else {
            panic!("accepted: {overrides}")
        };
        assert!(
            status.message.contains(words),
            "`{words}` is not in: {}",
            status.message
        );
    }
    let named = world
        .apply::<TrainingRun>(run(&"a".repeat(53), "data", json!({})))
        .await;
    assert!(matches!(named, Err(kube::Error::Api(status)) if status.message.contains("at most 52 characters")));
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_must_not_change_can_not_be_changed() {
    let world = World::open("immutable").await;
    apply_sample(&world).await;
    let manifest = run("cards-1", "sample", poor_features(40));
    world.apply::<TrainingRun>(manifest.clone()).await.expect("accepted");
    world
        .apply::<TrainingRun>(manifest)
        .await
        .expect("the same again is no change");
    let changed = world
        .apply::<TrainingRun>(run("cards-1", "sample", poor_features(50)))
        .await;
    assert!(
        matches!(&changed, Err(kube::Error::Api(status)) if status.message.contains("apply a new TrainingRun")),
        "{changed:?}"
    );

    apply_classifier(&world, "cards", json!({})).await;
    let moved = json!({ "metadata": { "name": "cards" }, "spec": { "artifacts": { "persistentVolumeClaim": { "claimName": "x" } } } });
    let moved = world.apply::<ComplaintClassifier>(moved).await;
    assert!(
        matches!(&moved, Err(kube::Error::Api(status)) if status.message.contains("artifacts can't be changed")),
        "{moved:?}"
    );
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pin_to_a_version_that_is_not_there_is_stalled() {
    let world = World::open("pin").await;
    apply_classifier(&world, "cards", json!({ "promotion": { "modelVersion": "nowhere" } })).await;
    let stalled = world
        .until::<ComplaintClassifier>("cards", "stalled", |classifier| {
            classifier
                .status
                .as_ref()
                .is_some_and(|status| condition::is_true(&status.conditions, condition::STALLED))
        })
        .await;
    let conditions = stalled.status.expect("a status").conditions;
    let stalled = condition::find(&conditions, condition::STALLED).expect("it is stated");
    assert_eq!(stalled.reason, "PinnedVersionNotFound");
    assert!(world.event("cards", "PinnedVersionNotFound").await.contains("nowhere"));
    world.close().await;
}
