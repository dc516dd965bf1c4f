//! A cluster for a Kubernetes API: controllers, a node that runs Pods as local processes, and Services.
//!
//! All parts are clients of an API server. They are for trials and tests; production needs a real cluster. They must
//! never accept what Kubernetes rejects, and they reject unsupported features by name.
//!
//! * [`controllers`]: Job, CronJob, Deployment, ReplicaSet, EndpointSlice and HorizontalPodAutoscaler controllers.
//! * [`runner`]: the node: Pods as local processes with volumes, probes, logs and termination messages.
//! * [`services`]: each Service listens on its cluster IP and balances connections over ready endpoints.
//! * [`Connection`]: writes kubeconfigs.
//!
//! The modules form layers: `services` may use `runner`, both may use `controllers` and `kubeconfig`. Plain functions
//! start tasks and return their handles: an `async fn` would be compiled again in every program that awaits it.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod controllers;
mod kubeconfig;
pub mod runner;
pub mod services;

pub use kubeconfig::Connection;
