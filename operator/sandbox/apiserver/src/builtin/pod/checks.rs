//! Checks of pods.

use serde_json::{Value, json};

use crate::field::{FieldError, Path};
use crate::value::{entries, has, text};
use crate::{names, quantity};

/// A new pod.
pub(super) fn pod(pod: &Value) -> Vec<FieldError> {
    pod_spec(&pod["spec"], &Path::new("spec"), false)
}

/// A pod spec at `path`; `_template` tells whether it is a workload's template.
pub(in crate::builtin) fn pod_spec(spec: &Value, path: &Path, _template: bool) -> Vec<FieldError> {
    let mut errors = Vec::new();
    containers(spec, "containers", path, &mut errors);
    containers(spec, "initContainers", path, &mut errors);
    volumes(spec, path, &mut errors);
    if entries(spec, "containers").next().is_none() {
        errors.push(FieldError::required(&path.child("containers"), ""));
    }
    let policy = text(spec, "restartPolicy");
    if !policy.is_empty() && !["Always", "OnFailure", "Never"].contains(&policy) {
        errors.push(FieldError::unsupported(
            &path.child("restartPolicy"),
            &policy.into(),
            &["Always", "OnFailure", "Never"],
        ));
    }
    errors
}

fn containers(spec: &Value, list: &str, path: &Path, errors: &mut Vec<FieldError>) {
    let mut seen = Vec::new();
    for (i, container) in entries(spec, list) {
        let here = path.child(list).index(i);
        let name = text(container, "name");
        if name.is_empty() {
            errors.push(FieldError::required(&here.child("name"), ""));
        } else {
            for problem in names::dns_label(name) {
                errors.push(FieldError::invalid(&here.child("name"), &name.into(), problem));
            }
            if seen.contains(&name) {
                errors.push(FieldError::duplicate(&here.child("name"), &name.into()));
            }
            seen.push(name);
        }
        if text(container, "image").is_empty() {
            errors.push(FieldError::required(&here.child("image"), ""));
        }
        mounts(spec, container, &here, errors);
        variables(container, &here, errors);
        resources(container, &here, errors);
        ports(container, &here, errors);
        handlers(container, &here, errors);
    }
}

/// No two ports of a container have one name.
fn ports(container: &Value, path: &Path, errors: &mut Vec<FieldError>) {
    let mut seen = Vec::new();
    for (i, port) in entries(container, "ports") {
        let name = text(port, "name");
        if !name.is_empty() && seen.contains(&name) {
            let at = path.child("ports").index(i).child("name");
            errors.push(FieldError::duplicate(&at, &name.into()));
        }
        seen.push(name);
    }
}

/// A probe or a hook has one handler.
fn handlers(container: &Value, path: &Path, errors: &mut Vec<FieldError>) {
    let of = |parent: &'static str, field: &'static str| {
        let (at, value) = match parent {
            "" => (path.child(field), &container[field]),
            _ => (path.child(parent).child(field), &container[parent][field]),
        };
        (at, value)
    };
    for (parent, field) in [
        ("", "startupProbe"),
        ("", "livenessProbe"),
        ("", "readinessProbe"),
        ("lifecycle", "preStop"),
        ("lifecycle", "postStart"),
    ] {
        let (at, handler) = of(parent, field);
        one_of(
            handler,
            &["exec", "httpGet", "tcpSocket", "grpc", "sleep"],
            &at,
            "handler",
            errors,
        );
    }
}

/// At most one of the fields is set.
fn one_of(value: &Value, fields: &[&str], path: &Path, what: &str, errors: &mut Vec<FieldError>) {
    for field in fields.iter().filter(|field| has(value, field)).skip(1) {
        let detail = format!("may not specify more than 1 {what} type");
        errors.push(FieldError::forbidden(&path.child(field), &detail));
    }
}

/// A volume has one source.
fn volumes(spec: &Value, path: &Path, errors: &mut Vec<FieldError>) {
    for (i, volume) in entries(spec, "volumes") {
        let fields = volume.as_object().into_iter().flat_map(|map| map.keys());
        let sources: Vec<&str> = fields.map(String::as_str).filter(|field| *field != "name").collect();
        one_of(volume, &sources, &path.child("volumes").index(i), "volume", errors);
    }
}

fn mounts(spec: &Value, container: &Value, path: &Path, errors: &mut Vec<FieldError>) {
    for (i, mount) in entries(container, "volumeMounts") {
        let here = path.child("volumeMounts").index(i);
        let name = text(mount, "name");
        if !entries(spec, "volumes").any(|(_, v)| text(v, "name") == name) {
            errors.push(FieldError::new(
                &here.child("name"),
                crate::field::Problem::NotFound(json!(name).to_string()),
            ));
        }
        if text(mount, "mountPath").is_empty() {
            errors.push(FieldError::required(&here.child("mountPath"), ""));
        }
    }
}

fn variables(container: &Value, path: &Path, errors: &mut Vec<FieldError>) {
    for (i, variable) in entries(container, "env") {
        let here = path.child("env").index(i);
        let name = text(variable, "name");
        if name.is_empty() {
            errors.push(FieldError::required(&here.child("name"), ""));
        } else if name.contains('=') || !name.bytes().all(|b| (b' '..=b'~').contains(&b)) {
            let detail =
                "a valid environment variable name must consist only of printable ASCII characters other than '='";
            errors.push(FieldError::invalid(&here.child("name"), &name.into(), detail));
        }
        if !text(variable, "value").is_empty() && has(variable, "valueFrom") {
            let detail = "may not be specified when `value` is not empty";
            errors.push(FieldError::invalid(&here.child("valueFrom"), &"".into(), detail));
        }
    }
}

/// Requests must not exceed their limits.
fn resources(container: &Value, path: &Path, errors: &mut Vec<FieldError>) {
    let resources = &container["resources"];
    for (name, request) in resources["requests"].as_object().into_iter().flatten() {
        let Some(limit) = resources["limits"].get(name) else {
            continue;
        };
        let number = |v: &Value| v.as_str().map_or_else(|| v.as_f64(), quantity::value);
        if number(request) > number(limit) {
            let shown = |v: &Value| quantity::canonical(v).unwrap_or_default();
            let detail = format!("must be less than or equal to {name} limit of {}", shown(limit));
            let at = path.child("resources").child("requests");
            errors.push(FieldError::invalid(&at, &shown(request).into(), detail));
        }
    }
}

/// An updated pod: only images, deadlines, tolerations and a few other fields may change.
pub(super) fn pod_update(new: &Value, old: &Value) -> Vec<FieldError> {
    let strip = |pod: &Value| {
        let mut spec = pod["spec"].clone();
        for list in ["containers", "initContainers"] {
            if let Some(containers) = spec.get_mut(list).and_then(Value::as_array_mut) {
                for container in containers {
                    if let Some(map) = container.as_object_mut() {
                        map.remove("image");
                    }
                }
            }
        }
        if let Some(map) = spec.as_object_mut() {
            for key in [
                "activeDeadlineSeconds",
                "terminationGracePeriodSeconds",
                "tolerations",
                "schedulingGates",
                "nodeName",
            ] {
                map.remove(key);
            }
        }
        spec
    };
    let mut errors = pod(new);
    if strip(new) != strip(old) || (has(&old["spec"], "nodeName") && new["spec"]["nodeName"] != old["spec"]["nodeName"])
    {
        errors.push(FieldError::forbidden(
            &Path::new("spec"),
            "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,\
             `spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),\
             `spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)",
        ));
    }
    errors
}
