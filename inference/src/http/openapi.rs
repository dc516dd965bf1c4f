//! `/openapi.json`, put together from the handlers themselves, and `/docs/`, a page that shows it.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::http::header;
use axum::routing::get;
use serde_json::json;
use utoipa::openapi::{ContentBuilder, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, OpenApi, PartialSchema, ToSchema};
use utoipa_swagger_ui::{Config, SwaggerUi};

use super::error::{ApiError, ApiFamily, ErrorDetail};
use crate::app::App;

/// What the handlers' own documentation does not say. The KServe verbs stand here because their paths, which end in
/// `:predict` and `:explain`, are one route of the router.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Complaint classifier",
        description = "Predicts the category of a customer complaint. Every answer carries the served model's digest in \
                       the header `x-model-digest` and the request's id in `x-request-id`."
    ),
    paths(super::kserve::predict, super::kserve::explain),
    tags(
        (name = "predict", description = "The server's own API"),
        (name = "open-inference", description = "Open Inference Protocol v2, as KServe and Triton clients speak it"),
        (name = "kserve-v1", description = "KServe v1"),
        (name = "mlflow", description = "MLflow's scoring protocol"),
        (name = "operation", description = "Probes and metrics")
    )
)]
struct Document;

/// The document before the handlers add theirs.
pub(super) fn document() -> utoipa::openapi::OpenApi {
    let mut document = Document::openapi();
    // The error schemas stand inside the responses, which brings in no schema that they refer to.
    let components = document.components.get_or_insert_default();
    components
        .schemas
        .insert(ErrorDetail::name().into_owned(), ErrorDetail::schema());
    document
}

/// The route that serves the document.
pub(super) fn route(document: &utoipa::openapi::OpenApi) -> Router<Arc<App>> {
    let json: Arc<str> = document.to_json().expect("the document has string keys").into();
    let serve = async move || ([(header::CONTENT_TYPE, "application/json")], json.to_string());
    Router::new().route("/openapi.json", get(serve))
}

/// The page that shows the document, where requests can be tried; all of it comes from this server.
pub(super) fn page() -> Router<Arc<App>> {
    SwaggerUi::new("/docs").config(Config::from("/openapi.json")).into()
}

/// An error of the server's own API.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `ApiFamily::render` writes")]
struct ErrorBody {
    error: ErrorDetail,
}

/// An error as KServe and Open Inference clients read it.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `ApiFamily::render` writes")]
struct InferenceErrorBody {
    /// What is wrong, and what to change.
    error: String,
}

/// An error as MLflow clients read it.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `ApiFamily::render` writes")]
struct MlflowErrorBody {
    /// One of MLflow's codes.
    error_code: String,
    /// What is wrong, and what to change.
    message: String,
}

/// The refusals of [`ApiFamily::Native`].
pub(super) struct NativeErrors;
/// The refusals of [`ApiFamily::Inference`].
pub(super) struct InferenceErrors;
/// The refusals of [`ApiFamily::Mlflow`].
pub(super) struct MlflowErrors;

impl IntoResponses for NativeErrors {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        refusals::<ErrorBody>(ApiFamily::Native)
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

/// What every route that takes a body may answer, each with an example.
fn refusals<T: PartialSchema>(family: ApiFamily) -> BTreeMap<String, RefOr<Response>> {
    [
        ("The request makes no sense", "BodyIncomplete"),
        ("The body did not arrive in time", "BodyTimeout"),
        ("The body, a text or their number is over the limit", "BodyTooLarge"),
        ("Another content type is needed", "UnsupportedMediaType"),
        ("Too many requests in flight; see Retry-After", "Overloaded"),
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
