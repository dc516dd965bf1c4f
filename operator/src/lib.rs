//! The operator: three controllers that train, promote and serve complaint classifiers.
//!
//! A reconcile reads as five steps, one file each: `gather` (reads) → `plan` (a pure decision; the clock is an argument)
//! → `build` (pure, infallible manifests) → `apply` (server-side apply, workload last) → `status` (pure: old status and
//! what was applied → new status).
//!
//! * [`training_run`]: TrainingRun → ConfigMap + Job → progress and metrics → ModelVersion.
//! * [`model_version`]: the stage of each version, computed from its classifier's record.
//! * [`complaint_classifier`]: judges versions, rolls the champion out as Deployment + Service.
//!
//! The operator links neither the trainer's nor the server's code: it runs their images and talks to them by the files and
//! messages of `docs/contracts.md`. It never opens an artifact store and reads no Secret.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod cli;
pub mod complaint_classifier;
pub mod context;
pub mod error;
pub mod health;
pub mod leader;
pub mod model_version;
pub mod object;
pub mod pod;
pub mod run;
pub mod settings;
pub mod telemetry;
pub mod training_run;
mod workload;

use futures::{Stream, StreamExt};
use kube::runtime::{controller, reflector::ObjectRef, watcher};

/// Drives a controller to its end. Errors of reconciles were logged where they happened; those of watches are logged here.
pub(crate) async fn run_controller<K: kube::Resource>(
    results: impl Stream<Item = Result<(ObjectRef<K>, controller::Action), controller::Error<error::Error, watcher::Error>>>,
) where
    K::DynamicType: std::fmt::Debug + Clone + Eq + std::hash::Hash,
{
    let mut results = std::pin::pin!(results);
    while let Some(result) = results.next().await {
        match result {
            Err(controller::Error::ReconcilerFailed(..) | controller::Error::ObjectNotFound(_)) | Ok(_) => {}
            Err(error) => tracing::warn!(%error, "a watch failed and is tried again"),
        }
    }
}
