//! The volume binder: a claim is a directory and is bound at once. A deleted claim is removed with its data when no Pod
//! uses it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use std::{fs, io};

use futures::StreamExt;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};
use kube::api::{ListParams, Patch, PatchParams};
use kube::runtime::controller::Action;
use kube::runtime::{Controller, watcher};
use kube::{Api, Client, ResourceExt};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::options::RunnerOptions;
use crate::controllers::events::{EventWriter, Notice};
use crate::controllers::pods::is_terminal;

/// The finalizer that protects a claim while Pods use it.
const PROTECTION: &str = "kubernetes.io/pvc-protection";

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
    if claim.metadata.deletion_timestamp.is_some() {
        return release(&claim, &binder).await;
    }
    if bound {
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
    let namespace = claim.namespace().unwrap_or_default();
    let place = binder.options.volumes_dir().join(&namespace);
    if let Err(error) = provide(&place, &claim.name_any(), &claim.uid().unwrap_or_default()) {
        let message = format!("making a directory in {} for the claim: {error}", place.display());
        binder
            .events
            .tell(&*claim, &Notice::warning("ProvisioningFailed", message))
            .await;
        return Ok(Action::requeue(Duration::from_secs(5)));
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
    let claims: Api<PersistentVolumeClaim> = Api::namespaced(binder.client.clone(), &namespace);
    match claims
        .patch_status(&claim.name_any(), &PatchParams::default(), &Patch::Merge(patch))
        .await
    {
        Err(kube::Error::Api(status)) if status.code == 404 => {}
        outcome => drop(outcome?),
    }
    Ok(Action::await_change())
}

/// Releases a deleted claim and its data once no unfinished Pod uses it.
async fn release(claim: &PersistentVolumeClaim, binder: &Binder) -> Result<Action, kube::Error> {
    if !claim.finalizers().iter().any(|finalizer| finalizer == PROTECTION) {
        return Ok(Action::await_change());
    }
    let (namespace, name) = (claim.namespace().unwrap_or_default(), claim.name_any());
    let pods: Api<Pod> = Api::namespaced(binder.client.clone(), &namespace);
    let pods = pods.list(&ListParams::default()).await?.items;
    if pods.iter().any(|pod| uses(pod, &name)) {
        return Ok(Action::requeue(Duration::from_millis(500)));
    }
    let directory = binder.options.volumes_dir().join(&namespace).join(&name);
    if directory.exists()
        && let Err(error) = fs::remove_dir_all(&directory)
    {
        let message = format!("removing {}: {error}", directory.display());
        binder
            .events
            .tell(claim, &Notice::warning("VolumeFailedDelete", message))
            .await;
        return Ok(Action::requeue(Duration::from_secs(5)));
    }
    let claims: Api<PersistentVolumeClaim> = Api::namespaced(binder.client.clone(), &namespace);
    let patch = json!({ "metadata": { "$deleteFromPrimitiveList/finalizers": [PROTECTION] } });
    match claims
        .patch(&name, &PatchParams::default(), &Patch::Strategic(patch))
        .await
    {
        Err(kube::Error::Api(status)) if status.code == 404 => {}
        outcome => drop(outcome?),
    }
    Ok(Action::await_change())
}

fn uses(pod: &Pod, claim: &str) -> bool {
    let volumes = pod.spec.iter().flat_map(|spec| spec.volumes.iter().flatten());
    let mut claims = volumes.filter_map(|volume| volume.persistent_volume_claim.as_ref());
    !is_terminal(pod) && claims.any(|source| source.claim_name == claim)
}

/// The storage class of a claim, if the sandbox does not have it. An empty name requests no provisioning.
fn unknown_class(claim: &PersistentVolumeClaim, known: &[String]) -> Option<String> {
    let class = claim.spec.as_ref()?.storage_class_name.clone()?;
    (!known.contains(&class)).then_some(class)
}

/// Creates the directory of a claim. The remains of an earlier claim of the same name are removed, like a deleted
/// claim's volume. A directory that never belonged to a claim was created by hand and is kept.
fn provide(place: &Path, name: &str, uid: &str) -> io::Result<()> {
    let directory = place.join(name);
    let owner = place.join(format!(".{name}.uid"));
    let earlier = fs::read_to_string(&owner).unwrap_or_default();
    if !earlier.is_empty() && earlier != uid && directory.exists() {
        fs::remove_dir_all(&directory)?;
    }
    fs::create_dir_all(&directory)?;
    fs::write(owner, uid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_claim_of_an_old_name_is_empty() {
        let place = tempfile::tempdir().expect("a directory");
        let file = place.path().join("store/x");
        fs::create_dir(place.path().join("store")).expect("made by hand");
        for (uid, kept) in [("one", true), ("one", true), ("two", false)] {
            fs::write(&file, "data").expect("written");
            provide(place.path(), "store", uid).expect("provided");
            assert_eq!(file.exists(), kept, "{uid}");
        }
    }
}
