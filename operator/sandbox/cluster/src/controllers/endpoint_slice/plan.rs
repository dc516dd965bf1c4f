//! The EndpointSlices of a Service, from its Pods. Pure.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{ObjectReference, Pod, Service, ServicePort};
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointConditions, EndpointPort, EndpointSlice};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::ResourceExt;

use crate::controllers::pods::{controlled_by, is_ready, is_terminal};

/// The label with the name of a slice's Service.
pub const SERVICE: &str = "kubernetes.io/service-name";
/// The label with the name of a slice's controller.
pub const MANAGED_BY: &str = "endpointslice.kubernetes.io/managed-by";
/// This controller's value of [`MANAGED_BY`].
pub const CONTROLLER: &str = "endpointslice-controller.k8s.io";
const HEADLESS: &str = "service.kubernetes.io/headless";
/// Most endpoints in one slice.
const LARGEST: usize = 100;

/// The actions of a pass.
#[derive(Debug, Default)]
pub struct Plan {
    /// Slices to create.
    pub create: Vec<EndpointSlice>,
    /// Slices to replace.
    pub replace: Vec<EndpointSlice>,
    /// Names of slices to delete.
    pub delete: Vec<String>,
}

/// Plans one pass: `pods` are the Pods that the Service selects, `slices` the Service's slices of this controller.
pub fn plan(service: &Service, pods: &[Pod], slices: &[EndpointSlice]) -> Plan {
    let selects = service
        .spec
        .as_ref()
        .and_then(|spec| spec.selector.as_ref())
        .is_some_and(|selector| !selector.is_empty());
    let external = service.spec.as_ref().and_then(|spec| spec.type_.as_deref()) == Some("ExternalName");
    if !selects || external || service.metadata.deletion_timestamp.is_some() {
        return Plan {
            delete: slices.iter().map(ResourceExt::name_any).collect(),
            ..Plan::default()
        };
    }
    let mut existing: Vec<&EndpointSlice> = slices.iter().collect();
    existing.sort_by_key(|slice| slice.name_any());
    let mut existing = existing.into_iter();
    let mut plan = Plan::default();
    for (ports, endpoints) in wanted(service, pods) {
        let slice = build(service, ports, endpoints);
        match existing.next() {
            None => plan.create.push(slice),
            Some(old) if says_the_same(old, &slice) => {}
            Some(old) => plan.replace.push(EndpointSlice {
                metadata: ObjectMeta {
                    labels: slice.metadata.labels,
                    owner_references: slice.metadata.owner_references,
                    managed_fields: None,
                    ..old.metadata.clone()
                },
                ..slice
            }),
        }
    }
    plan.delete = existing.map(ResourceExt::name_any).collect();
    plan
}

fn says_the_same(old: &EndpointSlice, new: &EndpointSlice) -> bool {
    let listed = |slice: &EndpointSlice| {
        (
            slice.endpoints.clone().unwrap_or_default(),
            slice.ports.clone().unwrap_or_default(),
        )
    };
    listed(old) == listed(new) && old.metadata.labels == new.metadata.labels
}

type Group = (Vec<EndpointPort>, Vec<Endpoint>);

/// Endpoints, grouped by their resolved ports (a named port may differ between Pods) and divided into slices. A Service
/// without endpoints has one empty slice.
fn wanted(service: &Service, pods: &[Pod]) -> Vec<Group> {
    let publish_all = service
        .spec
        .as_ref()
        .is_some_and(|spec| spec.publish_not_ready_addresses == Some(true));
    let mut groups: BTreeMap<String, Group> = BTreeMap::new();
    let mut sorted: Vec<&Pod> = pods.iter().filter(|pod| !is_terminal(pod)).collect();
    sorted.sort_by_key(|pod| pod.name_any());
    for pod in sorted {
        let Some(address) = pod
            .status
            .as_ref()
            .and_then(|status| status.pod_ip.clone())
            .filter(|ip| !ip.is_empty())
        else {
            continue;
        };
        let ports = ports_on(service, pod);
        let key = serde_json::to_string(&ports).unwrap_or_default();
        groups
            .entry(key)
            .or_insert((ports, Vec::new()))
            .1
            .push(endpoint(pod, address, publish_all));
    }
    let cut = groups.into_values().flat_map(|(ports, endpoints)| {
        endpoints
            .chunks(LARGEST)
            .map(|part| (ports.clone(), part.to_vec()))
            .collect::<Vec<_>>()
    });
    let cut: Vec<Group> = cut.collect();
    if cut.is_empty() {
        vec![(Vec::new(), Vec::new())]
    } else {
        cut
    }
}

fn endpoint(pod: &Pod, address: String, publish_all: bool) -> Endpoint {
    let serving = is_ready(pod);
    let terminating = pod.metadata.deletion_timestamp.is_some();
    Endpoint {
        addresses: vec![address],
        conditions: Some(EndpointConditions {
            ready: Some(publish_all || (serving && !terminating)),
            serving: Some(serving),
            terminating: Some(terminating),
        }),
        node_name: pod.spec.as_ref().and_then(|spec| spec.node_name.clone()),
        target_ref: Some(ObjectReference {
            kind: Some("Pod".into()),
            namespace: pod.namespace(),
            name: Some(pod.name_any()),
            uid: pod.uid(),
            ..ObjectReference::default()
        }),
        ..Endpoint::default()
    }
}

fn ports_on(service: &Service, pod: &Pod) -> Vec<EndpointPort> {
    let ports = service
        .spec
        .as_ref()
        .and_then(|spec| spec.ports.as_ref())
        .into_iter()
        .flatten();
    ports
        .filter_map(|port| {
            Some(EndpointPort {
                name: Some(port.name.clone().unwrap_or_default()),
                port: Some(target(port, pod)?),
                protocol: Some(port.protocol.clone().unwrap_or_else(|| "TCP".into())),
                app_protocol: port.app_protocol.clone(),
            })
        })
        .collect()
}

/// The port number of a Service's port on this Pod; `None` if no container has a port of this name.
fn target(port: &ServicePort, pod: &Pod) -> Option<i32> {
    let protocol = port.protocol.as_deref().unwrap_or("TCP");
    match &port.target_port {
        None => Some(port.port),
        Some(IntOrString::Int(number)) => Some(*number),
        Some(IntOrString::String(name)) => {
            let mut declared = pod
                .spec
                .as_ref()?
                .containers
                .iter()
                .flat_map(|container| container.ports.iter().flatten());
            declared
                .find(|declared| {
                    declared.name.as_deref() == Some(name) && declared.protocol.as_deref().unwrap_or("TCP") == protocol
                })
                .map(|declared| declared.container_port)
        }
    }
}

fn build(service: &Service, ports: Vec<EndpointPort>, endpoints: Vec<Endpoint>) -> EndpointSlice {
    let mut labels = service.labels().clone();
    labels.insert(SERVICE.into(), service.name_any());
    labels.insert(MANAGED_BY.into(), CONTROLLER.into());
    if service.spec.as_ref().and_then(|spec| spec.cluster_ip.as_deref()) == Some("None") {
        labels.insert(HEADLESS.into(), String::new());
    }
    EndpointSlice {
        metadata: ObjectMeta {
            namespace: service.namespace(),
            generate_name: Some(format!("{}-", service.name_any())),
            labels: Some(labels),
            owner_references: controlled_by(service),
            ..ObjectMeta::default()
        },
        address_type: "IPv4".into(),
        endpoints: Some(endpoints),
        ports: Some(ports),
    }
}
