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
//! * [`engine`]: text in, ranked categories out. Knows no HTTP.
//! * [`loading`]: from a file to an engine, digest first.
//! * [`app`]: what all requests share.
//! * [`http`]: the APIs, a file each; errors in one place.
//! * [`serve`]: connections, their limits, and the drain.
//! * [`tokens`]: who may ask.
//! * [`patience`]: clients that never read.
//! * [`launch`]: the process: arguments, log, signals, exit codes.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod app;
pub mod engine;
pub mod http;
pub mod launch;
pub mod loading;
pub mod metrics;
pub mod options;
pub mod patience;
pub mod serve;
pub mod tokens;

pub use launch::main_from;
