//! Pages that say why there is nothing else.

use jiff::Timestamp;
use maud::{DOCTYPE, Markup, html};

use super::{
    Page, head, nothing,
    text::{ago, instant_of, sentence, text},
};
use crate::dashboard::board::Health;

/// There is no such object, or no such page.
pub(in crate::dashboard) fn not_found(page: &Page) -> Markup {
    let content = html! {
        p { "There is no such page. The object may have been deleted, may be in a namespace that is not shown (" (text(&page.shown)) "), or its name is mistyped." }
        p { a href="/" { "All classifiers" } }
    };
    page.whole("Not found", &[], &nothing(), &content)
}

/// A page without what a reader of the others expects: nothing is known yet, or nothing may be shown.
fn bare(title: &str, again: Option<u32>, content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            (head(title, again))
            body {
                header.top { span.home { "Complaint classifiers" } }
                main #main { h1 { (title) } (content) }
            }
        }
    }
}

/// Not everything has been read yet.
pub(in crate::dashboard) fn starting(page: &Page) -> Markup {
    match &page.health {
        Health::Starting(Some(problem)) => bare(
            "The API server can't be read",
            Some(5),
            &html! {
                div.notice.bad role="alert" { p { (sentence(&problem.message)) } }
                p { "Nothing has been read since " (instant_of(problem.since)) " (" (ago(problem.since, page.now)) "). It is tried again, and this page loads again by itself." }
            },
        ),
        _ => bare(
            "Reading",
            Some(1),
            &html! { p role="status" { "Classifiers, versions and runs of " (text(&page.shown)) " are being read. This page loads again by itself." } },
        ),
    }
}

/// Whoever asks does not know the key.
pub(in crate::dashboard) fn no_key() -> Markup {
    bare(
        "Open the whole address",
        None,
        &html! {
            p { "This dashboard acts with the rights of whoever started it, and opens only with the key in the address that " code { "kubectl complaints dashboard" } " printed: " code { "http://…/?key=…" } "." }
            p { "If the dashboard was started again, its key is another one." }
        },
    )
}

/// Nobody knows who asks.
pub(in crate::dashboard) fn unknown_user() -> Markup {
    bare(
        "Who are you?",
        None,
        &html! {
            p { "The dashboard shows something only to people whom the cluster knows. It expects their token in the header " code { "Authorization: Bearer" } ", and there is none, or the API server does not know it." }
            p { "Usually a proxy in front of the dashboard signs people in and sends this header. Sign in again, or ask whoever runs it." }
        },
    )
}

/// The user may not look.
pub(in crate::dashboard) fn forbidden(user: &str, may_not: &str) -> Markup {
    bare(
        "You may not look",
        None,
        &html! {
            p { "The cluster knows you as " code { (text(user)) } ", and you may not " (text(may_not)) ". Ask for a role with this right, such as " code { "view" } "." }
        },
    )
}

/// Nobody knows who would decide.
pub(in crate::dashboard) fn nobody_decides() -> Markup {
    bare(
        "Nobody can review here",
        None,
        &html! {
            p { "This dashboard asks nobody who they are (" code { "--authentication none" } "), so it shows no complaint and takes no decision. Use " code { "kubectl complaints review" } ", or a dashboard with " code { "--authentication token" } "." }
        },
    )
}

/// The captured answers can't be had.
pub(in crate::dashboard) fn no_texts(page: &Page, message: &str) -> Markup {
    let content = html! {
        div.notice.bad role="alert" { p { (sentence(message)) } }
        p { "The dashboard reads captured answers from the classifier's servers, with the token of " code { "spec.serving.feedback.tokenSecretRef" } ". In a cluster its account needs " code { "dashboard.reviews" } " of the chart for that." }
    };
    page.still("The captured answers can't be read", &[], &content)
}

/// Somebody else was faster.
pub(in crate::dashboard) fn decided_before(page: &Page, next: &str) -> Markup {
    let content = html! {
        p { "This answer does not wait any more: somebody has decided about it, or it is too old; or another model serves since the page was loaded. Nothing was sent." }
        p { a href=(next) { "The next one" } }
    };
    page.still("Decided already", &[], &content)
}

/// The API server can't be asked who somebody is.
pub(in crate::dashboard) fn unanswered(now: Timestamp, message: &str) -> Markup {
    bare(
        "Your token can't be checked",
        Some(5),
        &html! {
            div.notice.bad role="alert" { p { (sentence(message)) } }
            p { "At " (instant_of(now)) " the API server did not say whose token it is. This page loads again by itself." }
        },
    )
}
