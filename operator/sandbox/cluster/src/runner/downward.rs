//! The downward API: a Pod's fields and resources.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, Pod, ResourceFieldSelector};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::ResourceExt;

/// Why a reference can't be resolved.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum FieldError {
    /// The field is not supported.
    #[error("unsupported fieldPath: {0}")]
    Path(String),
    /// The resource is not supported.
    #[error("unsupported container resource: {0}")]
    Resource(String),
    /// The Pod has no container of this name.
    #[error("container {0} not found")]
    Container(String),
}

/// A field of a Pod by its path (`fieldRef`).
pub fn field(pod: &Pod, path: &str) -> Result<String, FieldError> {
    let spec = pod.spec.as_ref();
    let status = pod.status.as_ref();
    let value = match path {
        "metadata.name" => pod.metadata.name.clone(),
        "metadata.namespace" => pod.metadata.namespace.clone(),
        "metadata.uid" => pod.metadata.uid.clone(),
        "metadata.labels" => Some(lines(pod.labels())),
        "metadata.annotations" => Some(lines(pod.annotations())),
        "spec.nodeName" => spec.and_then(|spec| spec.node_name.clone()),
        "spec.serviceAccountName" => spec.and_then(|spec| spec.service_account_name.clone()),
        "status.podIP" | "status.podIPs" => status.and_then(|status| status.pod_ip.clone()),
        "status.hostIP" | "status.hostIPs" => status.and_then(|status| status.host_ip.clone()),
        _ => return member(pod, path),
    };
    Ok(value.unwrap_or_default())
}

/// `metadata.labels['key']` and `metadata.annotations['key']`.
fn member(pod: &Pod, path: &str) -> Result<String, FieldError> {
    let unknown = || FieldError::Path(path.to_string());
    let (map, subscript) = path.split_once('[').ok_or_else(unknown)?;
    let key = subscript
        .strip_suffix(']')
        .ok_or_else(unknown)?
        .trim_matches(['\'', '"']);
    let members = match map {
        "metadata.labels" => pod.labels(),
        "metadata.annotations" => pod.annotations(),
        _ => return Err(unknown()),
    };
    Ok(members.get(key).cloned().unwrap_or_default())
}

fn lines(map: &BTreeMap<String, String>) -> String {
    map.iter()
        .map(|(key, value)| format!("{key}={value:?}"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// A request or limit of a container, divided and rounded up (`resourceFieldRef`). A limit that is not set is the
/// machine's capacity.
pub fn resource(pod: &Pod, own: Option<&Container>, selector: &ResourceFieldSelector) -> Result<String, FieldError> {
    let named = |name: &String| {
        let containers = pod
            .spec
            .iter()
            .flat_map(|spec| spec.containers.iter().chain(spec.init_containers.iter().flatten()));
        containers.into_iter().find(|container| container.name == *name)
    };
    let container = match &selector.container_name {
        Some(name) => Some(named(name).ok_or_else(|| FieldError::Container(name.clone()))?),
        None => own,
    };
    let unknown = || FieldError::Resource(selector.resource.clone());
    let (group, name) = selector.resource.split_once('.').ok_or_else(unknown)?;
    let resources = container.and_then(|container| container.resources.as_ref());
    let set = match group {
        "limits" => resources.and_then(|resources| resources.limits.as_ref()),
        "requests" => resources.and_then(|resources| resources.requests.as_ref()),
        _ => return Err(unknown()),
    };
    let value = match (set.and_then(|set| set.get(name)).and_then(parse), group, name) {
        (Some(value), _, _) => value,
        (None, "limits", "cpu") => machine_cpus(),
        (None, "limits", "memory") => machine_memory(),
        (None, _, "cpu" | "memory" | "ephemeral-storage") => 0.0,
        _ => return Err(unknown()),
    };
    let divisor = selector
        .divisor
        .as_ref()
        .and_then(parse)
        .filter(|divisor| *divisor > 0.0)
        .unwrap_or(1.0);
    Ok(format!("{:.0}", (value / divisor).ceil()))
}

/// A quantity as a number.
pub fn parse(quantity: &Quantity) -> Option<f64> {
    let text = quantity.0.trim();
    let split = text
        .find(|c: char| !matches!(c, '0'..='9' | '.' | '+' | '-'))
        .unwrap_or(text.len());
    let (number, suffix) = text.split_at(split);
    let factor = match suffix {
        "" => 1.0,
        "n" => 1e-9,
        "u" => 1e-6,
        "m" => 1e-3,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "P" => 1e15,
        "E" => 1e18,
        "Ki" => 1024.0,
        "Mi" => 1024.0_f64.powi(2),
        "Gi" => 1024.0_f64.powi(3),
        "Ti" => 1024.0_f64.powi(4),
        "Pi" => 1024.0_f64.powi(5),
        "Ei" => 1024.0_f64.powi(6),
        _ => 10_f64.powi(suffix.strip_prefix(['e', 'E'])?.parse().ok()?),
    };
    Some(number.parse::<f64>().ok()? * factor)
}

/// Cores of this machine.
pub fn machine_cpus() -> f64 {
    let cpus = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    u32::try_from(cpus).map_or(1.0, f64::from)
}

/// Bytes of memory of this machine; 0 if `/proc` is not available.
pub fn machine_memory() -> f64 {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kilobytes = line
        .and_then(|line| line.split_whitespace().next())
        .and_then(|number| number.parse::<f64>().ok());
    kilobytes.unwrap_or(0.0) * 1024.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn fields_and_resources_are_read_as_kubelet_writes_them() {
        let pod: Pod = serde_json::from_value(json!({
            "metadata": { "name": "p", "labels": { "a": "1", "b": "two\"s" } },
            "spec": { "containers": [{ "name": "c", "resources": { "limits": { "cpu": "1500m", "memory": "64Mi" } } }] },
            "status": { "podIP": "127.80.0.1" },
        }))
        .expect("a Pod");
        for (path, expected) in [
            ("metadata.name", "p"),
            ("metadata.labels['b']", "two\"s"),
            ("metadata.labels['none']", ""),
            ("metadata.labels", "a=\"1\"\nb=\"two\\\"s\""),
            ("status.podIP", "127.80.0.1"),
        ] {
            assert_eq!(field(&pod, path).as_deref(), Ok(expected), "{path}");
        }
        assert_eq!(
            field(&pod, "spec.hostname"),
            Err(FieldError::Path("spec.hostname".into()))
        );
        for (name, divisor, expected) in [
            ("limits.cpu", "0", "2"),
            ("limits.cpu", "1m", "1500"),
            ("limits.memory", "1Mi", "64"),
            ("requests.cpu", "0", "0"),
        ] {
            let selector = ResourceFieldSelector {
                container_name: Some("c".into()),
                divisor: Some(Quantity(divisor.into())),
                resource: name.into(),
            };
            assert_eq!(resource(&pod, None, &selector).as_deref(), Ok(expected), "{name}");
        }
    }
}
