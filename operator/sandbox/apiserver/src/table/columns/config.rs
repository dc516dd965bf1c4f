//! Columns of the other kinds.

use serde_json::Value;

use super::{Column, Split, column, count, name, number, or_none, text, wide};
use crate::builtin::schemas;
use crate::meta::{Meta, at};
use crate::table::age;

pub(super) fn columns(kind: &str) -> Split {
    match kind {
        "ConfigMap" => {
            let data = as_text(number("Data", |o| entries(o, &["data", "binaryData"])));
            let definition = &schemas().raw["io.k8s.api.core.v1.ConfigMap"];
            let description = definition["properties"]["data"]["description"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
            (vec![Column { description, ..data }], Vec::new())
        }
        "Secret" => (
            vec![
                column("Type", |o| text(o, &["type"]).into()),
                number("Data", |o| entries(o, &["data"])),
            ],
            Vec::new(),
        ),
        "Namespace" => (
            vec![column("Status", |o| text(o, &["status", "phase"]).into())],
            Vec::new(),
        ),
        "ServiceAccount" => (Vec::new(), Vec::new()),
        "Service" => service(),
        "PersistentVolumeClaim" => claim(),
        "EndpointSlice" => endpoint_slice(),
        "Lease" => (
            vec![column("Holder", |o| text(o, &["spec", "holderIdentity"]).into())],
            Vec::new(),
        ),
        "NetworkPolicy" => (vec![column("Pod-Selector", |o| policy_selector(o).into())], Vec::new()),
        "RoleBinding" | "ClusterRoleBinding" => binding(),
        _ => (Vec::new(), Vec::new()),
    }
}

/// Some counts are strings in upstream's tables.
fn as_text(mut column: Column) -> Column {
    column.kind = "string".into();
    column
}

fn entries(object: &Value, fields: &[&str]) -> i64 {
    let all: usize = fields
        .iter()
        .map(|f| object[*f].as_object().map_or(0, serde_json::Map::len))
        .sum();
    i64::try_from(all).unwrap_or(i64::MAX)
}

fn service() -> Split {
    let before = vec![
        column("Type", |o| text(o, &["spec", "type"]).into()),
        column("Cluster-IP", |o| or_none(text(o, &["spec", "clusterIP"])).into()),
        column("External-IP", |o| external(o).into()),
        column("Port(s)", |o| or_none(ports(o)).into()),
    ];
    let after = vec![wide("Selector", |o| {
        let pairs = o["spec"]["selector"].as_object().into_iter().flatten();
        let shown: Vec<String> = pairs
            .map(|(k, v)| format!("{k}={}", v.as_str().unwrap_or_default()))
            .collect();
        or_none(shown.join(",")).into()
    })];
    (before, after)
}

fn external(service: &Value) -> String {
    match service["spec"]["type"].as_str() {
        Some("LoadBalancer") => "<pending>".to_owned(),
        Some("ExternalName") => text(service, &["spec", "externalName"]),
        _ => "<none>".to_owned(),
    }
}

fn ports(service: &Value) -> String {
    let list = service["spec"]["ports"].as_array().into_iter().flatten();
    let shown: Vec<String> = list
        .map(|p| {
            let protocol = p["protocol"].as_str().unwrap_or("TCP");
            match p["nodePort"].as_i64().filter(|n| *n > 0) {
                Some(node) => format!("{}:{node}/{protocol}", p["port"]),
                None => format!("{}/{protocol}", p["port"]),
            }
        })
        .collect();
    shown.join(",")
}

fn claim() -> Split {
    let modes = |o: &Value| {
        let list = at(o, &["status", "accessModes"]).and_then(Value::as_array);
        let short = |mode: &str| match mode {
            "ReadWriteOnce" => "RWO",
            "ReadOnlyMany" => "ROX",
            "ReadWriteMany" => "RWX",
            "ReadWriteOncePod" => "RWOP",
            _ => "",
        };
        list.into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(short)
            .collect::<Vec<_>>()
            .join(",")
    };
    let before = vec![
        column("Status", |o| text(o, &["status", "phase"]).into()),
        column("Volume", |o| text(o, &["spec", "volumeName"]).into()),
        column("Capacity", |o| text(o, &["status", "capacity", "storage"]).into()),
        column("Access Modes", move |o| modes(o).into()),
        column("StorageClass", |o| text(o, &["spec", "storageClassName"]).into()),
        column("VolumeAttributesClass", |_| "<unset>".into()),
    ];
    (
        before,
        vec![wide("VolumeMode", |o| or_none(text(o, &["spec", "volumeMode"])).into())],
    )
}

fn endpoint_slice() -> Split {
    let before = vec![
        column("AddressType", |o| text(o, &["addressType"]).into()),
        column("Ports", |o| {
            let list = o["ports"].as_array().into_iter().flatten();
            let shown: Vec<String> = list.map(|p| p["port"].to_string()).collect();
            if shown.is_empty() {
                "<unset>".into()
            } else {
                shown.join(",").into()
            }
        }),
        column("Endpoints", |o| {
            let list = o["endpoints"].as_array().into_iter().flatten();
            let shown: Vec<&str> = list
                .flat_map(|e| e["addresses"].as_array().into_iter().flatten())
                .filter_map(Value::as_str)
                .collect();
            if shown.is_empty() {
                "<unset>".into()
            } else {
                shown.join(",").into()
            }
        }),
    ];
    (before, Vec::new())
}

fn policy_selector(policy: &Value) -> String {
    let selector = crate::selector::LabelSelector::from_object(&policy["spec"]["podSelector"]);
    or_none(selector.map(|s| s.text()).unwrap_or_default())
}

fn binding() -> Split {
    let role = |o: &Value| format!("{}/{}", text(o, &["roleRef", "kind"]), text(o, &["roleRef", "name"]));
    (vec![column("Role", move |o| role(o).into())], Vec::new())
}

/// The columns of Events, which do not begin with Name and have no Age.
pub(super) fn event() -> Vec<Column> {
    let involved = |o: &Value, key: &str| {
        let view = if o["involvedObject"].is_object() {
            "involvedObject"
        } else {
            "regarding"
        };
        text(o, &[view, key])
    };
    let first_of = |o: &Value, keys: &[&str]| -> String {
        let found = keys.iter().find_map(|k| o.get(*k).filter(|v| !v.is_null()));
        age::since(found.or(o.meta("creationTimestamp")))
    };
    let number_of = |o: &Value| {
        let series = at(o, &["series", "count"]).and_then(Value::as_i64);
        series.unwrap_or_else(|| count(o, &["count"]).max(count(o, &["deprecatedCount"])).max(1))
    };
    vec![
        column("Last Seen", move |o| {
            let series = at(o, &["series", "lastObservedTime"]).filter(|v| !v.is_null());
            match series {
                Some(time) => age::since(Some(time)).into(),
                None => first_of(
                    o,
                    &[
                        "lastTimestamp",
                        "deprecatedLastTimestamp",
                        "firstTimestamp",
                        "eventTime",
                    ],
                )
                .into(),
            }
        }),
        column("Type", |o| text(o, &["type"]).into()),
        column("Reason", |o| text(o, &["reason"]).into()),
        column("Object", move |o| {
            format!("{}/{}", involved(o, "kind").to_lowercase(), involved(o, "name")).into()
        }),
        wide("Subobject", move |o| involved(o, "fieldPath").into()),
        wide("Source", |o| {
            let component = text(o, &["source", "component"]);
            let reporting = text(o, &["reportingComponent"]);
            (if component.is_empty() { reporting } else { component }).into()
        }),
        column("Message", |o| {
            let note = text(o, &["note"]);
            (if note.is_empty() { text(o, &["message"]) } else { note })
                .trim()
                .into()
        }),
        wide("First Seen", move |o| {
            first_of(o, &["firstTimestamp", "deprecatedFirstTimestamp", "eventTime"]).into()
        }),
        Column {
            priority: 1,
            ..number("Count", number_of)
        },
        Column { priority: 1, ..name() },
    ]
}
