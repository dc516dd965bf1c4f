//! `modelversion.yaml`: a ModelVersion manifest that registers the model in another cluster.

use std::collections::BTreeMap;

use complaint_contract::{Algorithm, DatasetFormat, Metrics, Parameters, StoredArtifact, StoredReport};
use complaint_report::Report;
use serde::Serialize;

use crate::config::RunConfig;

/// The root of a store in a directory: the claim behind it is not known to the trainer.
pub const UNKNOWN_CLAIM: &str = "pvc://model-store";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ModelVersion<'a> {
    api_version: &'static str,
    kind: &'static str,
    metadata: Metadata<'a>,
    spec: Spec<'a>,
}

#[derive(Serialize)]
struct Metadata<'a> {
    name: &'a str,
    namespace: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Spec<'a> {
    classifier_ref: ClassifierRef<'a>,
    artifact: serde_json::Value,
    report: serde_json::Value,
    algorithm: Algorithm,
    parameters: Parameters,
    class_count: usize,
    metrics: Metrics,
    lineage: Lineage<'a>,
}

#[derive(Serialize)]
struct ClassifierRef<'a> {
    name: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Lineage<'a> {
    training_run: &'a str,
    spec_hash: &'a str,
    dataset: Dataset<'a>,
    rows: usize,
    split: &'a str,
    trainer_version: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Dataset<'a> {
    format: DatasetFormat,
    fields: Fields<'a>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    label_map: &'a BTreeMap<String, String>,
    sha256: String,
}

#[derive(Serialize)]
struct Fields<'a> {
    text: &'a str,
    labels: &'a [String],
}

/// The manifest's text. Addresses begin with `root`.
pub fn manifest(
    root: &str,
    config: &RunConfig,
    report: &Report,
    artifact: &StoredArtifact,
    report_reference: &StoredReport,
) -> String {
    let uri = |path: &str| format!("{root}/{path}");
    let version = ModelVersion {
        api_version: "complaints.dev/v1alpha1",
        kind: "ModelVersion",
        metadata: Metadata {
            name: &config.name,
            namespace: &config.namespace,
        },
        spec: Spec {
            classifier_ref: ClassifierRef {
                name: &config.classifier,
            },
            artifact: serde_json::json!({
                "uri": uri(&artifact.path), "sha256": artifact.sha256, "sizeBytes": artifact.size_bytes, "format": artifact.format,
            }),
            report: serde_json::json!({ "uri": uri(&report_reference.path), "sha256": report_reference.sha256 }),
            algorithm: report.algorithm,
            parameters: report.parameters,
            class_count: report.dataset.classes,
            metrics: report.metrics,
            lineage: Lineage {
                training_run: &config.name,
                spec_hash: &config.spec_hash,
                dataset: Dataset {
                    format: config.dataset.format,
                    fields: Fields {
                        text: &config.dataset.text_field,
                        labels: &config.dataset.label_fields,
                    },
                    label_map: &config.dataset.label_map,
                    sha256: report.dataset.sha256.to_string(),
                },
                rows: report.dataset.rows,
                split: &report.split,
                trainer_version: &report.trainer_version,
                parent: config.champion.as_ref().map(|champion| champion.name.as_str()),
            },
        },
    };
    // JSON is YAML; this form needs no writer of its own and quotes every label safely.
    let body = serde_json::to_string_pretty(&version).expect("strings, numbers and lists are JSON");
    let hint = if root == UNKNOWN_CLAIM {
        "# Replace `model-store` by the PersistentVolumeClaim that holds these files, then apply.\n"
    } else {
        ""
    };
    format!("{hint}{body}\n")
}
