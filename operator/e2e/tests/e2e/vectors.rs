//! A training takes word vectors from a source of the cluster, checks their digest, and its version names them.

use std::collections::BTreeSet;
use std::fmt::Write;

use complaint_api::ModelVersion;
use complaint_contract::Sha256Digest;
use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::{Value, json};

use crate::{
    cluster::World,
    runs::{apply_classifier, apply_data, fails, rows_of, run, sample, train},
};

/// Vectors of the sample's words. Four numbers say little, so the folds may do without them.
fn vectors(rows: &[u8]) -> String {
    let text = String::from_utf8_lossy(rows).to_lowercase();
    let words = text.split(|char: char| !char.is_ascii_lowercase());
    let words: BTreeSet<&str> = words.filter(|word| word.len() > 3).take(2_000).collect();
    words.iter().fold(String::new(), |mut file, word| {
        let numbers = word.bytes().take(4).map(|byte| f64::from(byte) / 128.0);
        let numbers: Vec<String> = numbers.map(|number| format!("{number:.2}")).collect();
        writeln!(file, "{word} {}", numbers.join(" ")).expect("a string takes it");
        file
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_names_the_word_vectors_of_its_training() {
    let world = World::open("vectors").await;
    let rows = rows_of(&sample(), 4);
    apply_data(&world, "sample", &rows).await;
    let vectors = vectors(&rows);
    let file = json!({ "metadata": { "name": "vectors" }, "data": { "vectors.txt": vectors } });
    world.apply::<ConfigMap>(file).await.expect("a ConfigMap is accepted");
    apply_classifier(&world, "cards", json!({})).await;

    let with = |name: &str, sha256: &str| -> Value {
        let source = json!({ "configMap": { "name": "vectors", "key": "vectors.txt" }, "sha256": sha256 });
        let features = json!({ "minDocumentFrequency": 2, "wordVectors": { "source": source, "license": "CC0-1.0" } });
        let mut manifest = run(name, "sample", json!({ "features": features }));
        manifest["spec"]["dataset"]["minSamplesPerClass"] = json!(10);
        manifest
    };
    let digest = Sha256Digest::of_bytes(vectors.as_bytes()).to_string();
    train(&world, with("with-vectors", &digest)).await;
    let version: ModelVersion = world.api().get("with-vectors").await.expect("a version");
    let named = version.spec.lineage.and_then(|lineage| lineage.word_vectors);
    let named = named.expect("the version names the vectors");
    assert_eq!((named.sha256, named.license.as_deref()), (digest, Some("CC0-1.0")));

    let (reason, message) = fails(&world, with("other-vectors", &"0".repeat(64))).await;
    assert_eq!(reason, "DigestMismatch", "{message}");
    world.close().await;
}
