//! The product end to end, through the API only: the same suite runs on the sandbox and on any cluster.
//!
//! By default the suite starts `complaint-sandbox start --with-operator`. With `E2E_KUBECONFIG` it uses that cluster: it
//! installs the CRDs and runs the operator against it, with the images in `E2E_TRAINER_IMAGE` and
//! `E2E_INFERENCE_IMAGE` (`E2E_OPERATOR=installed` if the chart is already installed).

mod autoscaling;
mod bad_input;
mod cluster;
mod collection;
mod comparison;
mod crash;
mod edits;
mod identity;
mod levels;
mod lifecycle;
mod lost;
mod monitoring;
mod privacy;
mod promotion;
mod restore;
mod retention;
mod retraining;
mod runs;
mod signatures;
mod statuses;
mod thresholds;
mod traces;
mod traffic;
mod vectors;
