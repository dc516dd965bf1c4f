//! All routes and the layers around them.

use std::sync::Arc;

use axum::Router;
use utoipa_axum::router::OpenApiRouter;

use super::error::ApiError;
use super::{
    captured, explain, feedback, health, kserve, mlflow, observe, open_inference, openapi, page, predict, report,
    statistics, stream,
};
use crate::core::app::App;

/// Builds the router of all routes.
pub fn router(app: Arc<App>) -> Router {
    let (routes, document) = OpenApiRouter::with_openapi(openapi::document())
        .merge(health::routes())
        .merge(predict::routes())
        .merge(explain::routes())
        .merge(stream::routes())
        .merge(feedback::routes())
        .merge(captured::routes())
        .merge(open_inference::routes())
        .merge(kserve::routes())
        .merge(mlflow::routes())
        .merge(report::routes())
        .merge(statistics::routes())
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
