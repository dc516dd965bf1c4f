//! Captured answers that need a person: one with both categories and the words that decided, and a list of all.

use complaint_contract::captured::{CapturedKind, CapturedList, CapturedRow};
use maud::{Markup, html};

use super::{
    Page, Step, nothing,
    text::{Path, number, or_none, text},
};
use crate::review::pieces;

/// Characters of a text in the list.
const BEGINNING: usize = 100;

/// Which text of which classifier is shown.
#[derive(Clone, Copy, Debug)]
pub(in crate::dashboard) struct Place<'a> {
    pub(in crate::dashboard) namespace: &'a str,
    pub(in crate::dashboard) classifier: &'a str,
    pub(in crate::dashboard) which: CapturedKind,
    /// Its place in the list, from 0.
    pub(in crate::dashboard) number: usize,
}

impl Place<'_> {
    fn at(self, number: usize) -> Path {
        path(self.namespace, self.classifier, self.which, number)
    }
}

fn path(namespace: &str, classifier: &str, which: CapturedKind, place: usize) -> Path {
    Path::review(namespace, classifier).with(&[("which", which.as_str()), ("place", &place.to_string())])
}

/// The address of a text's page.
pub(in crate::dashboard) fn address(namespace: &str, classifier: &str, which: CapturedKind, place: usize) -> String {
    use maud::Render;
    let mut address = String::new();
    path(namespace, classifier, which, place).render_to(&mut address);
    // The only character that markup writes otherwise.
    address.replace("&amp;", "&")
}

/// The page.
pub(in crate::dashboard) fn page(page: &Page, place: &Place<'_>, list: &CapturedList, by: &str) -> Markup {
    let way = [
        Step::namespace(place.namespace),
        Step::classifier(place.namespace, place.classifier),
    ];
    let content = html! {
        p.lead { (list.waiting) " captured answers wait for a person. Decisions are sent as " strong { (text(by)) } ", and train the next model." }
        @if !list.complete { p.notice { "The store has more than a server reads at once: older ones may be missing." } }
        p.links {
            @for which in CapturedKind::ALL {
                @let words = match which {
                    CapturedKind::NeedsReview => "Marked for review",
                    CapturedKind::Drawn => "The drawn share",
                    CapturedKind::All => "All",
                };
                @if which == place.which { strong { (words) } } @else { a href=(path(place.namespace, place.classifier, which, 0)) { (words) } }
                " "
            }
        }
        @match list.rows.get(place.number) {
            Some(row) => (one(place, list, row)),
            None => p.empty { "None of these waits. A server writes what it captures every ten seconds." },
        }
        @if list.rows.len() > 1 { (all(place, list)) }
    };
    page.still("Review", &way, &content)
}

fn one(place: &Place<'_>, list: &CapturedList, row: &CapturedRow) -> Markup {
    let second = row.second.as_deref();
    let is_known = |category: &str| list.new_categories || list.categories.iter().any(|known| known == category);
    let has_answer = is_known(&row.category);
    let has_second = second.is_some_and(is_known);
    html! {
        section aria-labelledby="text" {
            h2 id="text" { (place.number + 1) " of " (list.rows.len()) }
            p.complaint { (marked(row)) }
            p.note { mark.speaks { "Marked so" } " are words that speak for the answer, " mark.against { "and so" } " for the second category." }
            dl.facts {
                div { dt { "Answer" } dd { (text(&row.category)) " " span.figure { (number(row.probability)) } @if row.drawn { ", of the drawn share" } } }
                div { dt { "Second" } dd { (or_none(second.map(text))) @if second.is_some() { " " span.figure { (number((row.probability - row.margin).max(0.0))) } } } }
                div { dt { "Answered" } dd { (text(&row.time)) } }
                @if row.served.category != row.category || Some(row.served.second.as_str()) != second {
                    div { dt { "Now" } dd { "the served model answers " (text(&row.served.category)) ", then " (text(&row.served.second)) "; the marks are about these two" } }
                }
            }
            form.decide method="post" action=(place.at(place.number)) {
                input type="hidden" name="id" value=(text(&row.id));
                input type="hidden" name="model" value=(text(&list.model_digest));
                div {
                    @if has_answer { button.main name="choice" value="answer" { (text(&row.category)) " is right" } }
                    @if let Some(second) = second.filter(|_| has_second) { button.main name="choice" value="second" { (text(second)) " is right" } }
                    @if has_answer && has_second { button name="choice" value="both" { "Two are true" } }
                }
                div role="group" aria-label="Other categories" {
                    @for (number, category) in list.categories.iter().enumerate() {
                        @if *category != row.category && Some(category.as_str()) != second {
                            button name="number" value=(number) { (text(category)) }
                        }
                    }
                }
            }
            p.links {
                @if place.number > 0 { a href=(place.at(place.number - 1)) rel="prev" { "Back" } " " }
                @if place.number + 1 < list.rows.len() { a href=(place.at(place.number + 1)) rel="next" { "Skip" } }
            }
        }
    }
}

/// The text with its lines and marks.
fn marked(row: &CapturedRow) -> Markup {
    html! {
        @for (piece, speaks) in pieces(row.text.trim_end(), &row.served.words) {
            @for (line, part) in piece.split('\n').enumerate() {
                @if line > 0 { br; }
                @match speaks {
                    None => (text(part)),
                    Some(true) => mark.speaks { (text(part)) },
                    Some(false) => mark.against { (text(part)) },
                }
            }
        }
    }
}

fn all(place: &Place<'_>, list: &CapturedList) -> Markup {
    let beginning = |row: &CapturedRow| {
        let mut beginning: String = row.text.chars().take(BEGINNING).collect();
        if beginning.len() < row.text.len() {
            beginning.push('…');
        }
        text(&beginning)
    };
    html! {
        section aria-labelledby="all" {
            h2 id="all" { "All that wait here" }
            div.scroll tabindex="0" role="region" aria-label="All that wait here" {
                table {
                    caption { "Those that most need a person first" }
                    thead { tr { th scope="col" { "Text" } th scope="col" { "Answer" } th.number scope="col" { "Probability" } th scope="col" { "Second" } th.number scope="col" { "Margin" } } }
                    tbody {
                        @for (number_of_row, row) in list.rows.iter().enumerate() {
                            tr {
                                th scope="row" { a href=(place.at(number_of_row)) { (beginning(row)) } }
                                td { (text(&row.category)) }
                                td.number { (number(row.probability)) }
                                td { (or_none(row.second.as_deref().map(text))) }
                                td.number { (number(row.margin)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The link to this page, where there is one.
pub(super) fn link(page: &Page, namespace: &str, name: &str) -> Markup {
    if !page.reviews {
        return nothing();
    }
    html! { " " a href=(Path::review(namespace, name)) { "Review captured answers" } }
}
