//! Quality per class, the weakest first.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::chart::bar;
use super::thousands;
use crate::ClassMetrics;
use crate::report::Report;

pub(super) fn body(report: &Report) -> Option<Markup> {
    let to_train: BTreeMap<&str, usize> = report
        .dataset
        .class_balance
        .iter()
        .map(|class| (class.label.as_str(), class.train_rows))
        .collect();
    let mut classes: Vec<&ClassMetrics> = report.per_class.iter().collect();
    classes.sort_by(|a, b| a.f1.total_cmp(&b.f1).then_with(|| a.label.cmp(&b.label)));
    Some(html! {
        div.scroll {
            table.wide {
                caption { "On the held-out rows, lowest F1 first." }
                thead {
                    tr {
                        th.left scope="col" { "class" }
                        th scope="col" { "F1" }
                        th scope="col" { span.hidden { "F1 as a bar" } }
                        th scope="col" { "precision" }
                        th scope="col" { "recall" }
                        th scope="col" { "held out" }
                        th scope="col" { "to train" }
                    }
                }
                tbody {
                    @for class in classes {
                        tr {
                            th scope="row" { (class.label) }
                            td { (format!("{:.3}", class.f1)) }
                            td { (bar(class.f1)) }
                            td { (format!("{:.3}", class.precision)) }
                            td { (format!("{:.3}", class.recall)) }
                            td { (thousands(class.support)) }
                            td { @if let Some(&rows) = to_train.get(class.label.as_str()) { (thousands(rows)) } }
                        }
                    }
                }
            }
        }
    })
}
