//! One version: why it is, or is not, the champion; its figures; where it comes from; its report.

use complaint_api::{Metric, Stage};
use maud::{Markup, html};

use super::{
    Page, Step, chart, lineage, nothing, section,
    text::{
        Path, Tone, ago, badge, command, conditions, instant_of, metric, none, number, or_none, percent, stage, text,
        thousands,
    },
    versions::{paired, value},
};
use crate::{
    info::{Info, VersionInfo},
    why::{Outcome, Why},
};

/// The page. `why` is missing where the classifier is.
pub(in crate::dashboard) fn page(page: &Page, info: &Info, version: &VersionInfo, why: Option<&Why>) -> Markup {
    let (namespace, classifier) = (&version.namespace, &version.classifier);
    let way = [
        Step::namespace(namespace),
        Step::classifier(namespace, classifier),
        Step::versions(namespace, classifier),
    ];
    let content = html! {
        p.lead { (stage(version.stage)) " ModelVersion of " a href=(Path::classifier(namespace, classifier)) { (text(classifier)) } " in namespace " (text(namespace)) }
        (section("why", "Why", &decision(why, version)))
        (section("figures", "Figures", &figures(version)))
        @if let Some(comparison) = &version.comparison {
            (section("compared", "Against the champion of that time", &html! {
                (paired(comparison, &version.name, &comparison.champion_ref.name))
                @if info.versions.iter().any(|other| other.name == comparison.champion_ref.name) {
                    p { a href=(Path::compare(namespace, classifier).with(&[("a", &comparison.champion_ref.name), ("b", &version.name)])) { "Compare both side by side" } }
                }
            }))
        }
        (levels(version))
        (weakest(version))
        (coverage(version))
        (adaptation(version))
        (section("made", "How it was made", &made(page, info, version)))
        (section("report", "Report", &report(version)))
        (section("conditions", "Conditions", &conditions(&version.conditions, page.now)))
    };
    page.whole(&version.name, &way, &nothing(), &content)
}

fn decision(why: Option<&Why>, version: &VersionInfo) -> Markup {
    let Some(why) = why else {
        return html! { p { "ComplaintClassifier " (text(&version.classifier)) " does not exist: without it nothing is decided." } };
    };
    let tone = match why.stage {
        Some(Stage::Champion) => Tone::Good,
        Some(Stage::Rejected) => Tone::Bad,
        _ => Tone::Notice,
    };
    html! {
        p.lead {
            (badge(tone, &why.decision.reason)) " " (text(&why.decision.message))
            @if let Some(since) = why.decision.since { " (" (instant_of(since)) ")" }
        }
        div.scroll tabindex="0" role="region" aria-label="Rules" {
            table {
                caption { "Rules of spec.promotion as it is now, and what the status has for them. The decision is the operator's." }
                thead { tr { th scope="col" { "Rule" } th scope="col" { "Verdict" } th scope="col" { "Figures" } } }
                tbody {
                    @for rule in &why.rules {
                        tr {
                            th scope="row" { (text(&rule.rule)) }
                            td {
                                @match rule.outcome {
                                    Outcome::Passed => (badge(Tone::Good, "Passed")),
                                    Outcome::Failed => (badge(Tone::Bad, "Failed")),
                                    Outcome::NoFigure => (badge(Tone::Notice, "No figure")),
                                    Outcome::NotAsked => (badge(Tone::Dim, "Not asked")),
                                }
                                @if rule.decisive { small { "decided" } }
                            }
                            td.message { (text(&rule.message)) }
                        }
                    }
                }
            }
        }
        @for note in &why.notes { p.note { (text(note)) } }
        @if !why.next.is_empty() {
            h3 { "What to do" }
            ul { @for next in &why.next { li { (text(next)) } } }
        }
    }
}

fn figures(version: &VersionInfo) -> Markup {
    let evaluation = version.evaluation.as_ref();
    html! {
        @if evaluation.is_none() { p.note { "Nothing in this cluster has evaluated it: what the manifest claims decides nothing." } }
        dl.tiles.small {
            @for of in [Metric::MacroF1, Metric::WeightedF1, Metric::Accuracy, Metric::LogLoss] {
                div { dt { (metric(of)) } dd { (value(version, of)) } }
            }
            div { dt { "calibration error" } dd { (or_none(evaluation.and_then(|evaluation| evaluation.calibration_error).map(number))) } }
            div { dt { "test rows" } dd { (or_none(evaluation.map(|evaluation| thousands(evaluation.rows)))) } }
        }
    }
}

/// The levels of the categories, if they have levels.
fn levels(version: &VersionInfo) -> Markup {
    let levels = version.levels();
    if levels.is_empty() {
        return nothing();
    }
    let figure = |of: Option<f64>| or_none(of.map(number));
    let table = html! {
        div.scroll tabindex="0" role="region" aria-label="Levels" {
            table {
                caption { "The levels of the categories, the coarsest first; the other figures are those of the last" }
                thead {
                    tr {
                        th scope="col" { "Level" }
                        th.number scope="col" { "Accuracy" }
                        th.number scope="col" { "Macro-F1" }
                        th.number scope="col" { "Calibration error" }
                        th.number scope="col" { "Test rows" }
                    }
                }
                tbody {
                    @for level in levels {
                        tr {
                            th scope="row" { (text(&level.level)) }
                            td.number { (figure(level.metrics.accuracy)) }
                            td.number { (figure(level.metrics.macro_f1)) }
                            td.number { (figure(level.calibration_error)) }
                            td.number { (thousands(level.rows)) }
                        }
                    }
                }
            }
        }
    };
    section("levels", "Levels", &table)
}

fn weakest(version: &VersionInfo) -> Markup {
    let classes = version
        .evaluation
        .as_ref()
        .map_or(&[][..], |evaluation| &evaluation.weakest_classes);
    if classes.is_empty() {
        return nothing();
    }
    let table = html! {
        div.scroll tabindex="0" role="region" aria-label="Weakest categories" {
            table.charts {
                caption { "The categories that are recognised worst; the report has all" }
                thead { tr { th scope="col" { "Category" } th scope="col" aria-label="Chart" {} th.number scope="col" { "Recall" } th.number scope="col" { "Test rows" } } }
                tbody {
                    @for class in classes {
                        tr {
                            th scope="row" { (text(&class.label)) }
                            td { (chart::bar(class.recall)) }
                            td.number { (number(class.recall)) }
                            td.number { (thousands(class.support)) }
                        }
                    }
                }
            }
        }
    };
    section("weakest", "Weakest categories", &table)
}

fn coverage(version: &VersionInfo) -> Markup {
    let coverage = version
        .evaluation
        .as_ref()
        .map_or(&[][..], |evaluation| &evaluation.coverage);
    if coverage.is_empty() {
        return nothing();
    }
    let table = html! {
        div.scroll tabindex="0" role="region" aria-label="Coverage" {
            table {
                caption { "How right the answers are if only the surest ones are given, and the rest goes to people" }
                thead {
                    tr {
                        th.number scope="col" { "Answered" } th.number scope="col" { "serving.abstainBelow" } th.number scope="col" { "Accuracy" }
                        th.number scope="col" { "95 % interval" }
                    }
                }
                tbody {
                    @for point in coverage {
                        @let [lower, upper] = point.confidence_interval;
                        tr {
                            th.number scope="row" { (percent(point.answered)) }
                            td.number { (number(point.abstain_below)) }
                            td.number { (number(point.accuracy)) }
                            td.number { (number(lower)) " to " (number(upper)) }
                        }
                    }
                }
            }
        }
    };
    section("coverage", "Coverage", &table)
}

fn adaptation(version: &VersionInfo) -> Markup {
    let Some(adaptation) = &version.adaptation else {
        return nothing();
    };
    let lines = [
        ("Weighed to the mix of the traffic", adaptation.reweighted),
        ("As they are", adaptation.held_out),
    ];
    let table = html! {
        p { "It has the weights of the model that was trained, and other intercepts for the mix of categories in the traffic." }
        div.scroll tabindex="0" role="region" aria-label="Adaptation" {
            table {
                caption { "Accuracy on the held-out rows" }
                thead {
                    tr {
                        th scope="col" { "Rows" } th.number scope="col" { "As many as" } th.number scope="col" { "Trained" }
                        th.number scope="col" { "Adapted from" } th.number scope="col" { "Adapted" }
                    }
                }
                tbody {
                    @for (name, accuracy) in lines {
                        tr {
                            th scope="row" { (name) }
                            td.number { (format!("{:.0}", accuracy.rows)) }
                            td.number { (number(accuracy.trained)) }
                            td.number { (number(accuracy.given)) }
                            td.number { (number(accuracy.adapted)) }
                        }
                    }
                }
            }
        }
    };
    section("adapted", "Adapted to the traffic", &table)
}

fn made(page: &Page, info: &Info, version: &VersionInfo) -> Markup {
    let lineage = version.lineage.as_ref();
    let parameters = version
        .parameters
        .map(|parameters| parameters.to_string())
        .filter(|text| !text.is_empty());
    let run = lineage.and_then(|lineage| info.runs.iter().find(|run| run.name == lineage.training_run));
    html! {
        dl.facts {
            div { dt { "Created" } dd { @match version.created { Some(time) => { (instant_of(time)) " (" (ago(time, page.now)) ")" } None => (none()) } } }
            div { dt { "Algorithm" } dd { (or_none(version.algorithm.map(|algorithm| algorithm.name()))) } }
            div { dt { "Parameters" } dd { (or_none(parameters.as_deref().map(text))) } }
            div { dt { "Categories" } dd { (or_none(version.class_count.map(thousands))) } }
            @if let Some(lineage) = lineage {
                div { dt { "Data set" } dd { (lineage::dataset(&lineage.dataset)) } }
                div { dt { "Rows used" } dd { (thousands(lineage.rows)) } }
                div { dt { "Split" } dd { code { (text(&lineage.split)) } } }
                div {
                    dt { "Training" }
                    dd { @match run { Some(run) => a href=(Path::run(&run.namespace, &run.name)) { (text(&run.name)) }, None => (text(&lineage.training_run)) } }
                }
                @if let Some(parent) = &lineage.parent { div { dt { "Champion then" } dd { a href=(Path::version(&version.namespace, parent)) { (text(parent)) } } } }
                div { dt { "Trainer" } dd { (text(&lineage.trainer_version)) } }
            }
            div { dt { "Artifact" } dd { code { (text(&version.artifact_uri)) } } }
            div { dt { "Digest" } dd { code { "sha256:" (text(&version.sha256)) } } }
        }
    }
}

/// A report is a page of its own, which a browser without rights to the store can't read.
fn report(version: &VersionInfo) -> Markup {
    let (namespace, name) = (text(&version.namespace), text(&version.name));
    html! {
        p { "The training's report has all trials, all categories with their confusions, the deciding words and the calibration." }
        @if version.stage == Some(Stage::Champion) {
            p { "Its server has it: " (command(&format!("kubectl complaints -n {namespace} report {name} --out {name}.html"))) }
        } @else {
            p { "A server has only the report of the champion. This one is in the store." }
        }
        @match &version.report_uri {
            Some(uri) => p { "In the store: " code { (text(uri)) } " and " code { "report.html" } " beside it." },
            None => p { "The record names no report." },
        }
    }
}
