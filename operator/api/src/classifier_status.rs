//! The observed state of a ComplaintClassifier: who serves, and why.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use complaint_contract::{Metric, PartialMetrics};

use crate::{
    ExpiryStatus, MlflowState, MonitoringStatus, RetentionStatus,
    schema::{conditions, terse},
};

/// The observed state of a classifier.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ComplaintClassifierStatus {
    /// The generation of the spec that this status describes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Ready`, `Available`, `Reconciling`, `Stalled`, `Progressing`, `Tracked`, `Monitored`, `Drifted`,
    /// `Adapted`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "conditions")]
    pub conditions: Vec<Condition>,
    /// The version that serves; it changes only when the new Deployment is complete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub champion: Option<ClassifierChampion>,
    /// The version that is being rolled out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub challenger: Option<VersionDigest>,
    /// The version that served before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_champion: Option<VersionDigest>,
    /// The server pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<ClassifierReplicas>,
    /// The Service's address inside the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The last promotions, newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    pub promotions: Vec<PromotionRecord>,
    /// What the record of promotions in the store (`champion.json`) has of the promotions here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store_record: Option<StoreRecord>,
    /// When the store was asked for its record, since this status had none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "terse::<Time>")]
    pub restored_time: Option<Time>,
    /// The last champion by the store's record of that time. A ModelVersion with this digest is served again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restored_champion: Option<VersionDigest>,
    /// The last scheduled time for which a run was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "terse::<Time>")]
    pub last_schedule_time: Option<Time>,
    /// The next scheduled time; its run starts within a minute after it. While retraining is suspended it may have passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "terse::<Time>")]
    pub next_schedule_time: Option<Time>,
    /// The last `spec.retraining.requestTime` for which a run was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "terse::<Time>")]
    pub last_request_time: Option<Time>,
    /// The last `monitoring.driftTime` for which a run was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "terse::<Time>")]
    pub last_drift_time: Option<Time>,
    /// `monitoring.feedbackRows` when the last run was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_feedback_rows: Option<u64>,
    /// The last `monitoring.driftTime` for which an adapted version was made, or could not be made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "terse::<Time>")]
    pub last_adaptation_time: Option<Time>,
    /// What production shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub monitoring: Option<MonitoringStatus>,
    /// Where retention stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention: Option<RetentionStatus>,
    /// The last deletion of old corrections and captured answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiry: Option<ExpiryStatus>,
    /// How the MLflow servers stand to the versions: that of the spec first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    pub mlflow: Vec<MlflowState>,
}

/// How the store's record of promotions stands to this status.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct StoreRecord {
    /// The time of the last promotion that it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "terse::<Time>")]
    pub promotion_time: Option<Time>,
    /// The time of the last promotion that could not be written to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "terse::<Time>")]
    pub refused_time: Option<Time>,
    /// Why it could not be read when this status had no record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unreadable: Option<String>,
}

/// A version and the digest of its artifact.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize, JsonSchema)]
pub struct VersionDigest {
    /// Name of the ModelVersion.
    pub name: String,
    /// Digest of its artifact.
    pub sha256: String,
}

/// The version that serves.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClassifierChampion {
    /// Name of its ModelVersion.
    pub name: String,
    /// Digest of its artifact.
    pub sha256: String,
    /// Its metrics on its own test rows.
    #[serde(default)]
    pub metrics: PartialMetrics,
    /// When it became champion.
    #[schemars(schema_with = "terse::<Time>")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promotion_time: Option<Time>,
}

/// Counts of server pods.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ClassifierReplicas {
    /// Pods wanted.
    pub desired: i32,
    /// Pods ready, whatever they serve.
    pub ready: i32,
    /// Ready pods that serve the champion's digest.
    pub serving: i32,
}

/// One promotion.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct PromotionRecord {
    /// The ModelVersion that became champion.
    pub version: String,
    /// Digest of its artifact.
    pub sha256: String,
    /// The champion before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Why.
    pub reason: PromotionReason,
    /// How much better it was, where the two were compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comparison: Option<PromotionComparison>,
    /// When the rollout was complete.
    #[schemars(schema_with = "terse::<Time>")]
    pub time: Time,
}

/// How much better a version was than the champion that it replaced.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PromotionComparison {
    /// The metric compared.
    pub metric: Metric,
    /// How much better it was.
    pub difference: f64,
    /// 95 % interval of the difference.
    pub confidence_interval: [f64; 2],
}

/// Why a version became champion.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize, JsonSchema)]
pub enum PromotionReason {
    /// There was none, and it passed the gates.
    FirstVersion,
    /// The status had no record, and the store's names it as the last champion.
    Restored,
    /// It was better on the same rows.
    Better,
    /// It is the champion for the mix of categories of the traffic, and better on rows weighed to it.
    Adapted,
    /// The manifest names it.
    Pinned,
}
