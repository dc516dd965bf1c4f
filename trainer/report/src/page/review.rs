//! What is answered without a person, by the classifier's rules.

use maud::{Markup, html};

use super::{percent, thousands};
use crate::MeasuredShare;
use crate::report::Report;
use crate::review::ThresholdReport;

pub(super) fn body(report: &Report) -> Option<Markup> {
    let review = report.review.as_ref()?;
    Some(html! {
        p {
            b { (percent(review.answered)) } " of the held-out rows are answered without a person"
            @if let Some(accuracy) = &review.accuracy { ", and " b { (measured(accuracy)) } " of these answers are right" }
            ". "
            @if review.abstain_below > 0.0 {
                "Answers with a probability below " (format!("{:.4}", review.abstain_below)) " need review"
                @if review.thresholds.is_empty() { "." } @else { ", but for the categories below." }
            }
        }
        @if !review.unknown_categories.is_empty() {
            p.note {
                "serving.thresholds names categories that this model does not have, so it can't be served until they are corrected: "
                (review.unknown_categories.join(", ")) "."
            }
        }
        @if !review.thresholds.is_empty() { (thresholds(&review.thresholds)) }
    })
}

fn thresholds(lines: &[ThresholdReport]) -> Markup {
    html! {
        div.scroll {
            table {
                caption { "Categories with a threshold of their own, chosen on out-of-fold answers and measured on the held-out rows" }
                thead {
                    tr {
                        th.left scope="col" { "category" }
                        th.left scope="col" { "asked for" }
                        th scope="col" { "probability" }
                        th scope="col" { "answers" }
                        th scope="col" { "without review" }
                        th scope="col" { "right" }
                        th scope="col" { "of the category" }
                    }
                }
                tbody {
                    @for line in lines {
                        tr {
                            th.left scope="row" { (line.category) }
                            td.left {
                                @if let Some(share) = line.min_precision { (percent(share)) " right" }
                                @if let Some(share) = line.min_recall { (percent(share)) " of the category" }
                                @if !line.is_reached { " (out of reach)" }
                            }
                            td { @match line.probability { Some(probability) => (format!("{probability:.4}")), None => "all need review" } }
                            td { (thousands(line.answers)) }
                            td { (thousands(line.answered)) }
                            td { @if let Some(precision) = &line.precision { (measured(precision)) } }
                            td { @if let Some(recall) = line.recall { (percent(recall)) } }
                        }
                    }
                }
            }
        }
        p.note {
            "Of the answers without review, so many are right (with a 95 % interval), and so many of the category's rows get this answer."
        }
    }
}

fn measured(share: &MeasuredShare) -> String {
    let [low, high] = share.confidence_interval;
    format!("{} ({} to {})", percent(share.value), percent(low), percent(high))
}
