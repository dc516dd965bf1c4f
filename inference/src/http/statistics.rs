//! `/statistics`: what the server has counted of its answers, for the operator and whoever watches a model. No answer here
//! holds anything of a text.

use std::sync::Arc;

use axum::Json;
use axum::response::{IntoResponse, Response};
use complaint_contract::statistics::{ReferenceProfile, Sample, Statistics, paths};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::error::ApiError;
use crate::core::app::App;
use crate::core::memory::Held;
use crate::core::serving::Serving;
use crate::core::statistics::now;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(statistics))
        .routes(routes!(sample))
        .routes(routes!(reference))
}

/// The counts of requests and answers of the model in service: by slots of the last two windows, and since it came into
/// service.
#[utoipa::path(
    get, path = paths::STATISTICS, tag = "operation",
    responses((status = 200, description = "The counts", body = Statistics))
)]
async fn statistics(serving: Serving) -> Json<Statistics> {
    Json(serving.model.tally.statistics(now(), serving.engine()))
}

/// A uniform sample of the answers of this window and the one before, as probabilities.
#[utoipa::path(
    get, path = paths::SAMPLE, tag = "operation", operation_id = "statistics_sample",
    responses(
        (status = 200, description = "The sample; it has no rows if the model has no estimating probabilities", body = Sample),
        (status = 429, description = "Other requests hold too much memory; see Retry-After", body = serde_json::Value)
    )
)]
async fn sample(serving: Serving) -> Result<Response, ApiError> {
    let tally = &serving.model.tally;
    let mut held = Held::default();
    serving.app.memory.grow(&mut held, tally.sample_bytes())?;
    Ok(Json(tally.sample(now(), serving.engine())).into_response())
}

/// The same figures on the rows that were held out when the model was trained.
#[utoipa::path(
    get, path = paths::REFERENCE, tag = "operation", operation_id = "statistics_reference",
    responses(
        (status = 200, description = "The reference profile", body = ReferenceProfile),
        (status = 404, description = "The model has none", body = serde_json::Value)
    )
)]
async fn reference(serving: Serving) -> Result<Response, ApiError> {
    Ok(Json(serving.reference()?).into_response())
}
