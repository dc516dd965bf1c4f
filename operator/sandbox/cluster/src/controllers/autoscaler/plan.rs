//! One pass over a HorizontalPodAutoscaler. Pure; the clock is an argument.

use jiff::Timestamp;
use k8s_openapi::api::autoscaling::v1::Scale;
use k8s_openapi::api::autoscaling::v2::{
    HorizontalPodAutoscaler, HorizontalPodAutoscalerCondition, HorizontalPodAutoscalerStatus,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::controllers::events::Notice;

/// Upstream's message without a metrics API.
const NO_METRICS: &str = "unable to fetch metrics from resource metrics API: the server could not find the requested \
                          resource (get pods.metrics.k8s.io)";

/// The actions of a pass.
#[derive(Debug)]
pub struct Plan {
    /// The number of replicas to write.
    pub scale_to: Option<i32>,
    /// The Events.
    pub notices: Vec<Notice>,
    /// The status to write.
    pub status: HorizontalPodAutoscalerStatus,
}

struct Conditions {
    list: Vec<HorizontalPodAutoscalerCondition>,
    now: Timestamp,
}

impl Conditions {
    /// The transition time changes only with the status.
    fn set(&mut self, kind: &str, status: bool, reason: &str, message: String) {
        let status = if status { "True" } else { "False" };
        let known = self.list.iter().position(|condition| condition.type_ == kind);
        let since = known.map(|at| &self.list[at]).filter(|known| known.status == status);
        let made = HorizontalPodAutoscalerCondition {
            type_: kind.into(),
            status: status.into(),
            reason: Some(reason.into()),
            message: Some(message),
            last_transition_time: since
                .and_then(|known| known.last_transition_time.clone())
                .or(Some(Time(self.now))),
        };
        match known {
            Some(at) => self.list[at] = made,
            None => self.list.push(made),
        }
    }
}

/// Plans one pass. `found` is the target's scale, or why there is none.
pub fn plan(scaler: &HorizontalPodAutoscaler, found: &Result<Scale, String>, now: Timestamp) -> Plan {
    let earlier = scaler.status.clone().unwrap_or_default();
    let mut conditions = Conditions {
        list: earlier.conditions.clone().unwrap_or_default(),
        now,
    };
    let mut plan = Plan {
        scale_to: None,
        notices: Vec::new(),
        status: HorizontalPodAutoscalerStatus {
            observed_generation: scaler.metadata.generation,
            ..earlier
        },
    };
    match found {
        Ok(scale) => within_bounds(scaler, scale, &mut plan, &mut conditions),
        Err(why) => {
            let message = format!("the HPA controller was unable to get the target's current scale: {why}");
            conditions.set("AbleToScale", false, "FailedGetScale", message);
            plan.notices.push(Notice::warning("FailedGetScale", why.clone()));
        }
    }
    plan.status.conditions = Some(conditions.list);
    plan
}

fn within_bounds(scaler: &HorizontalPodAutoscaler, scale: &Scale, plan: &mut Plan, conditions: &mut Conditions) {
    let message = "the HPA controller was able to get the target's current scale";
    conditions.set("AbleToScale", true, "SucceededGetScale", message.into());
    let current = scale.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(0);
    let (least, most) = (scaler.spec.min_replicas.unwrap_or(1), scaler.spec.max_replicas);
    plan.status.current_replicas = scale.status.as_ref().map(|status| status.replicas);
    plan.status.desired_replicas = current;
    let (wanted, reason) = if current == 0 && least != 0 {
        let message = "scaling is disabled since the replica count of the target is zero";
        return conditions.set("ScalingActive", false, "ScalingDisabled", message.into());
    } else if current > most {
        (most, "Current number of replicas above Spec.MaxReplicas")
    } else if current < least {
        (least, "Current number of replicas below Spec.MinReplicas")
    } else {
        return unmeasured(scaler, plan, conditions);
    };
    plan.scale_to = Some(wanted);
    plan.status.desired_replicas = wanted;
    plan.status.last_scale_time = Some(Time(conditions.now));
    let message = format!("the HPA controller was able to update the target scale to {wanted}");
    conditions.set("AbleToScale", true, "SucceededRescale", message);
    plan.notices.push(Notice::normal(
        "SuccessfulRescale",
        format!("New size: {wanted}; reason: {reason}"),
    ));
}

fn unmeasured(scaler: &HorizontalPodAutoscaler, plan: &mut Plan, conditions: &mut Conditions) {
    let metrics = scaler.spec.metrics.as_deref().unwrap_or_default();
    let resource = metrics
        .iter()
        .find_map(|metric| Some(metric.resource.as_ref()?.name.as_str()));
    let (reason, why) = match resource {
        Some(name) => (
            "FailedGetResourceMetric",
            format!("failed to get {name} utilization: unable to get metrics for resource {name}: {NO_METRICS}"),
        ),
        None => ("FailedGetMetric", NO_METRICS.to_owned()),
    };
    let message = format!("the HPA was unable to compute the replica count: {why}");
    conditions.set("ScalingActive", false, reason, message);
    plan.notices.push(Notice::warning(reason, why.clone()));
    let all = metrics.len();
    let message = format!("invalid metrics ({all} invalid out of {all}), first error is: {why}");
    plan.notices
        .push(Notice::warning("FailedComputeMetricsReplicas", message));
}
