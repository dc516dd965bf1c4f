//! All request errors, and the one place that maps them to a status, a code and a body.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::coding;
use crate::core::refusal::Refusal;

/// Why a request fails: the core refuses it, or it is invalid before it reaches the core. The message says what the
/// client can change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// The core refuses the request.
    #[error("{0}{hint}", hint = hint(.0))]
    Refused(#[from] Refusal),
    /// The body is not the JSON or CSV that the route takes.
    #[error("the body can't be read: {detail}. {expected}")]
    InvalidBody {
        /// The parser's error and its position.
        detail: String,
        /// The body that the route accepts.
        expected: &'static str,
    },
    /// The body is valid JSON or CSV, but the request is not valid.
    #[error("{0}")]
    InvalidRequest(String),
    /// The body is larger than `--max-body-bytes`.
    #[error(
        "the body is larger than {limit} bytes. Send smaller requests (for answers, POST /predict/stream has no such limit)"
    )]
    BodyTooLarge {
        /// The server's limit in bytes.
        limit: usize,
    },
    /// The body did not arrive within `--body-timeout`.
    #[error("the body did not arrive within {seconds} s. Send it without pauses, or in smaller requests")]
    BodyTimeout {
        /// The server's limit in seconds.
        seconds: u64,
    },
    /// The connection broke while the server read the body.
    #[error("the body ended early or was not valid HTTP. Send as many bytes as content-length says")]
    BodyIncomplete,
    /// The route does not accept this content type.
    #[error("content type `{found}` is not supported here. Send {expected}")]
    UnsupportedMediaType {
        /// The request's content type, shortened.
        found: String,
        /// The content types that the route accepts.
        expected: &'static str,
    },
    /// The server does not support the body's content encoding.
    #[error(
        "content encoding `{found}` is not supported. Send the body as gzip or deflate, or without content-encoding"
    )]
    UnsupportedContentEncoding {
        /// The request's encoding, shortened.
        found: String,
    },
    /// The server requires a token.
    #[error("this server asks for a token: send the header `authorization: Bearer TOKEN` with one of its tokens")]
    Unauthorized,
    /// A correction needs a token of its own.
    #[error(
        "corrections and captured answers need a token of their own: send the header `authorization: Bearer TOKEN` or `x-feedback-token: TOKEN` with one of --feedback-token-file (in a cluster: of the Secret that serving.feedback.tokenSecretRef names)"
    )]
    FeedbackUnauthorized,
    /// The token is accepted for answers alone.
    #[error(
        "this token is for answers and not for corrections or captured answers: use one of --feedback-token-file (in a cluster: of the Secret that serving.feedback.tokenSecretRef names)"
    )]
    Forbidden,
    /// The path does not exist.
    #[error("there is no such path. POST a complaint to /predict; GET /openapi.json lists all paths")]
    NotFound,
    /// The path exists, but does not support the method.
    #[error("this path does not take this method; the `allow` header lists those it takes")]
    MethodNotAllowed,
    /// The handler panicked: a bug in the server.
    #[error(
        "the server failed to answer because of a bug of its own; its log has the place under this answer's x-request-id"
    )]
    Internal,
}

/// How a client can fix a refusal over HTTP.
fn hint(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::TooManyTexts { .. } => ". Send several requests (for answers, POST /predict/stream has no such limit)",
        Refusal::Overloaded { .. } | Refusal::MemoryTaken { .. } | Refusal::FeedbackQueueFull | Refusal::ReviewBusy => {
            ". Try again after the time in Retry-After"
        }
        _ => "",
    }
}

impl ApiError {
    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.kind().0
    }

    /// A stable name for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.kind().1
    }

    /// The table of all errors.
    fn kind(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Refused(refusal) => match refusal {
                Refusal::NoText | Refusal::BlankText { .. } | Refusal::InvalidCorrection { .. } => {
                    (StatusCode::BAD_REQUEST, "InvalidRequest")
                }
                Refusal::TextTooLong { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "TextTooLong"),
                Refusal::TooManyTexts { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "TooManyTexts"),
                Refusal::Overloaded { .. }
                | Refusal::MemoryTaken { .. }
                | Refusal::FeedbackQueueFull
                | Refusal::ReviewBusy => (StatusCode::TOO_MANY_REQUESTS, "Overloaded"),
                Refusal::ModelNotFound { .. } => (StatusCode::NOT_FOUND, "ModelNotFound"),
                Refusal::VersionNotFound { .. } => (StatusCode::NOT_FOUND, "VersionNotFound"),
                Refusal::NoReport => (StatusCode::NOT_FOUND, "NoReport"),
                Refusal::NoReferenceProfile => (StatusCode::NOT_FOUND, "NoReferenceProfile"),
                Refusal::FeedbackOff => (StatusCode::NOT_FOUND, "FeedbackOff"),
                Refusal::UnknownCategory { .. } => (StatusCode::BAD_REQUEST, "UnknownCategory"),
                Refusal::CorrectionsTooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "BodyTooLarge"),
                Refusal::NotKept { .. } => (StatusCode::SERVICE_UNAVAILABLE, "NotKept"),
                Refusal::NotRead { .. } => (StatusCode::SERVICE_UNAVAILABLE, "NotRead"),
                Refusal::ShuttingDown | Refusal::OtherDigest { .. } | Refusal::NoFeedbackTokens => {
                    (StatusCode::SERVICE_UNAVAILABLE, "NotReady")
                }
            },
            Self::InvalidBody { .. } => (StatusCode::BAD_REQUEST, "InvalidBody"),
            Self::InvalidRequest(_) => (StatusCode::BAD_REQUEST, "InvalidRequest"),
            Self::BodyTooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "BodyTooLarge"),
            Self::BodyTimeout { .. } => (StatusCode::REQUEST_TIMEOUT, "BodyTimeout"),
            Self::BodyIncomplete => (StatusCode::BAD_REQUEST, "BodyIncomplete"),
            Self::UnsupportedMediaType { .. } => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "UnsupportedMediaType"),
            Self::UnsupportedContentEncoding { .. } => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "UnsupportedContentEncoding")
            }
            Self::Unauthorized | Self::FeedbackUnauthorized => (StatusCode::UNAUTHORIZED, "Unauthorized"),
            Self::Forbidden => (StatusCode::FORBIDDEN, "Forbidden"),
            Self::NotFound => (StatusCode::NOT_FOUND, "NotFound"),
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed"),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "Internal"),
        }
    }

    /// Adds the headers that the status requires.
    pub(super) fn add_headers(&self, response: &mut Response) {
        let (name, value) = match self {
            Self::UnsupportedContentEncoding { .. } => (header::ACCEPT_ENCODING, coding::SUPPORTED),
            Self::Unauthorized | Self::FeedbackUnauthorized => {
                (header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
            }
            _ => return,
        };
        response.headers_mut().insert(name, value);
    }

    /// One example of each error, for documentation.
    #[must_use]
    pub fn examples() -> Vec<Self> {
        let (found, served) = (String::from("other"), String::from("complaints"));
        vec![
            Self::InvalidBody {
                detail: "expected value at line 1 column 1".into(),
                expected: r#"Send {"text": "…"}"#,
            },
            Refusal::NoText.into(),
            Self::BodyIncomplete,
            Self::Unauthorized,
            Self::Forbidden,
            Self::NotFound,
            Self::Refused(Refusal::ModelNotFound {
                found: found.clone(),
                served: served.clone(),
            }),
            Self::Refused(Refusal::VersionNotFound {
                model: served.clone(),
                found,
                served,
            }),
            Refusal::NoReport.into(),
            Refusal::NoReferenceProfile.into(),
            Refusal::FeedbackOff.into(),
            Self::Refused(Refusal::UnknownCategory {
                index: 0,
                categories: "`Cards`, `Loans`".into(),
            }),
            Self::Refused(Refusal::NotKept {
                problem: "No space left on device (os error 28)".into(),
            }),
            Self::Refused(Refusal::NotRead {
                problem: "it took longer than 20 s".into(),
            }),
            Self::MethodNotAllowed,
            Self::BodyTimeout { seconds: 10 },
            Self::BodyTooLarge { limit: 1 << 20 },
            Self::Refused(Refusal::TextTooLong {
                index: 0,
                bytes: 70_000,
                limit: 1 << 16,
            }),
            Self::Refused(Refusal::TooManyTexts {
                count: 1_001,
                limit: 1_000,
            }),
            Self::UnsupportedMediaType {
                found: "image/png".into(),
                expected: "application/json",
            },
            Self::UnsupportedContentEncoding { found: "br".into() },
            Refusal::Overloaded { limit: 256 }.into(),
            Self::Internal,
            Refusal::ShuttingDown.into(),
        ]
    }

    /// The error in the format of the server's own API, also used inside a stream.
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
    /// A stable name for programs.
    pub code: &'static str,
    /// What is wrong, and how to fix it.
    pub message: String,
}

/// The API family that a path belongs to. Each family has its own error format.
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
            _ if path.starts_with("/endpoints/") => Self::Mlflow,
            _ if path == "/v2" || path.starts_with("/v1/") || path.starts_with("/v2/") => Self::Inference,
            _ => Self::Native,
        }
    }

    /// The body of an error response.
    #[must_use]
    pub fn body(self, error: &ApiError) -> serde_json::Value {
        match self {
            Self::Native => json!({ "error": error.detail() }),
            Self::Inference => json!({ "error": error.to_string() }),
            Self::Mlflow => json!({ "error_code": mlflow_code(error.status()), "message": error.to_string() }),
        }
    }

    /// The complete response for an error.
    #[must_use]
    pub fn render(self, error: &ApiError) -> Response {
        let mut response = (error.status(), axum::Json(self.body(error))).into_response();
        if matches!(
            error.status(),
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
        ) {
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

/// Handlers don't know the API family, so the error travels as a response extension and [`super::observe`] renders it.
impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        self.add_headers(&mut response);
        response.extensions_mut().insert(self);
        response
    }
}
