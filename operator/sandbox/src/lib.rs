//! A Kubernetes API in one process, with controllers and a runner that executes Pods as local processes.
//!
//! The sandbox is for trying the product out and for its tests; production is a real cluster. It must never be kinder
//! than Kubernetes: what it does not support it refuses by name.
//!
//! * [`api`]: the API server: store, discovery, validation, patches, watches, tables, garbage collection.
//! * [`controllers`]: Job, Deployment, ReplicaSet and EndpointSlice controllers, ordinary clients of the API.
//! * [`runner`]: the node: Pods as local processes with volumes, probes, logs and termination messages.
//! * [`services`]: each Service listens on its cluster address and balances over ready endpoints.
//! * [`Sandbox`]: starts the server and writes the kubeconfig.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod api;
pub mod controllers;
mod kubeconfig;
pub mod runner;
mod sandbox;
pub mod services;
mod state;
mod tls;

pub use kubeconfig::Connection;
pub use sandbox::{Options, Sandbox, StartError};
pub use state::StateError;
pub use tls::CertificateError;
