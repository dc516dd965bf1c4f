//! The pages: pure functions of what is known. Every text that others wrote goes through `text::text`, and maud escapes it.

mod chart;
pub(super) mod classifier;
pub(super) mod compare;
pub(super) mod fleet;
mod lineage;
mod monitoring;
pub(super) mod problem;
pub(super) mod review;
pub(super) mod run;
mod text;
pub(super) mod version;
pub(super) mod versions;

use jiff::Timestamp;
use maud::{DOCTYPE, Markup, html};

use self::text::{Path, ago, instant_of, sentence, text};
use super::board::Health;
use crate::info::Unreadable;

/// What is around a page's own content.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    /// The time of now, from which ages are counted.
    pub(crate) now: Timestamp,
    /// The number of changes so far.
    pub(crate) revision: u64,
    /// What is shown, in words: `all namespaces`.
    pub(crate) shown: String,
    /// Why not all.
    pub(crate) notice: Option<String>,
    /// Whether what is shown is all there is.
    pub(crate) health: Health,
    /// Whether there are reviews.
    pub(crate) reviews: bool,
    /// Objects that can't be read.
    pub(crate) unreadable: Vec<Unreadable>,
}

/// A step on the way to a page: its name and address.
struct Step<'a> {
    name: &'a str,
    path: Path,
}

impl<'a> Step<'a> {
    /// The classifiers of a namespace.
    fn namespace(namespace: &'a str) -> Self {
        Self {
            name: namespace,
            path: Path::fleet().with(&[("namespace", namespace)]),
        }
    }

    /// A classifier.
    fn classifier(namespace: &str, classifier: &'a str) -> Self {
        Self {
            name: classifier,
            path: Path::classifier(namespace, classifier),
        }
    }

    /// A classifier's versions.
    fn versions(namespace: &str, classifier: &str) -> Self {
        Self {
            name: "Versions",
            path: Path::versions(namespace, classifier),
        }
    }
}

impl Page {
    /// The whole page. `form` stays as it is when `content` is replaced by a newer one.
    fn whole(&self, title: &str, way: &[Step<'_>], form: &Markup, content: &Markup) -> Markup {
        self.framed(title, way, form, content, true)
    }

    /// A page that stays as it is until it is loaded again.
    fn still(&self, title: &str, way: &[Step<'_>], content: &Markup) -> Markup {
        self.framed(title, way, content, &nothing(), false)
    }

    fn framed(&self, title: &str, way: &[Step<'_>], form: &Markup, content: &Markup, follows: bool) -> Markup {
        html! {
            (DOCTYPE)
            html lang="en" {
                (head(title, None))
                body data-revision=(self.revision) {
                    a.skip href="#main" { "Skip to the content" }
                    header.top {
                        a.home href="/" { "Complaint classifiers" }
                        span.shown { (text(&self.shown)) }
                        // The script follows changes where this is.
                        @if follows { p #live role="status" {} }
                    }
                    @if !way.is_empty() {
                        nav.way aria-label="You are here" {
                            ol {
                                li { a href="/" { "All classifiers" } }
                                @for step in way { li { a href=(step.path) { (text(step.name)) } } }
                                li aria-current="page" { (text(title)) }
                            }
                        }
                    }
                    main #main tabindex="-1" {
                        div #notices data-live { (self.notices()) }
                        h1 { (text(title)) }
                        (form)
                        div #content data-live { (content) }
                    }
                    footer {
                        p #shown-at data-live { "As of " (instant_of(self.now)) ". " @if follows { "This page changes nothing; " code { "kubectl complaints" } " does." } @else { "This page changes no object." } }
                        p { "kubectl complaints " (env!("CARGO_PKG_VERSION")) }
                    }
                }
            }
        }
    }

    fn notices(&self) -> Markup {
        html! {
            @if let Health::Stale(problem) = &self.health {
                div.notice.bad role="alert" {
                    p {
                        strong { "What is shown may be old." }
                        " The API server has not told what changes since " (instant_of(problem.since)) " (" (ago(problem.since, self.now)) ")."
                    }
                    p { (sentence(&problem.message)) }
                }
            }
            @if let Some(notice) = &self.notice { p.notice { (text(notice)) } }
            @if !self.unreadable.is_empty() {
                div.notice.bad {
                    p { "These objects can't be read and are left out. Use a dashboard of the operator's release, or apply them again." }
                    ul {
                        @for object in &self.unreadable {
                            li { (object.kind) " " (text(&object.namespace)) "/" (text(&object.name)) ": " (text(&object.error)) }
                        }
                    }
                }
            }
        }
    }
}

/// The head of a page; one that can't be shown yet is loaded again after so many seconds.
fn head(title: &str, again: Option<u32>) -> Markup {
    html! {
        head {
            meta charset="utf-8";
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta name="color-scheme" content="light dark";
            @if let Some(seconds) = again { meta http-equiv="refresh" content=(seconds); }
            title { (text(title)) " · complaint classifiers" }
            link rel="icon" href="/icon.svg" type="image/svg+xml";
            link rel="stylesheet" href="/style.css";
            script src="/live.js" defer {}
        }
    }
}

/// Nothing.
fn nothing() -> Markup {
    html! {}
}

/// A section with a heading; `id` is an anchor.
fn section(id: &str, title: &str, content: &Markup) -> Markup {
    html! {
        section aria-labelledby=(id) {
            h2 id=(id) { (title) }
            (content)
        }
    }
}
