use jiff::Timestamp;
use k8s_openapi::api::autoscaling::v1::Scale;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use serde_json::json;

use super::plan::plan;

fn scaler() -> HorizontalPodAutoscaler {
    serde_json::from_value(json!({
        "metadata": { "name": "a", "namespace": "n", "generation": 1 },
        "spec": {
            "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": "web" },
            "minReplicas": 2, "maxReplicas": 4,
            "metrics": [{ "type": "Resource", "resource": { "name": "cpu", "target": { "type": "Utilization", "averageUtilization": 80 } } }],
        },
    }))
    .expect("an autoscaler")
}

fn scale(replicas: i32) -> Result<Scale, String> {
    let scale = json!({ "metadata": {}, "spec": { "replicas": replicas }, "status": { "replicas": replicas } });
    Ok(serde_json::from_value(scale).expect("a scale"))
}

#[test]
fn targets_are_kept_within_their_bounds_and_otherwise_left_alone() {
    for (current, to, active) in [
        (1, Some(2), None),
        (2, None, Some("FailedGetResourceMetric")),
        (4, None, Some("FailedGetResourceMetric")),
        (7, Some(4), None),
        (0, None, Some("ScalingDisabled")),
    ] {
        let plan = plan(&scaler(), &scale(current), Timestamp::UNIX_EPOCH);
        assert_eq!(plan.scale_to, to, "{current}");
        let conditions = plan.status.conditions.expect("conditions");
        assert_eq!(
            (conditions[0].type_.as_str(), conditions[0].status.as_str()),
            ("AbleToScale", "True")
        );
        let found = conditions.iter().find(|condition| condition.type_ == "ScalingActive");
        assert_eq!(
            found.and_then(|condition| condition.reason.as_deref()),
            active,
            "{current}"
        );
    }
}

#[test]
fn a_missing_target_is_told_and_times_move_with_the_status_only() {
    let mut scaler = scaler();
    let gone = Err("deployments.apps \"web\" not found".to_owned());
    let first = plan(&scaler, &gone, Timestamp::UNIX_EPOCH);
    assert!(first.notices[0].message.contains("not found"));
    scaler.status = Some(first.status.clone());
    let later = Timestamp::from_second(60).expect("a time");
    assert_eq!(plan(&scaler, &gone, later).status, first.status);
    let back = plan(&scaler, &scale(3), later).status.conditions.expect("conditions");
    assert_eq!(back[0].last_transition_time.as_ref().map(|time| time.0), Some(later));
}
