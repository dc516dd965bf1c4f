//! The fields of a Pod that users may set. A full PodTemplateSpec would add several hundred kilobytes to each CRD.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Affinity, EnvVar, LocalObjectReference, ResourceRequirements, Toleration};
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::schema::{list, terse};

/// Settings for the pods that the operator makes.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct PodTemplate {
    /// Labels added to the pods; the operator's own win.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 32))]
    pub labels: BTreeMap<String, String>,
    /// Annotations added to the pods; the operator's own win.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 32))]
    pub annotations: BTreeMap<String, String>,
    /// Compute resources of the container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "terse::<ResourceRequirements>")]
    pub resources: Option<ResourceRequirements>,
    /// Labels a node must have.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 32))]
    pub node_selector: BTreeMap<String, String>,
    /// Taints the pods tolerate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "tolerations")]
    pub tolerations: Vec<Toleration>,
    /// Affinity rules. With a ReadWriteOnce store the operator adds a required pod affinity to the store's node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "terse::<Affinity>")]
    pub affinity: Option<Affinity>,
    /// Priority class of the pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub priority_class_name: Option<String>,
    /// Service account of the pods, for workload identity; its token is not mounted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub service_account_name: Option<String>,
    /// Secrets with registry credentials.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "pull_secrets")]
    pub image_pull_secrets: Vec<LocalObjectReference>,
    /// Environment of the container, such as a proxy's address.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "env")]
    pub env: Vec<EnvVar>,
}

fn tolerations(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
    list(terse::<Toleration>(generator), 32, None)
}

fn pull_secrets(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
    list(
        required_name(terse::<LocalObjectReference>(generator)),
        16,
        Some("name"),
    )
}

fn env(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
    list(terse::<EnvVar>(generator), 64, Some("name"))
}

/// List-map keys must be required or have a default.
fn required_name(mut schema: schemars::Schema) -> schemars::Schema {
    schema.insert("required".into(), serde_json::json!(["name"]));
    schema
}
