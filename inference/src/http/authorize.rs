//! Authorization: everybody may make requests, or only clients with a token.

use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use complaint_contract::statistics::paths;

use super::error::ApiError;
use crate::core::app::App;

/// Paths for probes and scrapes. They stay open, since the kubelet, Prometheus and the operator have no token, and reveal
/// nothing about complaints.
pub(super) const PROBES: [&str; 8] = [
    "/v2/health/live",
    "/v2/health/ready",
    "/ping",
    "/health",
    "/metrics",
    paths::STATISTICS,
    paths::SAMPLE,
    paths::REFERENCE,
];

/// The refusal of a request without an accepted token, if the server requires tokens.
pub(super) fn refusal(app: &App, request: &Request) -> Option<Response> {
    let tokens = app.tokens.as_ref()?;
    let authorization = request.headers().get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
    if PROBES.contains(&request.uri().path()) || tokens.accept(authorization) {
        return None;
    }
    let mut response = ApiError::Unauthorized.into_response();
    response
        .headers_mut()
        .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    Some(response)
}
