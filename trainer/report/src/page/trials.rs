//! The trials, best first, grouped by algorithm.

use complaint_contract::Algorithm;
use maud::{Markup, html};

use super::chart::{Scale, bar};
use super::{counted, percent, thousands};
use crate::report::Report;
use crate::{Trial, TrialStatus, WordVectorsReport};

/// Width of the chart in each row.
const WIDTH: f64 = 260.0;

pub(super) fn body(report: &Report) -> Option<Markup> {
    let scores = || report.trials.iter().flat_map(|trial| trial.fold_scores.iter().copied());
    let range = [
        scores().fold(f64::INFINITY, f64::min),
        scores().fold(f64::NEG_INFINITY, f64::max),
    ];
    let scale = Scale::new(range, [6.0, WIDTH - 6.0]);
    Some(html! {
        div.scroll {
            table.wide {
                caption {
                    (counted(report.trials.len(), "trial", "trials")) " by " (report.scoring) " on " (report.folds * report.repeats) " folds of the training rows. \
                    Large dots are means, small ones folds."
                }
                thead {
                    tr {
                        th.left scope="col" { "parameters" }
                        th scope="col" { "mean" }
                        th scope="col" { "± deviation" }
                        th.left scope="col" { (axis(range)) }
                    }
                }
                @for (algorithm, trials) in groups(report) {
                    tbody {
                        tr.group { th colspan="4" scope="rowgroup" { (algorithm) } }
                        @for trial in trials { (row(report, trial, &scale)) }
                    }
                }
            }
        }
        @if !report.ensemble.is_empty() { (ensemble(report)) }
        @if let Some(vectors) = &report.word_vectors { (word_vectors(vectors)) }
        @if !report.choices.is_empty() { (choices(report)) }
    })
}

/// The word vectors and the scales that were tried.
fn word_vectors(vectors: &WordVectorsReport) -> Markup {
    html! {
        h3 { "Word vectors" }
        p {
            @if vectors.scale > 0.0 {
                "The model scores " (thousands(vectors.words)) " words by their vectors"
            } @else {
                "The model does without the word vectors: at no scale did they help by more than the standard error over the folds. Their file"
            }
            " (sha256:" (vectors.sha256) ", " (thousands(vectors.file_words as usize)) " words of " (vectors.dimensions) " numbers"
            @if let Some(license) = &vectors.license { ", licence: " (license) }
            ") knows " (percent(vectors.known_share)) " of the words of the training rows."
        }
        div.scroll {
            table.wide {
                caption { "The best models with the vectors at several scales. At scale 0 they do not count; at 1 the mean vector of a row counts as much as its words." }
                thead {
                    tr {
                        th scope="col" { "scale" }
                        th scope="col" { "mean" }
                        th scope="col" { "± deviation" }
                    }
                }
                tbody {
                    @for trial in &vectors.scales {
                        tr {
                            th scope="row" {
                                (trial.scale)
                                @if trial.scale == vectors.scale { span.badge { "best" } }
                            }
                            td { (format!("{:.4}", trial.cross_validation.mean)) }
                            td { (format!("{:.4}", trial.cross_validation.standard_deviation)) }
                        }
                    }
                }
            }
        }
    }
}

/// The settings that followed the data.
fn choices(report: &Report) -> Markup {
    html! {
        h3 { "Chosen for these rows" }
        div.scroll {
            table.wide {
                caption { "Settings that neither the run nor the preset fixes. A run that sets a field keeps its value." }
                thead {
                    tr {
                        th.left scope="col" { "field" }
                        th.left scope="col" { "value" }
                        th.left scope="col" { "why" }
                    }
                }
                tbody {
                    @for choice in &report.choices {
                        tr {
                            th.left scope="row" style="white-space:nowrap" { (choice.field) }
                            td.left { (choice.value) }
                            td.left { (choice.reason) }
                        }
                    }
                }
            }
        }
    }
}

/// The models that were averaged.
fn ensemble(report: &Report) -> Markup {
    let (members, score) = (&report.ensemble, report.current_optimal_trial.cross_validation);
    html! {
        h3 { "The ensemble" span.badge { "best" } }
        div.scroll {
            table.wide {
                caption {
                    (format!("{:.4} ± {:.4}", score.mean, score.standard_deviation)) " on the folds: the calibrated scores of these models are averaged, \
                    and folded back into one linear model."
                }
                thead {
                    tr {
                        th.left scope="col" { "algorithm" }
                        th.left scope="col" { "parameters" }
                        th scope="col" { "share" }
                        th scope="col" { span.hidden { "share as a bar" } }
                        th scope="col" { "temperature" }
                    }
                }
                tbody {
                    @for member in members {
                        tr {
                            th scope="row" { (member.algorithm) }
                            td.left { (member.parameters) }
                            td { (percent(member.weight)) }
                            td { (bar(member.weight)) }
                            td { (format!("{:.4}", member.temperature)) }
                        }
                    }
                }
            }
        }
    }
}

fn axis([low, high]: [f64; 2]) -> Markup {
    html! {
        @if low <= high {
            svg width=(WIDTH) height="14" viewBox={ "0 0 " (WIDTH) " 14" } aria-hidden="true" {
                text x="0" y="11" { (format!("{low:.3}")) }
                text x=(WIDTH) y="11" text-anchor="end" { (format!("{high:.3}")) }
            }
            span.hidden { "scores of the folds" }
        } @else { "outcome" }
    }
}

/// Algorithms ordered by their best trial, each with its trials from best to worst, then those that were stopped, then those that failed.
fn groups(report: &Report) -> Vec<(Algorithm, Vec<&Trial>)> {
    let gain = |trial: &Trial| {
        let score = trial
            .cross_validation
            .filter(|_| trial.status == TrialStatus::Succeeded);
        score.map_or(f64::NEG_INFINITY, |score| report.scoring.as_gain(score.mean))
    };
    let failed = |trial: &Trial| trial.status == TrialStatus::Failed;
    let mut trials: Vec<&Trial> = report.trials.iter().collect();
    trials.sort_by(|a, b| gain(b).total_cmp(&gain(a)).then(failed(a).cmp(&failed(b))));
    let mut groups: Vec<(Algorithm, Vec<&Trial>)> = Vec::new();
    for trial in trials {
        match groups.iter_mut().find(|(algorithm, _)| *algorithm == trial.algorithm) {
            Some((_, group)) => group.push(trial),
            None => groups.push((trial.algorithm, vec![trial])),
        }
    }
    groups
}

fn row(report: &Report, trial: &Trial, scale: &Scale) -> Markup {
    let best = trial.algorithm == report.algorithm && trial.parameters == report.parameters;
    html! {
        tr class=[best.then_some("best")] {
            th scope="row" { (trial.parameters) @if best { span.badge { "best" } } }
            @match (trial.status, trial.cross_validation) {
                (TrialStatus::Succeeded, Some(score)) => {
                    td { (format!("{:.4}", score.mean)) }
                    td { (format!("{:.4}", score.standard_deviation)) }
                    td.chart { (dots(score.mean, &trial.fold_scores, scale)) }
                }
                (TrialStatus::EarlyStopped, _) => td.left colspan="3" { (trial.message.as_deref().unwrap_or("stopped early")) },
                _ => td.left colspan="3" { "failed: " (trial.message.as_deref().unwrap_or_default()) }
            }
        }
    }
}

fn dots(mean: f64, folds: &[f64], scale: &Scale) -> Markup {
    let words: Vec<String> = folds.iter().map(|score| format!("{score:.3}")).collect();
    html! {
        svg role="img" width=(WIDTH) height="22" viewBox={ "0 0 " (WIDTH) " 22" } {
            title { "mean " (format!("{mean:.4}")) ", folds " (words.join(", ")) }
            path.axis d={ "M0 11H" (WIDTH) } {}
            @for &score in folds { circle.fold cx=(scale.at(score)) cy="11" r="3" {} }
            circle.dot cx=(scale.at(mean)) cy="11" r="5" {}
        }
    }
}
