//! ComplaintClassifier: a classifier as a service.

use std::collections::BTreeMap;

use kube::{CustomResource, KubeSchema};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

use complaint_contract::{CategoryThreshold, DatasetFormat, Documentation, GateMetric, Metric, SplitBy, limits, rules};

use crate::{
    Capture, ComplaintClassifierStatus, DatasetSource, Feedback, Monitoring, PodTemplate, Retention, Retraining,
    SecretRef, Signing, Tracking, Verification, schema::list,
};

/// The service: which model is champion, how the next is judged, and how it is served.
#[derive(Clone, CustomResource, Debug, Default, Deserialize, PartialEq, Serialize, KubeSchema)]
#[kube(
    group = "complaints.dev",
    version = "v1alpha1",
    kind = "ComplaintClassifier",
    plural = "complaintclassifiers",
    shortname = "cc",
    category = "complaints",
    namespaced,
    status = "ComplaintClassifierStatus",
    derive = "PartialEq",
    doc = "A complaint classifier as a service: which model is champion, how the next is judged, and how it is served.",
    validation = Rule::new("self.metadata.name.matches('^[a-z]([-a-z0-9]{0,50}[a-z0-9])?$')")
        .message("metadata.name must start with a letter, hold only lower-case letters, digits and '-', and have at most 52 characters, so that the names of its Deployment and Service fit"),
    validation = Rule::new("!has(self.spec.retraining) || self.metadata.name.size() <= 43")
        .message("a ComplaintClassifier with spec.retraining has a name of at most 43 characters, so that the names of its runs fit: make one with a shorter name, or leave spec.retraining out"),
    validation = Rule::new("!has(self.spec.monitoring) || self.spec.monitoring.onDrift != 'Adapt' || self.metadata.name.size() <= 43")
        .message("a ComplaintClassifier with monitoring.onDrift: Adapt has a name of at most 43 characters, so that the names of its adapted versions fit: make one with a shorter name, or choose another monitoring.onDrift"),
    printcolumn(name = "Champion", type_ = "string", json_path = ".status.champion.name"),
    printcolumn(name = "Macro-F1", type_ = "number", json_path = ".status.champion.metrics.macroF1"),
    printcolumn(name = "Ready", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].status"#),
    printcolumn(name = "Serving", type_ = "integer", json_path = ".status.replicas.serving"),
    printcolumn(name = "URL", type_ = "string", json_path = ".status.url"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Challenger", type_ = "string", json_path = ".status.challenger.name", priority = 1),
    printcolumn(name = "Est-Accuracy", type_ = "number", json_path = ".status.monitoring.estimatedAccuracy.value", priority = 1),
    printcolumn(name = "Drifted", type_ = "string", json_path = r#".status.conditions[?(@.type=="Drifted")].status"#, priority = 1),
    printcolumn(name = "Reason", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].reason"#, priority = 1)
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new(
    "has(self.artifacts) == has(oldSelf.artifacts) && (!has(self.artifacts) || self.artifacts == oldSelf.artifacts)")
    .message("artifacts can't be changed: the models already trained are in that store; make a new ComplaintClassifier"))]
#[x_kube(validation = Rule::new(
    "!has(self.retraining) || has(self.retraining.schedule) || has(self.retraining.requestTime) || has(self.retraining.minFeedbackRows) || (has(self.monitoring) && self.monitoring.onDrift == 'Retrain')")
    .message("nothing would start a training: set retraining.schedule (such as '0 3 * * 1'), retraining.requestTime (such as the time of now), retraining.minFeedbackRows, or monitoring.onDrift: Retrain"))]
#[x_kube(validation = Rule::new("!has(self.retraining) || !has(self.retraining.minFeedbackRows) || (has(self.monitoring) && has(self.serving.feedback))")
    .message("retraining.minFeedbackRows waits for corrections, which are counted by the windows of monitoring: set serving.feedback and spec.monitoring, too"))]
#[x_kube(validation = Rule::new("!has(self.monitoring) || self.monitoring.onDrift != 'Retrain' || has(self.retraining)")
    .message("monitoring.onDrift: Retrain makes its run from retraining.template: set it, too"))]
pub struct ComplaintClassifierSpec {
    /// The split of rows into training and test part, the same for all versions so that they can be compared.
    #[serde(default)]
    #[x_kube(validation = Rule::new("!has(self.holdout) || self.split == 'Hash'")
        .message("evaluation.split: Time holds out the newest rows of each data set, and with evaluation.holdout nothing is held out: leave out one of them"))]
    pub evaluation: Evaluation,
    /// Where models are stored. Unset: the operator makes a PersistentVolumeClaim `<name>-artifacts`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifacts: Option<ArtifactStore>,
    /// How a new version becomes champion.
    #[serde(default)]
    pub promotion: Promotion,
    /// How the champion is served.
    #[serde(default)]
    pub serving: ClassifierServing,
    /// How a new champion takes over.
    #[serde(default)]
    pub rollout: Rollout,
    /// When the operator trains again by itself. Unset: only the TrainingRuns that somebody applies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retraining: Option<Retraining>,
    /// Which old versions and runs the operator deletes. Unset: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention: Option<Retention>,
    /// How trainings sign what they write. Unset: not at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signing: Option<Signing>,
    /// Whether servers verify a model's signature before they use it. Unset: no signature is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verification: Option<Verification>,
    /// Where its versions are logged after their training, for people who work with an experiment tracker. Unset: nowhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracking: Option<Tracking>,
    /// How the operator watches what the champion answers in production. Unset: not at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self.window.matches('^([0-9]+h)?([0-9]+m)?([0-9]+s)?$') && self.window != '' && duration(self.window) >= duration('10s') && duration(self.window) <= duration('720h')")
        .message("monitoring.window is a time from 10s to 720h in hours, minutes and seconds, such as 24h or 1h30m"))]
    pub monitoring: Option<Monitoring>,
    /// Purpose and responsibility, for the dossier of each version. No program decides by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub documentation: Option<Documentation>,
    /// Pause reconciliation: nothing is promoted, rolled out, changed or deleted.
    #[serde(default)]
    pub paused: bool,
}

/// The rows that decide about versions: a part of each data set, or rows of their own.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Evaluation {
    /// Which rows are kept for the test: `Hash`, a fixed draw; `Time`, the newest ones, by the `dataset.timeField` of each run.
    pub split: SplitBy,
    /// Share of rows kept for the test.
    #[schemars(range(min = *limits::TEST_FRACTION.start(), max = *limits::TEST_FRACTION.end()))]
    pub test_fraction: f64,
    /// Seed of the split and of everything else that is drawn by chance.
    #[schemars(range(min = 0, max = limits::SEED))]
    pub seed: i64,
    /// Rows on which every version is evaluated and compared instead, and which no TrainingRun can change. Trainings leave out
    /// rows with nearly the same text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holdout: Option<Holdout>,
}

/// Rows that no training sees.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.source.sha256)")
    .message("set sha256 of the holdout instead of source.sha256"))]
#[x_kube(validation = Rule::new(rules::ONE_LABEL).message(rules::ONE_LABEL_MESSAGE))]
#[x_kube(validation = Rule::new(rules::OWN_LABEL).message(rules::OWN_LABEL_MESSAGE))]
pub struct Holdout {
    /// Where the bytes are.
    pub source: DatasetSource,
    /// SHA-256 digest of the bytes in hexadecimal; other bytes are refused.
    #[schemars(regex(pattern = r"^[0-9a-f]{64}$"))]
    pub sha256: String,
    /// How they are written.
    pub format: DatasetFormat,
    /// The field with the complaint's text.
    #[schemars(length(min = 1, max = limits::FIELD), regex(pattern = r"\S"))]
    pub text_field: String,
    /// The fields with the category, as the versions are to answer it: a run's labelMap does not change it.
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
}

impl Default for Evaluation {
    fn default() -> Self {
        Self {
            split: SplitBy::Hash,
            test_fraction: 0.2,
            seed: 42,
            holdout: None,
        }
    }
}

/// Where models are stored.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.persistentVolumeClaim) != has(self.uri)")
    .message("set exactly one of persistentVolumeClaim and uri"))]
#[x_kube(validation = Rule::new("!has(self.secretRef) || has(self.uri)")
    .message("set secretRef together with uri"))]
pub struct ArtifactStore {
    /// A volume that training and serving pods mount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub persistent_volume_claim: Option<ClaimRef>,
    /// A bucket, or a part of one: `s3://bucket/path`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(max = 1024),
        regex(pattern = r"^s3://[a-z0-9][-.a-z0-9]*(/[-._a-zA-Z0-9]+)*$")
    )]
    pub uri: Option<String>,
    /// Its keys become environment variables of trainer and server, such as `AWS_ACCESS_KEY_ID` and `AWS_ENDPOINT`. Unset: the
    /// pods' own identity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretRef>,
}

/// The name of a PersistentVolumeClaim in the same namespace.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClaimRef {
    /// Name of the PersistentVolumeClaim.
    #[schemars(length(min = 1, max = 253))]
    pub claim_name: String,
}

/// How a new version becomes champion.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Promotion {
    /// `Automatic`: a version that passes gates and comparison takes over. `Manual`: only `modelVersion` promotes.
    pub policy: PromotionPolicy,
    /// Pins a ModelVersion: promotion and rollback by manifest. While it is set nothing is promoted automatically.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 52))]
    pub model_version: Option<String>,
    /// The metric that compares the champion and a new version.
    pub metric: Metric,
    /// The least improvement of a new version over the champion.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub min_improvement: f64,
    /// Whether the difference must be significant: the lower bound of its 95 % interval must be above 0.
    pub require_significance: bool,
    /// What every version must reach on the test rows.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    pub gates: Vec<Gate>,
    /// The recall that every category with at least 30 test rows must reach.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub min_class_recall: Option<f64>,
    /// Whether a version with another set of categories may be promoted automatically.
    pub allow_label_changes: bool,
}

impl Gate {
    /// What it measures, for messages: `accuracy`, or ``accuracy of the level `product` ``.
    pub fn measured(&self) -> String {
        let metric = self.metric.name();
        match &self.level {
            None => metric.to_owned(),
            Some(level) => format!("{metric} of the level `{level}`"),
        }
    }
}

impl Default for Promotion {
    fn default() -> Self {
        Self {
            policy: PromotionPolicy::Automatic,
            model_version: None,
            metric: Metric::MacroF1,
            min_improvement: 0.0,
            require_significance: false,
            gates: Vec::new(),
            min_class_recall: None,
            allow_label_changes: false,
        }
    }
}

/// Whether the operator promotes.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize, JsonSchema)]
pub enum PromotionPolicy {
    /// The operator promotes by gates and comparison.
    #[default]
    Automatic,
    /// Only the manifest promotes.
    Manual,
}

/// What every version must reach.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, KubeSchema)]
#[x_kube(validation = Rule::new("has(self.min) != has(self.max)")
    .message("set min (macroF1, weightedF1, accuracy) or max (logLoss, calibrationError), not both"))]
#[x_kube(validation = Rule::new("(self.metric in ['logLoss', 'calibrationError']) == has(self.max)")
    .message("a lower logLoss or calibrationError is better: set max for it, and min for the other metrics"))]
pub struct Gate {
    /// The metric.
    pub metric: GateMetric,
    /// The level at which it is measured: one of the runs' `dataset.labelLevels`. Unset: the finest, or the categories without levels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = limits::FIELD))]
    pub level: Option<String>,
    /// The lowest value that passes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub min: Option<f64>,
    /// The highest value that passes (logLoss, calibrationError).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 100.0))]
    pub max: Option<f64>,
}

/// How the champion is served.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.replicas) || !has(self.autoscaling)")
    .message("set replicas or autoscaling, not both"))]
#[x_kube(validation = Rule::new(
    "!has(self.autoscaling) || (has(self.podTemplate) && has(self.podTemplate.resources) && \
    ((has(self.podTemplate.resources.requests) && 'cpu' in self.podTemplate.resources.requests) || \
    (has(self.podTemplate.resources.limits) && 'cpu' in self.podTemplate.resources.limits)))")
    .message("autoscaling measures the use of CPU against what pods request: set podTemplate.resources.requests.cpu"))]
#[x_kube(validation = Rule::new(
    "!has(self.capture) || self.capture.mode != 'NeedsReview' || has(self.abstainBelow) || has(self.thresholds) || \
    (has(self.capture.share) ? self.capture.share > 0.0 : (has(self.feedback) && self.feedback.randomShare > 0.0))")
    .message("no answer would be captured: set abstainBelow or thresholds, by which answers are marked needsReview, or capture.share"))]
pub struct ClassifierServing {
    /// Number of server pods; 1 when neither this nor `autoscaling` is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1000))]
    pub replicas: Option<i32>,
    /// Let a HorizontalPodAutoscaler choose the number of server pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub autoscaling: Option<Autoscaling>,
    /// Answers with a lower probability are marked `needsReview`, for a person to decide.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub abstain_below: Option<f64>,
    /// Categories with a threshold of their own instead of `abstainBelow`, by what their answers without review must reach.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "thresholds")]
    pub thresholds: Vec<CategoryThreshold>,
    /// Settings for the server pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_template: Option<PodTemplate>,
    /// The Service in front of them.
    #[serde(default)]
    pub service: ClassifierService,
    /// Whether people may correct answers, and who. Unset: nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feedback: Option<Feedback>,
    /// Which complaints are kept with their answers. Unset: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capture: Option<Capture>,
}

fn thresholds(generator: &mut SchemaGenerator) -> Schema {
    let item = generator.subschema_for::<CategoryThreshold>();
    list(item, limits::THRESHOLDS, Some("category"))
}

impl ClassifierServing {
    /// The lowest and the highest number of server pods; both are the same without autoscaling.
    pub fn bounds(&self) -> (i32, i32) {
        match self.autoscaling {
            Some(autoscaling) => (autoscaling.min_replicas, autoscaling.max_replicas),
            None => {
                let replicas = self.replicas.unwrap_or(1);
                (replicas, replicas)
            }
        }
    }
}

/// How a HorizontalPodAutoscaler chooses the number of server pods.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.minReplicas <= self.maxReplicas")
    .message("minReplicas must not be above maxReplicas"))]
pub struct Autoscaling {
    /// Fewest pods.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 1000))]
    pub min_replicas: i32,
    /// Most pods.
    #[schemars(range(min = 1, max = 1000))]
    pub max_replicas: i32,
    /// Target average CPU utilization, as a percentage of the pods' requests.
    #[serde(rename = "targetCPUUtilizationPercentage", default = "default_utilization")]
    #[schemars(range(min = 1, max = 1000))]
    pub target_cpu_utilization_percentage: i32,
}

fn one() -> i32 {
    1
}

fn default_utilization() -> i32 {
    80
}

/// The Service in front of the server pods.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ClassifierService {
    /// `ClusterIP`, `NodePort` or `LoadBalancer`.
    #[serde(rename = "type")]
    pub type_: ServiceType,
    /// The Service's port.
    #[schemars(range(min = 1, max = 65535))]
    pub port: i32,
    /// Annotations, such as a cloud's load-balancer settings.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 32))]
    pub annotations: BTreeMap<String, String>,
}

impl Default for ClassifierService {
    fn default() -> Self {
        Self {
            type_: ServiceType::ClusterIP,
            port: 8080,
            annotations: BTreeMap::new(),
        }
    }
}

/// The kind of Service.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize, JsonSchema)]
pub enum ServiceType {
    /// Reachable inside the cluster.
    #[default]
    ClusterIP,
    /// Reachable on a port of every node.
    NodePort,
    /// Reachable through a load balancer.
    LoadBalancer,
}

/// How a new champion takes over.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Rollout {
    /// Seconds after which a rollout without progress counts as failed; the old champion goes on serving.
    #[schemars(range(min = 10, max = 86_400))]
    pub progress_deadline_seconds: i32,
}

impl Default for Rollout {
    fn default() -> Self {
        Self {
            progress_deadline_seconds: 600,
        }
    }
}
