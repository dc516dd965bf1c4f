//! Autoscalers, disruption budgets, network policies and RBAC objects.

use serde_json::{Value, json};

use super::{Strategy, default_to, each, has};
use crate::api::field::{FieldError, Path};

/// HorizontalPodAutoscalers.
pub(crate) struct Autoscalers;

impl Strategy for Autoscalers {
    fn default(&self, object: &mut Value) {
        let Some(spec) = object.get_mut("spec").filter(|s| s.is_object()) else { return };
        default_to(spec, "minReplicas", 1);
        if spec["metrics"].as_array().is_none_or(Vec::is_empty) {
            spec["metrics"] = json!([{
                "type": "Resource",
                "resource": { "name": "cpu", "target": { "type": "Utilization", "averageUtilization": 80 } },
            }]);
        }
    }

    fn prepare_create(&self, object: &mut Value) {
        object["status"] = json!({ "desiredReplicas": 0, "currentMetrics": null });
    }

    fn prepare_update(&self, new: &mut Value, old: &Value) {
        new["status"] = old["status"].clone();
    }
}

/// PodDisruptionBudgets.
pub(crate) struct DisruptionBudgets;

impl Strategy for DisruptionBudgets {
    fn prepare_create(&self, object: &mut Value) {
        object["status"] =
            json!({ "currentHealthy": 0, "desiredHealthy": 0, "disruptionsAllowed": 0, "expectedPods": 0 });
    }

    fn prepare_update(&self, new: &mut Value, old: &Value) {
        new["status"] = old["status"].clone();
    }
}

/// NetworkPolicies.
pub(crate) struct NetworkPolicies;

impl Strategy for NetworkPolicies {
    fn default(&self, object: &mut Value) {
        let Some(spec) = object.get_mut("spec").filter(|s| s.is_object()) else { return };
        for direction in ["ingress", "egress"] {
            for rule in each(spec, direction) {
                for port in each(rule, "ports") {
                    default_to(port, "protocol", "TCP");
                }
            }
        }
        if !has(spec, "policyTypes") {
            let outward = spec["egress"].as_array().is_some_and(|e| !e.is_empty());
            spec["policyTypes"] = if outward { json!(["Ingress", "Egress"]) } else { json!(["Ingress"]) };
        }
    }
}

/// Roles and ClusterRoles.
pub(crate) struct Roles;

impl Strategy for Roles {
    fn default(&self, object: &mut Value) {
        default_to(object, "rules", Value::Null);
    }
}

/// RoleBindings and ClusterRoleBindings.
pub(crate) struct Bindings;

impl Strategy for Bindings {
    fn default(&self, object: &mut Value) {
        if let Some(role) = object.get_mut("roleRef").filter(|r| r.is_object()) {
            default_to(role, "apiGroup", "rbac.authorization.k8s.io");
        }
        for subject in each(object, "subjects") {
            if subject["kind"] == "User" || subject["kind"] == "Group" {
                default_to(subject, "apiGroup", "rbac.authorization.k8s.io");
            }
        }
    }

    fn validate_update(&self, new: &Value, old: &Value) -> Vec<FieldError> {
        let mut errors = self.validate(new);
        if new["roleRef"] != old["roleRef"] {
            errors.push(FieldError::invalid(&Path::new("roleRef"), &new["roleRef"], "cannot change roleRef"));
        }
        errors
    }
}
