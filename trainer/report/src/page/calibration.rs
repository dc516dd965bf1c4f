//! The reliability diagram, before and after calibration.

use maud::{Markup, html};

use super::chart::{Scale, points};
use super::{percent, thousands};
use crate::report::Report;
use crate::{CalibrationBin, CalibrationReport};

const X: [f64; 2] = [42.0, 392.0];
const Y: [f64; 2] = [296.0, 12.0];
/// The strip under the curves with the number of answers.
const STRIP: [f64; 2] = [396.0, 336.0];

pub(super) fn body(report: &Report) -> Option<Markup> {
    let calibration = &report.calibration;
    if calibration.bins.is_empty() {
        return None;
    }
    Some(html! {
        div.side {
            figure style="margin:0" {
                (diagram(calibration))
                ul.legend {
                    li { svg width="26" height="8" aria-hidden="true" { path.line d="M0 4H26" {} } "after" }
                    @if !calibration.bins_before.is_empty() {
                        li { svg width="26" height="8" aria-hidden="true" { path.faint d="M0 4H26" {} } "before" }
                    }
                    li { svg width="26" height="8" aria-hidden="true" { path.ideal d="M0 4H26" {} } "perfectly calibrated" }
                }
            }
            div {
                dl {
                    dt { "error after" } dd { b { (format!("{:.4}", calibration.error_after)) } }
                    dt { "error before" } dd { (format!("{:.4}", calibration.error_before)) }
                    dt { "temperature" } dd { (format!("{:.4}", calibration.temperature)) }
                    dt { "monotone map" } dd { @if calibration.monotone_map { "yes" } @else { "no" } }
                }
                p.note {
                    "A point stands for the answers of one range of probability: how probable they were said to be, and how many were right. \
                    The error is the mean distance from the diagonal, each answer counting once. Columns at the foot count the answers."
                }
                (coverage(calibration))
                (numbers(calibration))
            }
        }
    })
}

fn diagram(calibration: &CalibrationReport) -> Markup {
    let (x, y) = (Scale::new([0.0, 1.0], X), Scale::new([0.0, 1.0], Y));
    let most = calibration.bins.iter().map(|bin| bin.rows).max().unwrap_or(1).max(1) as f64;
    let strip = Scale::new([0.0, most], STRIP);
    html! {
        svg role="img" viewBox="0 0 404 420" aria-labelledby="calibration-name" style="max-width:30rem" {
            title id="calibration-name" {
                "Share of correct answers by probability. Expected calibration error " (format!("{:.4}", calibration.error_after))
                ", before calibration " (format!("{:.4}", calibration.error_before)) "."
            }
            @for tick in [0.0, 0.25, 0.5, 0.75, 1.0] {
                path.axis d={ "M" (x.at(tick)) " " (Y[0]) "V" (Y[1]) "M" (X[0]) " " (y.at(tick)) "H" (X[1]) } {}
                text x=(x.at(tick)) y=(Y[0] + 15.0) text-anchor="middle" { (tick) }
                text x=(X[0] - 6.0) y=(y.at(tick) + 4.0) text-anchor="end" { (tick) }
            }
            path.ideal d={ "M" (x.at(0.0)) " " (y.at(0.0)) "L" (x.at(1.0)) " " (y.at(1.0)) } {}
            text x=(x.at(0.5)) y="327" text-anchor="middle" { "probability of the answer" }
            text x="10" y=(y.at(0.5)) text-anchor="middle" transform={ "rotate(-90 10 " (y.at(0.5)) ")" } { "share of correct answers" }
            polyline.faint points=(points(calibration.bins_before.iter().map(|bin| (x.at(bin.mean_probability), y.at(bin.accuracy))))) {}
            @for bin in &calibration.bins_before { circle.dot-faint cx=(x.at(bin.mean_probability)) cy=(y.at(bin.accuracy)) r="3" {} }
            polyline.line points=(points(calibration.bins.iter().map(|bin| (x.at(bin.mean_probability), y.at(bin.accuracy))))) {}
            @for bin in &calibration.bins {
                circle.dot cx=(x.at(bin.mean_probability)) cy=(y.at(bin.accuracy)) r="4.5" { title { (words(bin)) } }
            }
            @for bin in &calibration.bins {
                @let top = strip.at(bin.rows as f64).min(STRIP[0] - 1.0);
                rect.column x=(x.at(bin.lower) + 1.0) y=(top) width=(format!("{:.1}", (x.at(bin.upper) - x.at(bin.lower) - 2.0).max(1.0)))
                    height=(format!("{:.1}", STRIP[0] - top)) { title { (words(bin)) } }
            }
            path.axis d={ "M" (X[0]) " " (STRIP[0]) "H" (X[1]) } {}
            text x=(X[0] - 6.0) y=(STRIP[1] + 8.0) text-anchor="end" { (thousands(most as usize)) }
            text x=(X[0]) y="412" { "answers" }
        }
    }
}

fn words(bin: &CalibrationBin) -> String {
    format!(
        "{} answers of {:.2} to {:.2}: mean probability {:.3}, correct {:.3}",
        thousands(bin.rows),
        bin.lower,
        bin.upper,
        bin.mean_probability,
        bin.accuracy
    )
}

/// What is right if the least probable answers are left to people.
fn coverage(calibration: &CalibrationReport) -> Markup {
    html! {
        @if !calibration.coverage.is_empty() {
            div.scroll {
                table {
                    caption { "Answers left to people: what serving.abstainBelow would do on the held-out rows" }
                    thead {
                        tr {
                            th.left scope="col" { "abstainBelow" }
                            th scope="col" { "answered" }
                            th scope="col" { "right" }
                            th scope="col" { "95 % interval" }
                        }
                    }
                    tbody {
                        @for line in &calibration.coverage {
                            @let [low, high] = line.confidence_interval;
                            tr {
                                th scope="row" { (format!("{:.4}", line.abstain_below)) }
                                td { (percent(line.answered)) }
                                td { (percent(line.accuracy)) }
                                td { (percent(low)) " to " (percent(high)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn numbers(calibration: &CalibrationReport) -> Markup {
    html! {
        details {
            summary { "In numbers" }
            div.scroll {
                table {
                    caption { "After calibration" }
                    thead {
                        tr {
                            th.left scope="col" { "probability" }
                            th scope="col" { "answers" }
                            th scope="col" { "mean" }
                            th scope="col" { "right" }
                        }
                    }
                    tbody {
                        @for bin in &calibration.bins {
                            tr {
                                th scope="row" { (format!("{:.2} to {:.2}", bin.lower, bin.upper)) }
                                td { (thousands(bin.rows)) }
                                td { (format!("{:.3}", bin.mean_probability)) }
                                td { (format!("{:.3}", bin.accuracy)) }
                            }
                        }
                    }
                }
            }
        }
    }
}
