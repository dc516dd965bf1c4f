//! KServe v1: `/v1/models`, `/v1/models/{model}`, `:predict` and `:explain`.
//!
//! <https://kserve.github.io/website/docs/concepts/architecture/data-plane/v1-protocol>. An instance is a string, or an
//! object with the string `text`.

use std::fmt;
use std::sync::Arc;

use axum::Json;
use axum::extract::Path;
use axum::response::Response;
use axum::routing::post;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::body::{Payload, json_answer, require_json};
use super::error::ApiError;
use super::error_responses::InferenceErrors;
use super::explain::Explanation;
use super::json::{self, parse_json};
use super::predict::Prediction;
use crate::core::app::App;
use crate::core::refusal::shorten;
use crate::core::serving::Serving;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    // The router only matches a parameter against a whole segment, so the handler splits off the verb.
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(status))
        .route("/v1/models/{model}", post(call))
}

/// The served model's name.
#[utoipa::path(
    get, path = "/v1/models", tag = "kserve-v1", operation_id = "v1_models",
    responses((status = 200, description = "`models`: one name", body = Value))
)]
async fn list(serving: Serving) -> Json<Value> {
    Json(json!({ "models": [serving.engine().name()] }))
}

/// Whether the model is ready.
#[utoipa::path(
    get, path = "/v1/models/{model}", tag = "kserve-v1", operation_id = "v1_model",
    params(("model" = String, Path, description = "The model's name")),
    responses((status = 200, description = "`name` and `ready`", body = Value), InferenceErrors)
)]
async fn status(serving: Serving, Path(model): Path<String>) -> Result<Json<Value>, ApiError> {
    serving.check_model(&model)?;
    let ready = serving.check_ready().is_ok();
    Ok(Json(json!({ "name": serving.engine().name(), "ready": ready })))
}

const EXPECTED: &str = r#"Send {"instances": ["…"]} or {"instances": [{"text": "…"}]}"#;

/// Complaints to classify.
#[derive(Deserialize, ToSchema)]
#[serde(expecting = "an object")]
#[schema(as = KserveRequest)]
pub(super) struct Request {
    /// Strings, or objects with the string `text`.
    #[serde(deserialize_with = "instances")]
    instances: Vec<Instance>,
}

fn instances<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Instance>, D::Error> {
    json::list("instance", deserializer)
}

/// One complaint.
#[derive(ToSchema)]
#[schema(as = KserveInstance)]
#[serde(untagged)]
enum Instance {
    Text(String),
    Object { text: String },
}

/// Written by hand: the derived implementation would also accept `["text"]`, and its messages don't say what is wrong.
impl<'de> Deserialize<'de> for Instance {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = Instance;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string, or an object with the string `text`")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Instance, E> {
                Ok(Instance::Text(text.to_owned()))
            }

            fn visit_string<E: Error>(self, text: String) -> Result<Instance, E> {
                Ok(Instance::Text(text))
            }

            fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<Instance, A::Error> {
                #[derive(Deserialize)]
                struct WithText {
                    text: String,
                }
                let WithText { text } = WithText::deserialize(MapAccessDeserializer::new(fields))?;
                Ok(Instance::Object { text })
            }
        }

        deserializer.deserialize_any(Either)
    }
}

impl AsRef<str> for Instance {
    fn as_ref(&self) -> &str {
        match self {
            Self::Text(text) | Self::Object { text } => text,
        }
    }
}

/// Predictions in the order of the instances.
#[derive(Serialize, ToSchema)]
#[schema(as = KservePredictions)]
pub(super) struct Predictions<'a> {
    predictions: Vec<Prediction<'a>>,
}

/// Explanations in the order of the instances.
#[derive(Serialize, ToSchema)]
#[schema(as = KserveExplanations)]
pub(super) struct Explanations<'a> {
    explanations: Vec<Explanation<'a>>,
}

async fn call(serving: Serving, Path(target): Path<String>, payload: Payload) -> Result<Response, ApiError> {
    let Some((model, verb)) = target.rsplit_once(':') else {
        let model = serving.engine().name();
        return Err(ApiError::InvalidRequest(format!(
            "POST to /v1/models/{model}:predict or :explain"
        )));
    };
    serving.check_model(model)?;
    require_json(&payload)?;
    let request: Request = parse_json(&payload.bytes, EXPECTED)?;
    match verb {
        "predict" => Ok(json_answer(&predict(&serving, &request).await?)),
        "explain" => Ok(json_answer(&explain(&serving, &request).await?)),
        other => {
            let verb = shorten(other);
            Err(ApiError::InvalidRequest(format!(
                "there is no `:{verb}`; use :predict or :explain"
            )))
        }
    }
}

/// Predictions for the instances, in their order.
#[utoipa::path(
    post, path = "/v1/models/{model}:predict", tag = "kserve-v1", operation_id = "v1_predict",
    params(("model" = String, Path, description = "The model's name")), request_body = Request,
    responses((status = 200, description = "The predictions", body = Predictions), InferenceErrors)
)]
pub(super) async fn predict<'a>(serving: &'a Serving, request: &Request) -> Result<Predictions<'a>, ApiError> {
    let answers = serving.classify_all(&request.instances).await?.into_iter();
    let predictions = answers
        .map(|answer| Prediction::new(serving.engine(), answer, None))
        .collect();
    Ok(Predictions { predictions })
}

/// Predictions with the contribution of each term.
#[utoipa::path(
    post, path = "/v1/models/{model}:explain", tag = "kserve-v1", operation_id = "v1_explain",
    params(("model" = String, Path, description = "The model's name")), request_body = Request,
    responses((status = 200, description = "The explanations", body = Explanations), InferenceErrors)
)]
pub(super) async fn explain<'a>(serving: &'a Serving, request: &Request) -> Result<Explanations<'a>, ApiError> {
    let explained = serving.explain_all(&request.instances).await?.into_iter();
    let explanations = explained
        .map(|explained| Explanation::new(serving.engine(), explained))
        .collect();
    Ok(Explanations { explanations })
}
