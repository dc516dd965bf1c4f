//! The Deployment controller: one ReplicaSet per template, replaced as the strategy allows.

pub mod plan;
mod replicas;
mod status;
mod template;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use kube::runtime::controller::Action;
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::claim::claim;
use super::events::EventWriter;
use super::pods::controller_of;
use super::{Error, Pass, after, code, gone_is_fine, selected};
use plan::Plan;

/// The revision of a template.
pub(crate) const REVISION: &str = "deployment.kubernetes.io/revision";
/// The Deployment's replicas when the ReplicaSet was last scaled.
pub(crate) const DESIRED: &str = "deployment.kubernetes.io/desired-replicas";
/// The largest number of Pods that was allowed then.
pub(crate) const MAX: &str = "deployment.kubernetes.io/max-replicas";

/// Runs the controller until `shutdown`.
pub async fn run(client: Client, shutdown: CancellationToken) {
    let pass = Arc::new(Pass {
        events: EventWriter::new(client.clone(), "deployment-controller", None),
        client: client.clone(),
    });
    let controller = super::owns::<ReplicaSet>(super::controller::<Deployment>(&client, shutdown), &client);
    // A Recreate rollout waits until Pods are gone, which ReplicaSets don't report.
    let controller = super::watches(controller, &client, |pod: &Pod, deployment: &Deployment| {
        let set = controller_of(pod).filter(|owner| owner.kind == "ReplicaSet");
        plan::waits_for_pods(deployment)
            && deployment.namespace() == pod.namespace()
            && set.is_some_and(|set| set.name.starts_with(&deployment.name_any()))
    });
    super::drive("deployment", controller, reconcile, pass).await;
}

async fn reconcile(deployment: Arc<Deployment>, pass: Arc<Pass>) -> Result<Action, Error> {
    let namespace = deployment.namespace().unwrap_or_default();
    let deployments: Api<Deployment> = Api::namespaced(pass.client.clone(), &namespace);
    let live = deployments
        .get_opt(&deployment.name_any())
        .await
        .map_err(Error::reading("Deployment", &*deployment))?;
    let Some(deployment) = live else {
        return Ok(Action::await_change());
    };
    let selector = deployment.spec.as_ref().map(|spec| &spec.selector);
    let sets: Api<ReplicaSet> = Api::namespaced(pass.client.clone(), &namespace);
    let owned = claim(&sets, &deployment, selector)
        .await
        .map_err(Error::reading("ReplicaSets of Deployment", &deployment))?;
    let pods = if plan::waits_for_pods(&deployment) {
        let pods: Api<Pod> = Api::namespaced(pass.client.clone(), &namespace);
        selected(&pods, selector)
            .await
            .map_err(Error::reading("pods of Deployment", &deployment))?
    } else {
        Vec::new()
    };
    let plan = plan::plan(&deployment, &owned, &pods, Timestamp::now());
    let again = plan.again;
    carry_out(&pass, &deployments, &sets, deployment, plan).await?;
    Ok(after(again))
}

async fn carry_out(
    pass: &Pass,
    deployments: &Api<Deployment>,
    sets: &Api<ReplicaSet>,
    mut deployment: Deployment,
    mut plan: Plan,
) -> Result<(), Error> {
    let name = deployment.name_any();
    if let Some(set) = &plan.create {
        match sets.create(&PostParams::default(), set).await {
            Err(error) if code(&error) == Some(409) => count_collision(&deployment, &mut plan),
            outcome => drop(outcome.map_err(Error::writing("ReplicaSet", &set.name_any()))?),
        }
    }
    let changed = plan
        .scale
        .iter()
        .map(|(set, _)| set)
        .chain(plan.annotate.iter().map(|(set, _)| set));
    for set in changed.collect::<BTreeSet<_>>() {
        let size = plan.scale.iter().find(|(name, _)| name == set).map(|(_, size)| size);
        let annotations = plan
            .annotate
            .iter()
            .filter(|(name, _)| name == set)
            .flat_map(|(_, annotations)| annotations);
        let mut patch = json!({});
        if let Some(size) = size {
            patch["spec"]["replicas"] = json!(size);
        }
        for (key, value) in annotations {
            patch["metadata"]["annotations"][key] = Value::String(value.clone());
        }
        sets.patch(set, &PatchParams::default(), &Patch::Merge(patch))
            .await
            .map_err(Error::writing("ReplicaSet", set))?;
    }
    for set in &plan.delete {
        gone_is_fine(sets.delete(set, &DeleteParams::default()).await).map_err(Error::writing("ReplicaSet", set))?;
    }
    for notice in &plan.notices {
        pass.events.tell(&deployment, notice).await;
    }
    if let Some(revision) = &plan.revision {
        let patch = json!({ "metadata": { "annotations": { REVISION: revision } } });
        let patched = deployments
            .patch(&name, &PatchParams::default(), &Patch::Merge(patch))
            .await;
        // A status write also contains annotations, so it must start from the ones just written.
        deployment.metadata = patched.map_err(Error::writing("Deployment", &name))?.metadata;
    }
    if let Some(status) = plan.status {
        deployment.status = Some(status);
        deployment.metadata.managed_fields = None;
        let written = deployments
            .replace_status(&name, &PostParams::default(), &deployment)
            .await;
        written.map_err(Error::writing("status of Deployment", &name))?;
    }
    Ok(())
}

/// The name of the new ReplicaSet is taken: the next pass uses another one.
fn count_collision(deployment: &Deployment, plan: &mut Plan) {
    let status = plan
        .status
        .get_or_insert_with(|| deployment.status.clone().unwrap_or_default());
    status.collision_count = Some(status.collision_count.unwrap_or(0) + 1);
    plan.revision = None;
    plan.notices.clear();
}
