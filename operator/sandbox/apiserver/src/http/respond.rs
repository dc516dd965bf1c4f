//! Responses.

use axum::body::Body;
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use serde_json::Value;

use crate::error::ApiError;

/// A successful answer: status, JSON body, warnings.
#[derive(Debug)]
pub(crate) struct Answer {
    /// HTTP status.
    pub(crate) status: u16,
    /// Body.
    pub(crate) body: Value,
    /// Texts of `Warning` headers.
    pub(crate) warnings: Vec<String>,
}

impl Answer {
    /// 200 with a body.
    pub(crate) fn ok(body: Value) -> Self {
        Self::of(200, body)
    }

    /// 201 with a body.
    pub(crate) fn created(body: Value) -> Self {
        Self::of(201, body)
    }

    fn of(status: u16, body: Value) -> Self {
        let warnings = Vec::new();
        Self { status, body, warnings }
    }

    /// The response, in JSON or YAML.
    pub(crate) fn into_response(self, yaml: bool) -> Response {
        let (kind, text) = if yaml {
            (
                "application/yaml",
                serde_saphyr::to_string(&self.body).unwrap_or_default(),
            )
        } else {
            ("application/json", self.body.to_string())
        };
        let mut response = text_response(self.status, kind, text);
        warn(&mut response, &self.warnings);
        response
    }
}

fn warn(response: &mut Response, warnings: &[String]) {
    for value in warnings.iter().filter_map(|text| warning_header(text)) {
        response.headers_mut().append(header::WARNING, value);
    }
}

/// `299 - "text"` with escaped quotes and backslashes, without control characters.
fn warning_header(text: &str) -> Option<HeaderValue> {
    let clean: String = text.chars().filter(|c| !c.is_control()).collect();
    let escaped = clean.replace('\\', "\\\\").replace('"', "\\\"");
    HeaderValue::from_bytes(format!("299 - \"{escaped}\"").as_bytes()).ok()
}

/// A response with a text body.
pub(crate) fn text_response(status: u16, content_type: &str, text: impl Into<Body>) -> Response {
    let mut response = Response::new(text.into());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if let Ok(value) = HeaderValue::from_str(content_type) {
        response.headers_mut().insert(header::CONTENT_TYPE, value);
    }
    response
}

/// An error as a `Status`.
pub(crate) fn error_response(error: &ApiError) -> Response {
    let mut response = text_response(error.code, "application/json", error.status().to_string());
    warn(&mut response, &error.warnings);
    response
}
