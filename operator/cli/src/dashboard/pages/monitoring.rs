//! What production shows of a champion: the figures of the last window beside their limits.

use complaint_api::EstimatedShare;
use maud::{Markup, html};

use super::{
    Page, chart,
    text::{Tone, ago, badge, instant_of, none, number, or_none, percent, text, thousands},
};
use crate::info::{DistanceInfo, MonitoringInfo};

/// The section of a classifier's page.
pub(super) fn section(page: &Page, shown: &MonitoringInfo) -> Markup {
    let content = html! {
        p.lead {
            @match shown.drifted.as_str() {
                "True" => (badge(Tone::Bad, "Drifted")),
                "False" => (badge(Tone::Good, "No drift")),
                _ => (badge(Tone::Dim, "Not known")),
            }
            @if let Some(drift) = &shown.drift { " " (text(&drift.message)) }
        }
        (figures(page, shown))
        @if !shown.categories.is_empty() { (categories(shown)) }
        @if !shown.windows.is_empty() { (windows(page, shown)) }
    };
    super::section("production", "In production", &content)
}

/// Whether the last window's verdict names one of these reasons.
fn named(shown: &MonitoringInfo, reason: &str) -> bool {
    let last = shown.windows.iter().find(|window| window.judged);
    last.is_some_and(|window| window.reasons.iter().any(|named| named == reason))
}

fn verdict(shown: &MonitoringInfo, reason: &str, known: bool) -> Markup {
    match (known, named(shown, reason)) {
        (false, _) => none(),
        (true, true) => badge(Tone::Bad, reason),
        (true, false) => badge(Tone::Good, "Within"),
    }
}

fn figures(page: &Page, shown: &MonitoringInfo) -> Markup {
    let least = shown.min_accuracy.map(|least| html! { "at least " (number(least)) });
    html! {
        div.scroll tabindex="0" role="region" aria-label="Figures of production" {
            table.charts {
                caption {
                    "The last window that was judged, against the held-out rows. "
                    @match shown.window_end {
                        Some(end) => { "Windows have " (text(&shown.window)) "; the last one ended " (ago(end, page.now)) "." }
                        None => { "No window of " (text(&shown.window)) " has ended yet." }
                    }
                }
                thead {
                    tr {
                        th scope="col" { "Figure" } th scope="col" aria-label="Chart" {} th.number scope="col" { "Value" }
                        th.number scope="col" { "95 % interval" } th.number scope="col" { "Limit" } th scope="col" { "Verdict" }
                    }
                }
                tbody {
                    (accuracy(shown, "Accuracy, by corrections", shown.measured_accuracy, least.as_ref(), "MeasuredAccuracyLow"))
                    (accuracy(shown, "Accuracy, estimated without labels", shown.estimated_accuracy, least.as_ref(), "EstimatedAccuracyLow"))
                    tr {
                        th scope="row" { "Accuracy on held-out rows" }
                        td { @if let Some(reference) = shown.reference_accuracy { (chart::share([reference, reference], reference, shown.min_accuracy, Some(reference))) } }
                        td.number { (or_none(shown.reference_accuracy.map(number))) }
                        td.number { (none()) }
                        td.number { (none()) }
                        td { "the reference" }
                    }
                    @for distance in &shown.distances { (self::distance(shown, distance)) }
                }
            }
        }
        p.note { "Charts: the strong line is the value, the box its interval, the faint line the reference or the limit, the red part what the limit forbids. Distances are beyond chance." }
    }
}

fn accuracy(
    shown: &MonitoringInfo,
    name: &str,
    share: Option<EstimatedShare>,
    least: Option<&Markup>,
    reason: &str,
) -> Markup {
    html! {
        tr {
            th scope="row" { (name) }
            td { @if let Some(share) = share { (chart::share([share.lower, share.upper], share.value, shown.min_accuracy, shown.reference_accuracy)) } }
            td.number { (or_none(share.map(|share| number(share.value)))) }
            td.number { (or_none(share.map(|share| format!("{} to {}", number(share.lower), number(share.upper))))) }
            td.number { (or_none(least)) }
            td { (verdict(shown, reason, share.is_some())) }
        }
    }
}

fn distance(shown: &MonitoringInfo, distance: &DistanceInfo) -> Markup {
    let (name, reason) = match distance.name {
        "categoryDistance" => ("Distance of the categories", "CategoriesShifted"),
        "probabilityShift" => ("Shift of the probabilities", "ProbabilitiesShifted"),
        _ => ("Shift of unknown words", "UnknownWords"),
    };
    html! {
        tr {
            th scope="row" { (name) }
            td { @if let Some(value) = distance.value { (chart::distance(value, distance.max)) } }
            td.number { (or_none(distance.value.map(number))) }
            td.number { (none()) }
            td.number { "at most " (number(distance.max)) }
            td { (verdict(shown, reason, distance.value.is_some())) }
        }
    }
}

fn categories(shown: &MonitoringInfo) -> Markup {
    let shares = shown
        .categories
        .iter()
        .flat_map(|shift| [shift.trained_share, shift.estimated_share]);
    let scale = chart::Scale::new(0.0, shares.fold(0.01, f64::max));
    html! {
        h3 { "Categories whose share has changed most" }
        div.scroll tabindex="0" role="region" aria-label="Categories" {
            table.charts {
                caption { "Shares among the training rows (upper bar) and, estimated, among the complaints of the window (lower bar)" }
                thead {
                    tr {
                        th scope="col" { "Category" } th scope="col" aria-label="Chart" {} th.number scope="col" { "Trained" }
                        th.number scope="col" { "In production" } th.number scope="col" { "Change" } th.number scope="col" { "F1, estimated" }
                    }
                }
                tbody {
                    @for shift in &shown.categories {
                        @let change = 100.0 * (shift.estimated_share - shift.trained_share);
                        tr {
                            th scope="row" { (text(&shift.label)) }
                            td { (chart::pair(shift.trained_share, shift.estimated_share, scale)) }
                            td.number { (percent(shift.trained_share)) }
                            td.number { (percent(shift.estimated_share)) }
                            td.number { (format!("{change:+.1}").replace('-', "\u{2212}")) " points" }
                            td.number { (number(shift.estimated_f1)) }
                        }
                    }
                }
            }
        }
    }
}

fn windows(page: &Page, shown: &MonitoringInfo) -> Markup {
    html! {
        h3 { "Windows" }
        div.scroll tabindex="0" role="region" aria-label="Windows" {
            table {
                caption { "The last windows, the newest first; the status keeps four" }
                thead {
                    tr {
                        th scope="col" { "Ended" } th.number scope="col" { "Answers" } th.number scope="col" { "Corrections" }
                        th scope="col" { "Verdict" }
                    }
                }
                tbody {
                    @for window in &shown.windows {
                        tr {
                            th scope="row" { (instant_of(window.end_time.0)) " " small { (ago(window.end_time.0, page.now)) } }
                            td.number { (thousands(window.answers)) }
                            td.number {
                                @match window.corrections {
                                    Some(corrections) => { (thousands(corrections.correct)) " of " (thousands(corrections.rows)) " right" }
                                    None => (none()),
                                }
                            }
                            td {
                                @match (window.judged, window.reasons.is_empty()) {
                                    (false, _) => "too few answers to judge",
                                    (true, true) => (badge(Tone::Good, "No drift")),
                                    (true, false) => { @for reason in &window.reasons { (badge(Tone::Bad, reason)) " " } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
