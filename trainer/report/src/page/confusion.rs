//! The confusion matrix as a heat map if it has few classes, and the pairs of classes that are confused most often.

use maud::{Markup, html};

use super::chart::bar;
use super::{counted, percent, thousands};
use crate::ConfusionMatrix;
use crate::report::Report;

/// Maximum number of classes in a heat map. A larger heat map is unreadable.
const MATRIX_CLASSES: usize = 40;
/// Number of classes above which cells are small.
const DENSE: usize = 16;
/// Number of pairs shown next to a heat map.
const PAIRS: usize = 10;
/// Number of pairs shown without a heat map.
const PAIRS_ALONE: usize = 40;

pub(super) fn body(report: &Report) -> Option<Markup> {
    Some(of(&report.confusion_matrix))
}

/// A confusion matrix.
pub(super) fn of(matrix: &ConfusionMatrix) -> Markup {
    let small = matrix.labels.len() <= MATRIX_CLASSES;
    html! {
        @if small { (heat_map(matrix)) }
        (pairs(matrix, if small { PAIRS } else { PAIRS_ALONE }))
    }
}

fn heat_map(matrix: &ConfusionMatrix) -> Markup {
    let dense = matrix.labels.len() > DENSE;
    html! {
        div.scroll {
            table.matrix.dense[dense] {
                caption { "Held-out rows: one row per class, one column per predicted class. Shades are shares of the row." }
                thead {
                    tr {
                        th scope="col" { span.hidden { "class" } }
                        @for label in &matrix.labels { th scope="col" title=(label) { span { (label) } } }
                    }
                }
                tbody {
                    @for (actual, (label, row)) in matrix.labels.iter().zip(&matrix.rows).enumerate() {
                        tr {
                            th scope="row" title=(label) { (label) }
                            @for (predicted, &count) in row.iter().enumerate() {
                                (cell(matrix, [actual, predicted], count, row.iter().sum()))
                            }
                        }
                    }
                }
            }
        }
        ul.legend {
            li { span.swatch.right aria-hidden="true" {} "predicted correctly" }
            li { span.swatch.wrong aria-hidden="true" {} "predicted as another class" }
        }
    }
}

fn cell(matrix: &ConfusionMatrix, [actual, predicted]: [usize; 2], count: usize, support: usize) -> Markup {
    if count == 0 {
        return html! { td {} };
    }
    let share = count as f64 / support.max(1) as f64;
    let class = if actual == predicted { "right" } else { "wrong" };
    let words = format!(
        "{} of {}: {}, {}",
        counted(count, "row", "rows"),
        matrix.labels[actual],
        matrix.labels[predicted],
        percent(share)
    );
    html! { td class=(class) style={ "--share:" (format!("{share:.2}")) } title=(words) { (count) } }
}

fn pairs(matrix: &ConfusionMatrix, limit: usize) -> Markup {
    let pairs = matrix.most_confused(limit);
    let most = pairs.first().map_or(1, |pair| pair.rows).max(1) as f64;
    html! {
        @if pairs.is_empty() {
            p { "No held-out row was given a wrong class." }
        } @else {
            h3 { "Confused most often" }
            div.scroll {
                table.wide {
                    caption { "The " (counted(pairs.len(), "pair", "pairs")) " of class and answer with the most rows." }
                    thead {
                        tr {
                            th.left scope="col" { "class" }
                            th.left scope="col" { "answer" }
                            th scope="col" { "rows" }
                            th scope="col" { "of the class" }
                            th scope="col" { span.hidden { "rows as a bar" } }
                        }
                    }
                    tbody {
                        @for pair in &pairs {
                            tr {
                                th scope="row" { (pair.actual) }
                                td.left { (pair.predicted) }
                                td { (thousands(pair.rows)) }
                                td { (percent(pair.share)) }
                                td { (bar(pair.rows as f64 / most)) }
                            }
                        }
                    }
                }
            }
        }
    }
}
