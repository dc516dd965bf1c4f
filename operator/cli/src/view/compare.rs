//! `compare A B`: two versions side by side.

use complaint_api::{Lineage, Metric};

use super::{number, stage};
use crate::{
    compare::{Paired, SideBySide},
    info::VersionInfo,
    render::{Column, Page, Table, Tone, Words, instant},
};

/// Two versions side by side.
pub(crate) fn compare(both: &SideBySide<'_>) -> Page {
    let mut page = Page::default();
    let [left, right] = both.versions;
    page.heading(format!("{} and {}", left.name, right.name));
    page.table(figures(both));
    weakest(&mut page, both);
    page.heading("On the same rows");
    match &both.paired {
        Some(paired) => measured_together(&mut page, paired),
        None => not_paired(&mut page, both),
    }
    page
}

fn figures(both: &SideBySide<'_>) -> Table {
    let [left, right] = both.versions;
    let mut table = Table::new(vec![Column::Whole(""), Column::Whole("A"), Column::Whole("B")]);
    let mut add = |name: &str, of: &dyn Fn(&VersionInfo) -> Words| {
        table.add(vec![Words::toned(Tone::Dim, name), of(left), of(right)]);
    };
    add("version", &|version| Words::from(&version.name));
    add("classifier", &|version| Words::from(&version.classifier));
    add("stage", &|version| stage(version.stage));
    for metric in [Metric::MacroF1, Metric::WeightedF1, Metric::Accuracy, Metric::LogLoss] {
        add(metric.name(), &|version| value(version, metric));
    }
    add("calibration error", &|version| {
        let evaluation = version.evaluation.as_ref();
        Words::or_none(
            evaluation
                .and_then(|evaluation| evaluation.calibration_error)
                .map(number),
        )
    });
    add("test rows", &|version| {
        Words::or_none(
            version
                .evaluation
                .as_ref()
                .map(|evaluation| evaluation.rows.to_string()),
        )
    });
    let mut levels: Vec<&str> = Vec::new();
    for level in both.versions.iter().flat_map(|version| version.levels()) {
        if !levels.contains(&level.level.as_str()) {
            levels.push(&level.level);
        }
    }
    for level in levels {
        add(&format!("accuracy of {level}"), &|version| {
            let found = version.levels().iter().find(|found| found.level == level);
            Words::or_none(found.and_then(|found| found.metrics.accuracy).map(number))
        });
    }
    add("test split", &|version| {
        Words::or_none(
            version
                .evaluation
                .as_ref()
                .and_then(|evaluation| evaluation.split.as_ref()),
        )
    });
    add("algorithm", &|version| {
        Words::or_none(version.algorithm.map(|algorithm| algorithm.name()))
    });
    add("parameters", &|version| {
        Words::or_none(
            version
                .parameters
                .map(|parameters| parameters.to_string())
                .filter(|text| !text.is_empty()),
        )
    });
    add("categories", &|version| {
        Words::or_none(version.class_count.map(|count| count.to_string()))
    });
    let lineage = |of: fn(&Lineage) -> Option<String>| {
        move |version: &VersionInfo| {
            Words::or_none(version.lineage.as_ref().and_then(of).filter(|text| !text.is_empty()))
        }
    };
    add("run", &lineage(|lineage| Some(lineage.training_run.clone())));
    add("parent", &lineage(|lineage| lineage.parent.clone()));
    add("rows used", &lineage(|lineage| Some(lineage.rows.to_string())));
    add("data", &lineage(|lineage| Some(short(&lineage.dataset.sha256))));
    add(
        "corrections",
        &lineage(|lineage| lineage.dataset.feedback_sha256.as_deref().map(short)),
    );
    add("spec hash", &lineage(|lineage| Some(short(&lineage.spec_hash))));
    add("trainer", &lineage(|lineage| Some(lineage.trainer_version.clone())));
    add("artifact", &|version| Words::from(short(&version.sha256)));
    add("created", &|version| Words::or_none(version.created.map(instant)));
    table
}

/// The measured value, or the claimed one, marked as such.
fn value(version: &VersionInfo, metric: Metric) -> Words {
    match (metric.of(version.metrics()), &version.evaluation) {
        (Some(value), Some(_)) => Words::from(number(value)),
        (Some(value), None) => Words::toned(Tone::Notice, format!("{} (claimed)", number(value))),
        (None, _) => Words::none(),
    }
}

/// The first digits of a digest.
fn short(digest: &str) -> String {
    digest.chars().take(12).collect()
}

fn weakest(page: &mut Page, both: &SideBySide<'_>) {
    for version in both.versions {
        let classes = version
            .evaluation
            .iter()
            .flat_map(|evaluation| &evaluation.weakest_classes);
        let mut table = Table::new(vec![
            Column::Whole("CATEGORY"),
            Column::Number("RECALL"),
            Column::Number("TEST ROWS"),
        ]);
        for class in classes {
            table.add(vec![
                Words::from(&class.label),
                Words::from(number(class.recall)),
                Words::from(class.support.to_string()),
            ]);
        }
        if !table.is_empty() {
            page.heading(format!("Weakest categories of {}", version.name));
            page.table(table);
        }
    }
}

fn measured_together(page: &mut Page, paired: &Paired<'_>) {
    let figures = paired.figures;
    let [lower, upper] = figures.confidence_interval;
    let tone = match (lower > 0.0, upper < 0.0) {
        (true, _) => Words::toned(Tone::Good, "better, and not by chance"),
        (_, true) => Words::toned(Tone::Bad, "worse, and not by chance"),
        (false, false) => Words::toned(Tone::Notice, "a difference of this size can be chance"),
    };
    let yes = |yes: bool| if yes { "yes" } else { "no" };
    page.field(
        "Newcomer",
        format!("{}: {} {}", paired.newcomer, figures.metric, number(figures.value)),
    );
    page.field(
        "Champion",
        format!(
            "{}: {} {}",
            paired.champion,
            figures.metric,
            number(figures.champion_value)
        ),
    );
    page.field(
        "Difference",
        Words::from(format!(
            "{:+.4}, 95 % interval [{lower}, {upper}] on {} rows: ",
            figures.difference, figures.rows
        ))
        .and(tone),
    );
    page.field("Same categories", yes(figures.same_labels));
    page.field("Same split", yes(figures.same_split));
}

fn not_paired(page: &mut Page, both: &SideBySide<'_>) {
    let [left, right] = both.versions;
    page.line(format!(
        "  No paired comparison of {} and {} exists.",
        left.name, right.name
    ));
    page.line(match both.same_test_rows {
        Some(true) => "  The figures above come from the same test rows, but without an interval of their difference.",
        Some(false) => "  The figures above come from different test rows: don't compare them.",
        None => "  The records don't tell whether the figures above come from the same test rows: don't compare them.",
    });
    for version in both.versions {
        if let Some(comparison) = &version.comparison {
            page.line(format!(
                "  {} was compared with {}: kubectl complaints why {}",
                version.name, comparison.champion_ref.name, version.name
            ));
        }
    }
    if left.classifier == right.classifier {
        page.line("  The operator compares a version that is not judged yet with the champion. To get a comparison, make one of them champion");
        page.line(format!(
            "  (kubectl complaints promote {}), and let the policy judge the other: kubectl complaints unpin {}.",
            left.name, left.classifier
        ));
        page.line(
            "  A version that was rejected or has served is not judged again: train it again under another name.",
        );
    } else {
        page.line("  They belong to different classifiers, and the operator compares versions of one classifier only.");
    }
}
