//! `modelversion.yaml`: a ModelVersion manifest that registers the model in another cluster.

use std::collections::BTreeMap;

use complaint_contract::{
    AdaptRequest, AdaptResult, Algorithm, DatasetFormat, Metrics, Parameters, Sha256Digest, StoredArtifact,
    StoredReport, adapted_name,
};
use complaint_model::Artifact;
use complaint_report::Report;
use serde::Serialize;

use crate::config::RunConfig;
use crate::store::{MODEL, RECORD, REPORT};

/// The root of a store in a directory. The trainer does not know the directory's PersistentVolumeClaim.
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
    #[serde(skip_serializing_if = "Option::is_none")]
    word_vectors: Option<WordVectors<'a>>,
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
    min_samples_per_class: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    split_field: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time_field: Option<&'a str>,
    sha256: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    feedback_sha256: Option<Sha256Digest>,
}

#[derive(Serialize)]
struct WordVectors<'a> {
    sha256: Sha256Digest,
    #[serde(skip_serializing_if = "Option::is_none")]
    license: Option<&'a str>,
}

#[derive(Serialize)]
struct Fields<'a> {
    text: &'a str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    labels: &'a [String],
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    levels: &'a [String],
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
                        levels: &config.dataset.label_levels,
                    },
                    label_map: &config.dataset.label_map,
                    min_samples_per_class: config.dataset.min_samples_per_class,
                    split_field: config.dataset.split_field.as_deref(),
                    time_field: config.dataset.time_field.as_deref(),
                    sha256: report.dataset.sha256.to_string(),
                    feedback_sha256: report.dataset.feedback.as_ref().and_then(|feedback| feedback.sha256),
                },
                word_vectors: report.word_vectors.as_ref().map(|vectors| WordVectors {
                    sha256: vectors.sha256,
                    license: vectors.license.as_deref(),
                }),
                rows: report.dataset.rows,
                split: &report.split,
                trainer_version: &report.trainer_version,
                parent: config.champion.as_ref().map(|champion| champion.name.as_str()),
            },
        },
    };
    with_hint(root, &version)
}

/// The manifest of a model that was adapted, from that of the model that was given, if there is one.
pub(crate) fn adapted(
    root: &str,
    request: &AdaptRequest,
    artifact: &Artifact,
    result: &AdaptResult,
    given: Option<serde_json::Value>,
) -> String {
    let mut version = given.unwrap_or_else(|| {
        serde_json::json!({
            "apiVersion": "complaints.dev/v1alpha1",
            "kind": "ModelVersion",
            "spec": { "algorithm": artifact.algorithm(), "parameters": artifact.parameters() },
        })
    });
    version["metadata"] = serde_json::json!({
        "name": adapted_name(&request.classifier, &result.artifact.sha256),
        "namespace": request.namespace,
    });
    let spec = &mut version["spec"];
    spec["classifierRef"] = serde_json::json!({ "name": request.classifier });
    spec["artifact"] = serde_json::json!({
        "uri": format!("{root}/{}", result.artifact.path), "sha256": result.artifact.sha256,
        "sizeBytes": result.artifact.size_bytes, "format": result.artifact.format,
    });
    spec["classCount"] = artifact.labels().len().into();
    spec["metrics"] = serde_json::json!(result.evaluation.metrics);
    if let Some(lineage) = spec.get_mut("lineage") {
        lineage["parent"] = request.version.clone().into();
        // No training with these settings makes it again.
        lineage["specHash"] = "".into();
    }
    // The report is about the given model.
    spec.as_object_mut().and_then(|spec| spec.remove("report"));
    with_hint(root, &version)
}

/// Writes JSON, which is valid YAML: it needs no YAML writer and quotes every label safely.
fn with_hint(root: &str, version: &impl Serialize) -> String {
    let body = serde_json::to_string_pretty(version).expect("strings, numbers and lists are JSON");
    let hint = if root == UNKNOWN_CLAIM {
        "# Replace `model-store` by the PersistentVolumeClaim that holds these files, then apply.\n"
    } else {
        ""
    };
    format!("{hint}{body}\n")
}

/// The folder of the version whose record is at `path`. `None` if the path is not
/// `<namespace>/<classifier>/<sha256>/modelversion.yaml`.
pub fn folder_of(path: &str) -> Option<&str> {
    let folder = path.strip_suffix(RECORD)?.strip_suffix('/')?;
    let parts: Vec<&str> = folder.split('/').collect();
    let [_, _, digest] = parts[..] else { return None };
    digest.parse::<Sha256Digest>().is_ok().then_some(folder)
}

/// The manifest in the bytes of a record; `None` if no trainer wrote them.
pub(crate) fn parse(record: &[u8]) -> Option<serde_json::Value> {
    let text = std::str::from_utf8(record).ok()?;
    let body: String = text.lines().filter(|line| !line.starts_with('#')).collect();
    serde_json::from_str(&body).ok()
}

/// The manifest of a record whose files are now in `folder` of the store at `root`. `None` if the bytes are not a
/// record of the artifact whose digest names the folder.
pub fn imported(record: &[u8], root: &str, folder: &str) -> Option<String> {
    let mut version = parse(record)?;
    let digest = folder.rsplit('/').next()?;
    if version["kind"] != "ModelVersion" || version["spec"]["artifact"]["sha256"] != digest {
        return None;
    }
    for (part, file) in [("artifact", MODEL), ("report", REPORT)] {
        version["spec"][part]["uri"] = format!("{root}/{folder}/{file}").into();
    }
    Some(with_hint(root, &version))
}
