//! `GET /captured`: captured answers that wait for a person, for those who may send corrections.

use std::sync::Arc;

use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use axum::response::Response;
use complaint_contract::captured::{CAPTURED_PATH, CapturedKind, CapturedList, DEFAULT_ROWS, ROWS};
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::authorize::Corrector;
use super::body::json_answer;
use super::error::ApiError;
use super::error_responses::CapturedErrors;
use crate::core::app::App;
use crate::core::collection::captured::Wanted;
use crate::core::serving::Serving;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(captured))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CapturedQuery {
    which: Option<CapturedKind>,
    limit: Option<usize>,
}

/// Captured answers without a correction, those that most need a person first, with their texts and the words that decided. Read from the
/// store: what a server has captured is here within about ten seconds, and what a correction decides is gone at once.
#[utoipa::path(
    get, path = CAPTURED_PATH, tag = "feedback",
    params(
        ("which" = Option<String>, Query, description = "`needs-review` (the default), `drawn` (the share of which people check every answer) or `all`"),
        ("limit" = Option<u64>, Query, description = "At most so many: 1 to 200, by default 50")
    ),
    responses((status = 200, description = "The answers", body = CapturedList), CapturedErrors),
    security(("feedbackToken" = []), ("feedbackTokenHeader" = []))
)]
async fn captured(
    serving: Serving,
    _: Corrector,
    query: Result<Query<CapturedQuery>, QueryRejection>,
) -> Result<Response, ApiError> {
    let Query(query) = query.map_err(|_| {
        ApiError::InvalidRequest(format!(
            "the query is not valid: it takes `which` ({}) and `limit` (a number)",
            CapturedKind::ALL.map(CapturedKind::as_str).join(", ")
        ))
    })?;
    let limit = query.limit.unwrap_or(DEFAULT_ROWS);
    if !ROWS.contains(&limit) {
        let (least, most) = ROWS.into_inner();
        return Err(ApiError::InvalidRequest(format!(
            "`limit` is not from {least} to {most}; ask for fewer, and again after they are decided"
        )));
    }
    let kind = query.which.unwrap_or_default();
    let list = serving.captured(Wanted { kind, limit }).await?;
    Ok(json_answer(&list))
}
