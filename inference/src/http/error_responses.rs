//! The error responses in `/openapi.json`, with an example of each.

use std::collections::BTreeMap;

use serde_json::json;
use utoipa::openapi::{ContentBuilder, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, PartialSchema, ToSchema};

use super::error::{ApiError, ApiFamily, ErrorDetail};

/// An error of the server's own API.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `ApiFamily::render` writes")]
struct ErrorBody {
    error: ErrorDetail,
}

/// An error in the format of KServe and Open Inference clients.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `ApiFamily::render` writes")]
struct InferenceErrorBody {
    /// What is wrong, and how to fix it.
    error: String,
}

/// An error in the format of MLflow clients.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `ApiFamily::render` writes")]
struct MlflowErrorBody {
    /// One of MLflow's codes.
    error_code: String,
    /// What is wrong, and how to fix it.
    message: String,
}

/// The errors of [`ApiFamily::Native`].
pub(super) struct NativeErrors;
/// The errors of [`ApiFamily::Inference`].
pub(super) struct InferenceErrors;
/// The errors of [`ApiFamily::Mlflow`].
pub(super) struct MlflowErrors;

/// The errors of corrections.
pub(super) struct FeedbackErrors;
/// The errors of captured answers.
pub(super) struct CapturedErrors;

impl IntoResponses for NativeErrors {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        refusals::<ErrorBody>(ApiFamily::Native)
    }
}

impl IntoResponses for FeedbackErrors {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let mut responses = NativeErrors::responses();
        responses.extend(
            [
                (
                    "The request makes no sense, or names a category that the model does not have",
                    "UnknownCategory",
                ),
                ("There is no token, or an unknown one", "Unauthorized"),
                ("The token is not for corrections", "Forbidden"),
                ("The server takes no corrections", "FeedbackOff"),
                ("The store failed; see Retry-After", "NotKept"),
            ]
            .map(|(description, code)| refusal::<ErrorBody>(ApiFamily::Native, description, code)),
        );
        responses
    }
}

impl IntoResponses for CapturedErrors {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        [
            ("The query is not valid", "InvalidRequest"),
            ("There is no token, or an unknown one", "Unauthorized"),
            ("The token is not for corrections", "Forbidden"),
            ("The server takes no corrections", "FeedbackOff"),
            (
                "Another client is reading them, or large requests hold the memory; see Retry-After",
                "Overloaded",
            ),
            ("A bug of the server", "Internal"),
            ("The store can't be read; see Retry-After", "NotRead"),
        ]
        .map(|(description, code)| refusal::<ErrorBody>(ApiFamily::Native, description, code))
        .into()
    }
}

impl IntoResponses for InferenceErrors {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let mut responses = refusals::<InferenceErrorBody>(ApiFamily::Inference);
        let (status, response) =
            refusal::<InferenceErrorBody>(ApiFamily::Inference, "Another model or version", "ModelNotFound");
        responses.insert(status, response);
        responses
    }
}

impl IntoResponses for MlflowErrors {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        refusals::<MlflowErrorBody>(ApiFamily::Mlflow)
    }
}

/// The error responses of every route that takes a body, each with an example.
fn refusals<T: PartialSchema>(family: ApiFamily) -> BTreeMap<String, RefOr<Response>> {
    [
        ("The request makes no sense", "BodyIncomplete"),
        ("The body did not arrive in time", "BodyTimeout"),
        ("The body, a text or their number is over the limit", "BodyTooLarge"),
        ("Another content type or encoding is needed", "UnsupportedMediaType"),
        ("Too many requests or bytes in flight; see Retry-After", "Overloaded"),
        ("A bug of the server", "Internal"),
    ]
    .map(|(description, code)| refusal::<T>(family, description, code))
    .into()
}

fn refusal<T: PartialSchema>(family: ApiFamily, description: &str, code: &str) -> (String, RefOr<Response>) {
    let examples = ApiError::examples();
    let error = examples
        .iter()
        .find(|error| error.code() == code)
        .expect("there is an example of each");
    let content = ContentBuilder::new()
        .schema(Some(T::schema()))
        .example(Some(json!(family.body(error))))
        .build();
    let response = ResponseBuilder::new()
        .description(description)
        .content("application/json", content)
        .build();
    (error.status().as_u16().to_string(), RefOr::T(response))
}
