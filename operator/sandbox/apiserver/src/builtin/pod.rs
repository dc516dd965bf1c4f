//! Pods, and the pod spec that workloads share.

use serde_json::{Value, json};

use crate::field::{FieldError, Path};
use crate::resource::Strategy;
use crate::value::{default_to, each, has, text};

mod checks;

pub(super) use checks::pod_spec;

/// Pods.
pub(crate) struct Pods;

impl Strategy for Pods {
    fn default(&self, pod: &mut Value) {
        if let Some(spec) = pod.get_mut("spec") {
            default_to(spec, "enableServiceLinks", true);
            default_spec(spec);
        }
    }

    fn initial_status(&self, pod: &Value) -> Option<Value> {
        let mut status = json!({ "phase": "Pending", "qosClass": qos_class(&pod["spec"]) });
        if has(&pod["spec"], "nodeName") {
            status["conditions"] = json!([]);
        }
        Some(status)
    }

    fn validate(&self, pod: &Value) -> Vec<FieldError> {
        checks::pod(pod)
    }

    fn validate_update(&self, new: &Value, old: &Value) -> Vec<FieldError> {
        checks::pod_update(new, old)
    }
}

/// Defaults of a pod spec, in a Pod or a template.
pub(super) fn default_spec(spec: &mut Value) {
    if !spec.is_object() {
        return;
    }
    default_to(spec, "dnsPolicy", "ClusterFirst");
    default_to(spec, "restartPolicy", "Always");
    default_to(spec, "schedulerName", "default-scheduler");
    default_to(spec, "securityContext", json!({}));
    default_to(spec, "terminationGracePeriodSeconds", 30);
    let account = text(spec, "serviceAccountName").to_owned();
    if !account.is_empty() {
        default_to(spec, "serviceAccount", account);
    } else if has(spec, "serviceAccount") {
        spec["serviceAccountName"] = spec["serviceAccount"].clone();
    }
    for volume in each(spec, "volumes") {
        default_volume(volume);
    }
    for list in ["initContainers", "containers", "ephemeralContainers"] {
        for container in each(spec, list) {
            default_container(container);
        }
    }
}

fn default_volume(volume: &mut Value) {
    for (source, key, value) in [
        ("configMap", "defaultMode", json!(420)),
        ("secret", "defaultMode", json!(420)),
        ("downwardAPI", "defaultMode", json!(420)),
        ("projected", "defaultMode", json!(420)),
        ("hostPath", "type", json!("")),
    ] {
        if let Some(found) = volume.get_mut(source).filter(|v| v.is_object()) {
            default_to(found, key, value);
        }
    }
    if let Some(api) = volume.get_mut("downwardAPI") {
        each(api, "items").for_each(default_field_ref);
    }
    if let Some(projected) = volume.get_mut("projected") {
        for source in each(projected, "sources") {
            if let Some(api) = source.get_mut("downwardAPI") {
                each(api, "items").for_each(default_field_ref);
            }
            if let Some(token) = source.get_mut("serviceAccountToken") {
                default_to(token, "expirationSeconds", 3600);
            }
        }
    }
    if let Some(claim) = volume
        .get_mut("ephemeral")
        .and_then(|e| e.get_mut("volumeClaimTemplate"))
        && let Some(spec) = claim.get_mut("spec")
    {
        default_to(spec, "volumeMode", "Filesystem");
    }
    let sources = volume.as_object().map_or(0, serde_json::Map::len);
    if sources == 1 && has(volume, "name") {
        volume["emptyDir"] = json!({});
    }
}

fn default_field_ref(holder: &mut Value) {
    if let Some(reference) = holder.get_mut("fieldRef") {
        default_to(reference, "apiVersion", "v1");
    }
    if let Some(reference) = holder.get_mut("resourceFieldRef") {
        default_to(reference, "divisor", "0");
    }
}

fn default_container(container: &mut Value) {
    let image = text(container, "image").to_owned();
    default_to(container, "imagePullPolicy", pull_policy(&image));
    default_to(container, "resources", json!({}));
    default_to(container, "terminationMessagePath", "/dev/termination-log");
    default_to(container, "terminationMessagePolicy", "File");
    default_requests(&mut container["resources"]);
    for port in each(container, "ports") {
        default_to(port, "protocol", "TCP");
    }
    for variable in each(container, "env") {
        if let Some(from) = variable.get_mut("valueFrom") {
            default_field_ref(from);
        }
    }
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if let Some(probe) = container.get_mut(probe).filter(|p| p.is_object()) {
            default_to(probe, "failureThreshold", 3);
            default_to(probe, "periodSeconds", 10);
            default_to(probe, "successThreshold", 1);
            default_to(probe, "timeoutSeconds", 1);
            default_action(probe);
        }
    }
    if let Some(lifecycle) = container.get_mut("lifecycle") {
        for hook in ["postStart", "preStop"] {
            if let Some(hook) = lifecycle.get_mut(hook) {
                default_action(hook);
            }
        }
    }
}

/// A limit without a request is also the request.
fn default_requests(resources: &mut Value) {
    let Some(limits) = resources.get("limits").and_then(Value::as_object).cloned() else {
        return;
    };
    if limits.is_empty() {
        return;
    }
    default_to(resources, "requests", json!({}));
    for (name, limit) in limits {
        default_to(&mut resources["requests"], &name, limit);
    }
}

fn default_action(holder: &mut Value) {
    if let Some(http) = holder.get_mut("httpGet").filter(|h| h.is_object()) {
        default_to(http, "path", "/");
        default_to(http, "scheme", "HTTP");
    }
    if let Some(grpc) = holder.get_mut("grpc").filter(|h| h.is_object()) {
        default_to(grpc, "service", "");
    }
}

/// `Always` for an image without tag or with `latest`, otherwise `IfNotPresent`.
fn pull_policy(image: &str) -> &'static str {
    if image.contains('@') {
        return "IfNotPresent";
    }
    let last = image.rsplit('/').next().unwrap_or(image);
    match last.split_once(':') {
        Some((_, tag)) if tag != "latest" => "IfNotPresent",
        _ => "Always",
    }
}

/// The quality-of-service class, from the containers' requests and limits.
fn qos_class(spec: &Value) -> &'static str {
    let mut any = false;
    let mut guaranteed = true;
    for list in ["initContainers", "containers"] {
        for container in spec.get(list).and_then(Value::as_array).into_iter().flatten() {
            let resources = &container["resources"];
            for name in ["cpu", "memory"] {
                let limit = resources["limits"].get(name);
                let request = resources["requests"].get(name);
                any |= limit.is_some() || request.is_some();
                guaranteed &= limit.is_some() && limit == request;
            }
        }
    }
    match (any, guaranteed) {
        (false, _) => "BestEffort",
        (true, true) => "Guaranteed",
        (true, false) => "Burstable",
    }
}

/// Checks the pod template at `path`.
pub(super) fn template(template: &Value, path: &Path) -> Vec<FieldError> {
    pod_spec(&template["spec"], &path.child("spec"), true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pull_policy_follows_the_tag() {
        for (image, policy) in [
            ("example.com/main", "Always"),
            ("example.com:5000/main", "Always"),
            ("main:latest", "Always"),
            ("main:1", "IfNotPresent"),
            ("main@sha256:abc", "IfNotPresent"),
        ] {
            assert_eq!(pull_policy(image), policy, "{image}");
        }
    }

    #[test]
    fn a_limit_is_also_the_request() {
        let mut spec = json!({"containers": [{"name": "a", "image": "b:1", "resources": {"limits": {"cpu": "1", "memory": "1Gi"}}}]});
        default_spec(&mut spec);
        assert_eq!(
            spec["containers"][0]["resources"]["requests"],
            json!({"cpu": "1", "memory": "1Gi"})
        );
        assert_eq!(qos_class(&spec), "Guaranteed");
    }
}
