//! The terms with the largest weights of each class.

use maud::{Markup, html};

use super::chart::bar;
use crate::report::Report;

/// Number of terms shown per class. `report.json` has more.
const SHOWN: usize = 12;

pub(super) fn body(report: &Report) -> Option<Markup> {
    let classes = &report.top_terms;
    if classes.is_empty() {
        return None;
    }
    Some(html! {
        p.note {
            "Weights above the mean of all classes; bars compare within a class. A term that speaks for a class here need not be a reason \
            that a person would accept."
            @if report.features.hashing_bits.is_some() {
                " The model counts n-grams by hash (features.hashingBits): a term such as #0012ab is a bucket, and which n-grams fell \
                into it is not known any more. Ask the model to explain a text to see them by name."
            }
        }
        div.terms {
            @for class in classes {
                @let heaviest = class.terms.first().map_or(1.0, |term| term.weight).max(f64::MIN_POSITIVE);
                article {
                    h3 { (class.label) }
                    table {
                        caption.hidden { "Top terms of " (class.label) }
                        thead.hidden { tr { th scope="col" { "term" } th scope="col" { "weight" } th scope="col" { "bar" } } }
                        tbody {
                            @for term in class.terms.iter().take(SHOWN) {
                                tr {
                                    th scope="row" { (visible(&term.term)) }
                                    td { span.hidden { (format!("{:.3}", term.weight)) } }
                                    td title=(format!("{:.3}", term.weight)) { (bar(term.weight / heaviest)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    })
}

/// Makes the spaces of character n-grams visible.
fn visible(term: &str) -> String {
    match term.trim() == term {
        true => term.to_owned(),
        false => term.replace(' ', "␣"),
    }
}
