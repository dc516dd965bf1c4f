//! Open Inference Protocol v2 (KServe v2, Triton): metadata, readiness and `infer` with a BYTES input.
//!
//! <https://github.com/kserve/open-inference-protocol>. Inputs may also use the binary tensor data extension, which
//! `tritonclient` uses by default. Outputs are always JSON, which the extension allows.

use std::sync::Arc;

use axum::Json;
use axum::extract::Path;
use axum::response::Response;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::body::{Payload, json_answer};
use super::error::ApiError;
use super::error_responses::InferenceErrors;
use super::json::{Object, list, optional_list, parse_json};
use super::output::{Output, RequestedOutput, Tensor};
use super::tensor::{BinaryTensors, InputTensor, RequestParameters};
use crate::core::app::App;
use crate::core::engine::Engine;
use crate::core::serving::Serving;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(server))
        .routes(routes!(metadata))
        .routes(routes!(ready))
        .routes(routes!(infer))
        .routes(routes!(version_metadata))
        .routes(routes!(version_ready))
        .routes(routes!(version_infer))
}

/// The server's name and version.
#[utoipa::path(
    get, path = "/v2", tag = "open-inference", operation_id = "v2_server",
    responses((status = 200, description = "Server metadata", body = Value))
)]
async fn server() -> Json<Value> {
    Json(json!({
        "name": env!("CARGO_PKG_NAME"),
        "version": env!("CARGO_PKG_VERSION"),
        "extensions": [],
    }))
}

/// The model's inputs, outputs, categories and digest.
#[utoipa::path(
    get, path = "/v2/models/{model}", tag = "open-inference", operation_id = "v2_model",
    params(("model" = String, Path, description = "The model's name")),
    responses((status = 200, description = "Model metadata", body = Value), InferenceErrors)
)]
async fn metadata(serving: Serving, Path(model): Path<String>) -> Result<Json<Value>, ApiError> {
    serving.check_model(&model)?;
    Ok(Json(describe(serving.engine())))
}

/// The same for one version. A version is the digest's 64 hexadecimal digits.
#[utoipa::path(
    get, path = "/v2/models/{model}/versions/{version}", tag = "open-inference", operation_id = "v2_version",
    params(("model" = String, Path, description = "The model's name"), ("version" = String, Path, description = "The digest's digits")),
    responses((status = 200, description = "Model metadata", body = Value), InferenceErrors)
)]
async fn version_metadata(
    serving: Serving,
    Path((model, version)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    serving.check_version(&model, &version)?;
    Ok(Json(describe(serving.engine())))
}

fn describe(engine: &Engine) -> Value {
    let outputs: Vec<Value> = Output::ALL
        .iter()
        .map(|output| output.metadata(engine.labels().len()))
        .collect();
    json!({
        "name": engine.name(),
        "versions": [engine.version()],
        "platform": "complaint-model",
        "inputs": [{ "name": "text", "datatype": "BYTES", "shape": [-1] }],
        "outputs": outputs,
        "parameters": { "digest": engine.digest().prefixed(), "categories": engine.labels() },
    })
}

/// Whether the model is ready.
#[utoipa::path(
    get, path = "/v2/models/{model}/ready", tag = "open-inference", operation_id = "v2_model_ready",
    params(("model" = String, Path, description = "The model's name")),
    responses(
        (status = 200, description = "Ready", body = Value), (status = 503, description = "Draining", body = Value),
        (status = 404, description = "Another model", body = Value)
    )
)]
async fn ready(serving: Serving, Path(model): Path<String>) -> Result<Json<Value>, ApiError> {
    serving.check_model(&model)?;
    serving.check_ready()?;
    Ok(Json(json!({ "name": serving.engine().name(), "ready": true })))
}

/// Whether this version is ready.
#[utoipa::path(
    get, path = "/v2/models/{model}/versions/{version}/ready", tag = "open-inference",
    operation_id = "v2_version_ready", params(("model" = String, Path, description = "The model's name"), ("version" = String, Path, description = "The digest's digits")),
    responses(
        (status = 200, description = "Ready", body = Value), (status = 503, description = "Draining", body = Value),
        (status = 404, description = "Another model or version", body = Value)
    )
)]
async fn version_ready(
    serving: Serving,
    Path((model, version)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    serving.check_version(&model, &version)?;
    ready(serving, Path(model)).await
}

const EXPECTED: &str = r#"Send {"inputs": [{"name": "text", "shape": [1], "datatype": "BYTES", "data": ["…"]}]}"#;

/// An inference request with one input tensor.
#[derive(Deserialize, ToSchema)]
#[serde(expecting = "an object")]
struct InferRequest {
    /// Returned in the response.
    id: Option<String>,
    /// Parameters of the request. Parameters of an input take precedence.
    #[schema(value_type = Option<RequestParameters>)]
    parameters: Option<Object<RequestParameters>>,
    /// Exactly one tensor of texts.
    #[schema(value_type = Vec<InputTensor>)]
    #[serde(deserialize_with = "inputs")]
    inputs: Vec<Object<InputTensor>>,
    /// The requested outputs. All outputs if absent.
    #[schema(value_type = Option<Vec<RequestedOutput>>)]
    #[serde(default, deserialize_with = "outputs")]
    outputs: Option<Vec<Object<RequestedOutput>>>,
}

fn inputs<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Object<InputTensor>>, D::Error> {
    list("input", deserializer)
}

fn outputs<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<Object<RequestedOutput>>>, D::Error> {
    optional_list("output", deserializer)
}

/// An inference response.
#[derive(Serialize, ToSchema)]
#[schema(as = InferResponse)]
struct InferResponse<'a> {
    model_name: &'a str,
    /// The digest's 64 hexadecimal digits.
    model_version: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    outputs: Vec<Tensor<'a>>,
}

/// Predictions for a BYTES tensor of complaints.
#[utoipa::path(
    post, path = "/v2/models/{model}/infer", tag = "open-inference", operation_id = "v2_infer",
    params(("model" = String, Path, description = "The model's name")), request_body = InferRequest,
    responses((status = 200, description = "The output tensors", body = InferResponse), InferenceErrors)
)]
async fn infer(serving: Serving, Path(model): Path<String>, payload: Payload) -> Result<Response, ApiError> {
    serving.check_model(&model)?;
    answer(&serving, &payload).await
}

/// Predictions of this version.
#[utoipa::path(
    post, path = "/v2/models/{model}/versions/{version}/infer", tag = "open-inference",
    operation_id = "v2_version_infer", params(("model" = String, Path, description = "The model's name"), ("version" = String, Path, description = "The digest's digits")), request_body = InferRequest,
    responses((status = 200, description = "The output tensors", body = InferResponse), InferenceErrors)
)]
async fn version_infer(
    serving: Serving,
    Path((model, version)): Path<(String, String)>,
    payload: Payload,
) -> Result<Response, ApiError> {
    serving.check_version(&model, &version)?;
    answer(&serving, &payload).await
}

async fn answer(serving: &Serving, payload: &Payload) -> Result<Response, ApiError> {
    let (header, tail) = BinaryTensors::split(&payload.headers, &payload.bytes)?;
    let request: InferRequest = parse_json(header, EXPECTED)?;
    let [Object(input)] = request.inputs.as_slice() else {
        let count = request.inputs.len();
        return Err(ApiError::InvalidRequest(format!(
            "the request has {count} inputs; the model takes one. {EXPECTED}"
        )));
    };
    let outputs = Output::requested(request.outputs.as_deref().unwrap_or_default())?;
    let parameters = request.parameters.as_ref().map(|Object(parameters)| parameters);
    let texts = input.texts(parameters, tail, serving.app.limits.max_texts)?;
    let answers = serving.classify_all(&texts).await?;
    let response = InferResponse {
        model_name: serving.engine().name(),
        model_version: serving.engine().version(),
        id: request.id,
        outputs: outputs
            .iter()
            .map(|output| output.tensor(serving.engine(), &answers))
            .collect(),
    };
    Ok(json_answer(&response))
}
