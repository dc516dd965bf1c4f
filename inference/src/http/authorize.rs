//! Authorization: everybody may ask for answers, or only clients with a token. Corrections always need a token of their own.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use complaint_contract::captured::{CAPTURED_PATH, TOKEN_HEADER};
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
    // Corrections and captured answers need a token of their own.
    if [FEEDBACK_PATH, CAPTURED_PATH].contains(&request.uri().path()) && app.feedback.is_some() {
        return None;
    }
    Some(ApiError::Unauthorized.into_response())
}

/// A client that may send corrections, and read what waits for them. Its token is in `x-feedback-token`, or else in `authorization`.
#[derive(Debug)]
pub(super) struct Corrector;

impl FromRequestParts<Arc<App>> for Corrector {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let tokens = &app.feedback.as_ref().ok_or(Refusal::FeedbackOff)?.tokens;
        let authorization = parts.headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
        let is_accepted = match parts.headers.get(TOKEN_HEADER) {
            Some(token) => tokens.accept_token(token.as_bytes().trim_ascii()),
            None => tokens.accept(authorization),
        };
        if is_accepted {
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
