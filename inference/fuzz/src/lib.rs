//! What the fuzz targets share: the server's routes over a small real model, called without a network.
//!
//! A panic anywhere ends a target (libFuzzer's hook aborts before the server could catch it). Beside that, an answer is
//! never a 500, a refusal always is in its family's shape, and no answer is much larger than what it answers.

use std::cell::RefCell;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use clap::Parser;
use complaint_inference::core::app::App;
use complaint_inference::core::engine::Engine;
use complaint_inference::core::review::Thresholds;
use complaint_inference::options::Options;
use http_body_util::BodyExt;
use tokio::runtime::{Builder, Runtime};
use tower::ServiceExt;

#[path = "../../tests/server/model.rs"]
#[allow(dead_code, reason = "the tests of the server use all of it")]
pub mod model;

struct Server {
    router: Router,
    runtime: Runtime,
}

thread_local! {
    static SERVER: RefCell<Server> = RefCell::new(Server::new());
}

impl Server {
    fn new() -> Self {
        let (_, digest) = model::file();
        let options = Options::try_parse_from(["fuzz", "--model", "unused"]).expect("these are good arguments");
        let engine = Engine::new(model::predictor(), digest, "cards".into(), Thresholds::everywhere(0.5));
        let app = App::new(engine, None, options.limits, options.statistics);
        Self {
            router: complaint_inference::http::router(Arc::new(app)),
            runtime: Builder::new_current_thread().enable_all().build().expect("an event loop"),
        }
    }
}

/// Sends a body with these headers and checks the answer.
pub fn post(path: &str, headers: &[(&str, &str)], body: &[u8]) {
    let mut request = Request::post(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::from(body.to_vec())).expect("the targets send good headers");
    SERVER.with_borrow_mut(|server| {
        let answer = server.router.clone().oneshot(request);
        let (status, answer) = server.runtime.block_on(async {
            let answer = answer.await.unwrap_or_else(|impossible| match impossible {});
            let status = answer.status();
            (status, answer.into_body().collect().await.expect("a whole answer").to_bytes())
        });
        assert_ne!(status, StatusCode::INTERNAL_SERVER_ERROR);
        assert!(
            answer.len() <= 20_000 + 400 * body.len(),
            "{} bytes answer {}",
            answer.len(),
            body.len()
        );
    });
}

/// The first byte of an input, to choose by, and the rest.
pub fn choose<T: Copy>(input: &[u8], choices: &[T]) -> Option<(T, Vec<u8>)> {
    let (first, rest) = input.split_first()?;
    Some((choices[usize::from(*first) % choices.len()], rest.to_vec()))
}
