//! The volume binder: a claim is a directory, so it is bound as soon as it is seen.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use kube::api::{Patch, PatchParams};
use kube::runtime::controller::Action;
use kube::runtime::{Controller, watcher};
use kube::{Api, Client, ResourceExt};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::options::RunnerOptions;
use crate::controllers::events::{EventWriter, Notice};

struct Binder {
    client: Client,
    events: EventWriter,
    options: RunnerOptions,
}

/// Runs until `shutdown`.
pub(super) async fn run(client: Client, options: RunnerOptions, shutdown: CancellationToken) {
    let events = EventWriter::new(client.clone(), "persistentvolume-controller", None);
    let binder = Arc::new(Binder {
        client: client.clone(),
        events,
        options,
    });
    Controller::new(
        Api::<PersistentVolumeClaim>::all(client),
        watcher::Config::default().any_semantic(),
    )
    .graceful_shutdown_on(shutdown.cancelled_owned())
    .run(
        bind,
        |_, _: &kube::Error, _| Action::requeue(Duration::from_millis(500)),
        binder,
    )
    .for_each(|outcome| {
        if let Err(error) = outcome {
            tracing::debug!(%error, "binding claims");
        }
        std::future::ready(())
    })
    .await;
}

async fn bind(claim: Arc<PersistentVolumeClaim>, binder: Arc<Binder>) -> Result<Action, kube::Error> {
    let bound = claim.status.as_ref().and_then(|status| status.phase.as_deref()) == Some("Bound");
    if bound || claim.metadata.deletion_timestamp.is_some() {
        return Ok(Action::await_change());
    }
    if let Some(class) = unknown_class(&claim, &binder.options.storage_classes) {
        let message = format!(
            "storageclass.storage.k8s.io \"{class}\" not found; the sandbox binds claims that name no storage class or \
             one of: {}",
            binder.options.storage_classes.join(", ")
        );
        binder
            .events
            .tell(&*claim, &Notice::warning("ProvisioningFailed", message))
            .await;
        return Ok(Action::await_change());
    }
    let spec = claim.spec.as_ref();
    let requested = spec
        .and_then(|spec| spec.resources.as_ref())
        .and_then(|resources| resources.requests.as_ref());
    let patch = json!({ "status": {
        "phase": "Bound",
        "accessModes": spec.and_then(|spec| spec.access_modes.clone()),
        "capacity": { "storage": requested.and_then(|requested| requested.get("storage")) },
    } });
    let claims: Api<PersistentVolumeClaim> =
        Api::namespaced(binder.client.clone(), &claim.namespace().unwrap_or_default());
    match claims
        .patch_status(&claim.name_any(), &PatchParams::default(), &Patch::Merge(patch))
        .await
    {
        Err(kube::Error::Api(status)) if status.code == 404 => {}
        outcome => drop(outcome?),
    }
    Ok(Action::await_change())
}

/// The storage class a claim names, if the sandbox does not have it. An empty name asks for no provisioning at all.
fn unknown_class(claim: &PersistentVolumeClaim, known: &[String]) -> Option<String> {
    let class = claim.spec.as_ref()?.storage_class_name.clone()?;
    (!known.contains(&class)).then_some(class)
}
