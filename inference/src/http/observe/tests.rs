use axum::Router;
use axum::body::Body;
use axum::routing::post;
use clap::Parser;
use complaint_model::Sha256Digest;

use super::*;
use crate::core::engine::Engine;
use crate::core::review::Thresholds;
use crate::core::statistics::now;
use crate::options::Options;

#[path = "../../../tests/server/model.rs"]
#[allow(dead_code, reason = "the tests of the server use all of it")]
mod model;

#[tokio::test]
async fn a_failure_is_an_error_in_the_statistics() {
    let options = Options::try_parse_from(["test", "--model", "unused"]).unwrap();
    let digest = Sha256Digest::of_bytes(b"the model of the tests");
    let engine = Engine::new(model::predictor(), digest, "cards".into(), Thresholds::everywhere(0.0));
    let app = Arc::new(App::new(engine, None, options.limits, options.statistics));
    let fail = async || -> &str { panic!("a bug") };
    let mut routes = Router::new()
        .route("/predict", post(fail))
        .route("/report", post(fail))
        .layer(Observe(Arc::clone(&app)));
    for path in ["/predict", "/predict", "/report"] {
        let request = Request::post(path).body(Body::empty()).unwrap();
        assert_eq!(routes.call(request).await.unwrap().status(), 500, "{path}");
    }
    let served = app.served();
    let total = served.tally.statistics(now(), &served.engine).total;
    assert_eq!((total.requests, total.errors, total.answered()), (2, 2, 0));
}
