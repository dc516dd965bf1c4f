//! The levels of the categories: how good answers are at each, and whether wrong ones stay inside a coarser category.

use maud::{Markup, html};

use super::chart::bar;
use super::{confusion, counted, percent, thousands};
use crate::levels::LevelReport;
use crate::report::Report;

pub(super) fn body(report: &Report) -> Option<Markup> {
    let levels = report.levels.as_ref()?;
    let finest = levels.names.last()?;
    Some(html! {
        p {
            "One model answers all levels. The probability of a category is the sum over those below it. All other sections are about the "
            "finest level, " strong { (finest) } "."
        }
        (table(report, &levels.coarser, finest))
        @if levels.partial_train_rows + levels.partial_test_rows > 0 {
            p {
                (counted(levels.partial_train_rows, "training row", "training rows")) " and "
                (counted(levels.partial_test_rows, "held-out row", "held-out rows"))
                " have a label that ends above the finest level. They count for the levels that they reach."
            }
        }
        @for level in &levels.coarser { (of_level(level, finest)) }
    })
}

fn table(report: &Report, coarser: &[LevelReport], finest: &str) -> Markup {
    let row = |name: &str, rows, categories, metrics: &complaint_contract::Metrics, error: f64| {
        html! {
            tr {
                th scope="row" { (name) }
                td { (thousands(categories)) }
                td { (thousands(rows)) }
                td { (format!("{:.4}", metrics.accuracy)) }
                td { (format!("{:.4}", metrics.macro_f1)) }
                td { (format!("{:.4}", metrics.log_loss)) }
                td { (format!("{error:.3}")) }
            }
        }
    };
    html! {
        div.scroll {
            table.wide {
                caption { "Held-out rows, by level." }
                thead {
                    tr {
                        th.left scope="col" { "level" }
                        th scope="col" { "categories" }
                        th scope="col" { "rows" }
                        th scope="col" { "accuracy" }
                        th scope="col" { "macro-F1" }
                        th scope="col" { "log loss" }
                        th scope="col" { "calibration error" }
                    }
                }
                tbody {
                    @for level in coarser {
                        (row(&level.level, level.rows, level.per_class.len(), &level.metrics, level.calibration_error))
                    }
                    (row(finest, report.dataset.test_rows, report.per_class.len(), &report.metrics, report.calibration.error_after))
                }
            }
        }
    }
}

fn of_level(level: &LevelReport, finest: &str) -> Markup {
    let wrong = level.wrong_inside + level.wrong_across;
    let inside = level.wrong_inside as f64 / wrong.max(1) as f64;
    html! {
        h3 { "Level " (level.level) }
        @if wrong > 0 {
            p {
                "Of " (counted(wrong, "wrong answer", "wrong answers")) " at the level " (finest) ", "
                strong { (thousands(level.wrong_inside)) } " (" (percent(inside)) ") have the right " (level.level) "."
            }
        }
        @if let Some(model) = &level.model {
            p.hint {
                "Its model: " (model.algorithm) " " (model.parameters)
                ", " (format!("{:.4}", model.cross_validation.mean)) " over the folds."
            }
        }
        div.scroll {
            table.wide {
                caption { "Categories of this level." }
                thead {
                    tr {
                        th.left scope="col" { "category" }
                        th scope="col" { "precision" }
                        th scope="col" { "recall" }
                        th scope="col" { "F1" }
                        th scope="col" { "rows" }
                        th scope="col" { span.hidden { "F1 as a bar" } }
                    }
                }
                tbody {
                    @for class in &level.per_class {
                        tr {
                            th scope="row" { (class.label) }
                            td { (format!("{:.3}", class.precision)) }
                            td { (format!("{:.3}", class.recall)) }
                            td { (format!("{:.3}", class.f1)) }
                            td { (thousands(class.support)) }
                            td { (bar(class.f1)) }
                        }
                    }
                }
            }
        }
        (confusion::of(&level.confusion_matrix))
    }
}
