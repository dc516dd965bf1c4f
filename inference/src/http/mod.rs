//! HTTP over the prediction core. One file per API family; every error goes through [`error`].

mod authorize;
mod body;
mod error;
mod explain;
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
mod stream;
mod tensor;

use std::sync::Arc;

use axum::Router;
use utoipa_axum::router::OpenApiRouter;

pub use error::{ApiError, ApiFamily};
pub use observe::{MODEL_DIGEST, REQUEST_ID};

use crate::app::App;

/// All routes over one model.
pub fn router(app: Arc<App>) -> Router {
    let (routes, document) = OpenApiRouter::with_openapi(openapi::document())
        .merge(health::routes())
        .merge(predict::routes())
        .merge(explain::routes())
        .merge(stream::routes())
        .merge(open_inference::routes())
        .merge(kserve::routes())
        .merge(mlflow::routes())
        .merge(report::routes())
        .split_for_parts();
    routes
        .merge(page::routes())
        .merge(openapi::route(&document))
        .merge(openapi::page())
        .fallback(async || ApiError::NotFound)
        .method_not_allowed_fallback(async || ApiError::MethodNotAllowed)
        .layer(observe::Observe(Arc::clone(&app)))
        .with_state(app)
}
