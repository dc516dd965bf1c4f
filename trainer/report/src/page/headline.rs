//! The metrics, and the comparison with the champion.

use complaint_contract::{Comparison, Metric};
use maud::{Markup, html};

use super::chart::Scale;
use super::{counted, thousands};
use crate::report::Report;

pub(crate) fn header(report: &Report) -> Markup {
    let parameters = match report.ensemble.len() {
        0 => report.parameters.to_string(),
        models => counted(models, "model", "models"),
    };
    let parts = [
        report.algorithm.to_string(),
        parameters,
        counted(report.dataset.classes, "class", "classes"),
        counted(report.term_count, "term", "terms"),
    ];
    html! {
        header {
            h1 { (report.name) }
            p { (parts.join(" · ")) }
        }
    }
}

pub(crate) fn body(report: &Report) -> Markup {
    let (metrics, intervals) = (&report.metrics, &report.confidence_intervals);
    html! {
        div.tiles {
            (tile("macro-F1", metrics.macro_f1, Some(intervals.macro_f1), true))
            (tile("weighted F1", metrics.weighted_f1, Some(intervals.weighted_f1), true))
            (tile("accuracy", metrics.accuracy, Some(intervals.accuracy), true))
            (tile("log loss", metrics.log_loss, Some(intervals.log_loss), false))
            (tile("calibration error", report.calibration.error_after, None, false))
        }
        p.note {
            "On " (counted(report.dataset.test_rows, "row", "rows")) " that were held out of the training; ranges are 95 % bootstrap intervals."
        }
        @if let Some(comparison) = &report.comparison { (verdict(comparison)) }
    }
}

fn tile(name: &str, value: f64, interval: Option<[f64; 2]>, unit: bool) -> Markup {
    let scale = Scale::new([0.0, 1.0], [0.0, 200.0]);
    html! {
        div.tile {
            (name)
            b { (format!("{value:.3}")) }
            @if let Some([low, high]) = interval {
                small { (format!("{low:.3} to {high:.3}")) }
                @if unit {
                    svg viewBox="0 0 200 10" preserveAspectRatio="none" aria-hidden="true" {
                        path.axis d="M0 5H200" {}
                        rect.column x=(scale.at(low)) y="1" width=(format!("{:.1}", (scale.at(high) - scale.at(low)).max(2.0))) height="8" {}
                    }
                }
            } @else { small { "0 is best" } }
        }
    }
}

fn verdict(comparison: &Comparison) -> Markup {
    let [low, high] = comparison.confidence_interval;
    let (class, words) = match comparison.difference {
        _ if low > 0.0 => ("better", "Better than"),
        _ if high < 0.0 => ("worse", "Worse than"),
        _ => ("open", "No clear difference from"),
    };
    html! {
        p class={ "verdict " (class) } {
            b { (words) " " (comparison.champion_ref.name) } " by " (comparison.metric) ": "
            (format!("{:.4} against {:.4}, a difference of {:+.4} ({low:+.4} to {high:+.4})", comparison.value, comparison.champion_value, comparison.difference))
            " on the same " (counted(comparison.rows, "row", "rows")) "."
            @if comparison.metric == Metric::LogLoss { " A positive difference is better." }
            @if !comparison.same_labels { " The two models have different classes." }
            @if !comparison.same_split { " The champion was trained with another split, so it may have seen some of these rows." }
        }
    }
}

pub(crate) fn footer(report: &Report) -> Markup {
    let dataset = &report.dataset;
    html! {
        footer {
            dl {
                dt { "model" } dd { code { "sha256:" (report.artifact_sha256) } }
                dt { "data set" } dd { code { "sha256:" (dataset.sha256) } }
                dt { "rows" } dd { (thousands(dataset.train_rows)) " to train, " (thousands(dataset.test_rows)) " held out" }
                dt { "split" } dd { (report.split) }
                dt { "trainer" } dd { (report.trainer_version) }
                @if !report.spec_hash.is_empty() { dt { "specification" } dd { code { (report.spec_hash) } } }
            }
        }
    }
}
