//! HTTP over the prediction core. One file per API family; every error goes through [`error`].

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
mod page;
mod predict;
mod stream;
mod tensor;

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use tower_http::catch_panic::CatchPanicLayer;

pub use error::{ApiError, ApiFamily};
pub use observe::{MODEL_DIGEST, REQUEST_ID};

use crate::app::App;

/// All routes over one model.
pub fn router(app: Arc<App>) -> Router {
    let on_panic = {
        let app = Arc::clone(&app);
        move |words| observe::panicked(&app, words)
    };
    Router::new()
        .merge(health::routes())
        .merge(page::routes())
        .merge(predict::routes())
        .merge(explain::routes())
        .merge(stream::routes())
        .merge(open_inference::routes())
        .merge(kserve::routes())
        .merge(mlflow::routes())
        .fallback(async || ApiError::NotFound)
        .method_not_allowed_fallback(async || ApiError::MethodNotAllowed)
        .layer(CatchPanicLayer::custom(on_panic))
        .layer(from_fn_with_state(Arc::clone(&app), observe::observe))
        .with_state(app)
}
