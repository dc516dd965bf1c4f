//! A Deployment's status: counts and the conditions Available and Progressing.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::apps::v1::{Deployment, DeploymentCondition, DeploymentStatus, ReplicaSet};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;

use super::replicas::{available, existing, max_unavailable, told, wanted};

/// The new ReplicaSet is complete.
const DONE: &str = "NewReplicaSetAvailable";
const TIMED_OUT: &str = "ProgressDeadlineExceeded";

/// The condition of this type.
pub fn find<'a>(status: &'a DeploymentStatus, kind: &str) -> Option<&'a DeploymentCondition> {
    status
        .conditions
        .iter()
        .flatten()
        .find(|condition| condition.type_ == kind)
}

/// Sets a condition. An equal one is kept; a changed one moves to the end of the list, and its transition time changes
/// only with the status.
pub fn set(status: &mut DeploymentStatus, kind: &str, value: &str, reason: &str, message: &str, now: Timestamp) {
    let current = find(status, kind);
    if current.is_some_and(|current| current.status == value && current.reason.as_deref() == Some(reason)) {
        return;
    }
    let since = current
        .filter(|current| current.status == value)
        .and_then(|current| current.last_transition_time.clone());
    replace(status, kind, value, reason, message, since.unwrap_or(Time(now)), now);
}

fn replace(
    status: &mut DeploymentStatus,
    kind: &str,
    value: &str,
    reason: &str,
    message: &str,
    since: Time,
    now: Timestamp,
) {
    let conditions = status.conditions.get_or_insert_default();
    conditions.retain(|condition| condition.type_ != kind);
    conditions.push(DeploymentCondition {
        type_: kind.into(),
        status: value.into(),
        reason: Some(reason.into()),
        message: Some(message.into()),
        last_transition_time: Some(since),
        last_update_time: Some(Time(now)),
    });
}

/// The status from the ReplicaSets. `estimate` is whether a rollout is in progress, which may time out. Also returns
/// the time until the deadline.
pub fn of(
    deployment: &Deployment,
    all: &[&ReplicaSet],
    new: Option<&ReplicaSet>,
    estimate: bool,
    now: Timestamp,
) -> (DeploymentStatus, Option<SignedDuration>) {
    let before = deployment.status.clone().unwrap_or_default();
    let mut status = counted(deployment, &before, all, new);
    let wanted = wanted(deployment);
    let enough = status.available_replicas.unwrap_or(0) >= wanted - max_unavailable(deployment);
    if enough {
        set(
            &mut status,
            "Available",
            "True",
            "MinimumReplicasAvailable",
            "Deployment has minimum availability.",
            now,
        );
    } else {
        let message = "Deployment does not have minimum availability.";
        set(
            &mut status,
            "Available",
            "False",
            "MinimumReplicasUnavailable",
            message,
            now,
        );
    }
    let deadline = deadline(deployment);
    if deadline.is_none()
        && let Some(conditions) = status.conditions.as_mut()
    {
        conditions.retain(|condition| condition.type_ != "Progressing");
    }
    if estimate
        && is_settled(all)
        && let Some(deadline) = deadline
    {
        follow_progress(deployment, &before, &mut status, new, deadline, now);
    }
    let left = deadline.and_then(|deadline| time_left(deployment, &status, deadline, now));
    (status, left)
}

/// The progress deadline, if there is one.
pub fn deadline(deployment: &Deployment) -> Option<SignedDuration> {
    let seconds = deployment
        .spec
        .as_ref()?
        .progress_deadline_seconds
        .filter(|seconds| *seconds != i32::MAX)?;
    Some(SignedDuration::from_secs(i64::from(seconds)))
}

/// Whether the ReplicaSets' counts are current. Otherwise the Deployment keeps its counts.
pub fn is_settled(all: &[&ReplicaSet]) -> bool {
    all.iter()
        .all(|set| set.status.as_ref().and_then(|status| status.observed_generation) >= set.metadata.generation)
}

fn counted(
    deployment: &Deployment,
    before: &DeploymentStatus,
    all: &[&ReplicaSet],
    new: Option<&ReplicaSet>,
) -> DeploymentStatus {
    if !is_settled(all) {
        return DeploymentStatus {
            observed_generation: deployment.metadata.generation,
            ..before.clone()
        };
    }
    let positive = |count: i32| (count > 0).then_some(count);
    let sum = |count: fn(&k8s_openapi::api::apps::v1::ReplicaSetStatus) -> Option<i32>| -> i32 {
        all.iter().filter_map(|set| set.status.as_ref()).filter_map(count).sum()
    };
    let up = available(all.iter().copied());
    DeploymentStatus {
        observed_generation: deployment.metadata.generation,
        replicas: positive(existing(all.iter().copied())),
        updated_replicas: positive(existing(new)),
        ready_replicas: positive(sum(|status| status.ready_replicas)),
        available_replicas: positive(up),
        unavailable_replicas: positive(told(all.iter().copied()) - up),
        terminating_replicas: Some(sum(|status| status.terminating_replicas)),
        collision_count: before.collision_count,
        conditions: before.conditions.clone(),
    }
}

/// Whether all Pods have the new template and are available, and no others exist.
pub fn is_complete(deployment: &Deployment, status: &DeploymentStatus) -> bool {
    let wanted = wanted(deployment);
    status.updated_replicas.unwrap_or(0) == wanted
        && status.replicas.unwrap_or(0) == wanted
        && status.available_replicas.unwrap_or(0) == wanted
        && status.observed_generation >= deployment.metadata.generation
}

fn follow_progress(
    deployment: &Deployment,
    before: &DeploymentStatus,
    status: &mut DeploymentStatus,
    new: Option<&ReplicaSet>,
    deadline: SignedDuration,
    now: Timestamp,
) {
    let current = find(status, "Progressing").cloned();
    let reason = current.as_ref().and_then(|current| current.reason.as_deref());
    if status.replicas == status.updated_replicas && reason == Some(DONE) {
        return;
    }
    let subject = match new {
        Some(set) => format!("ReplicaSet \"{}\"", set.name_any()),
        None => format!("Deployment \"{}\"", deployment.name_any()),
    };
    if is_complete(deployment, status) {
        let message = format!("{subject} has successfully progressed.");
        set(status, "Progressing", "True", DONE, &message, now);
    } else if has_progressed(before, status) {
        let message = format!("{subject} is progressing.");
        let since = current
            .filter(|current| current.status == "True")
            .and_then(|current| current.last_transition_time);
        replace(
            status,
            "Progressing",
            "True",
            "ReplicaSetUpdated",
            &message,
            since.unwrap_or(Time(now)),
            now,
        );
    } else if has_timed_out(current.as_ref(), deadline, now) {
        let message = format!("{subject} has timed out progressing.");
        set(status, "Progressing", "False", TIMED_OUT, &message, now);
    }
}

/// Whether more Pods are up to date, ready or available than before, or fewer old ones remain.
fn has_progressed(before: &DeploymentStatus, status: &DeploymentStatus) -> bool {
    let old = |status: &DeploymentStatus| status.replicas.unwrap_or(0) - status.updated_replicas.unwrap_or(0);
    status.updated_replicas > before.updated_replicas
        || old(status) < old(before)
        || status.ready_replicas > before.ready_replicas
        || status.available_replicas > before.available_replicas
}

fn has_timed_out(current: Option<&DeploymentCondition>, deadline: SignedDuration, now: Timestamp) -> bool {
    let Some(current) = current else { return false };
    match current.reason.as_deref() {
        Some(TIMED_OUT) => true,
        Some(DONE) => false,
        _ => current
            .last_update_time
            .as_ref()
            .is_some_and(|time| now.duration_since(time.0) >= deadline),
    }
}

fn time_left(
    deployment: &Deployment,
    status: &DeploymentStatus,
    deadline: SignedDuration,
    now: Timestamp,
) -> Option<SignedDuration> {
    let current = find(status, "Progressing")?;
    if is_complete(deployment, status)
        || matches!(current.reason.as_deref(), Some(DONE | TIMED_OUT | "DeploymentPaused"))
    {
        return None;
    }
    let since = current.last_update_time.as_ref()?.0;
    Some((deadline - now.duration_since(since)).max(SignedDuration::from_millis(100)))
}

/// A paused Deployment has no progress and no deadline; resuming it restarts the deadline.
pub fn follow_pause(deployment: &mut Deployment, now: Timestamp) {
    if deadline(deployment).is_none() {
        return;
    }
    let paused = deployment.spec.as_ref().is_some_and(|spec| spec.paused == Some(true));
    let mut current = deployment.status.take().unwrap_or_default();
    let reason = find(&current, "Progressing").and_then(|condition| condition.reason.clone());
    match reason.as_deref() {
        Some("ProgressDeadlineExceeded") => {}
        Some("DeploymentPaused") if !paused => {
            set(
                &mut current,
                "Progressing",
                "Unknown",
                "DeploymentResumed",
                "Deployment is resumed",
                now,
            );
        }
        Some("DeploymentPaused") => {}
        _ if paused => {
            set(
                &mut current,
                "Progressing",
                "Unknown",
                "DeploymentPaused",
                "Deployment is paused",
                now,
            );
        }
        _ => {}
    }
    deployment.status = Some(current);
}
