//! `/`: a page for people. It is a plain form, and the server returns the whole page with the answer. The script only
//! avoids the reload. All files come from this server, and the page's content security policy forbids anything else.

use std::fmt::Write;
use std::sync::Arc;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use complaint_model::Levels;

use super::body::{Payload, media_type};
use super::error::ApiError;
use super::escape::escape;
use super::highlight::highlight;
use super::security::{PAGE_POLICY, protected};
use crate::core::app::App;
use crate::core::engine::{Answer, Engine, Explained, Ranked};
use crate::core::refusal::shorten;
use crate::core::serving::Serving;

const PAGE: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/page.css");
const SCRIPT: &str = include_str!("page/page.js");

/// How many categories are shown as bars.
const BARS: usize = 10;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/", get(show).post(ask))
        .route(
            "/page.css",
            get(async || ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], STYLE)),
        )
        .route(
            "/page.js",
            get(async || ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8")], SCRIPT)),
        )
}

async fn show(serving: Serving) -> Response {
    page(StatusCode::OK, serving.engine(), "", "")
}

/// Answers the form, with the text still in it. Errors are shown on the page, with the same status as in the other
/// APIs.
async fn ask(serving: Serving, payload: Result<Payload, ApiError>) -> Response {
    let text = match payload.and_then(|payload| form_text(&payload)) {
        Ok(text) => text,
        Err(error) => return refused(&serving, "", &error),
    };
    match serving.explain_all(&[&text]).await {
        Ok(explained) => {
            let answers: String = explained
                .iter()
                .map(|explained| answer(serving.engine(), &text, explained))
                .collect();
            page(StatusCode::OK, serving.engine(), &text, &answers)
        }
        Err(refusal) => refused(&serving, &text, &refusal.into()),
    }
}

fn form_text(payload: &Payload) -> Result<String, ApiError> {
    let found = media_type(&payload.headers);
    if found != "application/x-www-form-urlencoded" {
        let expected = "the page's form (application/x-www-form-urlencoded), or POST JSON to /predict";
        return Err(ApiError::UnsupportedMediaType {
            found: shorten(&found),
            expected,
        });
    }
    let text = form_urlencoded::parse(&payload.bytes).find(|(name, _)| name == "text");
    let missing = || ApiError::InvalidRequest("the form has no field `text`".into());
    text.map(|(_, text)| text.into_owned()).ok_or_else(missing)
}

/// Renders the page. `answer` is HTML; all other contents are plain text.
fn page(status: StatusCode, engine: &Engine, text: &str, answer: &str) -> Response {
    let model = format!("Model {}, sha256:{}", engine.name(), engine.digest());
    let mut html = String::with_capacity(PAGE.len() + text.len() + answer.len() + model.len());
    // Search for each placeholder after the previous one, so inserted content is never searched.
    let mut rest = PAGE;
    for (placeholder, content) in [
        ("{{text}}", escape(text)),
        ("{{answer}}", answer.to_owned()),
        ("{{model}}", escape(&model)),
    ] {
        let (before, behind) = rest
            .split_once(placeholder)
            .expect("the page has its placeholders in this order");
        html.push_str(before);
        html.push_str(&content);
        rest = behind;
    }
    html.push_str(rest);
    protected((status, Html(html)).into_response(), PAGE_POLICY)
}

fn refused(serving: &Serving, text: &str, error: &ApiError) -> Response {
    let words = format!("<p class=\"error\" role=\"alert\">{}</p>", escape(&error.to_string()));
    let mut page = page(error.status(), serving.engine(), text, &words);
    error.add_headers(&mut page);
    page
}

fn answer(engine: &Engine, text: &str, explained: &Explained) -> String {
    let answer = &explained.answer;
    let Ranked {
        category, probability, ..
    } = answer.ranking[0];
    let mut html = format!(
        "<h2>Category</h2><p><strong class=\"category\">{}</strong> <span class=\"hint\">{}</span></p>",
        escape(engine.label(category)),
        percent(probability)
    );
    html.push_str(&levels(engine, answer));
    if answer.needs_review {
        let words = what_is_unsure(engine, answer);
        let _ = write!(
            html,
            "<p class=\"review\">{words}: a person should look at this complaint.</p>"
        );
    }
    if answer.unknown_word_share >= 0.5 {
        let share = percent(answer.unknown_word_share);
        let _ = write!(
            html,
            "<p class=\"review\">{share} of the words are unknown to the model.</p>"
        );
    }
    html.push_str("<h2 id=\"bars\">Probabilities</h2><table class=\"bars\" aria-labelledby=\"bars\"><tbody>");
    for &Ranked {
        category, probability, ..
    } in answer.ranking.iter().take(BARS)
    {
        let (label, width, percent) = (
            escape(engine.label(category)),
            probability * 100.0,
            percent(probability),
        );
        let _ = write!(
            html,
            "<tr><th scope=\"row\">{label}</th><td><svg class=\"bar\" viewBox=\"0 0 100 1\" preserveAspectRatio=\"none\" \
             aria-hidden=\"true\"><rect width=\"{width:.2}\" height=\"1\"/></svg></td><td>{percent}</td></tr>"
        );
    }
    html.push_str("</tbody></table>");
    if answer.ranking.len() > BARS {
        let _ = write!(
            html,
            "<p class=\"hint\">less probable: {} more</p>",
            answer.ranking.len() - BARS
        );
    }
    let _ = write!(
        html,
        "<h2>Words that decided</h2><p class=\"hint\">Solid line: speaks for {}. Dotted line: speaks for {}.</p><p class=\"text\">{}</p>",
        escape(engine.label(category)),
        escape(engine.label(explained.runner_up)),
        highlight(text, &explained.terms)
    );
    html
}

/// What the model is not sure of: all, or what lies below a level of which it is sure.
fn what_is_unsure(engine: &Engine, answer: &Answer) -> String {
    let names = engine.levels().map_or(&[][..], Levels::names);
    let sure = answer.coarser.iter().take_while(|level| !level.needs_review).count();
    match (sure.checked_sub(1).and_then(|last| names.get(last)), names.get(sure)) {
        (Some(sure), Some(unsure)) => format!(
            "The model is sure of the {}, but not of the {}",
            escape(sure),
            escape(unsure)
        ),
        _ => "The model is not sure".to_owned(),
    }
}

/// The answer at each level, if the categories have levels: what is sure, and what is not.
fn levels(engine: &Engine, answer: &Answer) -> String {
    let Some(known) = engine.levels() else {
        return String::new();
    };
    let mut rows = String::new();
    let mut row = |level: &str, category: &str, probability: f32, needs_review: bool| {
        let _ = write!(
            rows,
            "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{}</td></tr>",
            escape(level),
            escape(category),
            percent(probability),
            if needs_review { "not sure" } else { "sure" }
        );
    };
    for ((level, of), answer) in known.coarser().zip(&answer.coarser) {
        row(
            level,
            &of.categories()[answer.category],
            answer.probability,
            answer.needs_review,
        );
    }
    let Ranked {
        category, probability, ..
    } = answer.ranking[0];
    row(known.finest(), engine.label(category), probability, answer.needs_review);
    format!("<table class=\"levels\"><caption>By level</caption><tbody>{rows}</tbody></table>")
}

fn percent(share: f32) -> String {
    format!("{:.1} %", share * 100.0)
}
