//! A run for a drift, and for corrections.

use complaint_api::labels;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::json;

use super::{Cluster, at, by_hand, end, run_at};

const SHOWN: &str = "2026-03-02T12:00:00Z";

fn drifting(on_drift: &str) -> Cluster {
    let mut cluster = Cluster::new(json!({}));
    cluster.classifier.spec.monitoring = serde_json::from_value(json!({ "onDrift": on_drift })).expect("a monitoring");
    drift(&mut cluster, Some(SHOWN));
    cluster
}

/// Sets or ends the drift, as the monitoring controller does.
fn drift(cluster: &mut Cluster, shown: Option<&str>) {
    let condition = json!({ "type": "Drifted", "status": if shown.is_some() { "True" } else { "False" },
                            "reason": "CategoriesShifted", "message": "", "lastTransitionTime": SHOWN });
    let status = cluster.classifier.status.get_or_insert_default();
    status.conditions = serde_json::from_value(json!([condition])).expect("conditions");
    if let Some(shown) = shown {
        let monitoring = json!({ "sha256": "", "window": "24h", "driftTime": shown });
        status.monitoring = serde_json::from_value(monitoring).expect("a status");
    }
}

#[test]
fn an_episode_makes_one_run() {
    let mut cluster = drifting("Retrain");
    cluster.look(at("2026-03-02T12:00:30Z"));
    assert_eq!(cluster.names(), [run_at(SHOWN)]);
    let metadata = &cluster.runs[0].metadata;
    let value = |key| {
        metadata
            .annotations
            .as_ref()
            .and_then(|all| all.get(key))
            .map(String::as_str)
    };
    assert_eq!(value(labels::TRIGGER_REASON), Some("CategoriesShifted"));
    assert_eq!(value(labels::TRIGGER_TIME), Some(SHOWN));
    assert_eq!(
        metadata
            .labels
            .as_ref()
            .and_then(|all| all.get(labels::TRIGGER))
            .map(String::as_str),
        Some("Drift")
    );

    end(&mut cluster.runs[0]);
    let idle = cluster.look(at("2026-03-03T12:00:30Z"));
    assert_eq!((idle.start, cluster.runs.len()), (None, 1));
    // The next episode.
    drift(&mut cluster, None);
    assert_eq!(cluster.look(at("2026-03-04T12:00:00Z")).start, None);
    drift(&mut cluster, Some("2026-03-08T12:00:00Z"));
    cluster.look(at("2026-03-08T12:00:10Z"));
    assert_eq!(cluster.runs.len(), 2);
}

#[test]
fn a_run_waits_for_the_end_of_another_and_only_while_the_drift_lasts() {
    let mut cluster = drifting("Retrain");
    cluster.runs.push(by_hand("mine"));
    assert_eq!(cluster.look(at("2026-03-02T12:00:30Z")).start, None);
    let mut over = Cluster {
        classifier: cluster.classifier.clone(),
        runs: cluster.runs.clone(),
        past: Vec::new(),
    };
    end(&mut cluster.runs[0]);
    cluster.look(at("2026-03-02T12:30:00Z"));
    assert_eq!(cluster.names(), ["mine".to_owned(), run_at(SHOWN)]);

    drift(&mut over, None);
    end(&mut over.runs[0]);
    assert_eq!(over.look(at("2026-03-02T12:30:00Z")).start, None);
}

#[test]
fn nothing_is_trained_where_nobody_asked_for_it() {
    assert_eq!(drifting("None").look(at("2026-03-02T12:00:30Z")).start, None);
    let mut held = drifting("Retrain");
    held.retraining().suspend = true;
    assert_eq!(held.look(at("2026-03-02T12:00:30Z")).start, None);
    held.retraining().suspend = false;
    held.look(at("2026-03-02T13:00:00Z"));
    assert_eq!(held.names(), [run_at(SHOWN)]);
}

#[test]
fn so_many_corrections_make_one_run() {
    let mut cluster = Cluster::new(json!({ "minFeedbackRows": 100 }));
    let counted = |cluster: &mut Cluster, rows: u64, end: &str| {
        let windows = json!([{ "endTime": end, "answers": 0, "judged": false }]);
        let monitoring = json!({ "sha256": "", "window": "24h", "windows": windows, "feedbackRows": rows });
        let status = cluster.classifier.status.get_or_insert_default();
        status.monitoring = serde_json::from_value(monitoring).expect("a status");
    };
    counted(&mut cluster, 99, "2026-03-01T00:00:00Z");
    assert_eq!(cluster.look(at("2026-03-01T00:00:30Z")).start, None);
    counted(&mut cluster, 140, "2026-03-02T00:00:00Z");
    cluster.look(at("2026-03-02T00:00:30Z"));
    assert_eq!(cluster.names(), [run_at("2026-03-02T00:00:00Z")]);
    let trigger = cluster.runs[0]
        .metadata
        .labels
        .as_ref()
        .and_then(|all| all.get(labels::TRIGGER));
    assert_eq!(trigger.map(String::as_str), Some("Feedback"));
    assert_eq!(cluster.look(at("2026-03-02T00:01:00Z")).start, None);
    end(&mut cluster.runs[0]);
    counted(&mut cluster, 239, "2026-03-03T00:00:00Z");
    assert_eq!(cluster.look(at("2026-03-03T00:00:30Z")).start, None);
    // A run of another kind reads them all, too.
    cluster.retraining().request_time = Some(Time(at("2026-03-03T06:00:00Z")));
    cluster.look(at("2026-03-03T06:00:00Z"));
    assert_eq!(cluster.runs.len(), 2);
    end(&mut cluster.runs[1]);
    counted(&mut cluster, 338, "2026-03-04T00:00:00Z");
    assert_eq!(cluster.look(at("2026-03-04T00:00:30Z")).start, None);
    counted(&mut cluster, 339, "2026-03-05T00:00:00Z");
    // It waits for the end of another.
    cluster.runs.push(by_hand("mine"));
    assert_eq!(cluster.look(at("2026-03-05T00:00:30Z")).start, None);
    end(&mut cluster.runs[2]);
    cluster.look(at("2026-03-05T02:00:00Z"));
    assert_eq!(cluster.names().last(), Some(&run_at("2026-03-05T00:00:00Z")));
}
