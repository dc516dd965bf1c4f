//! Two versions side by side.

use std::collections::BTreeSet;

use complaint_api::{Lineage, Metric, WeakClass};
use maud::{Markup, html};

use super::{
    Page, Step, chart, nothing, section,
    text::{Path, instant_of, metric, none, number, or_none, short, stage, text, thousands},
    versions::{paired, value},
};
use crate::{compare::SideBySide, info::VersionInfo};

/// The page.
pub(in crate::dashboard) fn page(page: &Page, namespace: &str, classifier: &str, both: &SideBySide<'_>) -> Markup {
    let [left, right] = both.versions;
    let way = [
        Step::namespace(namespace),
        Step::classifier(namespace, classifier),
        Step::versions(namespace, classifier),
    ];
    let content = html! {
        (section("paired", "On the same rows", &html! {
            @match &both.paired {
                Some(paired) => (self::paired(paired.figures, paired.newcomer, paired.champion)),
                None => (not_paired(both)),
            }
        }))
        (section("both", "Side by side", &table(both)))
        (classes(both))
    };
    page.whole(&format!("{} and {}", left.name, right.name), &way, &nothing(), &content)
}

fn not_paired(both: &SideBySide<'_>) -> Markup {
    let rows = match both.same_test_rows {
        Some(true) => {
            "The figures below come from the same test rows, but nobody has measured whether the difference is more than chance."
        }
        Some(false) => "The figures below come from different test rows: don't compare them.",
        None => "The records don't tell whether the figures below come from the same test rows: don't compare them.",
    };
    html! {
        p { "The operator has not compared these two. " (rows) }
        p.note { "It compares a version that is not judged yet with the champion of that time." }
    }
}

/// A value of each version.
struct Line {
    name: String,
    values: [Markup; 2],
    is_number: bool,
}

fn lines(both: &SideBySide<'_>) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut add = |name: &str, is_number, of: &dyn Fn(&VersionInfo) -> Markup| {
        lines.push(Line {
            name: name.to_owned(),
            values: both.versions.map(of),
            is_number,
        });
    };
    add("stage", false, &|version| stage(version.stage));
    for of in [Metric::MacroF1, Metric::WeightedF1, Metric::Accuracy, Metric::LogLoss] {
        add(metric(of), true, &|version| value(version, of));
    }
    add("calibration error", true, &|version| {
        let evaluation = version.evaluation.as_ref();
        or_none(
            evaluation
                .and_then(|evaluation| evaluation.calibration_error)
                .map(number),
        )
    });
    add("test rows", true, &|version| {
        or_none(version.evaluation.as_ref().map(|evaluation| thousands(evaluation.rows)))
    });
    add("test split", false, &|version| {
        let split = version
            .evaluation
            .as_ref()
            .and_then(|evaluation| evaluation.split.as_deref());
        or_none(split.map(text))
    });
    add("algorithm", false, &|version| {
        or_none(version.algorithm.map(|algorithm| algorithm.name()))
    });
    for name in parameters(both) {
        add(&name, false, &|version| or_none(parameter(version, &name)));
    }
    add("categories", true, &|version| {
        or_none(version.class_count.map(thousands))
    });
    let lineage = |of: fn(&Lineage) -> Option<String>| {
        move |version: &VersionInfo| {
            let value = version.lineage.as_ref().and_then(of).filter(|value| !value.is_empty());
            or_none(value.as_deref().map(text))
        }
    };
    add("run", false, &lineage(|lineage| Some(lineage.training_run.clone())));
    add("champion then", false, &lineage(|lineage| lineage.parent.clone()));
    add("rows used", true, &|version| {
        or_none(version.lineage.as_ref().map(|lineage| thousands(lineage.rows)))
    });
    add("data", false, &lineage(|lineage| Some(short(&lineage.dataset.sha256))));
    add(
        "corrections",
        false,
        &lineage(|lineage| lineage.dataset.feedback_sha256.as_deref().map(short)),
    );
    add("spec hash", false, &lineage(|lineage| Some(short(&lineage.spec_hash))));
    add(
        "trainer",
        false,
        &lineage(|lineage| Some(lineage.trainer_version.clone())),
    );
    add("artifact", false, &|version| html! { (short(&version.sha256)) });
    add("created", false, &|version| or_none(version.created.map(instant_of)));
    lines
}

fn settings(version: &VersionInfo) -> serde_json::Map<String, serde_json::Value> {
    match version.parameters.map(serde_json::to_value) {
        Some(Ok(serde_json::Value::Object(settings))) => settings,
        _ => serde_json::Map::new(),
    }
}

/// The parameters that one of the two has.
fn parameters(both: &SideBySide<'_>) -> BTreeSet<String> {
    let names = both.versions.iter().flat_map(|version| settings(version).into_iter());
    names.map(|(name, _)| name).collect()
}

fn parameter(version: &VersionInfo, name: &str) -> Option<String> {
    Some(match settings(version).remove(name)? {
        serde_json::Value::String(word) => text(&word),
        other => text(&other.to_string()),
    })
}

fn table(both: &SideBySide<'_>) -> Markup {
    let heading = |version: &VersionInfo| {
        html! { a href=(Path::version(&version.namespace, &version.name)) { (text(&version.name)) } }
    };
    html! {
        div.scroll tabindex="0" role="region" aria-label="Side by side" {
            table.both {
                caption { "Figures are of each one's own test rows. Lines in bold differ." }
                thead { tr { th scope="col" { "" } @for version in both.versions { th scope="col" { (heading(version)) } } } }
                tbody {
                    @for line in lines(both) {
                        @let [left, right] = &line.values;
                        tr.differs[left.0 != right.0] {
                            th scope="row" { (text(&line.name)) }
                            @for value in [left, right] { td.number[line.is_number] { (value) } }
                        }
                    }
                }
            }
        }
    }
}

/// The recall of categories that one of the statuses has: the five weakest of each.
fn classes(both: &SideBySide<'_>) -> Markup {
    let of = |version: &'_ VersionInfo| {
        let classes = version
            .evaluation
            .as_ref()
            .map(|evaluation| evaluation.weakest_classes.clone());
        classes.unwrap_or_default()
    };
    let [left, right] = both.versions.map(of);
    let mut labels: Vec<&str> = left.iter().chain(&right).map(|class| class.label.as_str()).collect();
    let mut seen = BTreeSet::new();
    labels.retain(|label| seen.insert(*label));
    if labels.is_empty() {
        return nothing();
    }
    let cells = |classes: &[WeakClass], label: &str| {
        let class = classes.iter().find(|class| class.label == label).cloned();
        html! {
            td { @if let Some(class) = &class { (chart::bar(class.recall)) } }
            td.number {
                @match &class {
                    Some(class) => { (number(class.recall)) small { (thousands(class.support)) " rows" } }
                    None => (none()),
                }
            }
        }
    };
    let table = html! {
        div.scroll tabindex="0" role="region" aria-label="Weakest categories" {
            table.charts {
                caption { "Recall of the five weakest categories of each; where one has no figure, it is not among its weakest" }
                thead {
                    tr {
                        th scope="col" { "Category" }
                        @for version in both.versions { th scope="colgroup" colspan="2" { (text(&version.name)) } }
                    }
                }
                tbody { @for label in labels { tr { th scope="row" { (text(label)) } (cells(&left, label)) (cells(&right, label)) } } }
            }
        }
    };
    section("classes", "Weakest categories", &table)
}
