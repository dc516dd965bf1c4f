//! `versions`: one line a version.

use jiff::Timestamp;

use super::{number_or_none, stage, unreadable};
use crate::{
    info::{Info, VersionInfo},
    render::{Column, Page, Table, Tone, Words, age},
};

/// One line a version, the newest of a classifier first.
pub(crate) fn versions(info: &Info, all_namespaces: bool, now: Timestamp) -> Page {
    let mut columns = vec![
        Column::Whole("NAME"),
        Column::Short("CLASSIFIER"),
        Column::Short("STAGE"),
        Column::Number("MACRO-F1"),
        Column::Number("ACCURACY"),
        Column::Number("ROWS"),
        Column::Short("AGAINST CHAMPION"),
        Column::Short("ALGORITHM"),
        Column::Short("AGE"),
        Column::Short("REASON"),
    ];
    if all_namespaces {
        columns.insert(0, Column::Whole("NAMESPACE"));
    }
    let mut table = Table::new(columns);
    for version in &info.versions {
        let evaluation = version.evaluation.as_ref();
        let mut row = vec![
            Words::from(&version.name),
            Words::from(&version.classifier),
            stage(version.stage),
            number_or_none(evaluation.and_then(|evaluation| evaluation.metrics.macro_f1)),
            number_or_none(evaluation.and_then(|evaluation| evaluation.metrics.accuracy)),
            Words::or_none(evaluation.map(|evaluation| evaluation.rows.to_string())),
            against(version),
            Words::or_none(version.algorithm.map(|algorithm| algorithm.name())),
            Words::or_none(version.created.map(|created| age(created, now))),
            reason(version),
        ];
        if all_namespaces {
            row.insert(0, Words::from(&version.namespace));
        }
        table.add(row);
    }
    let mut page = Page::default();
    if table.is_empty() {
        page.line("There is no ModelVersion here. A TrainingRun makes one.");
    } else {
        page.list(table);
    }
    unreadable(&mut page, info);
    page
}

/// The paired difference with the champion of that time.
fn against(version: &VersionInfo) -> Words {
    Words::or_none(version.comparison.as_ref().map(|comparison| {
        let [lower, upper] = comparison.confidence_interval;
        format!("{} {:+} [{lower}, {upper}]", comparison.metric, comparison.difference)
    }))
}

fn reason(version: &VersionInfo) -> Words {
    if version.deleting {
        return Words::toned(Tone::Notice, "being deleted");
    }
    let word = |tone, reason: &crate::info::Reason| Words::toned(tone, &reason.reason);
    match (&version.stalled, &version.rejection, &version.waiting) {
        (Some(stalled), _, _) => word(Tone::Bad, stalled),
        (None, Some(rejection), _) => word(Tone::Bad, rejection),
        (None, None, Some(waiting)) => word(Tone::Notice, waiting),
        (None, None, None) => Words::none(),
    }
}
