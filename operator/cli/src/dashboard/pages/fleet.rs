//! All classifiers, what needs somebody first.

use std::{collections::BTreeMap, sync::Arc};

use maud::{Markup, html};
use serde::Deserialize;

use super::{
    Page,
    text::{Path, Tone, age_of, badge, counted, metric, none, number, or_none, state, text, thousands},
};
use crate::dashboard::row::{Drift, Level, Row};

/// Lines of a page.
const LINES: usize = 50;

/// What of the list is shown.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::dashboard) struct Filter {
    /// Only this namespace; empty: all.
    namespace: String,
    /// Only names with this text.
    q: String,
    /// The page, from 1 on. Anything else is the first.
    page: String,
}

impl Filter {
    fn fits(&self, row: &Row) -> bool {
        (self.namespace.is_empty() || row.namespace == self.namespace)
            && (self.q.trim().is_empty() || row.has(self.q.trim()))
    }

    fn at(&self, page: usize) -> Path {
        let page = if page > 1 { page.to_string() } else { String::new() };
        Path::fleet().with(&[("namespace", &self.namespace), ("q", &self.q), ("page", &page)])
    }
}

/// The page.
pub(in crate::dashboard) fn page(page: &Page, rows: &[Arc<Row>], filter: &Filter) -> Markup {
    let mut namespaces: BTreeMap<&str, usize> = BTreeMap::new();
    for row in rows {
        *namespaces.entry(&row.namespace).or_default() += 1;
    }
    let mut fitting: Vec<&Row> = rows.iter().map(AsRef::as_ref).filter(|row| filter.fits(row)).collect();
    fitting.sort_by(|a, b| a.rank().cmp(&b.rank()));
    let (classifiers, left): (Vec<&Row>, Vec<&Row>) = fitting.into_iter().partition(|row| row.state.is_some());
    let form = form(filter, &namespaces);
    let content = html! {
        (summary(rows))
        (list(page, rows, filter, &classifiers))
        @if !left.is_empty() { (left_over(&left)) }
    };
    page.whole("Classifiers", &[], &form, &content)
}

fn form(filter: &Filter, namespaces: &BTreeMap<&str, usize>) -> Markup {
    html! {
        form.filter method="get" action="/" role="search" aria-label="Classifiers" {
            @if namespaces.len() > 1 || !filter.namespace.is_empty() {
                label {
                    span { "Namespace" }
                    select name="namespace" {
                        option value="" { "All" }
                        @for (namespace, number) in namespaces {
                            option value=(text(namespace)) selected[*namespace == filter.namespace] { (text(namespace)) " (" (number) ")" }
                        }
                        @if !filter.namespace.is_empty() && !namespaces.contains_key(filter.namespace.as_str()) {
                            option value=(text(&filter.namespace)) selected { (text(&filter.namespace)) " (0)" }
                        }
                    }
                }
            }
            label {
                span { "Name, namespace or champion" }
                input type="search" name="q" value=(text(&filter.q)) autocomplete="off" spellcheck="false";
            }
            button type="submit" { "Filter" }
            @if !filter.namespace.is_empty() || !filter.q.is_empty() { a.reset href="/" { "Show all" } }
        }
    }
}

fn summary(rows: &[Arc<Row>]) -> Markup {
    let of = |fits: &dyn Fn(&Row) -> bool| rows.iter().filter(|row| row.state.is_some() && fits(row)).count();
    let worst = |level| move |row: &Row| row.matters.first().is_some_and(|matter| matter.level == level);
    let tiles = [
        ("classifiers", of(&|_| true), Tone::Dim),
        ("need you", of(&worst(Level::Act)), Tone::Bad),
        ("worth a look", of(&worst(Level::Look)), Tone::Notice),
        ("drifted", of(&|row| matches!(row.drift, Drift::Yes(_))), Tone::Bad),
        ("serving", of(&|row| row.serving.is_some()), Tone::Dim),
    ];
    html! {
        dl.tiles {
            @for (name, number, tone) in tiles {
                div class=(if number > 0 { tone.class() } else { "dim" }) { dt { (name) } dd { (thousands(number)) } }
            }
        }
    }
}

fn list(page: &Page, rows: &[Arc<Row>], filter: &Filter, shown: &[&Row]) -> Markup {
    if rows.is_empty() {
        return html! {
            p.empty { "There is no ComplaintClassifier in " (text(&page.shown)) ". Apply one (" code { "examples/quickstart" } "), and it appears here." }
        };
    }
    if shown.is_empty() {
        return html! { p.empty { "No classifier has this name. " a href="/" { "Show all" } } };
    }
    let pages = shown.len().div_ceil(LINES);
    let number = filter.page.parse().unwrap_or(1).clamp(1, pages);
    let first = (number - 1) * LINES;
    let lines = &shown[first..shown.len().min(first + LINES)];
    let range = format!(
        "{} to {} of {}",
        first + 1,
        first + lines.len(),
        counted(shown.len(), "classifier", "classifiers")
    );
    html! {
        div.scroll tabindex="0" role="region" aria-label="Classifiers" {
            table.fleet {
                caption { (range) ", what needs somebody first" }
                thead {
                    tr {
                        th scope="col" { "Classifier" }
                        th scope="col" { "State" }
                        th scope="col" { "Champion" }
                        th.number scope="col" { "Held-out rows" }
                        th.number scope="col" { "In production" }
                        th scope="col" { "Drift" }
                        th.number scope="col" { "Answers" }
                        th scope="col" { "What to know" }
                    }
                }
                tbody { @for row in lines { (line(page, row)) } }
            }
        }
        @if pages > 1 {
            nav.pages aria-label="Pages" {
                @if number > 1 { a href=(filter.at(number - 1)) rel="prev" { "Previous" } }
                span { "Page " (number) " of " (pages) }
                @if number < pages { a href=(filter.at(number + 1)) rel="next" { "Next" } }
            }
        }
    }
}

fn line(page: &Page, row: &Row) -> Markup {
    let serving = row.serving.as_ref();
    html! {
        tr {
            th scope="row" {
                a href=(Path::classifier(&row.namespace, &row.name)) { (text(&row.name)) }
                small { (text(&row.namespace)) }
            }
            td { (state(row.state, row.blocked.as_deref())) }
            td {
                @match serving {
                    Some(serving) => {
                        a href=(Path::version(&row.namespace, &serving.name)) { (text(&serving.name)) }
                        small {
                            @if let Some(since) = serving.since { "for " (age_of(since, page.now)) }
                            @if serving.pinned { ", pinned" }
                        }
                    }
                    None => (none()),
                }
            }
            td.number {
                @match serving.and_then(|serving| serving.value) {
                    Some(value) => { (number(value)) small { (metric(row.metric)) } }
                    None => (none()),
                }
            }
            td.number {
                @match &row.accuracy {
                    Some(accuracy) => {
                        (number(accuracy.share.value))
                        small { (number(accuracy.share.lower)) " to " (number(accuracy.share.upper)) }
                        small { (if accuracy.measured { "measured" } else { "estimated" }) }
                    }
                    None => (none()),
                }
            }
            td {
                @match &row.drift {
                    Drift::NotAsked => (none()),
                    Drift::Yes(reason) => { (badge(Tone::Bad, "Drifted")) small { (spaced(reason)) } }
                    Drift::No => (badge(Tone::Good, "No drift")),
                    Drift::Unknown(reason) => { (badge(Tone::Dim, "Not known")) small { (spaced(reason)) } }
                }
            }
            td.number {
                @match &row.traffic {
                    Some((answers, window)) => { (thousands(*answers)) small { "in " (text(window)) } }
                    None => (none()),
                }
            }
            td.matter { (matter(row)) }
        }
    }
}

/// A reason in words, such as `estimated accuracy low`: its column is narrow, and its own form has no place to break.
fn spaced(reason: &str) -> String {
    let mut words = String::with_capacity(reason.len() + 4);
    for (place, c) in reason.char_indices() {
        if place > 0 && c.is_uppercase() {
            words.push(' ');
        }
        words.extend(c.to_lowercase());
    }
    text(&words)
}

/// The gravest matter, and how many more there are.
fn matter(row: &Row) -> Markup {
    let more = match row.matters.len() {
        0 | 1 => None,
        number => Some(format!("and {} more", number - 1)),
    };
    or_none(row.matters.first().map(|first| {
        let class = match first.level {
            Level::Act => "act",
            Level::Look => "look",
            Level::Know => "know",
        };
        html! {
            span class=(class) { (text(&first.title)) }
            @if let Some(more) = more { small.more { (more) } }
            @if !first.message.is_empty() { small.said title=(text(&first.message)) { (text(&first.message)) } }
        }
    }))
}

/// Versions and runs whose classifier does not exist.
fn left_over(rows: &[&Row]) -> Markup {
    html! {
        section aria-labelledby="left" {
            h2 #left { "Records without a classifier" }
            p { "Deleting a classifier keeps its versions. A classifier with the same name finds them again." }
            ul {
                @for row in rows {
                    li {
                        a href=(Path::classifier(&row.namespace, &row.name)) { (text(&row.namespace)) "/" (text(&row.name)) }
                        ": " (counted(row.versions, "version", "versions")) ", " (counted(row.runs, "run", "runs"))
                    }
                }
            }
        }
    }
}
