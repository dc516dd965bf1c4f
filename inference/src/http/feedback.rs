//! `POST /feedback`: corrections of complaints' categories, one or many, acknowledged once they are durable.

use std::sync::Arc;

use axum::response::Response;
use complaint_contract::segments::FEEDBACK_PATH;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::authorize::Corrector;
use super::body::{Payload, is_json_lines, json_answer, media_type, require_json};
use super::error::ApiError;
use super::error_responses::FeedbackErrors;
use super::json::{begins_list, parse_json, parse_list, without_mark};
use crate::core::app::App;
use crate::core::collection::feedback::Row;
use crate::core::serving::Serving;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(feedback))
}

const EXPECTED: &str = r#"Send {"text": "…", "category": "…"} with "also", "by" and "id" where they are known, a list of these, or one a line as application/x-ndjson"#;

/// What a complaint is about.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct CorrectionRequest {
    /// The complaint.
    #[schema(example = "I was charged twice for one purchase.")]
    text: String,
    /// Its category: one of the model's, unless the server takes new ones.
    #[schema(example = "Cards")]
    category: String,
    /// A second category that is right, too: of the same ones. Either counts as a right answer; trainings learn `category`.
    also: Option<String>,
    /// Who says so: at most 256 bytes.
    by: Option<String>,
    /// Your name for the complaint, at most 256 bytes: of two corrections with the same one, the later counts. By default the
    /// digest of the text.
    id: Option<String>,
}

/// One correction, or several.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
#[schema(as = FeedbackRequest)]
#[expect(dead_code, reason = "describes what `rows` reads")]
enum FeedbackRequest {
    One(CorrectionRequest),
    Many(Vec<CorrectionRequest>),
}

/// The model's answer to a corrected complaint.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CorrectedAnswer)]
struct CorrectedAnswer<'a> {
    /// The complaint's name.
    id: String,
    /// The model's category.
    answer: &'a str,
    /// Its probability.
    probability: f32,
    /// Whether it is the one that you sent, or one of both.
    agrees: bool,
}

/// The corrections are kept.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = FeedbackResponse)]
struct FeedbackResponse<'a> {
    /// How many were taken: all of the request.
    taken: usize,
    /// With how many of them the model agrees.
    agreed: usize,
    /// What the model answers, in the order of the request.
    answers: Vec<CorrectedAnswer<'a>>,
    model_digest: &'a str,
}

/// Takes what people say complaints are about, for the next training. All corrections of a request are taken, or none. The answer
/// comes once they are durable in the store.
#[utoipa::path(
    post, path = FEEDBACK_PATH, tag = "feedback",
    request_body(content((FeedbackRequest = "application/json"), (String = "application/x-ndjson"))),
    responses((status = 200, description = "The corrections are kept", body = FeedbackResponse), FeedbackErrors),
    security(("feedbackToken" = []), ("feedbackTokenHeader" = []))
)]
async fn feedback(serving: Serving, _: Corrector, payload: Payload) -> Result<Response, ApiError> {
    let corrections = serving.check_corrections(rows(&payload)?).await?;
    // From here on the store decides how long it takes, and a slow one must not take places from requests for answers.
    drop(payload);
    let kept = serving.keep(corrections).await?;
    let answers: Vec<_> = kept
        .into_iter()
        .map(|checked| CorrectedAnswer {
            id: checked.id,
            answer: serving.engine().label(checked.answer),
            probability: checked.probability,
            agrees: checked.agrees,
        })
        .collect();
    Ok(json_answer(&FeedbackResponse {
        taken: answers.len(),
        agreed: answers.iter().filter(|answer| answer.agrees).count(),
        answers,
        model_digest: &serving.model.digest,
    }))
}

/// The rows of a body.
fn rows(payload: &Payload) -> Result<Vec<Row>, ApiError> {
    let bytes = &payload.bytes;
    let requests: Vec<CorrectionRequest> = if is_json_lines(&media_type(&payload.headers)) {
        let lines = without_mark(bytes).split(|byte| *byte == b'\n').enumerate();
        let filled = lines.filter(|(_, line)| !line.trim_ascii().is_empty());
        filled
            .map(|(number, line)| of_line(number, line))
            .collect::<Result<_, _>>()?
    } else {
        require_json(payload)?;
        if begins_list(bytes) {
            parse_list("correction", bytes, EXPECTED)?
        } else {
            vec![parse_json(bytes, EXPECTED)?]
        }
    };
    let row = |request: CorrectionRequest| Row {
        text: request.text,
        category: request.category,
        also: request.also,
        by: request.by,
        id: request.id,
    };
    Ok(requests.into_iter().map(row).collect())
}

fn of_line(number: usize, line: &[u8]) -> Result<CorrectionRequest, ApiError> {
    parse_json(line, EXPECTED).map_err(|error| match error {
        ApiError::InvalidBody { detail, expected } => ApiError::InvalidBody {
            detail: format!("line {number}: {detail}"),
            expected,
        },
        other => other,
    })
}
