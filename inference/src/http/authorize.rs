//! Who may ask: everybody, or who has a token.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::error::ApiError;
use crate::app::App;

/// Paths that stay open: the kubelet and Prometheus have no token, and learn nothing about complaints here.
const OPEN: [&str; 5] = ["/v2/health/live", "/v2/health/ready", "/ping", "/health", "/metrics"];

/// Refuses requests without an accepted token, where tokens are asked for.
pub(super) async fn authorize(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let Some(tokens) = &app.tokens else {
        return next.run(request).await;
    };
    let authorization = request.headers().get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
    if OPEN.contains(&request.uri().path()) || tokens.accept(authorization) {
        return next.run(request).await;
    }
    let mut response = ApiError::Unauthorized.into_response();
    response
        .headers_mut()
        .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response
}
