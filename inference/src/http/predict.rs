//! `POST /predict`: the server's own API. Takes one complaint or several and returns categories and probabilities.

use std::sync::Arc;

use axum::response::Response;
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::body::{Payload, json_answer, require_json};
use super::error::ApiError;
use super::error_responses::NativeErrors;
use super::json::{optional_list, parse_json};
use crate::core::app::App;
use crate::core::engine::{Answer, Engine, Ranked};
use crate::core::serving::Serving;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(predict))
}

const EXPECTED: &str = r#"Send {"text": "…"} or {"texts": ["…", "…"]}, with "topK" where fewer categories are enough"#;

/// The request: exactly one of `text` and `texts`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "an object")]
pub(super) struct PredictRequest {
    /// One complaint.
    #[schema(example = "I was charged twice for one purchase.")]
    text: Option<String>,
    /// Several complaints. The answers have the same order.
    #[serde(default, deserialize_with = "texts")]
    texts: Option<Vec<String>>,
    /// Maximum number of categories in `probabilities`, the most probable first. All if absent.
    top_k: Option<usize>,
}

fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<String>>, D::Error> {
    optional_list("text", deserializer)
}

/// The prediction for one complaint.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Prediction)]
pub(super) struct Prediction<'a> {
    /// The most probable category.
    category: &'a str,
    /// Its probability.
    probability: f32,
    /// Categories with their probabilities, the most probable first.
    #[schema(value_type = HashMap<String, f32>)]
    probabilities: Ranking<'a>,
    /// Whether the probability is below the category's threshold, or the server's `--abstain-below`, so that a person should review the complaint.
    needs_review: bool,
    /// The answer at each level of the categories, the coarsest first. Absent if they have no levels.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    levels: Vec<LevelPrediction<'a>>,
    /// Share of the complaint's words that the model does not know, from 0 to 1.
    unknown_word_share: f32,
}

/// The answer at one level.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = LevelPrediction)]
struct LevelPrediction<'a> {
    /// The level, such as `product`.
    level: &'a str,
    /// The category at this level.
    category: &'a str,
    /// Its probability: the sum over the categories below it.
    probability: f32,
    /// Whether a person should review the answer at this level. Below such an answer, all are.
    needs_review: bool,
}

/// An answer's ranking as a JSON object in descending order of probability.
#[derive(Debug)]
struct Ranking<'a> {
    engine: &'a Engine,
    ranking: Vec<Ranked>,
}

impl Serialize for Ranking<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.ranking.len()))?;
        for ranked in &self.ranking {
            map.serialize_entry(self.engine.label(ranked.category), &ranked.probability)?;
        }
        map.end()
    }
}

impl<'a> Prediction<'a> {
    /// The answer in the format of the API, with the `top_k` most probable categories.
    pub(super) fn new(engine: &'a Engine, answer: Answer, top_k: Option<usize>) -> Self {
        let mut ranking = answer.ranking;
        let Ranked {
            category, probability, ..
        } = ranking[0];
        ranking.truncate(top_k.unwrap_or(usize::MAX));
        let mut levels = Vec::new();
        if let Some(known) = engine.levels() {
            let coarser = known.coarser().zip(&answer.coarser);
            levels.extend(coarser.map(|((level, of), answer)| LevelPrediction {
                level,
                category: &of.categories()[answer.category],
                probability: answer.probability,
                needs_review: answer.needs_review,
            }));
            levels.push(LevelPrediction {
                level: known.finest(),
                category: engine.label(category),
                probability,
                needs_review: answer.needs_review,
            });
        }
        Self {
            category: engine.label(category),
            probability,
            probabilities: Ranking { engine, ranking },
            needs_review: answer.needs_review,
            levels,
            unknown_word_share: answer.unknown_word_share,
        }
    }
}

/// One prediction for `text`, a list of them for `texts`.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = PredictResponse)]
enum PredictResponse<'a> {
    #[serde(rename_all = "camelCase")]
    One {
        #[serde(flatten)]
        prediction: Prediction<'a>,
        model_digest: &'a str,
    },
    #[serde(rename_all = "camelCase")]
    Many {
        predictions: Vec<Prediction<'a>>,
        model_digest: &'a str,
    },
}

/// The categories of one complaint, or of several.
#[utoipa::path(
    post, path = "/predict", tag = "predict", request_body = PredictRequest,
    responses((status = 200, description = "The prediction", body = PredictResponse), NativeErrors)
)]
async fn predict(serving: Serving, payload: Payload) -> Result<Response, ApiError> {
    require_json(&payload)?;
    let request: PredictRequest = parse_json(&payload.bytes, EXPECTED)?;
    if request.top_k == Some(0) {
        return Err(ApiError::InvalidRequest(
            "topK is 0; set it to 1 or more, or leave it out for all categories".into(),
        ));
    }
    let model_digest = serving.model.digest.as_str();
    let response = match (&request.text, &request.texts) {
        (Some(text), None) => {
            let prediction = Prediction::new(serving.engine(), serving.classify(0, text)?, request.top_k);
            PredictResponse::One {
                prediction,
                model_digest,
            }
        }
        (None, Some(texts)) => {
            let answers = serving.classify_all(texts).await?.into_iter();
            let predictions = answers
                .map(|answer| Prediction::new(serving.engine(), answer, request.top_k))
                .collect();
            PredictResponse::Many {
                predictions,
                model_digest,
            }
        }
        _ => {
            return Err(ApiError::InvalidRequest(format!(
                "the request needs exactly one of `text` and `texts`. {EXPECTED}"
            )));
        }
    };
    Ok(json_answer(&response))
}
