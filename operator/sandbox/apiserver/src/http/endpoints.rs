//! Picks a ready endpoint of a Service from its EndpointSlices.

use serde_json::Value;

use crate::Api;
use crate::error::{ApiError, Qualified};
use crate::meta::Meta;

/// `[scheme:]name[:port]` in a proxy path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServicePort {
    /// `http` or `https`.
    pub(crate) scheme: String,
    /// Name of the Service.
    pub(crate) name: String,
    /// Port number or name; empty for the only port.
    pub(crate) port: String,
}

impl ServicePort {
    /// Reads a path segment.
    pub(crate) fn parse(text: &str) -> Self {
        let parts: Vec<&str> = text.split(':').collect();
        let (scheme, name, port) = match parts.as_slice() {
            [name] => ("", *name, ""),
            [name, port] => ("", *name, *port),
            [scheme, name, port, ..] => (*scheme, *name, *port),
            [] => ("", "", ""),
        };
        let scheme = if scheme.is_empty() { "http" } else { scheme };
        Self {
            scheme: scheme.into(),
            name: name.into(),
            port: port.into(),
        }
    }
}

/// `host:port` of a random ready endpoint.
///
/// # Errors
/// 404 if the Service does not exist, 503 if it has no ready endpoint.
pub(crate) fn pick(api: &Api, namespace: &str, target: &ServicePort) -> Result<String, ApiError> {
    let services = Qualified {
        group: String::new(),
        resource: "services".into(),
    };
    let service = api
        .store
        .get("/services", namespace, &target.name)
        .ok_or_else(|| ApiError::not_found(&services, &target.name))?;
    let none = || ApiError::service_unavailable(format!("no endpoints available for service \"{}\"", target.name));
    let wanted = service_port(&service.object, &target.port).ok_or_else(|| {
        ApiError::service_unavailable(format!(
            "no service port \"{}\" found for service \"{}\"",
            target.port, target.name
        ))
    })?;
    let mut found = Vec::new();
    for slice in api.store.all("discovery.k8s.io/endpointslices", namespace) {
        if slice.object.label("kubernetes.io/service-name") != Some(&target.name) {
            continue;
        }
        let port = slice.object["ports"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|p| p["name"].as_str().unwrap_or_default() == wanted)
            .and_then(|p| p["port"].as_u64());
        let Some(port) = port else { continue };
        for endpoint in slice.object["endpoints"].as_array().into_iter().flatten() {
            if endpoint["conditions"]["ready"] == false {
                continue;
            }
            let addresses = endpoint["addresses"].as_array().into_iter().flatten();
            found.extend(
                addresses
                    .filter_map(Value::as_str)
                    .map(|address| format!("{address}:{port}")),
            );
        }
    }
    let count = found.len();
    found
        .into_iter()
        .nth(rand::random::<u32>() as usize % count.max(1))
        .ok_or_else(none)
}

/// The name of the requested port.
fn service_port(service: &Value, port: &str) -> Option<String> {
    let ports = service["spec"]["ports"].as_array()?;
    let name = |p: &Value| p["name"].as_str().unwrap_or_default().to_owned();
    if port.is_empty() {
        return match ports.as_slice() {
            [one] => Some(name(one)),
            many => many.iter().map(name).find(String::is_empty),
        };
    }
    let by_number = port.parse::<u64>().ok();
    ports
        .iter()
        .find(|p| name(p) == port || (by_number.is_some() && p["port"].as_u64() == by_number))
        .map(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_segments_are_read() {
        for (text, scheme, name, port) in [
            ("web", "http", "web", ""),
            ("web:80", "http", "web", "80"),
            ("https:web:api", "https", "web", "api"),
            ("http:web:", "http", "web", ""),
        ] {
            let read = ServicePort::parse(text);
            assert_eq!(
                (&*read.scheme, &*read.name, &*read.port),
                (scheme, name, port),
                "{text}"
            );
        }
    }
}
