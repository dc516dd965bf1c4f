//! HTTP inference server for complaint classifiers.
//!
//! The server reads one model file, compares its SHA-256 digest with the expected one, and answers predictions:
//!
//! ```text
//! complaint-inference --model model.safetensors --digest sha256:… --bind 0.0.0.0:8080
//! curl localhost:8080/predict -d '{"text": "I was charged twice for one purchase."}'
//! ```
//!
//! From the inside out:
//! * [`core`]: where the model is, the model, its answers, limits, refusals and metrics. Knows no HTTP.
//! * [`http`]: the APIs, a file each; errors in one place; connections, their limits, and the drain.
//! * [`options`]: the command line; [`reload`]: the model is read again at SIGHUP.
//! * [`launch`]: the process: arguments, log, signals, exit codes.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod core;
pub mod http;
pub mod launch;
pub mod options;
pub mod reload;

pub use launch::main_from;
