//! `/openapi.json`, generated from the handlers, and `/docs/`, a page that shows it.

use std::sync::Arc;

use axum::Router;
use axum::http::header;
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::get;
use complaint_contract::captured::TOKEN_HEADER;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa::{OpenApi, PartialSchema, ToSchema};
use utoipa_swagger_ui::{Config, SwaggerUi};

use super::error::ErrorDetail;
use super::security::{DOCS_POLICY, protected};
use crate::core::app::App;

/// The parts of the document that are not in the handlers' attributes. The KServe verbs are listed here because their
/// paths, which end in `:predict` and `:explain`, are one route of the router.
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
        (name = "feedback", description = "Corrections, for the next training and the measured accuracy, and what waits for them"),
        (name = "open-inference", description = "Open Inference Protocol v2, as KServe and Triton clients speak it"),
        (name = "kserve-v1", description = "KServe v1"),
        (name = "mlflow", description = "MLflow's scoring protocol"),
        (name = "operation", description = "Probes, metrics and statistics")
    )
)]
struct Document;

/// The document before the handlers add their paths.
pub(super) fn document() -> utoipa::openapi::OpenApi {
    let mut document = Document::openapi();
    // The error schemas are inlined in the responses, so the schemas that they refer to must be added by hand.
    let components = document.components.get_or_insert_default();
    components
        .schemas
        .insert(ErrorDetail::name().into_owned(), ErrorDetail::schema());
    components.add_security_scheme("feedbackToken", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
    components.add_security_scheme(
        "feedbackTokenHeader",
        SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new(TOKEN_HEADER))),
    );
    document
}

/// The route that serves the document.
pub(super) fn route(document: &utoipa::openapi::OpenApi) -> Router<Arc<App>> {
    let json: Arc<str> = document.to_json().expect("the document has string keys").into();
    let serve = async move || ([(header::CONTENT_TYPE, "application/json")], json.to_string());
    Router::new().route("/openapi.json", get(serve))
}

/// The page that shows the document and can send requests. All its files come from this server.
pub(super) fn page() -> Router<Arc<App>> {
    let page: Router<Arc<App>> = SwaggerUi::new("/docs").config(Config::from("/openapi.json")).into();
    page.layer(map_response(async |answer: Response| protected(answer, DOCS_POLICY)))
}
