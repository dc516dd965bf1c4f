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
//! * [`loading`]: from a file or an address to an engine, digest first; [`location`], [`fetch`] and [`cache`] are its
//!   parts, [`reload`] does it again at SIGHUP.
//! * [`app`]: what all requests share; [`serving`]: one request's view of it.
//! * [`http`]: the APIs, a file each; errors in one place.
//! * [`serve`]: connections, their limits, and the drain; [`workers`]: the threads they run on.
//! * [`tokens`]: who may ask.
//! * [`patience`]: clients that never read.
//! * [`launch`]: the process: arguments, log, signals, exit codes.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod app;
pub mod cache;
pub mod engine;
pub mod fetch;
pub mod http;
pub mod launch;
pub mod loading;
pub mod location;
pub mod metrics;
pub mod options;
pub mod patience;
pub mod reload;
pub mod serve;
pub mod serving;
pub mod tokens;
pub mod workers;

pub use launch::main_from;
