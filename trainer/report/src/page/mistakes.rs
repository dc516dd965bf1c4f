//! Wrong answers with high probabilities, which show wrong labels or weaknesses of the model.

use maud::{Markup, html};

use super::thousands;
use crate::report::Report;

/// Number of mistakes shown. `report.json` has more.
const SHOWN: usize = 25;
/// Maximum number of characters shown of a text.
const EXCERPT: usize = 600;

pub(super) fn body(report: &Report) -> Option<Markup> {
    if report.mistakes.is_empty() {
        return Some(html! { p { "No held-out row was given a wrong class." } });
    }
    let shown = report.mistakes.iter().take(SHOWN);
    Some(html! {
        p.note { "Check these rows: often the label is wrong. Rows are counted from 1, without the header." }
        div.scroll {
            table.wide {
                caption { "Held-out rows with the most confident wrong answers." }
                thead {
                    tr {
                        th scope="col" style="width:6rem" { "row" }
                        th.left scope="col" { "labelled" }
                        th.left scope="col" { "answer" }
                        th scope="col" { "probability" }
                    }
                }
                tbody {
                    @for mistake in shown {
                        tr {
                            td { (thousands(mistake.row as usize)) }
                            td.left { (mistake.actual) }
                            td.left { (mistake.predicted) }
                            td { (format!("{:.3}", mistake.probability)) }
                        }
                        @if let Some(text) = &mistake.text { tr { td colspan="4" { blockquote { (excerpt(text)) } } } }
                    }
                }
            }
        }
    })
}

/// The beginning of a text.
pub(super) fn excerpt(text: &str) -> String {
    match text.char_indices().nth(EXCERPT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
