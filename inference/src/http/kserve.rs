//! KServe v1: `/v1/models`, `/v1/models/{model}`, `:predict` and `:explain`.
//!
//! <https://kserve.github.io/website/docs/concepts/architecture/data-plane/v1-protocol>. An instance is a string, or an
//! object with the string `text`.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::body::{Payload, parse_json, require_json};
use super::error::{ApiError, shorten};
use super::explain::Explanation;
use super::health::check_ready;
use super::open_inference::check_model;
use super::predict::Prediction;
use crate::app::App;

pub(super) fn routes() -> Router<Arc<App>> {
    // The router takes a parameter only as a whole segment, so the verb is split off by hand.
    Router::new()
        .route("/v1/models", get(list))
        .route("/v1/models/{model}", get(status).post(call))
}

async fn list(State(app): State<Arc<App>>) -> Json<Value> {
    Json(json!({ "models": [app.engine.name()] }))
}

async fn status(State(app): State<Arc<App>>, Path(model): Path<String>) -> Result<Json<Value>, ApiError> {
    check_model(&app, &model)?;
    let ready = check_ready(&app, None).is_ok();
    Ok(Json(json!({ "name": app.engine.name(), "ready": ready })))
}

const EXPECTED: &str = r#"Send {"instances": ["…"]} or {"instances": [{"text": "…"}]}"#;

#[derive(Deserialize)]
struct Request {
    instances: Vec<Instance>,
}

/// A complaint as KServe v1 and MLflow clients send it.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Instance {
    Text(String),
    Object { text: String },
}

impl AsRef<str> for Instance {
    fn as_ref(&self) -> &str {
        match self {
            Self::Text(text) | Self::Object { text } => text,
        }
    }
}

#[derive(Serialize)]
struct Predictions<'a> {
    predictions: Vec<Prediction<'a>>,
}

#[derive(Serialize)]
struct Explanations<'a> {
    explanations: Vec<Explanation<'a>>,
}

async fn call(State(app): State<Arc<App>>, Path(target): Path<String>, payload: Payload) -> Result<Response, ApiError> {
    let Some((model, verb)) = target.rsplit_once(':') else {
        return Err(ApiError::InvalidRequest(format!(
            "POST to /v1/models/{}:predict or :explain",
            app.engine.name()
        )));
    };
    check_model(&app, model)?;
    require_json(&payload.headers)?;
    let request: Request = parse_json(&payload.bytes, EXPECTED)?;
    match verb {
        "predict" => {
            let answers = app.classify_all(&request.instances)?.into_iter();
            let predictions = answers
                .map(|answer| Prediction::new(&app.engine, answer, None))
                .collect();
            Ok(Json(Predictions { predictions }).into_response())
        }
        "explain" => {
            let explained = app.explain_all(&request.instances)?.into_iter();
            let explanations = explained
                .map(|explained| Explanation::new(&app.engine, explained))
                .collect();
            Ok(Json(Explanations { explanations }).into_response())
        }
        other => Err(ApiError::InvalidRequest(format!(
            "there is no `:{}`; use :predict or :explain",
            shorten(other)
        ))),
    }
}
