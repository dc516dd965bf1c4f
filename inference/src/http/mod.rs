//! The HTTP APIs over the core. Each API family has its own file. All errors go through [`error`].
//!
//! [`router()`] combines the routes, [`serve`] accepts and drains connections, and [`workers`] are the threads that
//! connections run on.

mod answering;
mod authorize;
mod body;
mod captured;
mod coding;
mod connection;
mod connections;
mod error;
mod error_responses;
mod escape;
mod explain;
mod extract;
mod feedback;
mod health;
mod held;
mod highlight;
mod json;
mod kserve;
mod lines;
mod mlflow;
mod observe;
mod open_inference;
mod openapi;
mod output;
mod page;
mod predict;
mod report;
mod router;
mod security;
pub mod serve;
mod statistics;
mod stream;
mod tensor;
mod trace;
pub mod workers;

pub use error::{ApiError, ApiFamily};
pub use observe::{MODEL_DIGEST, REQUEST_ID};
pub use router::router;
