//! Columns of pods.

use serde_json::{Value, json};

use super::{Split, column, or_none, text, wide};
use crate::meta::Meta;
use crate::table::age;

pub(super) fn columns() -> Split {
    let before = vec![
        column("Ready", |p| ready(p).into()),
        column("Status", |p| status(p).into()),
        column("Restarts", |p| restarts(p).into()),
    ];
    let after = vec![
        wide("IP", |p| or_none(text(p, &["status", "podIP"])).into()),
        wide("Node", |p| or_none(text(p, &["spec", "nodeName"])).into()),
        wide("Nominated Node", |p| {
            or_none(text(p, &["status", "nominatedNodeName"])).into()
        }),
        wide("Readiness Gates", |_| json!("<none>")),
    ];
    (before, after)
}

fn statuses<'a>(pod: &'a Value, list: &str) -> &'a [Value] {
    pod["status"][list].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn ready(pod: &Value) -> String {
    let all = pod["spec"]["containers"].as_array().map_or(0, Vec::len);
    let ready = statuses(pod, "containerStatuses")
        .iter()
        .filter(|s| s["ready"] == true)
        .count();
    format!("{ready}/{all}")
}

fn restarts(pod: &Value) -> String {
    let all: i64 = statuses(pod, "containerStatuses")
        .iter()
        .filter_map(|s| s["restartCount"].as_i64())
        .sum();
    let last = statuses(pod, "containerStatuses")
        .iter()
        .filter_map(|s| s["lastState"]["terminated"]["finishedAt"].as_str())
        .max();
    match last {
        Some(last) if all > 0 => format!("{all} ({} ago)", age::since(Some(&last.into()))),
        _ => all.to_string(),
    }
}

/// The STATUS column: a container's reason, or else the pod's phase.
fn status(pod: &Value) -> String {
    let mut word = match pod["status"]["reason"].as_str() {
        Some(reason) if !reason.is_empty() => reason.to_owned(),
        _ => text(pod, &["status", "phase"]),
    };
    if let Some(init) = init_status(pod) {
        word = init;
    } else {
        word = container_status(pod).unwrap_or(word);
    }
    if pod.is_deleting() {
        return if pod["status"]["reason"] == "NodeLost" {
            "Unknown".into()
        } else {
            "Terminating".into()
        };
    }
    word
}

fn init_status(pod: &Value) -> Option<String> {
    let all = pod["spec"]["initContainers"].as_array().map_or(0, Vec::len);
    for (i, init) in statuses(pod, "initContainerStatuses").iter().enumerate() {
        let state = &init["state"];
        if state["terminated"]["exitCode"] == 0 || init["started"] == true {
            continue;
        }
        if state["terminated"].is_object() {
            return Some(format!("Init:{}", ended(&state["terminated"])));
        }
        let waiting = state["waiting"]["reason"].as_str().unwrap_or_default();
        if !waiting.is_empty() && waiting != "PodInitializing" {
            return Some(format!("Init:{waiting}"));
        }
        return Some(format!("Init:{i}/{all}"));
    }
    None
}

fn ended(terminated: &Value) -> String {
    match terminated["reason"].as_str() {
        Some(reason) if !reason.is_empty() => reason.to_owned(),
        _ => match terminated["signal"].as_i64().filter(|s| *s != 0) {
            Some(signal) => format!("Signal:{signal}"),
            None => format!("ExitCode:{}", terminated["exitCode"].as_i64().unwrap_or(0)),
        },
    }
}

fn container_status(pod: &Value) -> Option<String> {
    let mut word = None;
    let mut running = false;
    for container in statuses(pod, "containerStatuses").iter().rev() {
        let state = &container["state"];
        if let Some(reason) = state["waiting"]["reason"].as_str().filter(|r| !r.is_empty()) {
            word = Some(reason.to_owned());
        } else if state["terminated"].is_object() {
            word = Some(ended(&state["terminated"]));
        } else if container["ready"] == true && state["running"].is_object() {
            running = true;
        }
    }
    if word.as_deref() == Some("Completed") && running {
        Some("Running".into())
    } else {
        word
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_word() {
        let pod = |status: Value| json!({"spec": {"containers": [{}]}, "status": status});
        for (status_of, word) in [
            (json!({"phase": "Pending"}), "Pending"),
            (
                json!({"phase": "Running", "containerStatuses": [{"state": {"waiting": {"reason": "CrashLoopBackOff"}}}]}),
                "CrashLoopBackOff",
            ),
            (
                json!({"phase": "Failed", "containerStatuses": [{"state": {"terminated": {"exitCode": 3, "reason": "Error"}}}]}),
                "Error",
            ),
            (
                json!({"phase": "Pending", "initContainerStatuses": [{"state": {"running": {}}}]}),
                "Init:0/0",
            ),
        ] {
            assert_eq!(status(&pod(status_of)), word);
        }
    }
}
