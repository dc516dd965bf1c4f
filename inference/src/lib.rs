//! HTTP inference server for complaint classifiers.
//!
//! The server reads one model file, checks its SHA-256 digest, and serves predictions:
//!
//! ```text
//! complaint-inference --model model.safetensors --digest sha256:… --bind 0.0.0.0:8080
//! curl localhost:8080/predict -d '{"text": "I was charged twice for one purchase."}'
//! ```
//!
//! From the inside out:
//! * [`core`]: model locations, the model, its predictions, limits, refusals and metrics. It does not depend on HTTP.
//! * [`http`]: one file per API, all errors in one place, and the connections with their limits and drain.
//! * [`options`]: the command line; [`reload`]: reloads the model on SIGHUP.
//! * [`launch`]: the process: arguments, log, signals, exit codes.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod core;
pub mod http;
pub mod launch;
pub mod options;
pub mod reload;

pub use launch::main_from;
