//! The state of a rollout from its Deployment and pods. Pure.
//!
//! No rollout rests on what a pod says: the readiness probe checks the digest, so a ready pod of a version's template
//! serves that version.

use complaint_api::{ClassifierServing, ModelVersion, labels};
use complaint_contract::{ErrorEnvelope, ExitKind, ProgramError, ServerReason};
use k8s_openapi::api::{apps::v1::Deployment, core::v1::Pod};
use kube::ResourceExt;

use super::{CONTAINER, ComplaintClassifiers, gather::Seen};
use crate::{controller::Reconciler, pod};

/// The reason of a server that refused its model without saying why.
pub(crate) const MODEL_REFUSED: &str = "ModelRefused";
/// The reason of pods that ran and were not ready in time.
pub(crate) const DEADLINE_EXCEEDED: &str = "ProgressDeadlineExceeded";

/// Where the rollout of a version stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Rollout {
    /// The Deployment does not exist or rolls out another version.
    NotStarted,
    /// The rollout makes progress.
    InProgress { ready: i32, desired: i32 },
    /// The rollout is blocked, but not by the model.
    Blocked(pod::Blocked),
    /// The server refuses what the classifier's spec asks of it. The model may be sound.
    Refused(&'static str, String),
    /// The model is broken and must not serve.
    Broken(ProgramError),
    /// All desired pods serve it, and no other pod remains.
    Complete,
}

/// The digest prefix in labels.
pub(crate) fn digest_prefix(sha256: &str) -> &str {
    sha256.get(..16).unwrap_or(sha256)
}

/// The version that the Deployment rolls out.
pub(crate) fn rolling(deployment: &Deployment) -> Option<&str> {
    deployment.annotations().get(labels::MODEL_VERSION).map(String::as_str)
}

/// The state of the rollout of `version`.
pub(crate) fn of(version: &ModelVersion, serving: &ClassifierServing, seen: &Seen) -> Rollout {
    let Some(deployment) = &seen.deployment else {
        return Rollout::NotStarted;
    };
    if rolling(deployment) != Some(&version.name_any()) || !template_serves(deployment, &version.spec.artifact.sha256) {
        return Rollout::NotStarted;
    }
    if complete(deployment, serving) {
        return Rollout::Complete;
    }
    // Ignore terminating pods: they belong to an earlier attempt.
    let pods: Vec<&Pod> = pods_of(seen, &version.spec.artifact.sha256)
        .filter(|pod| pod.metadata.deletion_timestamp.is_none())
        .collect();
    if let Some(error) = pods.iter().find_map(|pod| model_error(pod)) {
        return Rollout::Broken(error);
    }
    if let Some((reason, message)) = pods.iter().find_map(|pod| refused_settings(pod)) {
        return Rollout::Refused(reason, message);
    }
    if let Some(blocked) = other_command(deployment) {
        return Rollout::Blocked(blocked);
    }
    if let Some(blocked) = pods
        .iter()
        .find_map(|pod| pod::blocked(pod))
        .or_else(|| refused(deployment))
    {
        return Rollout::Blocked(blocked);
    }
    if deployment.spec.as_ref().is_some_and(|spec| spec.paused == Some(true)) {
        let name = deployment.name_any();
        let message = format!(
            "somebody paused Deployment {name}: run `kubectl rollout resume deployment/{name}`; to hold a classifier back, set its spec.paused"
        );
        return Rollout::Blocked(pod::Blocked::new("DeploymentPaused", message));
    }
    if deadline_exceeded(deployment) {
        return past_deadline(deployment, &pods);
    }
    let status = deployment.status.clone().unwrap_or_default();
    Rollout::InProgress {
        ready: ready_count(&pods),
        desired: desired(deployment).max(status.updated_replicas.unwrap_or(0)),
    }
}

/// A command that somebody set in the server's container. The operator sets none, so an apply leaves it.
fn other_command(deployment: &Deployment) -> Option<pod::Blocked> {
    let pod = deployment.spec.as_ref()?.template.spec.as_ref()?;
    let server = pod.containers.iter().find(|container| container.name == CONTAINER)?;
    server.command.as_ref().filter(|command| !command.is_empty())?;
    let name = deployment.name_any();
    let message = format!(
        "somebody set `command` in the container {CONTAINER} of Deployment {name}, so its pods run something else than the server: \
         remove it with `kubectl edit deployment/{name}`"
    );
    Some(pod::Blocked::new("CommandReplaced", message))
}

/// Pods that serve that digest.
pub(crate) fn pods_of<'a>(seen: &'a Seen, sha256: &'a str) -> impl Iterator<Item = &'a Pod> {
    let prefix = digest_prefix(sha256);
    seen.pods.iter().filter(move |pod| {
        pod.labels()
            .get(labels::DIGEST_PREFIX)
            .is_some_and(|label| label == prefix)
    })
}

/// Number of ready pods.
pub(crate) fn ready_count(pods: &[&Pod]) -> i32 {
    i32::try_from(pods.iter().filter(|pod| pod::is_ready(pod)).count()).unwrap_or(i32::MAX)
}

pub(crate) fn desired(deployment: &Deployment) -> i32 {
    deployment.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1)
}

fn template_serves(deployment: &Deployment, sha256: &str) -> bool {
    let template = deployment
        .spec
        .as_ref()
        .and_then(|spec| spec.template.metadata.as_ref());
    template
        .and_then(|metadata| metadata.annotations.as_ref()?.get(labels::DIGEST))
        .is_some_and(|digest| digest.strip_prefix("sha256:") == Some(sha256))
}

/// Whether all pods have the current template, and enough of them are available: all, or the minimum if an autoscaler
/// changes the number of pods.
fn complete(deployment: &Deployment, serving: &ClassifierServing) -> bool {
    let Some(status) = &deployment.status else { return false };
    let (all, updated, available) = (
        status.replicas.unwrap_or(0),
        status.updated_replicas.unwrap_or(0),
        status.available_replicas.unwrap_or(0),
    );
    let enough = match serving.autoscaling {
        Some(autoscaling) => available >= autoscaling.min_replicas,
        None => all == desired(deployment) && available == all,
    };
    observed(deployment) && updated == all && enough
}

/// The number of replicas to set in the Deployment. With an autoscaler, `None` once another field manager has set it
/// within the bounds. Until then it must be applied, because an unowned field falls back to 1.
pub(crate) fn replicas_to_set(serving: &ClassifierServing, deployment: Option<&Deployment>) -> Option<i32> {
    let (least, most) = serving.bounds();
    let present = deployment.map_or(least, desired);
    let within = present.clamp(least, most);
    let left_alone = serving.autoscaling.is_some() && within == present && deployment.is_some_and(scaled_by_others);
    (!left_alone).then_some(within)
}

fn scaled_by_others(deployment: &Deployment) -> bool {
    deployment.managed_fields().iter().any(|entry| {
        let fields = entry.fields_v1.as_ref().map(|fields| &fields.0);
        entry.manager.as_deref() != Some(ComplaintClassifiers::NAME)
            && fields.is_some_and(|fields| !fields["f:spec"]["f:replicas"].is_null())
    })
}

/// Whether the Deployment's status describes its current spec.
fn observed(deployment: &Deployment) -> bool {
    let status = deployment.status.as_ref();
    status.and_then(|status| status.observed_generation) >= deployment.metadata.generation
}

/// Why pods can't be created, for example a quota or a policy of the namespace.
fn refused(deployment: &Deployment) -> Option<pod::Blocked> {
    let conditions = deployment.status.as_ref()?.conditions.as_ref()?;
    let failure = conditions
        .iter()
        .find(|c| c.type_ == "ReplicaFailure" && c.status == "True")?;
    let reason = failure.reason.as_deref().unwrap_or("ReplicaFailure");
    Some(pod::Blocked::new(reason, failure.message.clone().unwrap_or_default()))
}

/// The error of a server that rejected its model. A ready pod has loaded its model.
fn model_error(pod: &Pod) -> Option<ProgramError> {
    let said = ended_with(ExitKind::BadData, pod)?;
    Some(said.unwrap_or_else(|| ProgramError {
        reason: MODEL_REFUSED.into(),
        message: "the server can't use the model file".into(),
    }))
}

/// Why a server did not start with the arguments that the spec gives it.
fn refused_settings(pod: &Pod) -> Option<(&'static str, String)> {
    // A server that ends without a word was not given an argument that it knows.
    let said = ended_with(ExitKind::BadConfiguration, pod)??;
    let mut reasons = ServerReason::ALL.iter().map(|reason| reason.as_str());
    let reason = reasons.find(|reason| *reason == said.reason)?;
    Some((reason, said.message))
}

/// What a server that is not ready said when it ended with this kind of exit code; `None` if it did not.
fn ended_with(kind: ExitKind, pod: &Pod) -> Option<Option<ProgramError>> {
    let ended = pod::terminated(pod, CONTAINER).filter(|_| !pod::is_ready(pod))?;
    let same = ended.exit_code == i32::from(kind.code());
    same.then(|| ended.message.as_deref().and_then(ErrorEnvelope::read))
}

fn deadline_exceeded(deployment: &Deployment) -> bool {
    let conditions = deployment.status.as_ref().and_then(|status| status.conditions.as_ref());
    let exceeded = conditions
        .into_iter()
        .flatten()
        .any(|condition| condition.type_ == "Progressing" && condition.reason.as_deref() == Some(DEADLINE_EXCEEDED));
    exceeded && observed(deployment)
}

/// A rollout beyond its deadline: pods that ran and stayed unready mean a broken model, pods that never ran a blocked
/// cluster.
fn past_deadline(deployment: &Deployment, pods: &[&Pod]) -> Rollout {
    let ran = pods
        .iter()
        .any(|pod| pod::phase(pod) == "Running" && !pod::is_ready(pod));
    let ended = pods
        .iter()
        .find_map(|pod| pod::terminated(pod, CONTAINER))
        .map_or(String::new(), |state| {
            let said = state.message.as_deref().and_then(ErrorEnvelope::read);
            let why = match &said {
                Some(error) => format!("{}: {}", error.reason, error.message),
                None => state.reason.clone().unwrap_or_else(|| "no reason".into()),
            };
            format!(" (the last one ended with exit code {}, {why})", state.exit_code)
        });
    let message = format!(
        "the pods of Deployment {0} were not ready within spec.rollout.progressDeadlineSeconds{ended}; see `kubectl logs deployment/{0}`",
        deployment.name_any(),
    );
    let reason = DEADLINE_EXCEEDED.to_owned();
    if ran {
        Rollout::Broken(ProgramError { reason, message })
    } else {
        Rollout::Blocked(pod::Blocked::new(&reason, message))
    }
}
