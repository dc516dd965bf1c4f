//! Services and EndpointSlices.

use serde_json::{Value, json};

use super::{Strategy, default_to, each, has, text};

/// Services.
pub(crate) struct Services;

impl Strategy for Services {
    fn default(&self, object: &mut Value) {
        let Some(spec) = object.get_mut("spec").filter(|s| s.is_object()) else { return };
        default_to(spec, "sessionAffinity", "None");
        default_to(spec, "type", "ClusterIP");
        let kind = text(spec, "type").to_owned();
        for port in each(spec, "ports") {
            default_to(port, "protocol", "TCP");
            let number = port["port"].clone();
            default_to(port, "targetPort", number);
        }
        if kind == "NodePort" || kind == "LoadBalancer" {
            default_to(spec, "externalTrafficPolicy", "Cluster");
        }
        if kind == "LoadBalancer" {
            default_to(spec, "allocateLoadBalancerNodePorts", true);
        }
        if kind != "ExternalName" {
            default_to(spec, "internalTrafficPolicy", "Cluster");
        }
        if spec["sessionAffinity"] == "ClientIP" {
            default_to(spec, "sessionAffinityConfig", json!({ "clientIP": { "timeoutSeconds": 10800 } }));
        }
    }

    fn prepare_create(&self, object: &mut Value) {
        object["status"] = json!({ "loadBalancer": {} });
    }

    fn prepare_update(&self, new: &mut Value, old: &Value) {
        new["status"] = old["status"].clone();
        // What the server allotted stays unless it is named.
        if new["spec"]["type"] == "ExternalName" {
            return;
        }
        for field in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
            if !has(&new["spec"], field) && has(&old["spec"], field) {
                new["spec"][field] = old["spec"][field].clone();
            }
        }
    }
}

/// EndpointSlices.
pub(crate) struct EndpointSlices;

impl Strategy for EndpointSlices {
    fn default(&self, object: &mut Value) {
        for port in each(object, "ports") {
            default_to(port, "name", "");
            default_to(port, "protocol", "TCP");
        }
    }
}
