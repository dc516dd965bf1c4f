//! What makes a Kubernetes API a cluster: controllers, a node that runs Pods as local processes, and Services.
//!
//! All of it are ordinary clients of an API server. It is for trying a product out and for its tests; production is a
//! real cluster. It must never be kinder than Kubernetes: what it does not support it refuses by name.
//!
//! * [`controllers`]: Job, CronJob, Deployment, ReplicaSet, EndpointSlice and HorizontalPodAutoscaler controllers.
//! * [`runner`]: the node: Pods as local processes with volumes, probes, logs and termination messages.
//! * [`services`]: each Service listens on its cluster address and balances over ready endpoints.
//! * [`Connection`]: writes kubeconfigs.
//!
//! The modules stand in layers: `services` may use `runner`, both may use `controllers` and `kubeconfig`. What runs is
//! started by plain functions that return a task: an `async fn` would be compiled anew in every program that awaits it.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod controllers;
mod kubeconfig;
pub mod runner;
pub mod services;

pub use kubeconfig::Connection;
