//! Admission that depends on other objects: service accounts of pods, cluster IPs and node ports of Services.

use std::net::Ipv4Addr;

use serde_json::{Value, json};

use crate::Api;
use crate::addresses::AddressPool;
use crate::error::ApiError;
use crate::field::{FieldError, Path};
use crate::meta::{Meta, name_suffix};
use crate::resource::Resource;
use crate::value::{default_to, has, text};

/// Completes and checks a new object.
///
/// # Errors
/// 403 if a pod names an account that does not exist.
pub(super) fn admit_new(api: &Api, resource: &Resource, object: &mut Value) -> Result<(), ApiError> {
    if &*resource.storage == "/pods" && object.get("spec").is_some_and(Value::is_object) {
        admit_pod(api, resource, object)?;
    }
    Ok(())
}

fn admit_pod(api: &Api, resource: &Resource, pod: &mut Value) -> Result<(), ApiError> {
    let (namespace, name) = (pod.namespace().to_owned(), pod.name().to_owned());
    let account = match text(&pod["spec"], "serviceAccountName") {
        "" => "default".to_owned(),
        given => given.to_owned(),
    };
    let Some(found) = api.store.get("/serviceaccounts", &namespace, &account) else {
        let why =
            format!("error looking up service account {namespace}/{account}: serviceaccount \"{account}\" not found");
        return Err(ApiError::forbidden(&resource.qualified(), &name, why));
    };
    let spec = &mut pod["spec"];
    spec["serviceAccountName"] = account.clone().into();
    spec["serviceAccount"] = account.into();
    default_to(spec, "priority", 0);
    default_to(spec, "preemptionPolicy", "PreemptLowerPriority");
    let mounts_token = spec["automountServiceAccountToken"]
        .as_bool()
        .or(found.object["automountServiceAccountToken"].as_bool())
        .unwrap_or(true);
    if mounts_token {
        add_token_volume(spec);
    }
    add_tolerations(spec);
    Ok(())
}

/// Adds the volume with the account's token, unless a container has a mount at this path.
fn add_token_volume(spec: &mut Value) {
    const PATH: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
    let name = format!("kube-api-access-{}", name_suffix());
    let mut used = false;
    for list in ["initContainers", "containers"] {
        for container in spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            default_to(container, "volumeMounts", json!([]));
            let Some(mounts) = container["volumeMounts"].as_array_mut() else {
                continue;
            };
            if mounts.iter().any(|m| text(m, "mountPath") == PATH) {
                continue;
            }
            mounts.push(json!({ "name": name, "readOnly": true, "mountPath": PATH }));
            used = true;
        }
    }
    if !used {
        return;
    }
    default_to(spec, "volumes", json!([]));
    if let Some(volumes) = spec["volumes"].as_array_mut() {
        volumes.push(json!({
            "name": name,
            "projected": {
                "defaultMode": 420,
                "sources": [
                    { "serviceAccountToken": { "expirationSeconds": 3607, "path": "token" } },
                    { "configMap": { "name": "kube-root-ca.crt", "items": [{ "key": "ca.crt", "path": "ca.crt" }] } },
                    { "downwardAPI": { "items": [{
                        "path": "namespace",
                        "fieldRef": { "apiVersion": "v1", "fieldPath": "metadata.namespace" },
                    }] } },
                ],
            },
        }));
    }
}

fn add_tolerations(spec: &mut Value) {
    default_to(spec, "tolerations", json!([]));
    let Some(list) = spec["tolerations"].as_array_mut() else {
        return;
    };
    for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
        let tolerated = list.iter().any(|t| {
            let effect = text(t, "effect");
            (text(t, "key") == key || (text(t, "key").is_empty() && text(t, "operator") == "Exists"))
                && (effect.is_empty() || effect == "NoExecute")
        });
        if !tolerated {
            list.push(json!({ "key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300 }));
        }
    }
}

/// Addresses and ports that were allocated for a write that may still fail.
#[derive(Debug, Default)]
pub(super) struct Allotted {
    address: Option<Ipv4Addr>,
    ports: Vec<u16>,
}

impl Allotted {
    /// Releases them.
    pub(super) fn release(self, api: &Api) {
        let mut pool = api.addresses();
        if let Some(address) = self.address {
            pool.release(address);
        }
        for port in self.ports {
            pool.release_port(port);
        }
    }
}

/// Allocates the cluster IP and the node ports of a Service.
///
/// # Errors
/// 422 if a requested address is in use or out of range.
pub(super) fn allot(
    api: &Api,
    resource: &Resource,
    service: &mut Value,
    old: Option<&Value>,
    dry_run: bool,
) -> Result<Allotted, ApiError> {
    let mut allotted = Allotted::default();
    if &*resource.storage != "/services" || !service.get("spec").is_some_and(Value::is_object) {
        return Ok(allotted);
    }
    let name = service.name().to_owned();
    let spec = &mut service["spec"];
    let kind = text(spec, "type").to_owned();
    if kind == "ExternalName" {
        if let Some(map) = spec.as_object_mut() {
            for field in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
                map.remove(field);
            }
        }
        return Ok(allotted);
    }
    settle_address(api, resource, &name, spec, old, &mut allotted)?;
    if text(spec, "clusterIP") == "None" && !has(spec, "selector") {
        default_to(spec, "ipFamilies", json!(["IPv4", "IPv6"]));
        default_to(spec, "ipFamilyPolicy", "RequireDualStack");
    }
    default_to(spec, "ipFamilies", json!(["IPv4"]));
    default_to(spec, "ipFamilyPolicy", "SingleStack");
    let address = spec["clusterIP"].clone();
    spec["clusterIPs"] = json!([address]);
    let wants_ports = kind == "NodePort" || (kind == "LoadBalancer" && spec["allocateLoadBalancerNodePorts"] != false);
    if wants_ports {
        settle_ports(api, spec, old, &mut allotted);
    }
    if dry_run {
        std::mem::take(&mut allotted).release(api);
    }
    Ok(allotted)
}

fn settle_address(
    api: &Api,
    resource: &Resource,
    name: &str,
    spec: &mut Value,
    old: Option<&Value>,
    allotted: &mut Allotted,
) -> Result<(), ApiError> {
    let given = text(spec, "clusterIP").to_owned();
    let held = old.map_or("", |o| text(&o["spec"], "clusterIP"));
    if given == "None" || (!given.is_empty() && given == held) {
        return Ok(());
    }
    if given.is_empty() {
        let address = api
            .addresses()
            .address()
            .ok_or_else(|| ApiError::internal("no Service address is left in 127.96.0.0/12"))?;
        allotted.address = Some(address);
        spec["clusterIP"] = address.to_string().into();
        return Ok(());
    }
    let path = Path::new("spec.clusterIPs");
    let refuse = |why: &str| Err(resource.invalid(name, &[FieldError::invalid(&path, &json!([given]), why)]));
    if !held.is_empty() && held != "None" {
        // The kind's validation rejects the change.
        return Ok(());
    }
    let Ok(address) = given.parse::<Ipv4Addr>() else {
        return refuse("failed to allocate IP: not a valid IP address");
    };
    if !AddressPool::contains(address) {
        return refuse(
            "failed to allocate IP: the provided IP is not in the valid range. The range of valid IPs is 127.96.0.0/12",
        );
    }
    if !api.addresses().claim(address) {
        return refuse("failed to allocate IP: provided IP is already allocated");
    }
    allotted.address = Some(address);
    Ok(())
}

fn settle_ports(api: &Api, spec: &mut Value, old: Option<&Value>, allotted: &mut Allotted) {
    let held: Vec<Value> = old
        .and_then(|o| o["spec"]["ports"].as_array().cloned())
        .unwrap_or_default();
    let mut pool = api.addresses();
    for port in spec
        .get_mut("ports")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        let same = held
            .iter()
            .find(|h| h["port"] == port["port"] && h["protocol"] == port["protocol"]);
        if let Some(number) = same.and_then(|h| h.get("nodePort")).cloned() {
            default_to(port, "nodePort", number);
            continue;
        }
        match port["nodePort"]
            .as_u64()
            .and_then(|n| u16::try_from(n).ok())
            .filter(|n| *n > 0)
        {
            Some(chosen) => {
                if pool.claim_port(chosen) {
                    allotted.ports.push(chosen);
                }
            }
            None => {
                if let Some(free) = pool.port() {
                    allotted.ports.push(free);
                    port["nodePort"] = free.into();
                }
            }
        }
    }
}

/// Marks the addresses and ports of a persisted Service as used.
pub(super) fn claim_service(api: &Api, service: &Value) {
    let mut pool = api.addresses();
    if let Ok(address) = text(&service["spec"], "clusterIP").parse() {
        pool.claim(address);
    }
    for port in node_ports(service) {
        pool.claim_port(port);
    }
}

fn node_ports(service: &Value) -> impl Iterator<Item = u16> {
    let ports = service["spec"]["ports"].as_array().into_iter().flatten();
    ports.filter_map(|port| u16::try_from(port["nodePort"].as_u64()?).ok())
}

/// Releases the addresses and ports of a removed Service.
pub(super) fn release_service(api: &Api, service: &Value) {
    let mut pool = api.addresses();
    if let Ok(address) = text(&service["spec"], "clusterIP").parse() {
        pool.release(address);
    }
    for port in node_ports(service) {
        pool.release_port(port);
    }
}
