//! The pod failure policy.

use k8s_openapi::api::batch::v1::{
    Job, PodFailurePolicyOnExitCodesRequirement, PodFailurePolicyOnPodConditionsPattern,
};
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use kube::ResourceExt;

use crate::controllers::pods::condition;

/// The action for a failed pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It counts towards the back-off limit, as it does without a policy.
    Count,
    /// It is replaced and does not count.
    Ignore,
    /// Its index fails.
    FailIndex,
    /// The Job fails with this message.
    FailJob(String),
}

/// The action of the first rule that matches a failed pod.
pub fn judge(job: &Job, pod: &Pod) -> Verdict {
    let rules = job
        .spec
        .as_ref()
        .and_then(|spec| spec.pod_failure_policy.as_ref())
        .map(|policy| &policy.rules);
    for (position, rule) in rules.into_iter().flatten().enumerate() {
        let exit = rule
            .on_exit_codes
            .as_ref()
            .and_then(|requirement| matching_container(pod, requirement));
        let pattern = rule
            .on_pod_conditions
            .iter()
            .flatten()
            .find(|pattern| has_condition(pod, pattern));
        let what = match (exit, pattern) {
            (Some((container, code)), _) => format!(
                "Container {container} for pod {}/{} failed with exit code {code}",
                pod.namespace().unwrap_or_default(),
                pod.name_any()
            ),
            (None, Some(pattern)) => format!(
                "Pod {}/{} has condition {}",
                pod.namespace().unwrap_or_default(),
                pod.name_any(),
                pattern.type_
            ),
            (None, None) => continue,
        };
        return match rule.action.as_str() {
            "Ignore" => Verdict::Ignore,
            "FailIndex" => Verdict::FailIndex,
            "FailJob" => Verdict::FailJob(format!("{what} matching FailJob rule at index {position}")),
            _ => Verdict::Count,
        };
    }
    Verdict::Count
}

fn matching_container(pod: &Pod, requirement: &PodFailurePolicyOnExitCodesRequirement) -> Option<(String, i32)> {
    let status = pod.status.as_ref()?;
    let containers = status
        .container_statuses
        .iter()
        .flatten()
        .chain(status.init_container_statuses.iter().flatten());
    for container in containers {
        let wanted = requirement
            .container_name
            .as_ref()
            .is_none_or(|name| *name == container.name);
        let Some(code) = exit_code(container).filter(|code| wanted && *code != 0) else {
            continue;
        };
        if requirement.values.contains(&code) == (requirement.operator == "In") {
            return Some((container.name.clone(), code));
        }
    }
    None
}

fn exit_code(container: &ContainerStatus) -> Option<i32> {
    Some(container.state.as_ref()?.terminated.as_ref()?.exit_code)
}

fn has_condition(pod: &Pod, pattern: &PodFailurePolicyOnPodConditionsPattern) -> bool {
    let wanted = pattern.status.as_deref().unwrap_or("True");
    condition(pod, &pattern.type_).is_some_and(|condition| condition.status == wanted)
}
