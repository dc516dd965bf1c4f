//! The Job controller (batch/v1): runs pods until enough of them have succeeded, or too many have failed.
//!
//! [`plan`](plan::plan) decides, and this file executes. Every pass reads the Job and its pods from the API, so it sees
//! the writes of the previous one. The controller runs one pass per Job at a time.

pub mod conditions;
mod indexes;
mod orphans;
mod placement;
pub mod plan;
mod pod;
mod policy;
mod tally;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::batch::v1::{Job, JobStatus};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams, Preconditions};
use kube::runtime::controller::Action;
use kube::{Api, Client, ResourceExt};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::events::{EventWriter, Notice};
use super::pods::is_controlled_by;
use super::{Error, Pass, after, gone_is_fine, selected};
use plan::Plan;

/// The finalizer that a pod carries until its Job has counted it.
pub const TRACKING: &str = "batch.kubernetes.io/job-tracking";

/// Whether the Job is Indexed.
pub(crate) fn is_indexed(job: &Job) -> bool {
    job.spec.as_ref().and_then(|spec| spec.completion_mode.as_deref()) == Some("Indexed")
}

/// Whether the Job has a back-off limit per index.
pub(crate) fn per_index(job: &Job) -> bool {
    is_indexed(job)
        && job
            .spec
            .as_ref()
            .is_some_and(|spec| spec.backoff_limit_per_index.is_some())
}

/// Whether only failed pods are replaced, and terminating ones still count.
pub(crate) fn replaces_only_failed(job: &Job) -> bool {
    job.spec.as_ref().is_some_and(|spec| {
        spec.pod_replacement_policy.as_deref() == Some("Failed")
            || (spec.pod_replacement_policy.is_none() && spec.pod_failure_policy.is_some())
    })
}

/// Runs the controller until `shutdown`.
pub async fn run(client: Client, shutdown: CancellationToken) {
    let pass = Arc::new(Pass {
        events: EventWriter::new(client.clone(), "job-controller", None),
        client: client.clone(),
    });
    let controller = super::owns::<Pod>(super::controller::<Job>(&client, shutdown.clone()), &client);
    tokio::join!(
        super::drive("job", controller, reconcile, pass),
        orphans::run(client, shutdown)
    );
}

async fn reconcile(job: Arc<Job>, pass: Arc<Pass>) -> Result<Action, Error> {
    let namespace = job.namespace().unwrap_or_default();
    let jobs: Api<Job> = Api::namespaced(pass.client.clone(), &namespace);
    let Some(job) = jobs
        .get_opt(&job.name_any())
        .await
        .map_err(Error::reading("Job", &*job))?
    else {
        return Ok(Action::await_change());
    };
    let Some(spec) = job.spec.as_ref().filter(|spec| spec.managed_by.is_none()) else {
        return Ok(Action::await_change());
    };
    let api: Api<Pod> = Api::namespaced(pass.client.clone(), &namespace);
    let uid = job.uid().unwrap_or_default();
    let mut pods = selected(&api, spec.selector.as_ref())
        .await
        .map_err(Error::reading("pods of Job", &job))?;
    pods.retain(|pod| is_controlled_by(pod, &uid));
    let plan = plan::plan(&job, &pods, Timestamp::now());
    let again = plan.again;
    carry_out(&pass, &jobs, &api, job, plan).await?;
    Ok(after(again))
}

async fn carry_out(pass: &Pass, jobs: &Api<Job>, pods: &Api<Pod>, job: Job, plan: Plan) -> Result<(), Error> {
    let mut job = job;
    for name in &plan.remove {
        untrack(pods, name).await.map_err(Error::writing("pod", name))?;
    }
    for name in plan.remove.iter().chain(&plan.stop) {
        gone_is_fine(pods.delete(name, &DeleteParams::default()).await).map_err(Error::writing("pod", name))?;
        pass.events
            .tell(
                &job,
                &Notice::normal("SuccessfulDelete", format!("Deleted pod: {name}")),
            )
            .await;
    }
    for pod in &plan.create {
        match pods.create(&PostParams::default(), pod).await {
            Ok(created) => {
                let message = format!("Created pod: {}", created.name_any());
                pass.events
                    .tell(&job, &Notice::normal("SuccessfulCreate", message))
                    .await;
            }
            Err(error) => {
                let message = format!("Error creating: {error}");
                pass.events.tell(&job, &Notice::warning("FailedCreate", message)).await;
                return Err(Error::writing("pod of Job", &job.name_any())(error));
            }
        }
    }
    if let Some(status) = plan.interim {
        job = write_status(jobs, job, status).await?;
    }
    for name in &plan.untrack {
        untrack(pods, name).await.map_err(Error::writing("pod", name))?;
    }
    if let Some(status) = plan.status {
        job = write_status(jobs, job, status).await?;
    }
    for notice in &plan.notices {
        pass.events.tell(&job, notice).await;
    }
    if plan.expire {
        let uid = Preconditions {
            uid: job.uid(),
            resource_version: None,
        };
        let name = job.name_any();
        gone_is_fine(jobs.delete(&name, &DeleteParams::foreground().preconditions(uid)).await)
            .map_err(Error::writing("Job", &name))?;
    }
    Ok(())
}

/// Replaces the status. If the Job has changed, this is a conflict, and the pass is repeated.
async fn write_status(jobs: &Api<Job>, mut job: Job, status: JobStatus) -> Result<Job, Error> {
    let name = job.name_any();
    job.status = Some(status);
    job.metadata.managed_fields = None;
    jobs.replace_status(&name, &PostParams::default(), &job)
        .await
        .map_err(Error::writing("status of Job", &name))
}

/// Removes the tracking finalizer of a pod, if the pod still exists.
async fn untrack(pods: &Api<Pod>, name: &str) -> Result<(), kube::Error> {
    let patch = json!({ "metadata": { "$deleteFromPrimitiveList/finalizers": [TRACKING] } });
    gone_is_fine(
        pods.patch(name, &PatchParams::default(), &Patch::Strategic(patch))
            .await,
    )
}
