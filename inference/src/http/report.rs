//! `GET /report`: how the served model was trained and how well it did.

use std::sync::Arc;

use axum::http::header;
use axum::response::{IntoResponse, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::error::ApiError;
use crate::core::app::App;
use crate::core::serving::Serving;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(report))
}

/// The training report of the served model.
#[utoipa::path(
    get, path = "/report", tag = "operation",
    responses(
        (status = 200, description = "The report", body = serde_json::Value),
        (status = 404, description = "The model came without a report", body = serde_json::Value)
    )
)]
async fn report(serving: Serving) -> Result<Response, ApiError> {
    let report = serving.report()?;
    Ok(([(header::CONTENT_TYPE, "application/json")], report).into_response())
}
