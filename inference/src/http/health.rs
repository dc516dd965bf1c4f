//! Probes for Kubernetes and metrics for Prometheus. They don't count against the limit of requests in flight, so a
//! busy server is not restarted and stays observable.

use std::str::FromStr;
use std::sync::Arc;

use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use axum::http::header;
use axum::response::IntoResponse;
use complaint_model::Sha256Digest;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::error::ApiError;
use crate::core::app::App;
use crate::core::refusal::shorten;
use crate::core::serving::Serving;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(live))
        .routes(routes!(ready))
        .routes(routes!(metrics))
}

/// The first bytes of a probe's request.
const PROBES: [&[u8]; 10] = [
    b"GET /v2/health/",
    b"GET /ping ",
    b"GET /health ",
    b"GET /metrics ",
    b"GET /statistics ",
    b"HEAD /v2/health/",
    b"HEAD /ping ",
    b"HEAD /health ",
    b"HEAD /metrics ",
    b"HEAD /statistics ",
];

/// Whether the first bytes of a request are those of a probe, or of a scrape of metrics or statistics.
pub(super) fn is_probe(start: &[u8]) -> bool {
    PROBES.iter().any(|probe| start.starts_with(probe))
}

/// Whether the process responds.
#[utoipa::path(get, path = "/v2/health/live", tag = "operation", responses((status = 200, description = "Alive", body = Value)))]
async fn live() -> axum::Json<Value> {
    axum::Json(json!({ "live": true }))
}

#[derive(Deserialize)]
struct ReadyQuery {
    digest: Option<String>,
}

/// Ready when the model is loaded, the server is not draining, and the served digest is the one that the probe asks
/// for, if any. A pod with another model never counts as a ready pod of this one.
#[utoipa::path(
    get, path = "/v2/health/ready", tag = "operation",
    params(("digest" = Option<String>, Query, description = "Ready only with the model of this digest, `sha256:` and 64 hexadecimal digits")),
    responses(
        (status = 200, description = "Ready", body = Value),
        (status = 400, description = "The digest can't be read", body = Value),
        (status = 503, description = "Draining, or another model", body = Value)
    )
)]
async fn ready(
    serving: Serving,
    query: Result<Query<ReadyQuery>, QueryRejection>,
) -> Result<axum::Json<Value>, ApiError> {
    let query = query.map_err(|error| ApiError::InvalidRequest(format!("the query is not valid: {error}")))?;
    serving.check_ready()?;
    if let Some(asked) = &query.digest {
        let digest = Sha256Digest::from_str(asked).map_err(|error| {
            ApiError::InvalidRequest(format!("the digest `{}` can't be read: {error}", shorten(asked)))
        })?;
        serving.check_digest(digest)?;
    }
    Ok(axum::Json(json!({ "ready": true })))
}

/// Metrics in the OpenMetrics text format.
#[utoipa::path(
    get, path = "/metrics", tag = "operation",
    responses((status = 200, description = "All metrics", body = String, content_type = "application/openmetrics-text"))
)]
async fn metrics(serving: Serving) -> impl IntoResponse {
    const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, OPEN_METRICS)], serving.app.metrics.encode())
}
