//! TrainingRun: one training.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use complaint_contract::{
    DatasetFormat, Features, Feedback, OptimalTrial, PartialMetrics, Preprocessing, Preset, Progress, Search,
    TrialCounts, VersionRef, limits, rules,
};

use crate::{
    PodTemplate, Tracking,
    schema::{conditions, terse, unchanged},
};

/// One training: reads a data set, searches for the best model, and records it as a ModelVersion of the same name.
///
/// The spec can't be changed after creation, except `suspend` and `ttlSecondsAfterFinished`: apply a new run instead.
#[derive(Clone, CustomResource, Debug, Deserialize, PartialEq, Serialize, KubeSchema)]
#[kube(
    group = "complaints.dev",
    version = "v1alpha1",
    kind = "TrainingRun",
    plural = "trainingruns",
    shortname = "tr",
    category = "complaints",
    namespaced,
    status = "TrainingRunStatus",
    derive = "PartialEq",
    doc = "One training: reads a data set, searches for the best model, and records it as a ModelVersion of the same name.",
    validation = Rule::new("self.metadata.name.matches('^[a-z]([-a-z0-9]{0,50}[a-z0-9])?$')")
        .message("metadata.name must start with a letter, hold only lower-case letters, digits and '-', and have at most 52 characters, so that the names of its Job and ModelVersion fit"),
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "Progress", type_ = "string", json_path = ".status.progress.message"),
    printcolumn(name = "Best", type_ = "string", json_path = ".status.currentOptimalTrial.algorithm"),
    printcolumn(name = "Macro-F1", type_ = "number", json_path = ".status.metrics.macroF1"),
    printcolumn(name = "Model", type_ = "string", json_path = ".status.modelVersionRef.name"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Ready", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].status"#, priority = 1),
    printcolumn(name = "Reason", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].reason"#, priority = 1)
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new(unchanged(
        &["classifierRef", "dataset", "preset", "backoffLimit"],
        &["preprocessing", "features", "search", "podTemplate", "activeDeadlineSeconds", "tracking"]))
    .message("a TrainingRun can't be changed after creation, except suspend and ttlSecondsAfterFinished: apply a new TrainingRun with another name"))]
#[x_kube(validation = Rule::new(rules::HASHING).message(rules::HASHING_MESSAGE))]
#[x_kube(validation = Rule::new(rules::WORD_VECTORS).message(rules::WORD_VECTORS_MESSAGE))]
#[x_kube(validation = Rule::new(rules::LEVELS).message(rules::LEVELS_MESSAGE))]
#[x_kube(validation = Rule::new(rules::LANGUAGE).message(rules::LANGUAGE_MESSAGE))]
#[x_kube(validation = Rule::new(rules::trials()).message(rules::TRIALS_MESSAGE))]
pub struct TrainingRunSpec {
    /// The ComplaintClassifier in the same namespace that gets the result.
    pub classifier_ref: ClassifierRef,
    /// The training data.
    pub dataset: Dataset,
    /// The preset, which sets the fields that the next three sections leave out.
    #[serde(default)]
    pub preset: Preset,
    /// How a text becomes words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preprocessing: Option<Preprocessing>,
    /// How words become numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub features: Option<Features<WordVectors>>,
    /// Which models are tried, and how the best is chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search: Option<Search>,
    /// Where this run's version is logged, in place of the classifier's `tracking`. Empty: nowhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracking: Option<Tracking>,
    /// Settings for the training pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_template: Option<PodTemplate>,
    /// How often a pod that failed for a passing reason is tried again. Bad configuration and bad data are never retried.
    #[serde(default = "default_backoff_limit")]
    #[schemars(range(min = 0, max = 20))]
    pub backoff_limit: i32,
    /// Seconds after which the training is ended as failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 2_592_000))]
    pub active_deadline_seconds: Option<i64>,
    /// Seconds after its end when the run is deleted; its ModelVersion stays. Unset: it is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 315_360_000))]
    pub ttl_seconds_after_finished: Option<i32>,
    /// Do not start the run, or stop its pod. When set to false, the run starts from the beginning.
    #[serde(default)]
    pub suspend: bool,
}

fn default_backoff_limit() -> i32 {
    3
}

/// The name of a ComplaintClassifier in the same namespace.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ClassifierRef {
    /// Name of the ComplaintClassifier.
    #[schemars(length(min = 1, max = 52))]
    pub name: String,
}

/// Where the rows come from and which of their fields matter.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new(rules::ONE_LABEL).message(rules::ONE_LABEL_MESSAGE))]
#[x_kube(validation = Rule::new(rules::OWN_LABEL).message(rules::OWN_LABEL_MESSAGE))]
#[x_kube(validation = Rule::new(
    "!has(self.labelMap) || self.labelMap.all(label, !(self.labelMap[label] in self.labelMap) \
    || self.labelMap[self.labelMap[label]] == self.labelMap[label])")
    .message("labelMap renames a label to one that it renames too: name the final label in each entry, and map a label that others are merged into to itself"))]
#[x_kube(validation = Rule::new(rules::trimmed_label_map()).message(rules::TRIMMED_LABEL_MAP_MESSAGE))]
pub struct Dataset {
    /// The source of the data.
    pub source: DatasetSource,
    /// The format of the data. `.gz` and `.zip` are recognised by suffix.
    pub format: DatasetFormat,
    /// The field with the complaint's text; dots descend into objects (`_source.complaint_what_happened`).
    #[schemars(length(min = 1, max = limits::FIELD), regex(pattern = r"\S"))]
    pub text_field: String,
    /// The fields with the category; several are joined with ` + `.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(min = *limits::LABEL_FIELDS.start(), max = *limits::LABEL_FIELDS.end()),
        inner(length(min = 1, max = limits::FIELD), regex(pattern = r"\S"))
    )]
    pub label_fields: Vec<String>,
    /// The fields of the category's levels, the coarsest first, such as `[product, issue]`: one model answers all levels.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(min = *limits::LABEL_LEVELS.start(), max = *limits::LABEL_LEVELS.end()),
        inner(length(min = 1, max = limits::FIELD), regex(pattern = r"\S"))
    )]
    pub label_levels: Vec<String>,
    /// Labels with fewer rows are left out and named in an Event and the report.
    #[serde(default = "default_min_samples")]
    #[schemars(range(min = *limits::MIN_SAMPLES_PER_CLASS.start(), max = *limits::MIN_SAMPLES_PER_CLASS.end()))]
    pub min_samples_per_class: usize,
    /// Labels to merge or rename, before small ones are left out.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(
        extend("maxProperties" = limits::LABEL_MAP),
        extend("additionalProperties" = serde_json::json!({
            "type": "string", "minLength": 1, "maxLength": limits::LABEL,
        }))
    )]
    pub label_map: BTreeMap<String, String>,
    /// A field with the values `train` and `test` that splits the rows as published. Unset: the classifier's split.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = limits::FIELD), regex(pattern = r"\S"))]
    pub split_field: Option<String>,
    /// A field with the time when the complaint came: a date, a date with a time (RFC 3339), or seconds since 1970. The report then
    /// shows the accuracy by month, and the classifier's `evaluation.split: Time` holds out the newest rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = limits::FIELD), regex(pattern = r"\S"))]
    pub time_field: Option<String>,
    /// Whether the corrections that the classifier's servers collected join the training rows. A correction replaces the label of a
    /// training row with the same text; one whose text is nearly that of a held-out row is left out. Unset: `Include` where the
    /// classifier collects feedback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feedback: Option<Feedback>,
}

fn default_min_samples() -> usize {
    20
}

/// Where the bytes of a data set are: exactly one of the fields.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("[has(self.configMap), has(self.persistentVolumeClaim), has(self.uri)].filter(x, x).size() == 1")
    .message("set exactly one of configMap, persistentVolumeClaim and uri"))]
#[x_kube(validation = Rule::new("!has(self.secretRef) || has(self.uri)")
    .message("set secretRef together with uri"))]
pub struct DatasetSource {
    /// A key of a ConfigMap (at most 1 MiB in all).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_map: Option<ConfigMapKey>,
    /// A file on a volume.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub persistent_volume_claim: Option<VolumePath>,
    /// An object (`s3://bucket/key`, `gs://`, `az://`) or an `https://` (inside the cluster also `http://`) address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048), regex(pattern = r"^(s3|gs|az|https?)://[^\s]+$"))]
    pub uri: Option<String>,
    /// Its keys become environment variables of the trainer, such as `AWS_ACCESS_KEY_ID`. Unset: the pod's own identity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretRef>,
    /// SHA-256 digest of the bytes in hexadecimal; other bytes are refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[0-9a-f]{64}$"))]
    pub sha256: Option<String>,
}

/// A file of word vectors: on each line a word and its numbers, the most frequent words first, as GloVe, fastText and word2vec
/// write them as text.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(validation = Rule::new("has(self.source.sha256)")
    .message("set source.sha256: the same vectors make the same model, and the lineage names them"))]
pub struct WordVectors {
    /// The source of the file, with its digest.
    pub source: DatasetSource,
    /// Words of the file that the model knows even if no training row has them: this many of the first. Unset: 50,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = *limits::WORD_VECTOR_WORDS.start(), max = *limits::WORD_VECTOR_WORDS.end()))]
    pub max_words: Option<usize>,
    /// Licence of the file, for the report and the lineage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::LICENSE))]
    pub license: Option<String>,
}

impl WordVectors {
    /// The settings for the trainer, which gets the source as an argument.
    pub fn settings(self) -> complaint_contract::WordVectors {
        complaint_contract::WordVectors {
            source: None,
            sha256: self.source.sha256.and_then(|digits| digits.parse().ok()),
            max_words: self.max_words,
            license: self.license,
        }
    }
}

/// The name of a Secret in the same namespace. The operator never reads it.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SecretRef {
    /// Name of the Secret.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// A key of a ConfigMap in the same namespace.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ConfigMapKey {
    /// Name of the ConfigMap.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// The key, whose suffix tells compression (`complaints.csv.gz`).
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^[-._a-zA-Z0-9]+$"))]
    pub key: String,
}

/// A file on a PersistentVolumeClaim in the same namespace.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct VolumePath {
    /// Name of the PersistentVolumeClaim; it is mounted read-only.
    #[schemars(length(min = 1, max = 253))]
    pub claim_name: String,
    /// The file's path on the volume.
    #[schemars(length(min = 1, max = 1024))]
    #[x_kube(validation = Rule::new("!self.startsWith('/') && !self.split('/').exists(s, s == '..')")
        .message("path is relative to the volume's root and must not hold '..'"))]
    pub path: String,
}

/// The observed state of a run.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct TrainingRunStatus {
    /// The generation of the spec that this status describes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Ready`, `Reconciling`, `Stalled`, `Complete`, `Failed`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "conditions")]
    pub conditions: Vec<Condition>,
    /// A summary for people; programs read the conditions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<RunPhase>,
    /// The progress of the training.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<Progress>,
    /// The data that was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<DatasetStatus>,
    /// How many trials there were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trials: Option<TrialCounts>,
    /// The trial with the best cross-validation score.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_optimal_trial: Option<OptimalTrial>,
    /// The metrics of the final model on the test rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics: Option<PartialMetrics>,
    /// The ModelVersion that records the result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_version_ref: Option<VersionRef>,
    /// When the first pod was started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "terse::<Time>")]
    pub start_time: Option<Time>,
    /// When the run ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "terse::<Time>")]
    pub completion_time: Option<Time>,
}

/// A summary of a run for people.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize, JsonSchema)]
pub enum RunPhase {
    /// It waits for its pod.
    Pending,
    /// Its pod runs.
    Running,
    /// It is suspended.
    Suspended,
    /// Its ModelVersion is recorded.
    Succeeded,
    /// It ended without a model.
    Failed,
}

/// The rows that were read.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DatasetStatus {
    /// Rows used, without copies and labels with too few rows.
    pub rows: usize,
    /// Copies of another row's text that were left out.
    pub duplicates: usize,
    /// Labels learned.
    pub classes: usize,
    /// SHA-256 digest of the source's bytes.
    pub sha256: String,
    /// Training rows that are corrections, if the training read them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feedback_rows: Option<u64>,
}
