//! The operator: controllers that train, promote and serve complaint classifiers.
//!
//! A reconcile reads as five steps: `gather` (reads) → `plan` (a pure decision; the clock is an argument) → `build` (pure
//! and infallible: the plan as an ordered list of changes) → `change::apply` (a loop over that list, one for all
//! controllers) → `status` (pure: what was applied → the part of the status that this controller owns). Each step but
//! `apply` is a file of the controller.
//!
//! * [`training_run`]: TrainingRun → ConfigMap + Job → progress and metrics → ModelVersion.
//! * [`model_version`]: the stage of each version, computed from its classifier's record.
//! * [`complaint_classifier`]: judges versions, rolls out the champion as Deployment + Service.
//! * `retraining`: a classifier's schedule and requests → TrainingRuns.
//! * `retention`: deletes a classifier's old versions and runs.
//! * `deletion`: lets the files of a deleted version go with it, by a finalizer and a Job.
//! * `comparison`: lets versions answer the same held-out rows as the champion, where no training did.
//!
//! The controllers share these modules: `cache` knows the cluster, `controller` runs a controller over its `queue`, `change`
//! and `status` write, `store` locates artifacts, `workload` and `trainer` build pods.
//!
//! The operator links neither the trainer's nor the server's code: it runs their images and exchanges the files and
//! messages of `docs/contracts.md` with them. It never opens an artifact store and reads no Secret.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod adaptation;
mod applied;
mod cache;
mod candidate;
mod change;
pub mod cli;
pub mod client;
mod comparison;
pub mod complaint_classifier;
pub mod context;
mod controller;
mod deletion;
pub mod error;
mod expiry;
pub mod health;
pub mod leader;
pub mod model_version;
mod monitoring;
pub mod object;
pub mod pod;
mod queue;
mod retention;
mod retraining;
pub mod run;
mod secret_file;
pub mod settings;
mod signing;
mod status;
mod store;
mod store_job;
mod store_record;
pub mod telemetry;
mod trace;
mod tracking;
mod trainer;
pub mod training_run;
mod turns;
mod workload;
