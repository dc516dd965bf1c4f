//! Autoscalers, disruption budgets, network policies and RBAC objects.

use serde_json::{Value, json};

use crate::field::{FieldError, Path};
use crate::resource::Strategy;
use crate::value::{default_to, each, entries, has, text};

/// HorizontalPodAutoscalers.
pub(crate) struct Autoscalers;

impl Strategy for Autoscalers {
    fn default(&self, object: &mut Value) {
        let Some(spec) = object.get_mut("spec").filter(|s| s.is_object()) else {
            return;
        };
        default_to(spec, "minReplicas", 1);
        if spec["metrics"].as_array().is_none_or(Vec::is_empty) {
            spec["metrics"] = json!([{
                "type": "Resource",
                "resource": { "name": "cpu", "target": { "type": "Utilization", "averageUtilization": 80 } },
            }]);
        }
    }

    fn initial_status(&self, _object: &Value) -> Option<Value> {
        Some(json!({ "desiredReplicas": 0, "currentMetrics": null }))
    }

    fn validate(&self, object: &Value) -> Vec<FieldError> {
        autoscaler(&object["spec"])
    }
}

/// PodDisruptionBudgets.
pub(crate) struct DisruptionBudgets;

impl Strategy for DisruptionBudgets {
    fn initial_status(&self, _object: &Value) -> Option<Value> {
        Some(json!({ "currentHealthy": 0, "desiredHealthy": 0, "disruptionsAllowed": 0, "expectedPods": 0 }))
    }

    fn validate(&self, object: &Value) -> Vec<FieldError> {
        budget(&object["spec"])
    }
}

/// NetworkPolicies.
pub(crate) struct NetworkPolicies;

impl Strategy for NetworkPolicies {
    fn default(&self, object: &mut Value) {
        let Some(spec) = object.get_mut("spec").filter(|s| s.is_object()) else {
            return;
        };
        for direction in ["ingress", "egress"] {
            for rule in each(spec, direction) {
                for port in each(rule, "ports") {
                    default_to(port, "protocol", "TCP");
                }
            }
        }
        if !has(spec, "policyTypes") {
            let outward = spec["egress"].as_array().is_some_and(|e| !e.is_empty());
            spec["policyTypes"] = if outward {
                json!(["Ingress", "Egress"])
            } else {
                json!(["Ingress"])
            };
        }
    }

    fn validate(&self, object: &Value) -> Vec<FieldError> {
        network_policy(&object["spec"])
    }
}

fn autoscaler(spec: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let path = Path::new("spec");
    let (least, most) = (
        spec["minReplicas"].as_i64().unwrap_or(1),
        spec["maxReplicas"].as_i64().unwrap_or(0),
    );
    if least < 1 {
        let detail = "must be greater than or equal to 1";
        errors.push(FieldError::invalid(
            &path.child("minReplicas"),
            &spec["minReplicas"],
            detail,
        ));
    }
    if most < 1 {
        errors.push(FieldError::required(
            &path.child("maxReplicas"),
            "must be set and greater than 0",
        ));
    }
    if most < least {
        let detail = "must be greater than or equal to `minReplicas`";
        errors.push(FieldError::invalid(&path.child("maxReplicas"), &most.into(), detail));
    }
    for field in ["kind", "name"] {
        if text(&spec["scaleTargetRef"], field).is_empty() {
            errors.push(FieldError::required(&path.child("scaleTargetRef").child(field), ""));
        }
    }
    for (i, metric) in entries(spec, "metrics") {
        let kind = text(metric, "type");
        let source = match kind {
            "Resource" => "resource",
            "ContainerResource" => "containerResource",
            "Pods" => "pods",
            "Object" => "object",
            "External" => "external",
            _ => {
                let supported = ["ContainerResource", "External", "Object", "Pods", "Resource"];
                let at = path.child("metrics").index(i).child("type");
                errors.push(FieldError::unsupported(&at, &kind.into(), &supported));
                continue;
            }
        };
        if !has(metric, source) {
            let detail = "must populate information for the given metric source";
            errors.push(FieldError::required(
                &path.child("metrics").index(i).child(source),
                detail,
            ));
        }
    }
    if least == 0 && !entries(spec, "metrics").any(|(_, m)| matches!(text(m, "type"), "Object" | "External")) {
        let detail = "must specify at least one Object or External metric to support scaling to zero replicas";
        errors.push(FieldError::forbidden(&path.child("metrics"), detail));
    }
    errors
}

fn budget(spec: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let path = Path::new("spec");
    if has(spec, "minAvailable") && has(spec, "maxUnavailable") {
        let detail = "minAvailable and maxUnavailable cannot be both set";
        errors.push(FieldError::invalid(&path, spec, detail));
    }
    for field in ["minAvailable", "maxUnavailable"] {
        let (value, at) = (&spec[field], path.child(field));
        if value.as_i64().is_some_and(|n| n < 0) {
            errors.push(FieldError::invalid(&at, value, "must be greater than or equal to 0"));
        }
        if let Some(share) = value.as_str() {
            match share.strip_suffix('%').and_then(|n| n.parse::<u32>().ok()) {
                Some(percent) if percent > 100 => {
                    errors.push(FieldError::invalid(&at, value, "must not be greater than 100%"));
                }
                Some(_) => {}
                None => {
                    let detail = "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or \
                                  '93%', regex used for validation is '[0-9]+%')";
                    errors.push(FieldError::invalid(&at, value, detail));
                }
            }
        }
    }
    errors
}

fn network_policy(spec: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let path = Path::new("spec");
    for (direction, side) in [("ingress", "from"), ("egress", "to")] {
        for (i, rule) in entries(spec, direction) {
            let here = path.child(direction).index(i);
            for (p, port) in entries(rule, "ports") {
                if port["port"].as_i64().is_some_and(|n| !(1..=65535).contains(&n)) {
                    let at = here.child("ports").index(p).child("port");
                    errors.push(FieldError::invalid(
                        &at,
                        &port["port"],
                        "must be between 1 and 65535, inclusive",
                    ));
                }
            }
            for (p, peer) in entries(rule, side) {
                let cidr = text(&peer["ipBlock"], "cidr");
                let valid = cidr.split_once('/').is_some_and(|(ip, bits)| {
                    ip.parse::<std::net::IpAddr>().is_ok() && bits.parse::<u8>().is_ok_and(|b| b <= 128)
                });
                if has(peer, "ipBlock") && !valid {
                    let at = here.child(side).index(p).child("ipBlock").child("cidr");
                    let detail = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";
                    errors.push(FieldError::invalid(&at, &cidr.into(), detail));
                }
            }
        }
    }
    for (i, kind) in entries(spec, "policyTypes") {
        if *kind != "Ingress" && *kind != "Egress" {
            errors.push(FieldError::unsupported(
                &path.child("policyTypes").index(i),
                kind,
                &["Ingress", "Egress"],
            ));
        }
    }
    errors
}

/// Roles and ClusterRoles.
pub(crate) struct Roles;

impl Strategy for Roles {
    fn validate(&self, object: &Value) -> Vec<FieldError> {
        let mut errors = Vec::new();
        for (i, rule) in entries(object, "rules") {
            let path = Path::new("rules").index(i);
            let empty = |field: &str| rule[field].as_array().is_none_or(Vec::is_empty);
            if empty("verbs") {
                errors.push(FieldError::required(
                    &path.child("verbs"),
                    "verbs must contain at least one value",
                ));
            }
            if !empty("nonResourceURLs") {
                continue;
            }
            if empty("apiGroups") {
                let detail = "resource rules must supply at least one api group";
                errors.push(FieldError::required(&path.child("apiGroups"), detail));
            }
            if empty("resources") {
                let detail = "resource rules must supply at least one resource";
                errors.push(FieldError::required(&path.child("resources"), detail));
            }
        }
        errors
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

    fn validate(&self, object: &Value) -> Vec<FieldError> {
        let mut errors = Vec::new();
        for (i, subject) in entries(object, "subjects") {
            let path = Path::new("subjects").index(i);
            let kind = text(subject, "kind");
            if !["ServiceAccount", "User", "Group"].contains(&kind) {
                let supported = ["Group", "ServiceAccount", "User"];
                errors.push(FieldError::unsupported(&path.child("kind"), &kind.into(), &supported));
            }
            if text(subject, "name").is_empty() {
                errors.push(FieldError::required(&path.child("name"), ""));
            }
        }
        errors
    }

    fn validate_update(&self, new: &Value, old: &Value) -> Vec<FieldError> {
        let mut errors = self.validate(new);
        if new["roleRef"] != old["roleRef"] {
            errors.push(FieldError::invalid(
                &Path::new("roleRef"),
                &new["roleRef"],
                "cannot change roleRef",
            ));
        }
        errors
    }
}
