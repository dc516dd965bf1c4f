//! Computes addresses and their endpoints from Services and EndpointSlices. Pure.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::ResourceExt;

use crate::controllers::endpoint_slice::plan::SERVICE;

/// The Service and its sorted endpoints for each address.
pub type Routes = HashMap<SocketAddr, (Arc<Service>, Vec<SocketAddr>)>;

/// The routes of these objects. Only ready endpoints get new connections; terminating ones are not ready.
pub fn of(services: &[Arc<Service>], slices: &[Arc<EndpointSlice>]) -> Routes {
    let mut routes = Routes::new();
    for service in services {
        let Some(spec) = service.spec.as_ref() else { continue };
        let Some(address) = spec
            .cluster_ip
            .as_deref()
            .and_then(|address| address.parse::<IpAddr>().ok())
        else {
            continue;
        };
        let own: Vec<&EndpointSlice> = slices
            .iter()
            .map(Arc::as_ref)
            .filter(|slice| belongs(slice, service))
            .collect();
        for port in spec
            .ports
            .iter()
            .flatten()
            .filter(|port| port.protocol.as_deref().unwrap_or("TCP") == "TCP")
        {
            let Ok(number) = u16::try_from(port.port) else { continue };
            let name = port.name.as_deref().unwrap_or_default();
            let mut endpoints: Vec<SocketAddr> = own.iter().flat_map(|slice| ready(slice, name)).collect();
            endpoints.sort_unstable();
            endpoints.dedup();
            routes.insert(SocketAddr::new(address, number), (Arc::clone(service), endpoints));
        }
    }
    routes
}

fn belongs(slice: &EndpointSlice, service: &Service) -> bool {
    slice.namespace() == service.namespace() && slice.labels().get(SERVICE) == Some(&service.name_any())
}

fn ready(slice: &EndpointSlice, port: &str) -> Vec<SocketAddr> {
    let named = slice.ports.iter().flatten().find(|candidate| {
        candidate.name.as_deref().unwrap_or_default() == port && candidate.protocol.as_deref().unwrap_or("TCP") == "TCP"
    });
    let Some(number) = named
        .and_then(|port| port.port)
        .and_then(|number| u16::try_from(number).ok())
    else {
        return Vec::new();
    };
    let endpoints = slice.endpoints.iter().flatten();
    endpoints
        .filter(|endpoint| endpoint.conditions.as_ref().and_then(|conditions| conditions.ready) != Some(false))
        .flat_map(|endpoint| &endpoint.addresses)
        .filter_map(|address| Some(SocketAddr::new(address.parse().ok()?, number)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_ready_endpoints_of_the_services_own_slices_are_behind_its_ports() {
        let service: Service = serde_json::from_value(json!({
            "metadata": { "name": "s", "namespace": "ns" },
            "spec": { "clusterIP": "127.64.0.1",
                      "ports": [{ "name": "http", "port": 80 }, { "name": "dns", "port": 53, "protocol": "UDP" }, { "name": "no", "port": 81 }] },
        }))
        .expect("a Service");
        let slice = |namespace: &str, address: &str, ready: Option<bool>| -> Arc<EndpointSlice> {
            let slice = json!({
                "metadata": { "name": "x", "namespace": namespace, "labels": { "kubernetes.io/service-name": "s" } },
                "addressType": "IPv4",
                "endpoints": [{ "addresses": [address], "conditions": { "ready": ready } }],
                "ports": [{ "name": "http", "port": 8080, "protocol": "TCP" }],
            });
            Arc::new(serde_json::from_value(slice).expect("a slice"))
        };
        let slices = [
            slice("ns", "127.80.0.2", Some(true)),
            slice("ns", "127.80.0.1", None),
            slice("ns", "127.80.0.3", Some(false)),
            slice("other", "127.80.0.4", Some(true)),
        ];
        let headless: Service = serde_json::from_value(json!({
            "metadata": { "name": "s", "namespace": "ns" }, "spec": { "clusterIP": "None", "ports": [{ "port": 80 }] },
        }))
        .expect("a Service");
        let routes = of(&[Arc::new(service), Arc::new(headless)], &slices);
        let at = |text: &str| text.parse::<SocketAddr>().expect("an address");
        assert_eq!(routes.len(), 2);
        assert_eq!(
            routes[&at("127.64.0.1:80")].1,
            [at("127.80.0.1:8080"), at("127.80.0.2:8080")]
        );
        assert_eq!(routes[&at("127.64.0.1:81")].1, []);
    }
}
