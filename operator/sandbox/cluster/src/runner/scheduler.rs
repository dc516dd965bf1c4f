//! The scheduler: binds pending Pods to the node, or reports why it can't.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{NodeSelectorRequirement, PersistentVolumeClaim, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::api::{ListParams, Patch, PatchParams, PostParams};
use kube::runtime::controller::{Action, Config};
use kube::runtime::{Controller, watcher};
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::NODE;
use crate::controllers::events::{EventWriter, Notice};

struct Scheduler {
    client: Client,
    events: EventWriter,
}

/// Runs until `shutdown`.
pub(super) async fn run(client: Client, shutdown: CancellationToken) {
    let events = EventWriter::new(client.clone(), "default-scheduler", None);
    let scheduler = Arc::new(Scheduler {
        client: client.clone(),
        events,
    });
    Controller::new(Api::<Pod>::all(client), watcher::Config::default().any_semantic())
        .with_config(Config::default().debounce(Duration::from_millis(2)))
        .graceful_shutdown_on(shutdown.cancelled_owned())
        .run(
            schedule,
            |_, _: &kube::Error, _| Action::requeue(Duration::from_millis(500)),
            scheduler,
        )
        .for_each(|outcome| {
            if let Err(error) = outcome {
                tracing::debug!(%error, "scheduling");
            }
            std::future::ready(())
        })
        .await;
}

/// Whether the Pod waits for this scheduler.
fn waits(pod: &Pod) -> bool {
    let Some(spec) = pod.spec.as_ref() else { return false };
    spec.node_name.as_ref().is_none_or(String::is_empty)
        && pod.metadata.deletion_timestamp.is_none()
        && spec.scheduling_gates.as_ref().is_none_or(Vec::is_empty)
        && matches!(spec.scheduler_name.as_deref(), None | Some("default-scheduler"))
}

async fn schedule(pod: Arc<Pod>, scheduler: Arc<Scheduler>) -> Result<Action, kube::Error> {
    if !waits(&pod) {
        return Ok(Action::await_change());
    }
    let namespace = pod.namespace().unwrap_or_default();
    let claims: Api<PersistentVolumeClaim> = Api::namespaced(scheduler.client.clone(), &namespace);
    let claims = if claim_names(&pod).next().is_some() {
        claims.list(&ListParams::default()).await?.items
    } else {
        Vec::new()
    };
    let pods: Api<Pod> = Api::namespaced(scheduler.client.clone(), &namespace);
    if let Err(why) = fits(&pod, &labels(), &claims) {
        return refuse(&pod, &pods, &scheduler, why).await;
    }
    bind(&pod, &pods).await?;
    let message = format!("Successfully assigned {namespace}/{} to {NODE}", pod.name_any());
    scheduler
        .events
        .tell(&*pod, &Notice::normal("Scheduled", message))
        .await;
    Ok(Action::await_change())
}

async fn bind(pod: &Pod, pods: &Api<Pod>) -> Result<(), kube::Error> {
    let name = pod.name_any();
    let binding = json!({
        "apiVersion": "v1", "kind": "Binding",
        "metadata": { "name": name, "namespace": pod.namespace(), "uid": pod.uid() },
        "target": { "apiVersion": "v1", "kind": "Node", "name": NODE },
    });
    match pods
        .create_subresource::<_, Value>("binding", &name, &PostParams::default(), &binding)
        .await
    {
        Err(kube::Error::Api(status)) if matches!(status.code, 405 | 501) => {
            let patch = json!({ "metadata": { "uid": pod.uid() }, "spec": { "nodeName": NODE } });
            pods.patch(&name, &PatchParams::default(), &Patch::Merge(patch))
                .await
                .map(drop)
        }
        // Already bound or gone: the next event tells.
        Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(()),
        outcome => outcome.map(drop),
    }
}

async fn refuse(pod: &Pod, pods: &Api<Pod>, scheduler: &Scheduler, why: String) -> Result<Action, kube::Error> {
    let message = format!("0/1 nodes are available: {why}.");
    scheduler
        .events
        .tell(pod, &Notice::warning("FailedScheduling", message.clone()))
        .await;
    let known = crate::controllers::pods::condition(pod, "PodScheduled")
        .is_some_and(|condition| condition.message.as_ref() == Some(&message));
    if !known {
        let condition = json!({ "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message,
                                "lastTransitionTime": Time(Timestamp::now()) });
        let patch = json!({ "status": { "conditions": [condition] } });
        pods.patch_status(&pod.name_any(), &PatchParams::default(), &Patch::Strategic(patch))
            .await?;
    }
    Ok(Action::requeue(Duration::from_secs(1)))
}

/// Labels of the node.
pub(super) fn labels() -> BTreeMap<String, String> {
    let arch = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    [
        ("kubernetes.io/hostname", NODE),
        ("kubernetes.io/os", std::env::consts::OS),
        ("kubernetes.io/arch", arch),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_string(), value.to_string()))
    .collect()
}

fn claim_names(pod: &Pod) -> impl Iterator<Item = &str> {
    let volumes = pod
        .spec
        .as_ref()
        .and_then(|spec| spec.volumes.as_ref())
        .into_iter()
        .flatten();
    volumes.filter_map(|volume| Some(volume.persistent_volume_claim.as_ref()?.claim_name.as_str()))
}

/// Why the node does not fit the Pod, in upstream's words.
fn fits(pod: &Pod, labels: &BTreeMap<String, String>, claims: &[PersistentVolumeClaim]) -> Result<(), String> {
    for name in claim_names(pod) {
        let claim = claims.iter().find(|claim| claim.name_any() == name);
        let claim = claim.ok_or_else(|| format!("persistentvolumeclaim \"{name}\" not found"))?;
        if claim.metadata.deletion_timestamp.is_some() {
            return Err(format!("persistentvolumeclaim \"{name}\" is being deleted"));
        }
        if claim.status.as_ref().and_then(|status| status.phase.as_deref()) != Some("Bound") {
            return Err("pod has unbound immediate PersistentVolumeClaims".into());
        }
    }
    let Some(spec) = pod.spec.as_ref() else { return Ok(()) };
    let selected = spec
        .node_selector
        .iter()
        .flatten()
        .all(|(key, value)| labels.get(key) == Some(value));
    let required = spec
        .affinity
        .as_ref()
        .and_then(|affinity| affinity.node_affinity.as_ref())
        .and_then(|affinity| affinity.required_during_scheduling_ignored_during_execution.as_ref());
    let affine = required.is_none_or(|required| {
        required.node_selector_terms.iter().any(|term| {
            term.match_expressions
                .iter()
                .flatten()
                .all(|requirement| meets(requirement, labels))
        })
    });
    if selected && affine {
        Ok(())
    } else {
        Err("1 node(s) didn't match Pod's node affinity/selector".into())
    }
}

fn meets(requirement: &NodeSelectorRequirement, labels: &BTreeMap<String, String>) -> bool {
    let value = labels.get(&requirement.key);
    let values = requirement.values.as_deref().unwrap_or_default();
    let number = |text: &String| text.parse::<i64>().ok();
    let compare = |greater: bool| {
        let (left, right) = (value.and_then(number), values.first().and_then(number));
        left.zip(right)
            .is_some_and(|(left, right)| if greater { left > right } else { left < right })
    };
    match requirement.operator.as_str() {
        "In" => value.is_some_and(|value| values.contains(value)),
        "NotIn" => value.is_none_or(|value| !values.contains(value)),
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        "Gt" => compare(true),
        "Lt" => compare(false),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(spec: Value) -> Pod {
        serde_json::from_value(json!({ "metadata": { "name": "p" }, "spec": spec })).expect("a Pod")
    }

    #[test]
    fn a_pod_that_the_node_does_not_suit_is_told_why() {
        let claim = |phase: &str| -> PersistentVolumeClaim {
            serde_json::from_value(json!({ "metadata": { "name": "c" }, "status": { "phase": phase } }))
                .expect("a claim")
        };
        let uses =
            json!({ "containers": [], "volumes": [{ "name": "v", "persistentVolumeClaim": { "claimName": "c" } }] });
        let affinity = |operator: &str| {
            let term = json!({ "matchExpressions": [{ "key": "gpu", "operator": operator }] });
            let required = json!({ "nodeSelectorTerms": [term] });
            json!({ "containers": [], "affinity": { "nodeAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": required } } })
        };
        let mismatch = Err("1 node(s) didn't match Pod's node affinity/selector".to_string());
        for (spec, claims, expected) in [
            (json!({ "containers": [] }), vec![], Ok(())),
            (
                json!({ "containers": [], "nodeSelector": { "kubernetes.io/hostname": "sandbox" } }),
                vec![],
                Ok(()),
            ),
            (
                json!({ "containers": [], "nodeSelector": { "gpu": "yes" } }),
                vec![],
                mismatch.clone(),
            ),
            (affinity("Exists"), vec![], mismatch),
            (affinity("DoesNotExist"), vec![], Ok(())),
            (
                uses.clone(),
                vec![],
                Err("persistentvolumeclaim \"c\" not found".into()),
            ),
            (
                uses.clone(),
                vec![claim("Pending")],
                Err("pod has unbound immediate PersistentVolumeClaims".into()),
            ),
            (uses, vec![claim("Bound")], Ok(())),
        ] {
            assert_eq!(fits(&pod(spec.clone()), &labels(), &claims), expected, "{spec}");
        }
    }

    #[test]
    fn only_pods_of_the_default_scheduler_are_bound() {
        for (spec, expected) in [
            (json!({ "containers": [] }), true),
            (json!({ "containers": [], "schedulerName": "default-scheduler" }), true),
            (json!({ "containers": [], "schedulerName": "other" }), false),
            (json!({ "containers": [], "nodeName": "sandbox" }), false),
            (
                json!({ "containers": [], "schedulingGates": [{ "name": "wait" }] }),
                false,
            ),
        ] {
            assert_eq!(waits(&pod(spec.clone())), expected, "{spec}");
        }
    }
}
