//! `POST /explain`: which words decided, and by how much.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use complaint_model::vectorize::TermKind;
use serde::{Deserialize, Serialize};

use super::body::{Payload, parse_json, require_json};
use super::error::ApiError;
use super::predict::Prediction;
use crate::app::App;
use crate::engine::{Engine, Explained};

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new().route("/explain", post(explain))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    text: String,
}

/// A prediction with its reasons: `margin` = `bias` + the sum of all contributions, exactly the winner's score minus the
/// runner-up's.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Explanation<'a> {
    #[serde(flatten)]
    prediction: Prediction<'a>,
    /// The category with the second highest score.
    runner_up: &'a str,
    /// What the winner has over the runner-up before any word is read.
    bias: f32,
    /// The winner's score minus the runner-up's.
    margin: f32,
    /// Each term's part, the largest in size first.
    terms: Vec<Term>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Term {
    term: String,
    kind: &'static str,
    contribution: f32,
    /// Half-open ranges in characters (Unicode scalar values) of the text.
    ranges: Vec<[usize; 2]>,
}

impl<'a> Explanation<'a> {
    pub(super) fn new(engine: &'a Engine, explained: Explained) -> Self {
        let term = |part: crate::engine::TermPart| Term {
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
            bias: explained.bias,
            margin: explained.margin,
            terms: explained.terms.into_iter().map(term).collect(),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExplainResponse<'a> {
    #[serde(flatten)]
    explanation: Explanation<'a>,
    model_digest: String,
}

async fn explain(State(app): State<Arc<App>>, payload: Payload) -> Result<Response, ApiError> {
    require_json(&payload.headers)?;
    let request: Request = parse_json(&payload.bytes, r#"Send {"text": "…"}"#)?;
    let explained = app.explain_all(&[request.text])?;
    let response = explained.into_iter().map(|explained| ExplainResponse {
        explanation: Explanation::new(&app.engine, explained),
        model_digest: app.engine.digest().prefixed(),
    });
    Ok(response
        .map(Json)
        .map(IntoResponse::into_response)
        .next()
        .expect("one text gives one explanation"))
}
