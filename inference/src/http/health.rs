//! What Kubernetes and Prometheus ask: probes and metrics. None of it counts against the limit of requests in flight,
//! so that a busy server is neither restarted nor invisible.

use std::str::FromStr;
use std::sync::Arc;

use axum::Router;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;
use complaint_model::Sha256Digest;
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::{ApiError, shorten};
use crate::app::App;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/v2/health/live", get(live))
        .route("/v2/health/ready", get(ready))
        .route("/metrics", get(metrics))
}

async fn live() -> axum::Json<Value> {
    axum::Json(json!({ "live": true }))
}

#[derive(Deserialize)]
struct ReadyQuery {
    digest: Option<String>,
}

/// Ready when the model is loaded, the server is not draining, and the digest, where the probe asks for one, is the
/// served one: a pod with another model never counts as a ready pod of this one.
async fn ready(
    State(app): State<Arc<App>>,
    query: Result<Query<ReadyQuery>, QueryRejection>,
) -> Result<axum::Json<Value>, ApiError> {
    let query = query.map_err(|error| ApiError::InvalidRequest(format!("the query is not valid: {error}")))?;
    check_ready(&app, query.digest.as_deref())?;
    Ok(axum::Json(json!({ "ready": true })))
}

/// Whether the server takes new work, and with the asked-for digest.
pub(super) fn check_ready(app: &App, digest: Option<&str>) -> Result<(), ApiError> {
    if app.is_draining() {
        return Err(ApiError::NotReady(
            "the server is shutting down; ask another replica".into(),
        ));
    }
    let Some(asked) = digest else { return Ok(()) };
    let asked = Sha256Digest::from_str(asked)
        .map_err(|error| ApiError::InvalidRequest(format!("the digest `{}` can't be read: {error}", shorten(asked))))?;
    let served = app.engine.digest();
    if asked == served {
        return Ok(());
    }
    Err(ApiError::NotReady(format!(
        "this server serves sha256:{served}, not sha256:{asked}; wait for a server with that model, or ask for the served one"
    )))
}

async fn metrics(State(app): State<Arc<App>>) -> impl IntoResponse {
    const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, OPEN_METRICS)], app.metrics.encode())
}
