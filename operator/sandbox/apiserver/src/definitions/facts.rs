//! Facts that the generated schemas of `k8s-openapi` lack: list types, merge keys and atomic maps. One line per field,
//! from the markers of upstream's type definitions (`+listType`, `+listMapKey`, `patchStrategy`, `patchMergeKey`,
//! `+structType`, `+mapType`).

use serde_json::Value;

/// A list field: type, field, list-map keys (or `set`, or `atomic`), strategic-merge strategy, merge key.
pub(crate) struct ListFact {
    keys: &'static str,
    strategy: &'static str,
    merge_key: &'static str,
}

/// The fact about one field, if there is one.
pub(crate) fn list(kind: &str, field: &str) -> Option<ListFact> {
    LISTS
        .iter()
        .find(|(t, f, ..)| *t == kind && *f == field)
        .map(|(_, _, keys, strategy, merge_key)| ListFact {
            keys,
            strategy,
            merge_key,
        })
}

impl ListFact {
    /// Writes the fact into the field's schema.
    pub(crate) fn lay_over(&self, schema: &mut Value) {
        match self.keys {
            "" | "atomic" => {}
            "set" => schema["x-kubernetes-list-type"] = "set".into(),
            keys => {
                schema["x-kubernetes-list-type"] = "map".into();
                schema["x-kubernetes-list-map-keys"] = keys.split(',').collect::<Vec<_>>().into();
            }
        }
        if !self.strategy.is_empty() {
            schema["x-kubernetes-patch-strategy"] = self.strategy.into();
        }
        if !self.merge_key.is_empty() {
            schema["x-kubernetes-patch-merge-key"] = self.merge_key.into();
        }
    }
}

type Line = (&'static str, &'static str, &'static str, &'static str, &'static str);

#[rustfmt::skip]
const LISTS: &[Line] = &[
    // metadata
    ("ObjectMeta", "finalizers", "set", "merge", ""),
    ("ObjectMeta", "ownerReferences", "uid", "merge", "uid"),
    // pods
    ("Container", "env", "name", "merge", "name"),
    ("Container", "ports", "containerPort,protocol", "merge", "containerPort"),
    ("Container", "volumeDevices", "devicePath", "merge", "devicePath"),
    ("Container", "volumeMounts", "mountPath", "merge", "mountPath"),
    ("ContainerRestartRuleOnExitCodes", "values", "set", "", ""),
    ("ContainerStatus", "allocatedResourcesStatus", "name", "merge", "name"),
    ("ContainerStatus", "volumeMounts", "mountPath", "merge", "mountPath"),
    ("EphemeralContainer", "env", "name", "merge", "name"),
    ("EphemeralContainer", "ports", "containerPort,protocol", "merge", "containerPort"),
    ("EphemeralContainer", "volumeDevices", "devicePath", "merge", "devicePath"),
    ("EphemeralContainer", "volumeMounts", "mountPath", "merge", "mountPath"),
    ("PodSpec", "containers", "name", "merge", "name"),
    ("PodSpec", "ephemeralContainers", "name", "merge", "name"),
    ("PodSpec", "hostAliases", "ip", "merge", "ip"),
    ("PodSpec", "imagePullSecrets", "name", "merge", "name"),
    ("PodSpec", "initContainers", "name", "merge", "name"),
    ("PodSpec", "resourceClaims", "name", "merge,retainKeys", "name"),
    ("PodSpec", "schedulingGates", "name", "merge", "name"),
    ("PodSpec", "topologySpreadConstraints", "topologyKey,whenUnsatisfiable", "merge", "topologyKey"),
    ("PodSpec", "volumes", "name", "merge,retainKeys", "name"),
    ("PodStatus", "conditions", "type", "merge", "type"),
    ("PodStatus", "hostIPs", "atomic", "merge", "ip"),
    ("PodStatus", "podIPs", "ip", "merge", "ip"),
    ("PodStatus", "resourceClaimStatuses", "name", "merge,retainKeys", "name"),
    ("ResourceRequirements", "claims", "name", "", ""),
    ("ResourceStatus", "resources", "resourceID", "", ""),
    // other core kinds
    ("NamespaceStatus", "conditions", "type", "merge", "type"),
    ("NodeSpec", "podCIDRs", "set", "merge", ""),
    ("NodeStatus", "addresses", "type", "merge", "type"),
    ("NodeStatus", "conditions", "type", "merge", "type"),
    ("PersistentVolumeClaimStatus", "conditions", "type", "merge", "type"),
    ("ReplicationControllerStatus", "conditions", "type", "merge", "type"),
    ("ServiceAccount", "secrets", "name", "merge", "name"),
    ("ServiceSpec", "ports", "port,protocol", "merge", "port"),
    ("ServiceStatus", "conditions", "type", "merge", "type"),
    // workloads
    ("DeploymentSpec", "strategy", "", "retainKeys", ""),
    ("DeploymentStatus", "conditions", "type", "merge", "type"),
    ("DaemonSetStatus", "conditions", "type", "merge", "type"),
    ("ReplicaSetStatus", "conditions", "type", "merge", "type"),
    ("StatefulSetStatus", "conditions", "type", "merge", "type"),
    ("JobStatus", "conditions", "atomic", "merge", "type"),
    ("PodFailurePolicyOnExitCodesRequirement", "values", "set", "", ""),
    ("UncountedTerminatedPods", "failed", "set", "", ""),
    ("UncountedTerminatedPods", "succeeded", "set", "", ""),
    // policies, discovery, definitions
    ("Endpoint", "addresses", "set", "", ""),
    ("EndpointSlice", "ports", "atomic", "", ""),
    ("HorizontalPodAutoscalerStatus", "conditions", "type", "merge", "type"),
    ("PodDisruptionBudgetSpec", "selector", "", "replace", ""),
    ("PodDisruptionBudgetStatus", "conditions", "type", "merge", "type"),
    ("CustomResourceDefinitionStatus", "conditions", "type", "", ""),
];

/// Atomic struct types: an apply owns the whole value.
pub(crate) const ATOMIC_TYPES: &[&str] = &[
    "ConfigMapKeySelector",
    "CrossVersionObjectReference",
    "EndpointPort",
    "FileKeySelector",
    "LabelSelector",
    "LocalObjectReference",
    "NodeSelector",
    "NodeSelectorTerm",
    "ObjectFieldSelector",
    "ObjectReference",
    "OwnerReference",
    "ResourceFieldSelector",
    "RoleRef",
    "ScopeSelector",
    "SecretKeySelector",
    "SecretReference",
    "ServiceBackendPort",
    "Subject",
    "TopologySelectorTerm",
    "TypedLocalObjectReference",
];

/// Atomic map fields: an apply owns the whole value.
pub(crate) const ATOMIC_FIELDS: &[(&str, &str)] = &[
    ("PodSpec", "nodeSelector"),
    ("ReplicationControllerSpec", "selector"),
    ("ServiceSpec", "selector"),
];

/// Types whose values are quantities.
pub(crate) const QUANTITY: &str = "Quantity";

/// Types with arbitrary JSON.
pub(crate) const OPEN_TYPES: &[&str] = &[
    "FieldsV1",
    "JSON",
    "JSONSchemaPropsOrArray",
    "JSONSchemaPropsOrBool",
    "JSONSchemaPropsOrStringArray",
    "RawExtension",
];

/// Defaults of list-map keys: an entry without the key is identified by this value.
pub(crate) const DEFAULTS: &[(&str, &str, &str)] =
    &[("ContainerPort", "protocol", "TCP"), ("ServicePort", "protocol", "TCP")];
