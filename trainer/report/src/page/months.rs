//! Quality over time.

use maud::{Markup, html};

use super::chart::bar;
use super::thousands;
use crate::report::Report;

pub(super) fn body(report: &Report) -> Option<Markup> {
    (!report.months.is_empty()).then(|| {
        html! {
            div.scroll {
                table {
                    caption { "Right answers on the held-out rows, by the month in which they came (UTC)." }
                    thead {
                        tr {
                            th.left scope="col" { "month" }
                            th scope="col" { "accuracy" }
                            th scope="col" { span.hidden { "accuracy as a bar" } }
                            th scope="col" { "held out" }
                        }
                    }
                    tbody {
                        @for month in &report.months {
                            tr {
                                th scope="row" { (month.month) }
                                td { (format!("{:.3}", month.accuracy)) }
                                td { (bar(month.accuracy)) }
                                td { (thousands(month.rows)) }
                            }
                        }
                    }
                }
            }
        }
    })
}
