//! Open Inference Protocol v2 (KServe v2, Triton): metadata, readiness and `infer` with a BYTES input.
//!
//! <https://github.com/kserve/open-inference-protocol>. Inputs may also come in the binary tensor data extension, which
//! `tritonclient` uses by default; outputs are always JSON, which the extension allows.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::body::{Payload, parse_json};
use super::error::{ApiError, shorten};
use super::health::check_ready;
use super::tensor::{BinaryTensors, InputTensor};
use crate::app::App;
use crate::engine::{Answer, Engine};

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/v2", get(server))
        .route("/v2/models/{model}", get(metadata))
        .route("/v2/models/{model}/ready", get(ready))
        .route("/v2/models/{model}/infer", post(infer))
        .route("/v2/models/{model}/versions/{version}", get(metadata))
        .route("/v2/models/{model}/versions/{version}/ready", get(ready))
        .route("/v2/models/{model}/versions/{version}/infer", post(infer))
}

/// The model, and the version if the path has one.
#[derive(Deserialize)]
struct Target {
    model: String,
    version: Option<String>,
}

impl Target {
    fn check(&self, app: &App) -> Result<(), ApiError> {
        check_model(app, &self.model)?;
        let served = app.engine.version();
        match &self.version {
            Some(version) if *version != served => Err(ApiError::VersionNotFound {
                model: self.model.clone(),
                found: shorten(version),
                served,
            }),
            _ => Ok(()),
        }
    }
}

/// Refuses another name than the served one.
pub(super) fn check_model(app: &App, name: &str) -> Result<(), ApiError> {
    if name == app.engine.name() {
        return Ok(());
    }
    Err(ApiError::ModelNotFound {
        found: shorten(name),
        served: app.engine.name().to_owned(),
    })
}

async fn server() -> Json<Value> {
    Json(json!({
        "name": env!("CARGO_PKG_NAME"),
        "version": env!("CARGO_PKG_VERSION"),
        "extensions": [],
    }))
}

async fn metadata(State(app): State<Arc<App>>, Path(target): Path<Target>) -> Result<Json<Value>, ApiError> {
    target.check(&app)?;
    let engine = &app.engine;
    let outputs: Vec<Value> = Output::ALL
        .iter()
        .map(|output| output.metadata(engine.labels().len()))
        .collect();
    Ok(Json(json!({
        "name": engine.name(),
        "versions": [engine.version()],
        "platform": "complaint-model",
        "inputs": [{ "name": "text", "datatype": "BYTES", "shape": [-1] }],
        "outputs": outputs,
        "parameters": { "digest": engine.digest().prefixed(), "categories": engine.labels() },
    })))
}

async fn ready(State(app): State<Arc<App>>, Path(target): Path<Target>) -> Result<Json<Value>, ApiError> {
    target.check(&app)?;
    check_ready(&app, None)?;
    Ok(Json(json!({ "name": app.engine.name(), "ready": true })))
}

const EXPECTED: &str = r#"Send {"inputs": [{"name": "text", "shape": [1], "datatype": "BYTES", "data": ["…"]}]}"#;

#[derive(Deserialize)]
struct InferRequest {
    id: Option<String>,
    inputs: Vec<InputTensor>,
    #[serde(default)]
    outputs: Vec<RequestedOutput>,
}

#[derive(Deserialize)]
struct RequestedOutput {
    name: String,
}

#[derive(Serialize)]
struct InferResponse<'a> {
    model_name: &'a str,
    model_version: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    outputs: Vec<Tensor<'a>>,
}

#[derive(Serialize)]
struct Tensor<'a> {
    name: &'static str,
    datatype: &'static str,
    shape: Vec<usize>,
    data: Data<'a>,
}

/// A tensor's elements, row-major.
#[derive(Serialize)]
#[serde(untagged)]
enum Data<'a> {
    Bytes(Vec<&'a str>),
    Numbers(Vec<f32>),
    Flags(Vec<bool>),
}

async fn infer(
    State(app): State<Arc<App>>,
    Path(target): Path<Target>,
    payload: Payload,
) -> Result<Response, ApiError> {
    target.check(&app)?;
    let (header, tail) = BinaryTensors::split(&payload.headers, &payload.bytes)?;
    let request: InferRequest = parse_json(header, EXPECTED)?;
    let [input] = request.inputs.as_slice() else {
        return Err(ApiError::InvalidRequest(format!(
            "the request has {} inputs; the model takes one. {EXPECTED}",
            request.inputs.len()
        )));
    };
    let outputs = Output::requested(&request.outputs)?;
    let texts = input.texts(tail, app.limits.max_texts)?;
    let answers = app.classify_all(&texts)?;
    let response = InferResponse {
        model_name: app.engine.name(),
        model_version: app.engine.version(),
        id: request.id,
        outputs: outputs
            .iter()
            .map(|output| output.tensor(&app.engine, &answers))
            .collect(),
    };
    Ok(Json(response).into_response())
}

/// The output tensors; `N` is the number of texts, `K` of categories.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Output {
    /// `[N]` BYTES: the most probable category.
    Category,
    /// `[N]` FP32: its probability.
    Probability,
    /// `[N, K]` FP32: all probabilities, in the order of the metadata's `categories`.
    Probabilities,
    /// `[N]` BOOL: the probability is under the server's `--abstain-below`.
    NeedsReview,
    /// `[N]` FP32: share of words that the model does not know.
    UnknownWordShare,
}

impl Output {
    const ALL: [Self; 5] = [
        Self::Category,
        Self::Probability,
        Self::Probabilities,
        Self::NeedsReview,
        Self::UnknownWordShare,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Category => "category",
            Self::Probability => "probability",
            Self::Probabilities => "probabilities",
            Self::NeedsReview => "needs_review",
            Self::UnknownWordShare => "unknown_word_share",
        }
    }

    fn datatype(self) -> &'static str {
        match self {
            Self::Category => "BYTES",
            Self::NeedsReview => "BOOL",
            Self::Probability | Self::Probabilities | Self::UnknownWordShare => "FP32",
        }
    }

    fn metadata(self, categories: usize) -> Value {
        let shape = if self == Self::Probabilities {
            json!([-1, categories])
        } else {
            json!([-1])
        };
        json!({ "name": self.name(), "datatype": self.datatype(), "shape": shape })
    }

    /// All outputs unless the client names some.
    fn requested(names: &[RequestedOutput]) -> Result<Vec<Self>, ApiError> {
        if names.is_empty() {
            return Ok(Self::ALL.to_vec());
        }
        let find = |name: &RequestedOutput| {
            Self::ALL
                .into_iter()
                .find(|output| output.name() == name.name)
                .ok_or_else(|| {
                    let known = Self::ALL.map(Self::name).join(", ");
                    ApiError::InvalidRequest(format!(
                        "there is no output `{}`; the outputs are {known}",
                        shorten(&name.name)
                    ))
                })
        };
        names.iter().map(find).collect()
    }

    fn tensor<'a>(self, engine: &'a Engine, answers: &'a [Answer]) -> Tensor<'a> {
        let categories = engine.labels().len();
        let answered = answers.iter();
        let data = match self {
            Self::Category => Data::Bytes(answered.map(|a| engine.label(a.ranking[0].0)).collect()),
            Self::Probability => Data::Numbers(answered.map(|a| a.ranking[0].1).collect()),
            Self::Probabilities => Data::Numbers(answered.flat_map(|a| in_label_order(a, categories)).collect()),
            Self::NeedsReview => Data::Flags(answered.map(|a| a.needs_review).collect()),
            Self::UnknownWordShare => Data::Numbers(answered.map(|a| a.unknown_word_share).collect()),
        };
        let shape = if self == Self::Probabilities {
            vec![answers.len(), categories]
        } else {
            vec![answers.len()]
        };
        Tensor {
            name: self.name(),
            datatype: self.datatype(),
            shape,
            data,
        }
    }
}

fn in_label_order(answer: &Answer, categories: usize) -> Vec<f32> {
    let mut row = vec![0.0; categories];
    for &(category, probability) in &answer.ranking {
        row[category] = probability;
    }
    row
}
