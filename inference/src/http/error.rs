//! Everything that can be wrong with a request, and the one place that maps it to a status, a code and a body.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

/// Why a request was refused. The message says what the client can change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// The body is not the JSON that the route takes.
    #[error("the body is not the expected JSON: {detail}. {expected}")]
    InvalidBody {
        /// What the parser met, and where.
        detail: String,
        /// What the route takes.
        expected: &'static str,
    },
    /// The body parses, but asks for something impossible.
    #[error("{0}")]
    InvalidRequest(String),
    /// One complaint passes `--max-text-bytes`.
    #[error(
        "text {index} has {bytes} bytes; this server takes at most {limit} a text. Shorten it, or start the server with a larger --max-text-bytes"
    )]
    TextTooLong {
        /// Position in the request, from 0.
        index: usize,
        /// Its length in UTF-8.
        bytes: usize,
        /// The server's limit.
        limit: usize,
    },
    /// The request holds more complaints than `--max-texts`.
    #[error(
        "the request has {count} texts; this server takes at most {limit}. Send several requests, or use POST /predict/stream, which has no such limit"
    )]
    TooManyTexts {
        /// Texts in the request.
        count: usize,
        /// The server's limit.
        limit: usize,
    },
    /// The body passes `--max-body-bytes`.
    #[error(
        "the body is larger than {limit} bytes. Send smaller requests, or use POST /predict/stream, which has no such limit"
    )]
    BodyTooLarge {
        /// The server's limit in bytes.
        limit: usize,
    },
    /// The body did not arrive within `--body-timeout`.
    #[error("the body did not arrive within {seconds} s. Send it without pauses, or in smaller requests")]
    BodyTimeout {
        /// The server's limit.
        seconds: u64,
    },
    /// The connection broke while the body was read.
    #[error("the body ended early or was not valid HTTP. Send as many bytes as content-length says")]
    BodyIncomplete,
    /// The route does not take this content type.
    #[error("content type `{found}` is not supported here. Send {expected}")]
    UnsupportedMediaType {
        /// The request's content type, shortened.
        found: String,
        /// The types that the route takes.
        expected: &'static str,
    },
    /// All `--max-concurrency` places are taken.
    #[error("the server is at its limit of {limit} requests in flight. Try again after the time in Retry-After")]
    Overloaded {
        /// The server's limit.
        limit: usize,
    },
    /// The path names another model than the one served.
    #[error("there is no model `{found}` here; this server serves `{served}`")]
    ModelNotFound {
        /// The name in the path, shortened.
        found: String,
        /// The model's name.
        served: String,
    },
    /// The path names another version than the one served.
    #[error("model `{model}` has no version `{found}` here; this server serves version `{served}`")]
    VersionNotFound {
        /// The model's name.
        model: String,
        /// The version in the path, shortened.
        found: String,
        /// The served version: the digest without its prefix.
        served: String,
    },
    /// The server is draining, or serves another digest than the probe asks for.
    #[error("{0}")]
    NotReady(String),
    /// A token is asked for.
    #[error("this server asks for a token: send the header `authorization: Bearer TOKEN` with one of its tokens")]
    Unauthorized,
    /// The model came without a report.
    #[error("the model came without a report; put `report.json` beside the model file before the server starts")]
    NoReport,
    /// No such path.
    #[error("there is no such path. POST a complaint to /predict; GET /openapi.json lists all paths")]
    NotFound,
    /// The path exists, the method does not.
    #[error("this path does not take this method; the `allow` header lists those it takes")]
    MethodNotAllowed,
    /// A bug in the server: the handler panicked.
    #[error(
        "the server failed to answer because of a bug of its own; its log has the place under this answer's x-request-id"
    )]
    Internal,
}

impl ApiError {
    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::InvalidBody { .. } | Self::InvalidRequest(_) | Self::BodyIncomplete => StatusCode::BAD_REQUEST,
            Self::TextTooLong { .. } | Self::TooManyTexts { .. } | Self::BodyTooLarge { .. } => {
                StatusCode::PAYLOAD_TOO_LARGE
            }
            Self::BodyTimeout { .. } => StatusCode::REQUEST_TIMEOUT,
            Self::UnsupportedMediaType { .. } => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Overloaded { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::ModelNotFound { .. } | Self::VersionNotFound { .. } | Self::NoReport | Self::NotFound => {
                StatusCode::NOT_FOUND
            }
            Self::NotReady(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The name that programs can rely on.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::InvalidBody { .. } => "InvalidBody",
            Self::InvalidRequest(_) => "InvalidRequest",
            Self::TextTooLong { .. } => "TextTooLong",
            Self::TooManyTexts { .. } => "TooManyTexts",
            Self::BodyTooLarge { .. } => "BodyTooLarge",
            Self::BodyTimeout { .. } => "BodyTimeout",
            Self::BodyIncomplete => "BodyIncomplete",
            Self::UnsupportedMediaType { .. } => "UnsupportedMediaType",
            Self::Overloaded { .. } => "Overloaded",
            Self::ModelNotFound { .. } => "ModelNotFound",
            Self::VersionNotFound { .. } => "VersionNotFound",
            Self::NotReady(_) => "NotReady",
            Self::Unauthorized => "Unauthorized",
            Self::NoReport => "NoReport",
            Self::NotFound => "NotFound",
            Self::MethodNotAllowed => "MethodNotAllowed",
            Self::Internal => "Internal",
        }
    }

    /// One of each, for documentation.
    #[must_use]
    pub fn examples() -> Vec<Self> {
        let (found, served) = (String::from("other"), String::from("complaints"));
        vec![
            Self::InvalidBody {
                detail: "expected value at line 1 column 1".into(),
                expected: r#"Send {"text": "…"}"#,
            },
            Self::InvalidRequest("the request has no text; send one or more".into()),
            Self::BodyIncomplete,
            Self::Unauthorized,
            Self::NotFound,
            Self::ModelNotFound {
                found: found.clone(),
                served: served.clone(),
            },
            Self::VersionNotFound {
                model: served.clone(),
                found,
                served,
            },
            Self::NoReport,
            Self::MethodNotAllowed,
            Self::BodyTimeout { seconds: 10 },
            Self::BodyTooLarge { limit: 1 << 20 },
            Self::TextTooLong {
                index: 0,
                bytes: 70_000,
                limit: 1 << 16,
            },
            Self::TooManyTexts {
                count: 1_001,
                limit: 1_000,
            },
            Self::UnsupportedMediaType {
                found: "image/png".into(),
                expected: "application/json",
            },
            Self::Overloaded { limit: 256 },
            Self::Internal,
            Self::NotReady("the server is shutting down; ask another replica".into()),
        ]
    }

    /// The error as clients of the server's own API read it, also inside a stream.
    #[must_use]
    pub fn detail(&self) -> ErrorDetail {
        ErrorDetail {
            code: self.code(),
            message: self.to_string(),
        }
    }
}

/// An error of the server's own API.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ErrorDetail {
    /// A name that programs can rely on.
    pub code: &'static str,
    /// What is wrong, and what to change.
    pub message: String,
}

/// The family of clients that a path belongs to: each expects errors in its own shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApiFamily {
    /// This server's own API: `{"error": {"code", "message"}}`.
    Native,
    /// KServe v1 and Open Inference Protocol v2: `{"error": "message"}`.
    Inference,
    /// MLflow scoring: `{"error_code", "message"}`.
    Mlflow,
}

impl ApiFamily {
    /// The family of a request path.
    #[must_use]
    pub fn of(path: &str) -> Self {
        match path {
            "/invocations" => Self::Mlflow,
            _ if path == "/v2" || path.starts_with("/v1/") || path.starts_with("/v2/") => Self::Inference,
            _ => Self::Native,
        }
    }

    /// The body for an error.
    #[must_use]
    pub fn body(self, error: &ApiError) -> serde_json::Value {
        match self {
            Self::Native => json!({ "error": error.detail() }),
            Self::Inference => json!({ "error": error.to_string() }),
            Self::Mlflow => json!({ "error_code": mlflow_code(error.status()), "message": error.to_string() }),
        }
    }

    /// The complete answer for an error.
    #[must_use]
    pub fn render(self, error: &ApiError) -> Response {
        let mut response = (error.status(), axum::Json(self.body(error))).into_response();
        if matches!(error, ApiError::Overloaded { .. } | ApiError::NotReady(_)) {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

/// MLflow's REST error codes, as its `ErrorCode` enumeration names them.
fn mlflow_code(status: StatusCode) -> &'static str {
    match status {
        StatusCode::INTERNAL_SERVER_ERROR => "INTERNAL_ERROR",
        StatusCode::NOT_FOUND => "NOT_FOUND",
        StatusCode::UNAUTHORIZED => "UNAUTHENTICATED",
        StatusCode::TOO_MANY_REQUESTS => "REQUEST_LIMIT_EXCEEDED",
        StatusCode::SERVICE_UNAVAILABLE => "TEMPORARILY_UNAVAILABLE",
        _ => "BAD_REQUEST",
    }
}

/// Handlers know no family, so the error travels as an extension; [`super::observe`] renders it.
impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// The start of a client's own words, short enough to repeat in a message.
pub(super) fn shorten(text: &str) -> String {
    const LIMIT: usize = 60;
    match text.char_indices().nth(LIMIT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
