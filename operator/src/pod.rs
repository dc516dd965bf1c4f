//! The status of a pod: why it can't start, how its container ended, whether it is ready.

use k8s_openapi::api::core::v1::{ContainerStateTerminated, Pod};

/// Why a pod does not start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocked {
    /// The kubelet's or scheduler's reason, such as `ImagePullBackOff`.
    pub reason: String,
    /// Its message.
    pub message: String,
}

impl Blocked {
    /// A pod that does not start for this reason.
    pub fn new(reason: &str, message: String) -> Self {
        Self {
            reason: reason.to_owned(),
            message,
        }
    }

    /// Whether it passes by itself in most cases, so that nobody is to be warned.
    pub fn is_passing(&self) -> bool {
        self.reason == WAITING_FOR_VOLUME
    }
}

/// A claim of the pod is not bound yet.
const WAITING_FOR_VOLUME: &str = "WaitingForVolume";
/// What the scheduler says meanwhile.
const UNBOUND_CLAIM: &str = "unbound immediate PersistentVolumeClaims";
/// The kubelet goes to and fro between these two while it tries to pull an image.
const PULLING: [&str; 2] = ["ErrImagePull", "ImagePullBackOff"];

/// Reasons of a waiting container that need somebody to act.
const BLOCKING: [&str; 7] = [
    "CreateContainerConfigError",
    "CreateContainerError",
    "ErrImagePull",
    "ErrImageNeverPull",
    "ImagePullBackOff",
    "InvalidImageName",
    "RunContainerError",
];

/// Why the pod does not start, if it doesn't.
pub fn blocked(pod: &Pod) -> Option<Blocked> {
    let status = pod.status.as_ref()?;
    let mut waiting = status.container_statuses.iter().flatten().filter_map(|container| {
        let waiting = container.state.as_ref()?.waiting.as_ref()?;
        Some((container, waiting, waiting.reason.as_deref()?))
    });
    if let Some((container, waiting, reason)) = waiting.find(|(_, _, reason)| BLOCKING.contains(reason)) {
        // The same words for both states: each change of a status is a write and an Event.
        return Some(if PULLING.contains(&reason) {
            let told = format!(
                "the image {} can't be pulled; `kubectl describe pod {}` shows the registry's answer",
                container.image,
                pod.metadata.name.as_deref().unwrap_or_default()
            );
            Blocked::new("ImagePullBackOff", told)
        } else {
            Blocked::new(reason, waiting.message.clone().unwrap_or_default())
        });
    }
    let unscheduled = status
        .conditions
        .iter()
        .flatten()
        .find(|condition| condition.type_ == "PodScheduled" && condition.status == "False")?;
    let message = unscheduled.message.clone().unwrap_or_default();
    let reason = match unscheduled.reason.as_deref() {
        _ if message.contains(UNBOUND_CLAIM) => WAITING_FOR_VOLUME,
        reason => reason.unwrap_or("Unschedulable"),
    };
    Some(Blocked::new(reason, message))
}

/// The most recent termination of the container, current or before its last restart.
pub fn terminated<'a>(pod: &'a Pod, container: &str) -> Option<&'a ContainerStateTerminated> {
    let status = pod
        .status
        .as_ref()?
        .container_statuses
        .iter()
        .flatten()
        .find(|status| status.name == container)?;
    let ended = |state: Option<&'a k8s_openapi::api::core::v1::ContainerState>| state?.terminated.as_ref();
    ended(status.state.as_ref()).or_else(|| ended(status.last_state.as_ref()))
}

/// Whether the pod's `Ready` condition is true and it is not being deleted.
pub fn is_ready(pod: &Pod) -> bool {
    pod.metadata.deletion_timestamp.is_none()
        && pod
            .status
            .iter()
            .flat_map(|status| status.conditions.iter().flatten())
            .any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

/// The pod's phase.
pub fn phase(pod: &Pod) -> &str {
    pod.status
        .as_ref()
        .and_then(|status| status.phase.as_deref())
        .unwrap_or("Pending")
}

#[cfg(test)]
mod tests {
    use complaint_contract::ErrorEnvelope;

    use super::*;

    fn pod(status: serde_json::Value) -> Pod {
        serde_json::from_value(serde_json::json!({ "status": status })).expect("a pod")
    }

    #[test]
    fn a_missing_secret_and_an_unschedulable_pod_are_named() {
        let missing = pod(serde_json::json!({ "containerStatuses": [{
            "name": "trainer", "image": "", "imageID": "", "ready": false, "restartCount": 0,
            "state": { "waiting": { "reason": "CreateContainerConfigError", "message": "secret \"s3\" not found" } } }] }));
        assert_eq!(
            blocked(&missing).map(|b| b.message),
            Some("secret \"s3\" not found".into())
        );

        let unschedulable = pod(serde_json::json!({ "conditions": [{
            "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes" }] }));
        assert_eq!(blocked(&unschedulable).map(|b| b.reason), Some("Unschedulable".into()));

        let binding = pod(serde_json::json!({ "conditions": [{
            "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
            "message": "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims." }] }));
        let passing = blocked(&binding).expect("it waits");
        assert!(
            passing.is_passing() && passing.reason == "WaitingForVolume",
            "{passing:?}"
        );

        let pulling = |reason: &str, message: &str| {
            pod(serde_json::json!({ "containerStatuses": [{
                "name": "trainer", "image": "trainer:1", "imageID": "", "ready": false, "restartCount": 0,
                "state": { "waiting": { "reason": reason, "message": message } } }] }))
        };
        let failed = blocked(&pulling("ErrImagePull", "rpc error: not found"));
        assert_eq!(failed.as_ref().map(|b| b.reason.as_str()), Some("ImagePullBackOff"));
        assert_eq!(failed, blocked(&pulling("ImagePullBackOff", "Back-off pulling image")));

        let creating = pod(serde_json::json!({ "containerStatuses": [{
            "name": "trainer", "image": "", "imageID": "", "ready": false, "restartCount": 0,
            "state": { "waiting": { "reason": "ContainerCreating" } } }] }));
        assert_eq!(blocked(&creating), None);
    }

    #[test]
    fn the_last_end_is_found_behind_a_restart() {
        let restarted = pod(serde_json::json!({ "containerStatuses": [{
            "name": "server", "image": "", "imageID": "", "ready": false, "restartCount": 1,
            "state": { "waiting": { "reason": "CrashLoopBackOff" } },
            "lastState": { "terminated": { "exitCode": 65, "message": "{\"error\":{\"reason\":\"DigestMismatch\",\"message\":\"m\"}}" } } }] }));
        let ended = terminated(&restarted, "server").expect("it ended");
        assert_eq!(ended.exit_code, 65);
        let error = ErrorEnvelope::read(ended.message.as_deref().unwrap_or_default());
        assert_eq!(error.map(|e| e.reason), Some("DigestMismatch".into()));
    }
}
