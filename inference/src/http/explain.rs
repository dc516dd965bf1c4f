//! `POST /explain`: the contribution of each word to the prediction.

use std::sync::Arc;

use axum::Json;
use axum::response::{IntoResponse, Response};
use complaint_model::vectorize::TermKind;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::body::{Payload, require_json};
use super::error::ApiError;
use super::error_responses::NativeErrors;
use super::json::parse_json;
use super::predict::Prediction;
use crate::core::app::App;
use crate::core::engine::{Engine, Explained};
use crate::core::serving::Serving;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(explain))
}

/// The complaint to explain.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct ExplainRequest {
    /// The complaint.
    text: String,
}

/// A prediction with its explanation. `margin` is `bias` plus the sum of all contributions: exactly the winner's score
/// minus the runner-up's.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Explanation)]
pub(super) struct Explanation<'a> {
    #[serde(flatten)]
    prediction: Prediction<'a>,
    /// The category with the second highest score. With levels, the other category with the highest one.
    runner_up: &'a str,
    /// The level at which the paths of both part, whose scores are explained. Absent if the categories have no levels.
    #[serde(skip_serializing_if = "Option::is_none")]
    explained_level: Option<String>,
    /// The part of the margin that does not depend on the text.
    bias: f32,
    /// The winner's score minus the runner-up's.
    margin: f32,
    /// The contribution of each term, in descending order of absolute value.
    terms: Vec<Term>,
}

/// The contribution of one term to an answer.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Term {
    /// The term as the model knows it.
    term: String,
    /// `words` or `characters`.
    kind: &'static str,
    /// The amount that the term adds to the margin.
    contribution: f32,
    /// Half-open ranges in characters (Unicode scalar values) of the text.
    ranges: Vec<[usize; 2]>,
}

impl<'a> Explanation<'a> {
    pub(super) fn new(engine: &'a Engine, explained: Explained) -> Self {
        let term = |part: crate::core::engine::TermPart| Term {
            kind: match part.kind {
                TermKind::Words => "words",
                TermKind::Characters => "characters",
            },
            term: part.term,
            contribution: part.contribution,
            ranges: part.ranges,
        };
        Self {
            prediction: Prediction::new(engine, explained.answer, None),
            runner_up: engine.label(explained.runner_up),
            explained_level: explained.level,
            bias: explained.bias,
            margin: explained.margin,
            terms: explained.terms.into_iter().map(term).collect(),
        }
    }
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ExplainResponse)]
struct ExplainResponse<'a> {
    #[serde(flatten)]
    explanation: Explanation<'a>,
    model_digest: &'a str,
}

/// The category of a complaint, and the contribution of each term.
#[utoipa::path(
    post, path = "/explain", tag = "predict", request_body = ExplainRequest,
    responses((status = 200, description = "The prediction and its reasons", body = ExplainResponse), NativeErrors)
)]
async fn explain(serving: Serving, payload: Payload) -> Result<Response, ApiError> {
    require_json(&payload)?;
    let request: ExplainRequest = parse_json(&payload.bytes, r#"Send {"text": "…"}"#)?;
    let explained = serving.explain_all(&[request.text]).await?;
    let response = explained.into_iter().map(|explained| ExplainResponse {
        explanation: Explanation::new(serving.engine(), explained),
        model_digest: &serving.model.digest,
    });
    Ok(response
        .map(Json)
        .map(IntoResponse::into_response)
        .next()
        .expect("one text gives one explanation"))
}
