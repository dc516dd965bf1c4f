//! Services and EndpointSlices.

use serde_json::{Value, json};

use crate::field::{FieldError, Path};
use crate::names;
use crate::resource::Strategy;
use crate::value::{default_to, each, entries, has, text};

/// Services.
pub(crate) struct Services;

impl Strategy for Services {
    fn default(&self, object: &mut Value) {
        let Some(spec) = object.get_mut("spec").filter(|s| s.is_object()) else {
            return;
        };
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
            default_to(
                spec,
                "sessionAffinityConfig",
                json!({ "clientIP": { "timeoutSeconds": 10800 } }),
            );
        }
    }

    fn prepare_create(&self, object: &mut Value) {
        object["status"] = json!({ "loadBalancer": {} });
    }

    fn prepare_update(&self, new: &mut Value, old: &Value) {
        new["status"] = old["status"].clone();
        // Allocated values are kept unless the update sets them.
        if new["spec"]["type"] == "ExternalName" {
            return;
        }
        for field in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
            if !has(&new["spec"], field) && has(&old["spec"], field) {
                new["spec"][field] = old["spec"][field].clone();
            }
        }
        // `clusterIPs` follows a changed `clusterIP`.
        if new["spec"]["clusterIP"] != old["spec"]["clusterIP"] {
            new["spec"]["clusterIPs"] = json!([new["spec"]["clusterIP"]]);
        }
    }

    fn validate(&self, object: &Value) -> Vec<FieldError> {
        let mut errors = Vec::new();
        let spec = &object["spec"];
        let path = Path::new("spec");
        const TYPES: [&str; 4] = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
        let kind = text(spec, "type");
        ports(spec, &path, &mut errors);
        if !TYPES.contains(&kind) {
            errors.push(FieldError::unsupported(&path.child("type"), &kind.into(), &TYPES));
        }
        let address = text(spec, "clusterIP");
        if !address.is_empty() && address != "None" && address.parse::<std::net::IpAddr>().is_err() {
            let detail = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
            errors.push(FieldError::invalid(
                &path.child("clusterIPs").index(0),
                &address.into(),
                detail,
            ));
        }
        if kind == "ExternalName" && text(spec, "externalName").is_empty() {
            errors.push(FieldError::required(&path.child("externalName"), ""));
        }
        errors
    }

    fn validate_update(&self, new: &Value, old: &Value) -> Vec<FieldError> {
        let mut errors = self.validate(new);
        let (now, before) = (text(&new["spec"], "clusterIP"), text(&old["spec"], "clusterIP"));
        let addressed = |o: &Value| text(&o["spec"], "type") != "ExternalName";
        if !before.is_empty() && now != before && addressed(new) && addressed(old) {
            let path = Path::new("spec.clusterIPs").index(0);
            errors.push(FieldError::invalid(&path, &now.into(), "may not change once set"));
        }
        errors
    }
}

fn ports(spec: &Value, path: &Path, errors: &mut Vec<FieldError>) {
    let count = entries(spec, "ports").count();
    let optional = text(spec, "type") == "ExternalName" || text(spec, "clusterIP") == "None";
    if count == 0 && !optional {
        errors.push(FieldError::required(&path.child("ports"), ""));
    }
    let mut seen = Vec::new();
    for (i, port) in entries(spec, "ports") {
        let here = path.child("ports").index(i);
        let name = text(port, "name");
        if name.is_empty() {
            if count > 1 {
                errors.push(FieldError::required(&here.child("name"), ""));
            }
        } else {
            for problem in names::dns_label(name) {
                errors.push(FieldError::invalid(&here.child("name"), &name.into(), problem));
            }
            if seen.contains(&name) {
                errors.push(FieldError::duplicate(&here.child("name"), &name.into()));
            }
            seen.push(name);
        }
        for field in ["port", "targetPort"] {
            if port[field].as_i64().is_some_and(|n| !(1..=65535).contains(&n)) {
                let detail = "must be between 1 and 65535, inclusive";
                errors.push(FieldError::invalid(&here.child(field), &port[field], detail));
            }
        }
        let protocol = text(port, "protocol");
        if !["TCP", "UDP", "SCTP"].contains(&protocol) {
            errors.push(FieldError::unsupported(
                &here.child("protocol"),
                &protocol.into(),
                &["SCTP", "TCP", "UDP"],
            ));
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
