//! The profile of the data set.

use complaint_contract::FeedbackResult;
use maud::{Markup, html};

use super::chart::{Scale, points, stacked};
use super::{counted, percent, thousands};
use crate::ClassBalance;
use crate::profile::{LengthBin, Profile, VocabularyPoint};
use crate::report::Report;

const WIDTH: f64 = 480.0;
const FOOT: f64 = 170.0;
const LEFT: f64 = 52.0;

pub(super) fn body(report: &Report) -> Option<Markup> {
    let (dataset, profile) = (&report.dataset, &report.profile);
    Some(html! {
        (records(report))
        h3 { "Class balance" }
        (balance(&dataset.class_balance))
        @if !dataset.dropped_labels.is_empty() {
            p.note {
                "Labels with too few rows, left out: "
                @for (index, dropped) in dataset.dropped_labels.iter().enumerate() {
                    @if index > 0 { ", " }
                    (dropped.label) " (" (thousands(dropped.rows)) ")"
                }
            }
        }
        div.side {
            figure style="margin:0" { h3 { "Words in a text" } (lengths(profile)) }
            figure style="margin:0" { h3 { "Vocabulary" } (vocabulary(&profile.vocabulary_growth)) }
        }
        (languages(profile))
        (copies(profile, report.split.starts_with("published/")))
        (suspicious(profile))
    })
}

fn records(report: &Report) -> Markup {
    let (dataset, counts) = (&report.dataset, &report.profile.records);
    html! {
        div.tiles {
            div.tile { "records" b { (thousands(counts.records as usize)) } small { "in the source" } }
            div.tile { "to train" b { (thousands(dataset.train_rows)) } small { "rows" } }
            div.tile { "held out" b { (thousands(dataset.test_rows)) } small { "rows" } }
            div.tile {
                "left out" b { (thousands((counts.records - counts.used()) as usize)) }
                small {
                    @for (index, (rows, what)) in counts.left_out().into_iter().filter(|(rows, _)| *rows > 0).enumerate() {
                        @if index > 0 { ", " }
                        (thousands(rows as usize)) " " (what)
                    }
                }
            }
        }
        p.note {
            "The share of a class in both parts differs by " (format!("{:.1}", report.profile.largest_share_difference)) " percentage points at most."
        }
        @for warning in &dataset.warnings { p.note { b { (warning.reason) } ": " (warning.message) } }
        @if let Some(holdout) = &dataset.holdout {
            p.note {
                "Held out are the rows of a holdout of their own (sha256:" (holdout.sha256) "): " (holdout.records.summary()) ", "
                (thousands(holdout.unknown_label_rows as usize)) " under labels that no training row has, so that every answer to them is wrong."
            }
        }
        @if let Some(feedback) = &dataset.feedback { (corrections(feedback)) }
    }
}

fn corrections(feedback: &FeedbackResult) -> Markup {
    html! {
        p.note {
            (counted(feedback.rows as usize, "training row is a correction", "training rows are corrections")) ", "
            (thousands(feedback.relabelled_rows as usize)) " of them rows of the data set with another label: " (feedback.records.summary())
            @if let Some(sha256) = feedback.sha256 { " (sha256:" (sha256) ")" }
            "."
        }
    }
}

fn balance(classes: &[ClassBalance]) -> Markup {
    let rows = |class: &ClassBalance| class.train_rows + class.test_rows;
    let all = classes.iter().map(rows).sum::<usize>().max(1) as f64;
    let most = classes.iter().map(rows).max().unwrap_or(1).max(1) as f64;
    let mut sorted: Vec<&ClassBalance> = classes.iter().collect();
    sorted.sort_by_key(|class| std::cmp::Reverse(rows(class)));
    html! {
        div.scroll {
            table.wide {
                caption { "Rows of each class, most first." }
                thead {
                    tr {
                        th.left scope="col" { "class" }
                        th scope="col" { "to train" }
                        th scope="col" { "held out" }
                        th scope="col" { "share" }
                        th scope="col" style="width:40%" { span.hidden { "rows as a bar" } }
                    }
                }
                tbody {
                    @for class in sorted {
                        tr {
                            th scope="row" { (class.label) }
                            td { (thousands(class.train_rows)) }
                            td { (thousands(class.test_rows)) }
                            td { (percent(rows(class) as f64 / all)) }
                            td { (stacked(class.train_rows as f64 / most, class.test_rows as f64 / most)) }
                        }
                    }
                }
            }
        }
        ul.legend {
            li { span.swatch.train aria-hidden="true" {} "to train" }
            li { span.swatch.test aria-hidden="true" {} "held out" }
        }
    }
}

fn lengths(profile: &Profile) -> Markup {
    let (bins, words) = (&profile.length_histogram, &profile.words);
    let most = bins.iter().map(|bin| bin.rows).max().unwrap_or(1).max(1) as f64;
    let x = Scale::new([0.0, bins.len().max(1) as f64], [LEFT, WIDTH]);
    let y = Scale::new([0.0, most], [FOOT, 12.0]);
    let width = (x.at(1.0) - x.at(0.0) - 1.5).max(1.0);
    // Every bin has an edge, but only eight labels fit.
    let step = bins.len().div_ceil(8).max(1);
    html! {
        svg role="img" viewBox={ "0 0 " (WIDTH + 8.0) " 206" } aria-labelledby="lengths-name" {
            title id="lengths-name" {
                "Texts by number of words: median " (words.median) ", half of them between " (words.lower) " and " (words.upper)
                ", 95 % up to " (words.p95) ", the longest " (words.max) "."
            }
            (frame(&y, most as usize))
            @for (index, bin) in bins.iter().enumerate() {
                @let top = y.at(bin.rows as f64);
                rect.column x=(x.at(index as f64)) y=(top) width=(format!("{width:.1}")) height=(format!("{:.1}", FOOT - top)) {
                    title { (range(bin)) " words: " (counted(bin.rows, "text", "texts")) }
                }
                @if index.is_multiple_of(step) { text x=(x.at(index as f64)) y=(FOOT + 15.0) text-anchor="middle" { (thousands(bin.from)) } }
            }
            text x=(WIDTH) y=(FOOT + 32.0) text-anchor="end" { "words" }
        }
        p.note {
            "Median " (words.median) ", half of the texts between " (words.lower) " and " (words.upper) ", 95 % up to " (thousands(words.p95))
            ", the longest " (thousands(words.max)) "."
        }
    }
}

fn range(bin: &LengthBin) -> String {
    match bin.to {
        Some(to) => format!("{} to {}", bin.from, to - 1),
        None => format!("{} or more", bin.from),
    }
}

fn vocabulary(curve: &[VocabularyPoint]) -> Markup {
    let last = curve.last().copied().unwrap_or(VocabularyPoint { rows: 1, words: 1 });
    let x = Scale::new([0.0, last.rows as f64], [LEFT, WIDTH]);
    let y = Scale::new([0.0, last.words as f64], [FOOT, 12.0]);
    let place = |point: &VocabularyPoint| (x.at(point.rows as f64), y.at(point.words as f64));
    html! {
        svg role="img" viewBox={ "0 0 " (WIDTH + 8.0) " 206" } aria-labelledby="vocabulary-name" {
            title id="vocabulary-name" {
                "Distinct words by rows read: " (thousands(last.words)) " after " (counted(last.rows, "row", "rows")) "."
            }
            (frame(&y, last.words))
            polyline.line points=(points(std::iter::once((LEFT, FOOT)).chain(curve.iter().map(place)))) {}
            @for point in curve {
                circle.dot cx=(place(point).0) cy=(place(point).1) r="3" {
                    title { (thousands(point.words)) " words after " (counted(point.rows, "row", "rows")) }
                }
            }
            @for share in [0.0, 0.5, 1.0] {
                @let anchor = if share == 1.0 { "end" } else { "middle" };
                text x=(LEFT + share * (WIDTH - LEFT)) y=(FOOT + 15.0) text-anchor=(anchor) { (thousands((share * last.rows as f64) as usize)) }
            }
            text x=(WIDTH) y=(FOOT + 32.0) text-anchor="end" { "rows" }
        }
        p.note { "Distinct words after preprocessing. If the curve still rises, more rows would add new words." }
    }
}

/// Baseline, grid and their numbers.
fn frame(y: &Scale, most: usize) -> Markup {
    html! {
        @for share in [0.0, 0.5, 1.0] {
            @let value = share * most as f64;
            path.axis d={ "M" (LEFT) " " (y.at(value)) "H" (WIDTH) } {}
            text x=(LEFT - 6.0) y=(y.at(value) + 4.0) text-anchor="end" { (thousands(value as usize)) }
        }
    }
}

fn languages(profile: &Profile) -> Markup {
    let rows: usize = profile.languages.iter().map(|share| share.rows).sum();
    html! {
        @if rows > 0 {
            p.note {
                "Languages of " (counted(rows, "row", "rows")) ": "
                @for (index, share) in profile.languages.iter().take(5).enumerate() {
                    @if index > 0 { ", " }
                    (share.name) " " (format!("{:.1}", 100.0 * share.share)) " %"
                }
                "."
            }
        }
    }
}

fn copies(profile: &Profile, published: bool) -> Markup {
    html! {
        h3 { "Copies and near-twins" }
        p {
            (counted(profile.records.duplicates as usize, "copy", "copies")) " of a text under its own label (kept once), "
            (thousands(profile.records.contradictory as usize)) " under different labels (all left out). "
            (counted(profile.near_twin_groups, "group", "groups")) " of near-twins with " (counted(profile.near_twin_rows, "row", "rows"))
            "."
            @if !published { " The split keeps a group on one side." }
        }
        @if !profile.contradiction_examples.is_empty() {
            details {
                summary { "Copies under different labels" }
                ul.plain {
                    @for pair in profile.contradiction_examples.iter().take(20) {
                        li { "row " (pair.rows[0]) ": " (pair.labels[0]) " – row " (pair.rows[1]) ": " (pair.labels[1]) }
                    }
                }
            }
        }
        @if !profile.largest_near_twin_groups.is_empty() {
            details {
                summary { "Largest groups of near-twins" }
                ul.plain {
                    @for group in &profile.largest_near_twin_groups {
                        li {
                            (counted(group.rows, "row", "rows"))
                            @if group.labels > 1 { ", " (group.labels) " labels" }
                            ": " (numbers(group.examples.iter().copied()))
                            @if group.rows > group.examples.len() { " …" }
                        }
                    }
                }
            }
        }
    }
}

fn numbers(rows: impl Iterator<Item = u64>) -> String {
    let rows: Vec<String> = rows.map(|row| row.to_string()).collect();
    rows.join(", ")
}

fn suspicious(profile: &Profile) -> Markup {
    html! {
        h3 { "Rows to look at" }
        @if profile.suspicious_rows.is_empty() {
            p { "No row looks wrong." }
        } @else {
            div.scroll {
                table.wide {
                    caption { "Rows that look wrong, by their number in the source." }
                    thead { tr { th.left scope="col" { "what" } th scope="col" { "rows" } th.left scope="col" { "the first ones" } } }
                    tbody {
                        @for suspicion in &profile.suspicious_rows {
                            tr {
                                th scope="row" { (suspicion.reason.describe()) }
                                td { (thousands(suspicion.rows)) }
                                td.left { (numbers(suspicion.examples.iter().map(|example| example.row))) }
                            }
                        }
                    }
                }
            }
        }
    }
}
