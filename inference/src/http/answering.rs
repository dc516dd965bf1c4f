//! Which requests ask for answers: the statistics count these alone.

use axum::http::Method;

/// The routes at which texts are answered.
const ROUTES: [&str; 9] = [
    "/",
    "/predict",
    "/predict/stream",
    "/explain",
    "/v1/models/{model}",
    "/v2/models/{model}/infer",
    "/v2/models/{model}/versions/{version}/infer",
    "/invocations",
    "/endpoints/{model}/invocations",
];

/// Whether a request to this route asks for answers, whatever became of it.
pub(super) fn is_for_answers(method: &Method, route: &str) -> bool {
    method == Method::POST && ROUTES.contains(&route)
}
