//! Requests predictions from the served model over HTTP.

use anyhow::Context as _;
use bytes::Bytes;
use http::{Request, header::CONTENT_TYPE};
use http_body_util::{BodyExt, Full};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde::Deserialize;
use serde_json::json;

use super::{objects::Job, question::Question, screen::Screen};

/// The fields of a response that the demo reads.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Answer {
    pub(crate) category: String,
    pub(crate) probability: f64,
    pub(crate) model_digest: String,
}

/// Connections to the server.
pub(crate) struct Asking(Client<HttpConnector, Full<Bytes>>);

impl Asking {
    pub(crate) fn new() -> Self {
        Self(Client::builder(TokioExecutor::new()).build_http())
    }
}

/// Asks all questions; at least half of the answers must be correct.
pub(crate) async fn ask(address: &str, job: &Job, screen: &Screen) -> anyhow::Result<()> {
    let asking = Asking::new();
    let mut shown = false;
    let mut right = 0;
    for question in &job.questions {
        let answer = predict(&asking, address, &question.text).await?;
        if answer.category == question.expected {
            right += 1;
            if !shown {
                screen.prediction(question, &answer);
                shown = true;
            }
        }
    }
    let asked = job.questions.len();
    if asked > 1 {
        screen.line(
            "",
            &format!("{right} of {asked} held-out rows asked over HTTP were answered with their label"),
        );
    }
    anyhow::ensure!(
        right * 2 > asked,
        "only {right} of {asked} answers were right: the labels may not follow from the texts"
    );
    Ok(())
}

/// The answer to a text.
pub(crate) async fn predict(asking: &Asking, address: &str, text: &str) -> anyhow::Result<Answer> {
    let request = Request::post(format!("{address}/predict"))
        .header(CONTENT_TYPE, "application/json")
        .body(Full::from(json!({ "text": text }).to_string()))?;
    let response = asking
        .0
        .request(request)
        .await
        .with_context(|| format!("asking {address}/predict"))?;
    let status = response.status();
    let body = response.into_body().collect().await?.to_bytes();
    anyhow::ensure!(
        status.is_success(),
        "{address}/predict answered {status}: {}",
        String::from_utf8_lossy(&body)
    );
    serde_json::from_slice(&body).context("the answer is not what docs/contracts.md says")
}

/// The question as one line of at most `width` characters.
pub(crate) fn shortened(question: &Question, width: usize) -> String {
    let words: Vec<_> = question.text.split_whitespace().collect();
    let line = words.join(" ");
    match line.char_indices().nth(width) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}
