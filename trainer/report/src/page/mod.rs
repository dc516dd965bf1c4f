//! `report.html`: the report as a page, in one file without scripts, external fonts or images.
//!
//! One module per section. Maud escapes every label, term and text.

mod calibration;
mod chart;
mod classes;
mod confusion;
mod dataset;
pub(crate) mod headline;
mod labels;
mod levels;
mod mistakes;
mod months;
mod review;
mod terms;
mod trials;

use std::fmt::Display;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::report::Report;

pub(crate) const STYLE: &str = include_str!("style.css");

/// A section of the page: its anchor, its title and its content, which is empty if the report has no data for it.
pub(crate) struct Section {
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    pub(crate) body: Option<Markup>,
}

/// The page.
pub fn page(report: &Report) -> String {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (report.name) " – training report" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                (headline::header(report))
                (show(Some(headline::body(report)), &sections(report)))
                (headline::footer(report))
            }
        }
    }
    .into_string()
}

/// The sections of a report.
pub(crate) fn sections(report: &Report) -> Vec<Section> {
    vec![
        Section {
            id: "trials",
            title: "Trials",
            body: trials::body(report),
        },
        Section {
            id: "classes",
            title: "Classes",
            body: classes::body(report),
        },
        Section {
            id: "levels",
            title: "Levels",
            body: levels::body(report),
        },
        Section {
            id: "months",
            title: "Months",
            body: months::body(report),
        },
        Section {
            id: "confusion",
            title: "Confusion",
            body: confusion::body(report),
        },
        Section {
            id: "calibration",
            title: "Calibration",
            body: calibration::body(report),
        },
        Section {
            id: "review",
            title: "Answered without a person",
            body: review::body(report),
        },
        Section {
            id: "terms",
            title: "Terms",
            body: terms::body(report),
        },
        Section {
            id: "mistakes",
            title: "Confident mistakes",
            body: mistakes::body(report),
        },
        Section {
            id: "labels",
            title: "Labels",
            body: labels::body(report),
        },
        Section {
            id: "data",
            title: "Data set",
            body: dataset::body(report),
        },
    ]
}

/// The links to the sections that have data, what comes first, and the sections.
pub(crate) fn show(first: Option<Markup>, sections: &[Section]) -> Markup {
    let shown = || {
        sections
            .iter()
            .filter_map(|section| Some((section, section.body.as_ref()?)))
    };
    html! {
        nav aria-label="Sections" {
            @for (section, _) in shown() { a href={ "#" (section.id) } { (section.title) } }
        }
        main {
            @if let Some(first) = first { (first) }
            @for (section, body) in shown() {
                section id=(section.id) aria-labelledby={ (section.id) "-title" } {
                    h2 id={ (section.id) "-title" } { (section.title) }
                    (body)
                }
            }
        }
    }
}

/// A count with its thousands apart: `12,425`.
pub fn thousands(number: impl Display) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A count and its noun: `1 row`, `12,425 rows`.
pub fn counted(number: usize, one: &str, many: &str) -> String {
    format!("{} {}", thousands(number), if number == 1 { one } else { many })
}

/// `12.3 %`.
pub(crate) fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

#[cfg(test)]
pub(crate) mod tests;
