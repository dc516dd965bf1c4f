//! The versions of a classifier: a table, and where each comes from.

use complaint_api::Metric;
use maud::{Markup, html};

use super::{
    Page, Step, chart, lineage, section,
    text::{
        Path, Tone, ago, badge, chance, difference, interval, metric, none, number, or_none, signed, stage, text,
        thousands,
    },
};
use crate::info::{Info, VersionInfo};

/// The page.
pub(in crate::dashboard) fn page(page: &Page, namespace: &str, classifier: &str, info: &Info) -> Markup {
    let way = [Step::namespace(namespace), Step::classifier(namespace, classifier)];
    let content = html! {
        @if info.versions.is_empty() {
            p.empty { "There is no ModelVersion for it. A TrainingRun makes one." }
        } @else {
            (table(page, &info.versions))
            (section("lineage", "Lineage", &lineage::tree(page, info)))
        }
    };
    page.whole(
        &format!("Versions of {classifier}"),
        &way,
        &form(namespace, classifier, &info.versions),
        &content,
    )
}

/// Chooses two versions: the newest and the champion at first.
fn form(namespace: &str, classifier: &str, versions: &[VersionInfo]) -> Markup {
    if versions.len() < 2 {
        return super::nothing();
    }
    let champion = versions
        .iter()
        .find(|version| version.stage == Some(complaint_api::Stage::Champion));
    let left = champion.unwrap_or(&versions[1]);
    let right = versions
        .iter()
        .find(|version| version.name != left.name)
        .unwrap_or(left);
    let select = |name: &str, label: &str, chosen: &VersionInfo| {
        html! {
            label {
                span { (label) }
                select name=(name) {
                    @for version in versions { option value=(text(&version.name)) selected[version.name == chosen.name] { (text(&version.name)) } }
                }
            }
        }
    };
    html! {
        form.filter method="get" action=(Path::compare(namespace, classifier)) aria-label="Compare two versions" {
            (select("a", "Compare", left))
            (select("b", "with", right))
            button type="submit" { "Compare" }
        }
    }
}

/// The value of a metric: measured, or claimed and marked as such.
pub(super) fn value(version: &VersionInfo, metric: Metric) -> Markup {
    match (metric.of(version.metrics()), &version.evaluation) {
        (Some(value), Some(_)) => html! { (number(value)) },
        (Some(value), None) => html! { (number(value)) small { "claimed" } },
        (None, _) => none(),
    }
}

fn table(page: &Page, versions: &[VersionInfo]) -> Markup {
    let differences = versions.iter().filter_map(|version| version.comparison.as_ref());
    let ends: Vec<f64> = differences
        .flat_map(|comparison| comparison.confidence_interval)
        .collect();
    let scale = chart::Scale::around_zero(&ends);
    html! {
        div.scroll tabindex="0" role="region" aria-label="Versions" {
            table.charts.versions {
                caption { "Versions, the newest first. Figures are of each one's own test rows; the paired difference is of the same rows." }
                thead {
                    tr {
                        th scope="col" { "Version" } th scope="col" { "Stage" } th.number scope="col" { "Macro-F1" } th.number scope="col" { "Accuracy" }
                        th.number scope="col" { "Test rows" }
                        th scope="col" colspan="2" { "Against the champion of that time" }
                        th scope="col" { "Algorithm" } th scope="col" { "Reason" }
                    }
                }
                tbody { @for version in versions { (line(page, version, scale)) } }
            }
        }
    }
}

fn line(page: &Page, version: &VersionInfo, scale: chart::Scale) -> Markup {
    html! {
        tr {
            th scope="row" {
                a href=(Path::version(&version.namespace, &version.name)) { (text(&version.name)) }
                @if let Some(created) = version.created { small { (ago(created, page.now)) } }
            }
            td { (stage(version.stage)) }
            td.number { (value(version, Metric::MacroF1)) }
            td.number { (value(version, Metric::Accuracy)) }
            td.number { (or_none(version.evaluation.as_ref().map(|evaluation| thousands(evaluation.rows)))) }
            td { @if let Some(comparison) = &version.comparison { (chart::difference(comparison.confidence_interval, comparison.difference, scale)) } }
            td.number {
                @match version.comparison.as_ref().map(difference) {
                    Some(shown) => { (signed(shown.difference)) small { (metric(shown.metric)) } small { (interval(shown.confidence_interval)) } }
                    None => (none()),
                }
            }
            td { (or_none(version.algorithm.map(|algorithm| algorithm.name()))) }
            td { (reason(version)) }
        }
    }
}

/// Why it does not serve.
fn reason(version: &VersionInfo) -> Markup {
    if version.deleting {
        return badge(Tone::Notice, "being deleted");
    }
    match (&version.stalled, &version.rejection, &version.waiting) {
        (Some(reason), ..) | (None, Some(reason), _) | (None, None, Some(reason)) => html! { (text(&reason.reason)) },
        (None, None, None) => none(),
    }
}

/// The paired difference in a sentence, for pages of one version and of two.
pub(super) fn paired(comparison: &complaint_api::Comparison, newcomer: &str, champion: &str) -> Markup {
    let (tone, words) = chance(comparison.confidence_interval);
    let scale = chart::Scale::around_zero(&comparison.confidence_interval);
    let yes = |yes: bool| if yes { "yes" } else { "no" };
    html! {
        dl.facts {
            div { dt { "Newcomer" } dd { (text(newcomer)) ": " (metric(comparison.metric)) " " span.figure { (number(comparison.value)) } } }
            div { dt { "Champion" } dd { (text(champion)) ": " (metric(comparison.metric)) " " span.figure { (number(comparison.champion_value)) } } }
            div {
                dt { "Difference" }
                dd {
                    (chart::difference(comparison.confidence_interval, comparison.difference, scale))
                    span.figure { (signed(comparison.difference)) } ", 95 % interval " span.figure { (interval(comparison.confidence_interval)) }
                    " on " (thousands(comparison.rows)) " rows " (badge(tone, words))
                }
            }
            div { dt { "Same categories" } dd { (yes(comparison.same_labels)) } }
            div { dt { "Same split" } dd { (yes(comparison.same_split)) } }
        }
    }
}
