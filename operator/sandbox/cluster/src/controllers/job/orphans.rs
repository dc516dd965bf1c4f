//! Removes the tracking finalizer of pods whose Job is gone.

use std::sync::Arc;

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::runtime::controller::Action;
use kube::{Api, Client, ResourceExt};
use tokio_util::sync::CancellationToken;

use super::tally::is_tracked;
use super::untrack;
use crate::controllers::events::EventWriter;
use crate::controllers::pods::{controller_of, is_controlled_by};
use crate::controllers::{Error, Pass, controller, drive, watches};

/// Runs until `shutdown`.
pub(super) async fn run(client: Client, shutdown: CancellationToken) {
    let pass = Arc::new(Pass {
        events: EventWriter::new(client.clone(), "job-controller", None),
        client: client.clone(),
    });
    let pods = watches(controller::<Pod>(&client, shutdown), &client, |job: &Job, pod: &Pod| {
        is_tracked(pod) && is_controlled_by(pod, &job.uid().unwrap_or_default())
    });
    drive("job-orphan", pods, reconcile, pass).await;
}

async fn reconcile(pod: Arc<Pod>, pass: Arc<Pass>) -> Result<Action, Error> {
    if !is_tracked(&pod) {
        return Ok(Action::await_change());
    }
    let namespace = pod.namespace().unwrap_or_default();
    if let Some(owner) = controller_of(&*pod).filter(|owner| owner.kind == "Job") {
        let jobs: Api<Job> = Api::namespaced(pass.client.clone(), &namespace);
        let job = jobs
            .get_metadata_opt(&owner.name)
            .await
            .map_err(Error::reading("Job", &*pod))?;
        if job.is_some_and(|job| job.metadata.uid.as_ref() == Some(&owner.uid)) {
            return Ok(Action::await_change());
        }
    }
    let name = pod.name_any();
    untrack(&Api::namespaced(pass.client.clone(), &namespace), &name)
        .await
        .map_err(Error::writing("pod", &name))?;
    Ok(Action::await_change())
}
