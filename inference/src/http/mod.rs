//! HTTP over the core. One file per API family; every error goes through [`error`].
//!
//! [`router()`] joins the routes; [`serve`] runs the connections and drains them, on the threads of [`workers`].

mod authorize;
mod body;
mod error;
mod error_responses;
mod escape;
mod explain;
mod extract;
mod health;
mod highlight;
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
pub mod serve;
mod stream;
mod tensor;
pub mod workers;

pub use error::{ApiError, ApiFamily};
pub use observe::{MODEL_DIGEST, REQUEST_ID};
pub use router::router;
