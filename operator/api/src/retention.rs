//! Retention: what of a classifier's history the operator deletes by itself, and whether the files of a version go with it.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schema::terse;

/// What of a classifier's history is deleted. The champion, the one before, a challenger, a pinned version, a version that waits
/// to be judged and one that no run made always stay.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Retention {
    /// How many of the newest ModelVersions stay besides those that always do. Unset: all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub keep_versions: Option<u32>,
    /// How many of the newest TrainingRuns stay, of those that `retraining` made and that have ended. Unset: all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub keep_runs: Option<u32>,
    /// The `deletionPolicy` of the ModelVersions that runs make from now on.
    pub deletion_policy: DeletionPolicy,
}

/// What becomes of a version's files when its ModelVersion is deleted.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize, JsonSchema)]
pub enum DeletionPolicy {
    /// They go, too, unless another version, a champion of this cluster or the store's own record names them.
    Delete,
    /// They stay in the store.
    #[default]
    Orphan,
}

/// The last deletion of corrections and captured answers that are older than their `retentionDays`.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ExpiryStatus {
    /// The day (UTC) for which it was done. There is one a day.
    #[schemars(length(max = 10))]
    pub day: String,
    /// Files that were deleted.
    #[serde(default)]
    pub segments: usize,
    /// Their bytes.
    #[serde(default)]
    pub bytes: u64,
    /// Why nothing could be deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// Where retention stands.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct RetentionStatus {
    /// When an Event announced what these settings would delete. Deletion begins one notice period later.
    #[schemars(schema_with = "terse::<Time>")]
    pub notice_time: Time,
    /// Digest of the settings that were announced.
    #[schemars(length(max = 64))]
    pub settings_hash: String,
    /// When something was deleted last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "terse::<Time>")]
    pub deletion_time: Option<Time>,
}
