//! `predict`: a text's most probable categories, from a server through the API server.

use std::{collections::BTreeMap, io::Read};

use complaint_api::ComplaintClassifier;
use kube::ResourceExt;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    cluster::{Cluster, Proxied},
    console::Console,
    error::Error,
    view,
};

/// The most bytes of a text, as the server takes them.
const TEXT_BYTES: u64 = 64 * 1024;

/// A server's answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Prediction {
    /// The most probable categories, the first of them the answer.
    pub(crate) categories: Vec<Category>,
    /// Whether the probability is below `serving.abstainBelow`.
    pub(crate) needs_review: bool,
    /// Share of words that the model does not know.
    pub(crate) unknown_word_share: f64,
    /// Digest of the model that answered.
    pub(crate) model_digest: String,
    /// The version of that model, if it is the champion or is being rolled out.
    pub(crate) version: Option<String>,
}

/// A category and its probability.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Category {
    pub(crate) category: String,
    pub(crate) probability: f64,
}

/// What `POST /predict` answers.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    category: String,
    probabilities: BTreeMap<String, f64>,
    needs_review: bool,
    #[serde(default)]
    unknown_word_share: f64,
    model_digest: String,
}

/// A server's error.
#[derive(Deserialize)]
struct Failed {
    error: Failure,
}

#[derive(Deserialize)]
struct Failure {
    code: String,
    message: String,
}

pub(super) async fn predict(
    cluster: &Cluster,
    console: &Console,
    classifier: &str,
    text: Option<&str>,
    top: u32,
) -> Result<(), Error> {
    cluster.namespace()?;
    let text = match text {
        None | Some("-") => standard_input()?,
        Some(text) => text.to_owned(),
    };
    if text.trim().is_empty() {
        return Err(Error::Usage(
            "the text is blank: write a complaint after the name, or to standard input".into(),
        ));
    }
    // Who answers can be told only by the classifier's status.
    let classifier: ComplaintClassifier = cluster.get(classifier).await?;
    let body = json!({ "text": text, "topK": top }).to_string().into_bytes();
    let answer = cluster.ask(&classifier.name_any(), "predict", Some(body)).await?;
    let prediction = read(&classifier, &success(&classifier.name_any(), answer)?)?;
    console.show(|_| view::prediction(&prediction), &prediction)
}

fn standard_input() -> Result<String, Error> {
    let mut text = String::new();
    let mut input = std::io::stdin().lock().take(TEXT_BYTES + 1);
    input
        .read_to_string(&mut text)
        .map_err(|error| Error::Usage(format!("standard input can't be read as text: {error}")))?;
    match u64::try_from(text.len()).is_ok_and(|bytes| bytes <= TEXT_BYTES) {
        true => Ok(text),
        false => Err(Error::Usage(format!(
            "the text is longer than {TEXT_BYTES} bytes: send a shorter one"
        ))),
    }
}

/// The body of an answer, unless it is an error of the server.
pub(crate) fn success(service: &str, answer: Proxied) -> Result<Vec<u8>, Error> {
    if (200..300).contains(&answer.status) {
        return Ok(answer.body);
    }
    let said = match serde_json::from_slice::<Failed>(&answer.body) {
        Ok(Failed { error }) => format!("{}: {}", error.code, error.message),
        Err(_) => format!("HTTP {}", answer.status),
    };
    Err(Error::Other(format!(
        "a server of ComplaintClassifier {service} answers with an error: {said}"
    )))
}

fn read(classifier: &ComplaintClassifier, body: &[u8]) -> Result<Prediction, Error> {
    let answer: Answer = serde_json::from_slice(body).map_err(|_| {
        Error::Other(format!(
            "the answer of Service {} is none of a complaint server: use the plugin of the operator's release",
            classifier.name_any()
        ))
    })?;
    let mut categories: Vec<Category> = answer
        .probabilities
        .into_iter()
        .map(|(category, probability)| Category { category, probability })
        .collect();
    // The answer comes first, also where several are equally probable.
    categories.sort_by(|a, b| {
        let is_answer = |category: &Category| category.category == answer.category;
        is_answer(b)
            .cmp(&is_answer(a))
            .then(b.probability.total_cmp(&a.probability))
    });
    let digits = answer.model_digest.trim_start_matches("sha256:");
    let status = classifier.status.as_ref();
    let champion = status
        .and_then(|status| status.champion.as_ref())
        .map(|version| (&version.name, &version.sha256));
    let challenger = status
        .and_then(|status| status.challenger.as_ref())
        .map(|version| (&version.name, &version.sha256));
    let version = champion
        .into_iter()
        .chain(challenger)
        .find(|(_, sha256)| *sha256 == digits);
    Ok(Prediction {
        categories,
        needs_review: answer.needs_review,
        unknown_word_share: answer.unknown_word_share,
        version: version.map(|(name, _)| name.clone()),
        model_digest: answer.model_digest,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classifier() -> ComplaintClassifier {
        serde_json::from_value(json!({
            "metadata": { "name": "cards" }, "spec": {},
            "status": { "champion": { "name": "cards-1", "sha256": "ab".repeat(32) } },
        }))
        .expect("a classifier")
    }

    #[test]
    fn the_answer_comes_first_and_names_its_version() {
        let body = json!({ "category": "Loans", "probability": 0.4, "probabilities": { "Cards": 0.4, "Loans": 0.4, "Fees": 0.2 },
                           "needsReview": true, "modelDigest": format!("sha256:{}", "ab".repeat(32)) });
        let read = read(&classifier(), body.to_string().as_bytes()).unwrap();
        let order: Vec<&str> = read
            .categories
            .iter()
            .map(|category| category.category.as_str())
            .collect();
        assert_eq!(order, ["Loans", "Cards", "Fees"]);
        assert_eq!(read.version.as_deref(), Some("cards-1"));
    }

    #[test]
    fn an_error_of_the_server_is_told_and_an_unknown_answer_is_not_repeated() {
        let failed = |status, body: &str| {
            let body = body.as_bytes().to_vec();
            success("cards", Proxied { status, body })
                .expect_err("an error")
                .to_string()
        };
        let said = failed(429, r#"{"error":{"code":"Overloaded","message":"try again"}}"#);
        assert!(said.contains("Overloaded: try again"), "{said}");
        let said = failed(502, "<html>a complaint</html>");
        assert!(
            said.contains("HTTP 502") && !said.contains("complaint</html>"),
            "{said}"
        );
        let said = read(&classifier(), b"somebody's words")
            .expect_err("no answer")
            .to_string();
        assert!(!said.contains("somebody"), "{said}");
    }
}
