//! The CronJob controller (batch/v1): creates a Job for each time of a schedule.

pub mod plan;
mod schedule;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::ObjectReference;
use kube::api::{DeleteParams, ListParams, PostParams};
use kube::runtime::controller::Action;
use kube::{Api, Client, Resource, ResourceExt};
use tokio_util::sync::CancellationToken;

use super::events::{EventWriter, Notice};
use super::pods::is_controlled_by;
use super::{Error, Pass, after, code, gone_is_fine};

/// Runs the controller until `shutdown`.
pub async fn run(client: Client, shutdown: CancellationToken) {
    let pass = Arc::new(Pass {
        events: EventWriter::new(client.clone(), "cronjob-controller", None),
        client: client.clone(),
    });
    let controller = super::owns::<Job>(super::controller::<CronJob>(&client, shutdown), &client);
    super::drive("cronjob", controller, reconcile, pass).await;
}

async fn reconcile(cron: Arc<CronJob>, pass: Arc<Pass>) -> Result<Action, Error> {
    let namespace = cron.namespace().unwrap_or_default();
    let crons: Api<CronJob> = Api::namespaced(pass.client.clone(), &namespace);
    let live = crons
        .get_opt(&cron.name_any())
        .await
        .map_err(Error::reading("CronJob", &*cron))?;
    let Some(mut cron) = live else {
        return Ok(Action::await_change());
    };
    let api: Api<Job> = Api::namespaced(pass.client.clone(), &namespace);
    let listed = api.list(&ListParams::default()).await;
    let mut jobs = listed.map_err(Error::reading("Jobs of CronJob", &cron))?.items;
    let uid = cron.uid().unwrap_or_default();
    jobs.retain(|job| is_controlled_by(job, &uid));
    let mut plan = plan::plan(&cron, &jobs, Timestamp::now());
    for name in &plan.delete {
        let deleted = api.delete(name, &DeleteParams::background()).await;
        gone_is_fine(deleted).map_err(Error::writing("Job", name))?;
        let message = format!("Deleted job {name}");
        pass.events
            .tell(&cron, &Notice::normal("SuccessfulDelete", message))
            .await;
    }
    if let Some(job) = &plan.create {
        let name = job.name_any();
        match api.create(&PostParams::default(), job).await {
            Ok(made) => {
                let reference = ObjectReference {
                    resource_version: made.resource_version(),
                    ..made.object_ref(&())
                };
                plan.status.active.get_or_insert_default().push(reference);
                let message = format!("Created job {name}");
                pass.events
                    .tell(&cron, &Notice::normal("SuccessfulCreate", message))
                    .await;
            }
            // Created by a pass whose status was not written.
            Err(error) if code(&error) == Some(409) => {}
            Err(error) => {
                let message = format!("Error creating job: {error}");
                pass.events.tell(&cron, &Notice::warning("FailedCreate", message)).await;
                return Err(Error::writing("Job", &name)(error));
            }
        }
    }
    for notice in &plan.notices {
        pass.events.tell(&cron, notice).await;
    }
    if cron.status.as_ref() != Some(&plan.status) {
        let name = cron.name_any();
        cron.status = Some(plan.status);
        cron.metadata.managed_fields = None;
        let written = crons.replace_status(&name, &PostParams::default(), &cron).await;
        written.map_err(Error::writing("status of CronJob", &name))?;
    }
    Ok(after(plan.again))
}
