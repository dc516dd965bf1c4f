//! ModelVersion: the registry record of one trained model.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use complaint_contract::{
    Adaptation, Algorithm, Comparison, DatasetFormat, Parameters, PartialMetrics, VersionEvaluation, limits,
};

use crate::{
    ClassifierRef, ConfigMapKey, DatasetSource, DeletionPolicy, MlflowVersion, Tracking, VolumePath, condition,
    schema::{conditions, terse, unchanged},
};

/// The registry record of one trained model. Made by a TrainingRun of the same name, or applied by hand to bring a model
/// proven elsewhere into this cluster.
#[derive(Clone, CustomResource, Debug, Deserialize, PartialEq, Serialize, KubeSchema)]
#[kube(
    group = "complaints.dev",
    version = "v1alpha1",
    kind = "ModelVersion",
    plural = "modelversions",
    shortname = "mv",
    category = "complaints",
    namespaced,
    status = "ModelVersionStatus",
    derive = "PartialEq",
    doc = "The registry record of one trained model: where its artifact is, how good it is, and what it was made from. Spec is what is claimed; the operator decides by status alone.",
    validation = Rule::new("self.metadata.name.matches('^[a-z]([-a-z0-9]{0,50}[a-z0-9])?$')")
        .message("metadata.name must start with a letter, hold only lower-case letters, digits and '-', and have at most 52 characters"),
    printcolumn(name = "Classifier", type_ = "string", json_path = ".spec.classifierRef.name"),
    printcolumn(name = "Stage", type_ = "string", json_path = ".status.stage"),
    printcolumn(name = "Macro-F1", type_ = "number", json_path = ".status.evaluation.metrics.macroF1"),
    printcolumn(name = "Algorithm", type_ = "string", json_path = ".spec.algorithm"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Ready", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].status"#, priority = 1),
    printcolumn(name = "Reason", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].reason"#, priority = 1),
    printcolumn(name = "Rejected", type_ = "string", json_path = r#".status.conditions[?(@.type=="Rejected")].reason"#, priority = 1),
    selectable = ".spec.classifierRef.name"
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new(unchanged(
        &["classifierRef", "artifact", "metrics"],
        &["report", "algorithm", "parameters", "classCount", "lineage"]))
    .message("a ModelVersion's spec can't be changed, except deletionPolicy: apply a new ModelVersion with another name"))]
pub struct ModelVersionSpec {
    /// The ComplaintClassifier that can serve it.
    pub classifier_ref: ClassifierRef,
    /// The model file.
    pub artifact: Artifact,
    /// The evaluation report beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<ReportRef>,
    /// The algorithm that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<Algorithm>,
    /// The algorithm's parameters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Parameters>,
    /// Number of categories it can answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 2, max = 100_000))]
    pub class_count: Option<usize>,
    /// Metrics that its maker claims. Promotion never reads them: it reads `status.evaluation`.
    #[serde(default)]
    pub metrics: PartialMetrics,
    /// What it was made from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lineage: Option<Lineage>,
    /// What becomes of its files when it is deleted. It can be changed at any time.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
}

/// A model file.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Artifact {
    /// Where it is: `pvc://claim/path/model.safetensors` or `s3://bucket/path/model.safetensors`.
    #[schemars(
        length(max = 2048),
        regex(pattern = r"^(pvc|s3)://[a-z0-9]([-.a-z0-9]*[a-z0-9])?/[-._a-zA-Z0-9/]+$")
    )]
    pub uri: String,
    /// SHA-256 digest of its bytes in hexadecimal; the server refuses other bytes.
    #[schemars(regex(pattern = r"^[0-9a-f]{64}$"))]
    pub sha256: String,
    /// Its size in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub size_bytes: Option<i64>,
    /// Its format and format version, such as `safetensors/2`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub format: Option<String>,
}

/// An evaluation report.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ReportRef {
    /// Where it is, as for an artifact.
    #[schemars(length(max = 2048))]
    pub uri: String,
    /// SHA-256 digest of its bytes in hexadecimal.
    #[schemars(regex(pattern = r"^[0-9a-f]{64}$"))]
    pub sha256: String,
}

/// What a model was made from.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Lineage {
    /// The TrainingRun.
    #[schemars(length(max = 253))]
    pub training_run: String,
    /// Digest of the run's spec; empty for a version that was adapted.
    #[schemars(length(max = 64))]
    pub spec_hash: String,
    /// The data set.
    pub dataset: LineageDataset,
    /// The word vectors, if its training had some.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub word_vectors: Option<LineageWordVectors>,
    /// Rows used.
    pub rows: usize,
    /// Key version, seed and test fraction of the split; versions of another split can't be compared.
    #[schemars(length(max = 256))]
    pub split: String,
    /// Version of the trainer.
    #[schemars(length(max = 64))]
    pub trainer_version: String,
    /// The champion when the training began.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub parent: Option<String>,
}

/// The data set that a model was made from.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct LineageDataset {
    /// Where its bytes were, if that can be told without a secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<LineageSource>,
    /// Its format.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<DatasetFormat>,
    /// Its fields that were used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fields: Option<LineageFields>,
    /// Labels merged or renamed.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 200))]
    pub label_map: BTreeMap<String, String>,
    /// Labels with fewer rows were left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = *limits::MIN_SAMPLES_PER_CLASS.start(), max = *limits::MIN_SAMPLES_PER_CLASS.end()))]
    pub min_samples_per_class: Option<usize>,
    /// The field with the published split.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub split_field: Option<String>,
    /// The field with the time.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub time_field: Option<String>,
    /// SHA-256 digest of its bytes in hexadecimal.
    #[schemars(length(max = 64))]
    pub sha256: String,
    /// SHA-256 digest of the corrections among the training rows. Unset: there were none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub feedback_sha256: Option<String>,
}

/// The word vectors that a training had. The report says how much they count.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct LineageWordVectors {
    /// Where their bytes were, if that can be told without a secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<LineageSource>,
    /// SHA-256 digest of their bytes in hexadecimal.
    #[schemars(length(max = 64))]
    pub sha256: String,
    /// Their licence.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::LICENSE))]
    pub license: Option<String>,
}

/// Where the bytes of a data set were. It names no Secret: whoever may record a version chooses no keys.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("[has(self.configMap), has(self.persistentVolumeClaim), has(self.uri)].filter(x, x).size() == 1")
    .message("set exactly one of configMap, persistentVolumeClaim and uri"))]
pub struct LineageSource {
    /// A key of a ConfigMap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_map: Option<ConfigMapKey>,
    /// A file on a volume.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub persistent_volume_claim: Option<VolumePath>,
    /// An object or an address, without user and query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048), regex(pattern = r"^(s3|gs|az|https?)://[^\s?#@]+$"))]
    pub uri: Option<String>,
}

impl LineageSource {
    /// The place of a source, if it can be told: an address with a user or a query may hold a secret.
    pub fn of(source: &DatasetSource) -> Option<Self> {
        let may_hold_a_secret = |uri: &String| uri.contains(['?', '#', '@']);
        if source.uri.as_ref().is_some_and(may_hold_a_secret) {
            return None;
        }
        Some(Self {
            config_map: source.config_map.clone(),
            persistent_volume_claim: source.persistent_volume_claim.clone(),
            uri: source.uri.clone(),
        })
    }
}

/// The fields of a data set that a model was made from.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LineageFields {
    /// The field with the complaint's text.
    #[schemars(length(max = 256))]
    pub text: String,
    /// The fields with the category.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8), inner(length(max = 256)))]
    pub labels: Vec<String>,
    /// The fields of the category's levels, if it has some.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 5), inner(length(max = 256)))]
    pub levels: Vec<String>,
}

/// The observed state of a version. Promotion depends on it alone.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ModelVersionStatus {
    /// The generation of the spec that this status describes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Ready`, `Stalled`, `Rejected`, `Tracked`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "conditions")]
    pub conditions: Vec<Condition>,
    /// Its stage, computed from the classifier's status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<Stage>,
    /// When it last became champion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "terse::<Time>")]
    pub promotion_time: Option<Time>,
    /// What a training of this operator measured on the test rows. A version without it is never promoted automatically.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evaluation: Option<VersionEvaluation>,
    /// The comparison with the champion of that time on the same test rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comparison: Option<Comparison>,
    /// How it was adapted from the champion of that time to another mix of categories, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adaptation: Option<Adaptation>,
    /// The `spec.tracking` of the run that made it, where it has one of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracking: Option<Tracking>,
    /// What the MLflow server has of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mlflow: Option<MlflowVersion>,
}

impl ModelVersionStatus {
    /// Why the version is no longer promoted automatically.
    pub fn rejection(&self) -> Option<&Condition> {
        condition::find(&self.conditions, condition::REJECTED).filter(|condition| condition.status == "True")
    }
}

/// The stage of a version.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize, JsonSchema)]
pub enum Stage {
    /// Not yet judged, or not evaluated.
    Candidate,
    /// Accepted and being rolled out.
    Challenger,
    /// It serves.
    Champion,
    /// It served before.
    Retired,
    /// A rule of promotion or its server rejected it; only a pin promotes it.
    Rejected,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_that_may_hold_a_secret_is_not_recorded() {
        let source = |source: serde_json::Value| LineageSource::of(&serde_json::from_value(source).unwrap());
        let told = source(
            serde_json::json!({ "uri": "s3://data/cards.csv", "secretRef": { "name": "keys" }, "sha256": "ab".repeat(32) }),
        );
        assert_eq!(
            serde_json::to_value(told).unwrap(),
            serde_json::json!({ "uri": "s3://data/cards.csv" })
        );
        for uri in [
            "https://user:word@example.org/a.csv",
            "https://example.org/a.csv?token=x",
            "https://example.org/a#x",
        ] {
            assert_eq!(source(serde_json::json!({ "uri": uri })), None, "{uri}");
        }
        let key = serde_json::json!({ "configMap": { "name": "data", "key": "cards.csv" } });
        assert_eq!(serde_json::to_value(source(key.clone())).unwrap(), key);
    }
}
