//! The examples match the README: both files have the same rows, enough of them, and the ConfigMap is up to date.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{Read, Write},
    path::{Path, PathBuf},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use flate2::{Compression, GzBuilder, read::GzDecoder};

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples")
}

fn csv_rows() -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_path(examples().join("data/complaints.csv")).expect("the sample is readable");
    reader
        .deserialize()
        .map(|row| row.expect("a row of four fields"))
        .collect()
}

#[test]
fn the_sample_is_large_and_varied_enough() {
    let rows = csv_rows();
    assert!(rows.len() >= 600, "{} rows", rows.len());
    let mut labels: BTreeMap<&str, usize> = BTreeMap::new();
    let mut texts = BTreeSet::new();
    for row in &rows {
        *labels.entry(&row["category"]).or_default() += 1;
        assert!(texts.insert(row["narrative"].trim()), "twice: {}", row["narrative"]);
    }
    assert_eq!(labels.len(), 8, "{labels:?}");
    assert!(labels.values().all(|&count| count >= 60), "{labels:?}");
}

#[test]
fn the_nested_json_holds_the_same_rows() {
    let text = std::fs::read_to_string(examples().join("data/complaints.json")).expect("the sample is readable");
    let records: Vec<serde_json::Value> = serde_json::from_str(&text).expect("an array");
    let nested: Vec<_> = records
        .iter()
        .map(|r| {
            (
                r["_id"].as_str(),
                r["_source"]["category"].as_str(),
                r["_source"]["complaint_what_happened"].as_str(),
            )
        })
        .collect();
    let rows = csv_rows();
    let flat: Vec<_> = rows
        .iter()
        .map(|r| {
            (
                Some(r["complaint_id"].as_str()),
                Some(r["category"].as_str()),
                Some(r["narrative"].as_str()),
            )
        })
        .collect();
    assert_eq!(nested, flat);
}

#[test]
fn the_config_map_is_in_step_with_the_sample() {
    let csv = std::fs::read(examples().join("data/complaints.csv")).expect("the sample is readable");
    let path = examples().join("quickstart/data.yaml");
    if std::env::var_os("UPDATE_EXAMPLES").is_some() {
        std::fs::write(&path, config_map(&csv)).expect("the manifest can be written");
    }
    let manifest = std::fs::read_to_string(&path).expect("the manifest is readable");
    // kubectl keeps a copy in an annotation, and annotations are limited to 256 KiB.
    assert!(
        manifest.len() < 256 * 1024,
        "{} bytes are too many for `kubectl apply`",
        manifest.len()
    );
    let object: serde_json::Value = serde_saphyr::from_str(&manifest).expect("YAML");
    let packed = STANDARD
        .decode(object["binaryData"]["complaints.csv.gz"].as_str().expect("a key"))
        .expect("base64");
    let mut unpacked = Vec::new();
    GzDecoder::new(&packed[..]).read_to_end(&mut unpacked).expect("gzip");
    assert!(
        unpacked == csv,
        "run `UPDATE_EXAMPLES=1 cargo test -p complaint-e2e --test examples`"
    );
}

fn config_map(csv: &[u8]) -> String {
    let mut encoder = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
    encoder.write_all(csv).expect("memory can be written");
    let packed = STANDARD.encode(encoder.finish().expect("memory can be written"));
    format!(
        "# The sample of examples/data/complaints.csv, compressed. Written by a test: see examples/README.md.\n\
         apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: card-complaints\nbinaryData:\n  complaints.csv.gz: {packed}\n"
    )
}

/// A ComplaintClassifier of the examples.
fn classifier(name: &str) -> complaint_api::ComplaintClassifier {
    let text = std::fs::read_to_string(examples().join(name)).expect("the example is readable");
    serde_saphyr::from_str(&text).expect("a ComplaintClassifier")
}

#[test]
fn the_tracked_classifier_is_that_of_the_quickstart_with_tracking() {
    let (plain, mut tracked) = (classifier("quickstart/classifier.yaml"), classifier("tracking.yaml"));
    let mlflow = tracked.spec.tracking.take().and_then(|tracking| tracking.mlflow);
    assert!(mlflow.is_some_and(|mlflow| mlflow.secret_ref.is_some()));
    assert_eq!((tracked.metadata.name, tracked.spec), (plain.metadata.name, plain.spec));
}

#[test]
fn the_monitored_classifier_is_that_of_the_quickstart_with_monitoring() {
    let (plain, mut monitored) = (classifier("quickstart/classifier.yaml"), classifier("monitored.yaml"));
    let monitoring = monitored.spec.monitoring.take().expect("a monitoring");
    assert_eq!(monitoring.on_drift, complaint_api::OnDrift::Retrain);
    assert!(monitored.spec.retraining.take().is_some());
    assert_eq!(
        (monitored.metadata.name, monitored.spec),
        (plain.metadata.name, plain.spec)
    );
}

#[test]
fn the_classifier_that_takes_corrections_is_that_of_the_quickstart() {
    let (plain, mut corrected) = (classifier("quickstart/classifier.yaml"), classifier("feedback.yaml"));
    let serving = &mut corrected.spec.serving;
    let feedback = serving.feedback.take().expect("corrections");
    let text = std::fs::read_to_string(examples().join("feedback.yaml")).expect("the example is readable");
    let reference = &feedback.token_secret_ref;
    let made = format!(
        "create secret generic {} --from-literal={}=",
        reference.name, reference.key
    );
    assert!(text.contains(&made), "the file says how to make its Secret");
    let capture = serving.capture.take().expect("a capture");
    assert_eq!(
        (capture.mode, capture.share),
        (complaint_api::CaptureMode::NeedsReview, None)
    );
    assert!(feedback.random_share > 0.0 && serving.abstain_below.take().is_some());
    assert_eq!(
        (corrected.metadata.name, corrected.spec),
        (plain.metadata.name, plain.spec)
    );
}

#[test]
fn the_scheduled_classifier_is_that_of_the_quickstart_with_retraining_and_retention() {
    let (plain, mut scheduled) = (classifier("quickstart/classifier.yaml"), classifier("scheduled.yaml"));
    let retraining = scheduled.spec.retraining.take().expect("a retraining");
    assert!(retraining.schedule.is_some() && retraining.request_time.is_some());
    let retention = scheduled.spec.retention.take().expect("a retention");
    assert!(retention.keep_versions.is_some() && retention.keep_runs.is_some());
    assert_eq!(
        (scheduled.metadata.name, scheduled.spec),
        (plain.metadata.name, plain.spec)
    );
}
