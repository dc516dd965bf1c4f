//! The audit of the labels: suspected rows, noise by class, confused categories and look-alikes.

use maud::{Markup, html};

use super::chart::bar;
use super::mistakes::excerpt;
use super::{counted, percent, thousands};
use crate::labels::LabelAudit;
use crate::report::Report;

/// Number of suspected rows shown. `report.json` has more.
const ROWS: usize = 25;
/// Number of classes and of confused pairs shown.
const LINES: usize = 10;

pub(super) fn body(report: &Report) -> Option<Markup> {
    let audit = report.label_audit.as_ref()?;
    Some(html! {
        p.note {
            "Each training row is judged by models that did not see it. About " (percent(audit.noise)) " of the labels (± "
            (percent(audit.standard_error)) ") contradict the text more than doubt between the categories explains."
        }
        @if audit.suspects == 0 {
            p { "No row is suspected: there is no clear sign of wrong labels among " (counted(audit.rows, "training row", "training rows")) "." }
        } @else {
            (suspects(audit))
            (classes(audit))
        }
        (look_alikes(audit))
        (confused(audit))
    })
}

fn suspects(audit: &LabelAudit) -> Markup {
    html! {
        p.note {
            "Check these rows and correct wrong labels in the source. Rows are counted from 1, without the header. \
            The command `audit` lists all of them."
        }
        div.scroll {
            table.wide {
                caption {
                    (counted(audit.suspects, "suspected row", "suspected rows")) " of " (thousands(audit.rows)) ", the least probable label first."
                }
                thead {
                    tr {
                        th scope="col" style="width:6rem" { "row" }
                        th.left scope="col" { "labelled" }
                        th.left scope="col" { "probably" }
                        th scope="col" { "probability" }
                        th scope="col" { "margin" }
                    }
                }
                tbody {
                    @for suspect in audit.suspected_rows.iter().take(ROWS) {
                        tr {
                            td { @if let Some(row) = suspect.row { (thousands(row as usize)) } @else { "a correction" } }
                            td.left { (suspect.given) }
                            td.left { (suspect.suspected) }
                            td { (format!("{:.3}", suspect.confidence)) }
                            td { (format!("{:.3}", suspect.margin)) }
                        }
                        @if let Some(text) = &suspect.text { tr { td colspan="5" { blockquote { (excerpt(text)) } } } }
                    }
                }
            }
        }
    }
}

fn classes(audit: &LabelAudit) -> Markup {
    let mut classes = audit.noisiest();
    classes.truncate(LINES);
    html! {
        h3 { "Wrong labels by class" }
        div.scroll {
            table.wide {
                caption { "The " (counted(classes.len(), "class", "classes")) " with the largest estimated share of wrong labels." }
                thead {
                    tr {
                        th.left scope="col" { "class" }
                        th scope="col" { "wrong" }
                        th scope="col" { span.hidden { "wrong as a bar" } }
                        th scope="col" { "suspected" }
                        th scope="col" { "rows" }
                    }
                }
                tbody {
                    @for class in classes {
                        tr {
                            th scope="row" { (class.label) }
                            td { (percent(class.noise)) }
                            td { (bar(class.noise)) }
                            td { (thousands(class.suspects)) }
                            td { (thousands(class.rows)) }
                        }
                    }
                }
            }
        }
    }
}

fn look_alikes(audit: &LabelAudit) -> Markup {
    html! {
        @if !audit.look_alikes.is_empty() {
            h3 { "Categories that might be one" }
            div.scroll {
                table.wide {
                    caption {
                        "Their rows are taken for each other's in both directions, and the scores hardly separate them (0.5 is chance). \
                        Merge them by labelMap if nobody needs the difference."
                    }
                    thead {
                        tr {
                            th.left scope="col" { "category" }
                            th.left scope="col" { "other category" }
                            th scope="col" { "taken for the other" }
                            th scope="col" { "and back" }
                            th scope="col" { "separation" }
                        }
                    }
                    tbody {
                        @for pair in &audit.look_alikes {
                            tr {
                                th scope="row" { (pair.labels[0]) }
                                td.left { (pair.labels[1]) }
                                td { (percent(pair.shares[0])) }
                                td { (percent(pair.shares[1])) }
                                td { (format!("{:.2}", pair.separation)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn confused(audit: &LabelAudit) -> Markup {
    let pairs = &audit.confused[..audit.confused.len().min(LINES)];
    let most = pairs.first().map_or(1, |pair| pair.rows).max(1) as f64;
    html! {
        @if !pairs.is_empty() {
            h3 { "Labels confused most" }
            div.scroll {
                table.wide {
                    caption { "Training rows with one label that are confidently of another category: wrong labels, or categories that overlap." }
                    thead {
                        tr {
                            th.left scope="col" { "labelled" }
                            th.left scope="col" { "confidently" }
                            th scope="col" { "rows" }
                            th scope="col" { "of the label" }
                            th scope="col" { span.hidden { "rows as a bar" } }
                        }
                    }
                    tbody {
                        @for pair in pairs {
                            tr {
                                th scope="row" { (pair.given) }
                                td.left { (pair.suspected) }
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
