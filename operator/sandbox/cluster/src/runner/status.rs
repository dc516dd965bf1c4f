//! A Pod's status from the states of its containers, as the kubelet writes it. Pure.

use std::net::Ipv4Addr;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{
    Container, ContainerState, ContainerStateWaiting, ContainerStatus, HostIP, Pod, PodCondition, PodIP, PodStatus,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

/// The node's address.
pub const HOST: &str = "127.0.0.1";

/// The runner's state of a Pod.
#[derive(Debug, Clone, Default)]
pub struct Book {
    /// When the runner accepted the Pod.
    pub since: Option<Timestamp>,
    /// The Pod's address.
    pub address: Option<Ipv4Addr>,
    /// Init containers, in the order of the manifest.
    pub init: Vec<ContainerStatus>,
    /// Containers, in the order of the manifest.
    pub main: Vec<ContainerStatus>,
    /// Whether the volumes are ready.
    pub prepared: bool,
    /// Whether the Pod is being deleted, so its containers do not restart.
    pub stopping: bool,
    /// Why the runner stopped the Pod: reason and message.
    pub ended: Option<(String, String)>,
}

/// A container that has not started yet.
pub fn fresh(container: &Container, reason: &str) -> ContainerStatus {
    ContainerStatus {
        name: container.name.clone(),
        image: container.image.clone().unwrap_or_default(),
        state: Some(waiting(reason, None)),
        last_state: Some(ContainerState::default()),
        started: Some(false),
        ..ContainerStatus::default()
    }
}

/// The waiting state of a container.
pub fn waiting(reason: &str, message: Option<String>) -> ContainerState {
    let waiting = ContainerStateWaiting {
        reason: Some(reason.into()),
        message,
    };
    ContainerState {
        waiting: Some(waiting),
        ..ContainerState::default()
    }
}

/// The exit code of a terminated container.
pub fn exit_code(container: &ContainerStatus) -> Option<i32> {
    Some(container.state.as_ref()?.terminated.as_ref()?.exit_code)
}

fn ended_before(container: &ContainerStatus) -> bool {
    container
        .last_state
        .as_ref()
        .is_some_and(|state| state.terminated.is_some())
}

fn is_running(container: &ContainerStatus) -> bool {
    container.state.as_ref().is_some_and(|state| state.running.is_some())
}

/// Whether an init container is a sidecar.
pub fn is_sidecar(container: &Container) -> bool {
    container.restart_policy.as_deref() == Some("Always")
}

/// The phase of a Pod. A finished Pod keeps its phase.
pub fn phase(pod: &Pod, book: &Book) -> &'static str {
    match pod.status.as_ref().and_then(|status| status.phase.as_deref()) {
        Some("Succeeded") => return "Succeeded",
        Some("Failed") => return "Failed",
        _ => {}
    }
    let all_ended = book
        .main
        .iter()
        .chain(&book.init)
        .all(|container| !is_running(container));
    if book.ended.is_some() {
        return if all_ended { "Failed" } else { "Running" };
    }
    let policy = pod
        .spec
        .as_ref()
        .and_then(|spec| spec.restart_policy.as_deref())
        .unwrap_or("Always");
    if !initialized(pod, book) {
        let failed = book
            .init
            .iter()
            .any(|container| exit_code(container).is_some_and(|code| code != 0));
        let final_failure = failed && (policy == "Never" || book.stopping) && all_ended;
        return if final_failure { "Failed" } else { "Pending" };
    }
    let waits = |container: &&ContainerStatus| {
        !is_running(container) && exit_code(container).is_none() && !ended_before(container)
    };
    if book.main.iter().any(|container| waits(&container)) {
        return if book.stopping && all_ended {
            "Failed"
        } else {
            "Pending"
        };
    }
    if !all_ended {
        return "Running";
    }
    let last = |container: &ContainerStatus| {
        let before = || {
            container
                .last_state
                .as_ref()?
                .terminated
                .as_ref()
                .map(|ended| ended.exit_code)
        };
        exit_code(container).or_else(before).unwrap_or(0)
    };
    let succeeded = book.main.iter().all(|container| exit_code(container) == Some(0));
    match policy {
        _ if book.stopping => {
            if book.main.iter().all(|container| last(container) == 0) {
                "Succeeded"
            } else {
                "Failed"
            }
        }
        "Always" => "Running",
        _ if succeeded => "Succeeded",
        "Never" => "Failed",
        _ => "Running",
    }
}

/// Whether all init containers are complete.
fn initialized(pod: &Pod, book: &Book) -> bool {
    let specs = pod
        .spec
        .as_ref()
        .and_then(|spec| spec.init_containers.as_ref())
        .into_iter()
        .flatten();
    specs.zip(&book.init).all(|(spec, status)| {
        if is_sidecar(spec) {
            status.started == Some(true) || exit_code(status).is_some()
        } else {
            exit_code(status) == Some(0)
        }
    })
}

/// The whole status.
pub fn of(pod: &Pod, book: &Book, now: Timestamp) -> PodStatus {
    let phase = phase(pod, book);
    let before = pod.status.clone().unwrap_or_default();
    let address = book
        .address
        .map(|address| address.to_string())
        .or(before.pod_ip.clone());
    let mut status = PodStatus {
        phase: Some(phase.into()),
        host_ip: Some(HOST.into()),
        host_ips: Some(vec![HostIP { ip: HOST.into() }]),
        pod_ips: address.clone().map(|ip| vec![PodIP { ip }]),
        pod_ip: address,
        start_time: before.start_time.clone().or_else(|| book.since.map(Time)),
        qos_class: before.qos_class.clone(),
        observed_generation: pod.metadata.generation,
        init_container_statuses: (!book.init.is_empty()).then(|| book.init.clone()),
        container_statuses: Some(book.main.clone()),
        ..PodStatus::default()
    };
    if let Some((reason, message)) = &book.ended {
        status.reason = Some(reason.clone());
        status.message = Some(message.clone());
    }
    status.conditions = Some(conditions(pod, book, phase, before.conditions.unwrap_or_default(), now));
    status
}

type Truth = (bool, Option<&'static str>, Option<String>);

fn conditions(pod: &Pod, book: &Book, phase: &str, before: Vec<PodCondition>, now: Timestamp) -> Vec<PodCondition> {
    let containers = containers_ready(book, phase);
    let ready = gates_ready(pod, &before).map_or_else(
        || containers.clone(),
        |missing| {
            if containers.0 {
                (false, Some("ReadinessGatesNotReady"), Some(missing))
            } else {
                containers.clone()
            }
        },
    );
    let own: [(&str, Truth); 5] = [
        (
            "PodReadyToStartContainers",
            (book.prepared && !matches!(phase, "Succeeded" | "Failed"), None, None),
        ),
        ("Initialized", initialization(pod, book, phase)),
        ("Ready", ready),
        ("ContainersReady", containers),
        ("PodScheduled", (true, None, None)),
    ];
    let mut conditions: Vec<PodCondition> = Vec::new();
    for (kind, (truth, reason, message)) in own {
        let value = if truth { "True" } else { "False" };
        let earlier = before
            .iter()
            .find(|condition| condition.type_ == kind && condition.status == value);
        conditions.push(PodCondition {
            type_: kind.into(),
            status: value.into(),
            reason: reason.map(Into::into),
            message,
            observed_generation: pod.metadata.generation,
            last_transition_time: earlier
                .and_then(|earlier| earlier.last_transition_time.clone())
                .or(Some(Time(now))),
            last_probe_time: None,
        });
    }
    // Conditions of others (readiness gates, disruption) are kept.
    conditions.extend(before.into_iter().filter(|condition| !is_own(&condition.type_)));
    conditions
}

/// Whether the node writes the condition.
pub fn is_own(kind: &str) -> bool {
    matches!(
        kind,
        "PodReadyToStartContainers" | "Initialized" | "Ready" | "ContainersReady" | "PodScheduled"
    )
}

fn names<'a>(statuses: impl Iterator<Item = &'a ContainerStatus>) -> String {
    statuses
        .map(|status| status.name.as_str())
        .collect::<Vec<_>>()
        .join(" ")
}

fn initialization(pod: &Pod, book: &Book, phase: &str) -> Truth {
    if phase == "Succeeded" {
        return (true, Some("PodCompleted"), None);
    }
    if initialized(pod, book) {
        return (true, None, None);
    }
    let open = names(book.init.iter().filter(|status| exit_code(status) != Some(0)));
    (
        false,
        Some("ContainersNotInitialized"),
        Some(format!("containers with incomplete status: [{open}]")),
    )
}

fn containers_ready(book: &Book, phase: &str) -> Truth {
    match phase {
        "Succeeded" => return (false, Some("PodCompleted"), None),
        "Failed" => return (false, Some("PodFailed"), None),
        _ => {}
    }
    if book.main.iter().all(|status| status.ready) {
        return (true, None, None);
    }
    let open = names(book.main.iter().filter(|status| !status.ready));
    (
        false,
        Some("ContainersNotReady"),
        Some(format!("containers with unready status: [{open}]")),
    )
}

/// The message about unmet readiness gates.
fn gates_ready(pod: &Pod, before: &[PodCondition]) -> Option<String> {
    let gates = pod.spec.as_ref().and_then(|spec| spec.readiness_gates.as_ref())?;
    let missing: Vec<String> = gates
        .iter()
        .filter_map(|gate| {
            let condition = before.iter().find(|condition| condition.type_ == gate.condition_type);
            match condition {
                None => Some(format!(
                    "corresponding condition of pod readiness gate \"{}\" does not exist.",
                    gate.condition_type
                )),
                Some(condition) if condition.status != "True" => Some(format!(
                    "the status of pod readiness gate \"{}\" is not \"True\", but {}",
                    gate.condition_type, condition.status
                )),
                Some(_) => None,
            }
        })
        .collect();
    (!missing.is_empty()).then(|| missing.join(", "))
}

#[cfg(test)]
mod tests;
