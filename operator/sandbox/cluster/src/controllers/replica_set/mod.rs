//! The ReplicaSet controller: keeps the desired number of Pods of a template.

pub mod plan;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{ReplicaSet, ReplicaSetCondition, ReplicaSetStatus};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::api::{DeleteParams, PostParams};
use kube::runtime::controller::Action;
use kube::{Api, Client, ResourceExt};
use tokio_util::sync::CancellationToken;

use super::claim::claim;
use super::events::{EventWriter, Notice};
use super::{Error, Pass, after, gone_is_fine};

/// Runs the controller until `shutdown`.
pub async fn run(client: Client, shutdown: CancellationToken) {
    let pass = Arc::new(Pass {
        events: EventWriter::new(client.clone(), "replicaset-controller", None),
        client: client.clone(),
    });
    let controller = super::owns::<Pod>(super::controller::<ReplicaSet>(&client, shutdown), &client);
    super::drive("replicaset", controller, reconcile, pass).await;
}

async fn reconcile(set: Arc<ReplicaSet>, pass: Arc<Pass>) -> Result<Action, Error> {
    let namespace = set.namespace().unwrap_or_default();
    let sets: Api<ReplicaSet> = Api::namespaced(pass.client.clone(), &namespace);
    let live = sets
        .get_opt(&set.name_any())
        .await
        .map_err(Error::reading("ReplicaSet", &*set))?;
    let Some(set) = live else {
        return Ok(Action::await_change());
    };
    let pods: Api<Pod> = Api::namespaced(pass.client.clone(), &namespace);
    let selector = set.spec.as_ref().map(|spec| &spec.selector);
    let owned = claim(&pods, &set, selector)
        .await
        .map_err(Error::reading("pods of ReplicaSet", &set))?;
    let plan = plan::plan(&set, &owned, Timestamp::now());
    for pod in &plan.create {
        match pods.create(&PostParams::default(), pod).await {
            Ok(created) => {
                let message = format!("Created pod: {}", created.name_any());
                pass.events
                    .tell(&set, &Notice::normal("SuccessfulCreate", message))
                    .await;
            }
            Err(error) => {
                let message = format!("Error creating: {error}");
                pass.events
                    .tell(&set, &Notice::warning("FailedCreate", message.clone()))
                    .await;
                write_status(&sets, set.clone(), create_failed(&set, &owned, message)).await?;
                return Err(Error::writing("pod of ReplicaSet", &set.name_any())(error));
            }
        }
    }
    for name in &plan.delete {
        gone_is_fine(pods.delete(name, &DeleteParams::default()).await).map_err(Error::writing("pod", name))?;
        pass.events
            .tell(
                &set,
                &Notice::normal("SuccessfulDelete", format!("Deleted pod: {name}")),
            )
            .await;
    }
    if let Some(mut status) = plan.status {
        status.conditions = None;
        write_status(&sets, set, status).await?;
    }
    Ok(after(plan.again))
}

/// The status of a set whose Pods the API rejects (a quota, an invalid template): the current count and the error.
fn create_failed(set: &ReplicaSet, pods: &[Pod], message: String) -> ReplicaSetStatus {
    let mut asked_for_nothing = set.clone();
    if let Some(spec) = asked_for_nothing.spec.as_mut() {
        spec.replicas = i32::try_from(pods.len()).ok();
    }
    let now = Timestamp::now();
    let counted = plan::plan(&asked_for_nothing, pods, now)
        .status
        .or_else(|| set.status.clone())
        .unwrap_or_default();
    let earlier = set
        .status
        .as_ref()
        .and_then(|status| status.conditions.as_ref()?.first().cloned());
    let condition = earlier
        .filter(|earlier| earlier.message.as_ref() == Some(&message))
        .unwrap_or(ReplicaSetCondition {
            type_: "ReplicaFailure".into(),
            status: "True".into(),
            reason: Some("FailedCreate".into()),
            message: Some(message),
            last_transition_time: Some(Time(now)),
        });
    ReplicaSetStatus {
        conditions: Some(vec![condition]),
        ..counted
    }
}

async fn write_status(sets: &Api<ReplicaSet>, mut set: ReplicaSet, status: ReplicaSetStatus) -> Result<(), Error> {
    let name = set.name_any();
    if set.status.as_ref() == Some(&status) {
        return Ok(());
    }
    set.status = Some(status);
    set.metadata.managed_fields = None;
    let written = sets.replace_status(&name, &PostParams::default(), &set).await;
    written.map(drop).map_err(Error::writing("status of ReplicaSet", &name))
}
