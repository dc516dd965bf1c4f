//! A Kubernetes API in one process that runs Jobs and Deployments as local processes
#![forbid(unsafe_code)]
#![deny(missing_docs)]
