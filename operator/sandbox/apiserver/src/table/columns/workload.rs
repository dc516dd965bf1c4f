//! Columns of workloads and their policies.

use serde_json::Value;

use super::{Column, Split, column, count, number, or_none, template_columns, text, wide};
use crate::meta::at;
use crate::table::age;

pub(super) fn deployment() -> Split {
    let before = vec![
        column("Ready", |o| {
            format!(
                "{}/{}",
                count(o, &["status", "readyReplicas"]),
                count(o, &["spec", "replicas"])
            )
            .into()
        }),
        number("Up-to-date", |o| count(o, &["status", "updatedReplicas"])),
        number("Available", |o| count(o, &["status", "availableReplicas"])),
    ];
    (as_strings(before), template_columns())
}

/// These counts are strings in upstream's tables.
fn as_strings(mut columns: Vec<Column>) -> Vec<Column> {
    for column in &mut columns {
        column.kind = "string".into();
    }
    columns
}

pub(super) fn replica_set() -> Split {
    let before = vec![
        number("Desired", |o| count(o, &["spec", "replicas"])),
        number("Current", |o| count(o, &["status", "replicas"])),
        number("Ready", |o| count(o, &["status", "readyReplicas"])),
    ];
    (before, template_columns())
}

pub(super) fn job() -> Split {
    let before = vec![
        column("Status", |o| job_status(o).into()),
        column("Completions", |o| completions(o).into()),
        column("Duration", |o| duration(o).into()),
    ];
    (before, template_columns())
}

fn has_condition(object: &Value, kind: &str) -> bool {
    object["status"]["conditions"]
        .as_array()
        .into_iter()
        .flatten()
        .any(|c| c["type"] == kind && c["status"] == "True")
}

fn job_status(job: &Value) -> &'static str {
    if has_condition(job, "Complete") {
        "Complete"
    } else if has_condition(job, "Failed") {
        "Failed"
    } else if at(job, &["metadata", "deletionTimestamp"]).is_some() {
        "Terminating"
    } else if has_condition(job, "Suspended") {
        "Suspended"
    } else if has_condition(job, "FailureTarget") {
        "FailureTarget"
    } else if has_condition(job, "SuccessCriteriaMet") {
        "SuccessCriteriaMet"
    } else {
        "Running"
    }
}

fn completions(job: &Value) -> String {
    let succeeded = count(job, &["status", "succeeded"]);
    match at(job, &["spec", "completions"]).and_then(Value::as_i64) {
        Some(wanted) => format!("{succeeded}/{wanted}"),
        None => match count(job, &["spec", "parallelism"]) {
            n if n > 1 => format!("{succeeded}/1 of {n}"),
            _ => format!("{succeeded}/1"),
        },
    }
}

fn duration(job: &Value) -> String {
    let start = at(job, &["status", "startTime"]);
    if start.is_none() {
        return String::new();
    }
    age::between(start, at(job, &["status", "completionTime"])).unwrap_or_else(|| age::since(start))
}

pub(super) fn cron_job() -> Split {
    let before = vec![
        column("Schedule", |o| text(o, &["spec", "schedule"]).into()),
        column("Timezone", |o| or_none(text(o, &["spec", "timeZone"])).into()),
        column("Suspend", |o| {
            if o["spec"]["suspend"] == true { "True" } else { "False" }.into()
        }),
        number("Active", |o| {
            i64::try_from(o["status"]["active"].as_array().map_or(0, Vec::len)).unwrap_or(0)
        }),
        column("Last Schedule", |o| match at(o, &["status", "lastScheduleTime"]) {
            Some(time) => age::since(Some(time)).into(),
            None => "<none>".into(),
        }),
    ];
    let names = |o: &Value, key: &'static str| {
        let list = o["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"].as_array();
        list.into_iter()
            .flatten()
            .filter_map(|c| c[key].as_str())
            .collect::<Vec<_>>()
            .join(",")
    };
    let after = vec![
        wide("Containers", move |o| names(o, "name").into()),
        wide("Images", move |o| names(o, "image").into()),
        wide("Selector", |_| "<none>".into()),
    ];
    (before, after)
}

pub(super) fn autoscaler() -> Split {
    let before = vec![
        column("Reference", |o| {
            let target = |key: &str| text(o, &["spec", "scaleTargetRef", key]);
            format!("{}/{}", target("kind"), target("name")).into()
        }),
        column("Targets", |o| targets(o).into()),
        column("MinPods", |o| count(o, &["spec", "minReplicas"]).to_string().into()),
        column("MaxPods", |o| count(o, &["spec", "maxReplicas"]).to_string().into()),
        column("Replicas", |o| {
            count(o, &["status", "currentReplicas"]).to_string().into()
        }),
    ];
    (before, Vec::new())
}

fn targets(autoscaler: &Value) -> String {
    let metrics = autoscaler["spec"]["metrics"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let shown: Vec<String> = metrics
        .iter()
        .filter(|m| m["type"] == "Resource")
        .map(|m| {
            let target = &m["resource"]["target"];
            let wanted = match target["averageUtilization"].as_i64() {
                Some(percent) => format!("{percent}%"),
                None => target["averageValue"].as_str().unwrap_or_default().to_owned(),
            };
            format!(
                "{}: <unknown>/{wanted}",
                m["resource"]["name"].as_str().unwrap_or_default()
            )
        })
        .collect();
    or_none(shown.join(", "))
}

pub(super) fn budget() -> Split {
    let of = |key: &'static str| {
        move |o: &Value| match at(o, &["spec", key]) {
            Some(Value::String(text)) => text.clone().into(),
            Some(Value::Number(n)) => n.to_string().into(),
            _ => Value::from("N/A"),
        }
    };
    let before = vec![
        column("Min Available", of("minAvailable")),
        column("Max Unavailable", of("maxUnavailable")),
        number("Allowed Disruptions", |o| count(o, &["status", "disruptionsAllowed"])),
    ];
    (before, Vec::new())
}
