//! Authorization: everybody may ask for answers, or only clients with a token. Corrections always need a token of their own.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use complaint_contract::segments::FEEDBACK_PATH;
use complaint_contract::statistics::paths;

use super::error::ApiError;
use crate::core::app::App;
use crate::core::refusal::Refusal;

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
    // Corrections need a token of their own, and a request has one header.
    if request.uri().path() == FEEDBACK_PATH && app.feedback.is_some() {
        return None;
    }
    Some(ApiError::Unauthorized.into_response())
}

/// A client that may send corrections.
#[derive(Debug)]
pub(super) struct Corrector;

impl FromRequestParts<Arc<App>> for Corrector {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let tokens = &app.feedback.as_ref().ok_or(Refusal::FeedbackOff)?.tokens;
        let authorization = parts.headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
        if tokens.accept(authorization) {
            return Ok(Self);
        }
        if tokens.is_empty() {
            return Err(Refusal::NoFeedbackTokens.into());
        }
        match &app.tokens {
            Some(others) if others.accept(authorization) => Err(ApiError::Forbidden),
            _ => Err(ApiError::FeedbackUnauthorized),
        }
    }
}
