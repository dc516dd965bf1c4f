//! One pass over a ReplicaSet. Pure; the clock is an argument.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::apps::v1::{ReplicaSet, ReplicaSetStatus};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::ResourceExt;

use crate::controllers::pods::{
    controlled_by, is_active, is_ready, is_terminating, sort_for_removal, time_to_available,
};

/// Most Pods that one pass creates or deletes.
const BURST: usize = 500;

/// The actions of a pass, in the order of the fields.
#[derive(Debug, Default)]
pub struct Plan {
    /// Pods to create.
    pub create: Vec<Pod>,
    /// Names of Pods to delete.
    pub delete: Vec<String>,
    /// The status to write.
    pub status: Option<ReplicaSetStatus>,
    /// Requeue after this time.
    pub again: Option<SignedDuration>,
}

/// Plans one pass. `pods` are the Pods that the ReplicaSet controls.
pub fn plan(set: &ReplicaSet, pods: &[Pod], now: Timestamp) -> Plan {
    let Some(spec) = set.spec.as_ref() else {
        return Plan::default();
    };
    let wanted = usize::try_from(spec.replicas.unwrap_or(1)).unwrap_or(0);
    let mut active: Vec<&Pod> = pods.iter().filter(|pod| is_active(pod)).collect();
    let mut plan = Plan::default();
    if set.metadata.deletion_timestamp.is_none() {
        if active.len() < wanted {
            plan.create = (active.len()..wanted).take(BURST).map(|_| build(set)).collect();
        } else if active.len() > wanted {
            sort_for_removal(&mut active);
            plan.delete = active[..active.len() - wanted]
                .iter()
                .take(BURST)
                .map(|pod| pod.name_any())
                .collect();
            active.retain(|pod| !plan.delete.contains(&pod.name_any()));
        }
    }
    let min_ready = spec.min_ready_seconds.unwrap_or(0);
    let waits: Vec<SignedDuration> = active
        .iter()
        .filter_map(|pod| time_to_available(pod, min_ready, now))
        .collect();
    plan.again = waits.iter().copied().filter(|wait| *wait > SignedDuration::ZERO).min();
    let labels = spec
        .template
        .as_ref()
        .and_then(|template| template.metadata.as_ref()?.labels.clone())
        .unwrap_or_default();
    let fully_labeled = |pod: &&&Pod| labels.iter().all(|(key, value)| pod.labels().get(key) == Some(value));
    let created = plan.create.len();
    let positive = |count: usize| Some(count32(count)).filter(|count| *count > 0);
    let terminating = pods.iter().filter(|pod| is_terminating(pod)).count() + plan.delete.len();
    let status = ReplicaSetStatus {
        replicas: count32(active.len() + created),
        fully_labeled_replicas: positive(active.iter().filter(fully_labeled).count() + created),
        ready_replicas: positive(active.iter().filter(|pod| is_ready(pod)).count()),
        available_replicas: positive(waits.iter().filter(|wait| **wait == SignedDuration::ZERO).count()),
        terminating_replicas: Some(count32(terminating)),
        observed_generation: set.metadata.generation,
        conditions: set.status.as_ref().and_then(|status| status.conditions.clone()),
    };
    plan.status = (Some(&status) != set.status.as_ref()).then_some(status);
    plan
}

fn count32(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

fn build(set: &ReplicaSet) -> Pod {
    let template = set
        .spec
        .as_ref()
        .and_then(|spec| spec.template.clone())
        .unwrap_or_default();
    let from = template.metadata.unwrap_or_default();
    Pod {
        metadata: ObjectMeta {
            namespace: set.namespace(),
            generate_name: Some(format!("{}-", set.name_any())),
            labels: from.labels,
            annotations: from.annotations,
            finalizers: from.finalizers,
            owner_references: controlled_by(set),
            ..ObjectMeta::default()
        },
        spec: template.spec,
        status: None,
    }
}
