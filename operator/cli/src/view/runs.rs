//! `runs`: one line a run.

use complaint_api::RunPhase;
use jiff::Timestamp;

use super::{number_or_none, unreadable};
use crate::{
    info::{Info, RunInfo},
    render::{Column, Page, Table, Tone, Words, age, instant},
};

/// One line a run, the newest of a classifier first.
pub(crate) fn runs(info: &Info, all_namespaces: bool, now: Timestamp) -> Page {
    let mut columns = vec![
        Column::Whole("NAME"),
        Column::Short("CLASSIFIER"),
        Column::Short("PHASE"),
        Column::Short("BEST"),
        Column::Number("MACRO-F1"),
        Column::Short("MODEL"),
        Column::Short("TRIGGER"),
        Column::Short("TOOK"),
        Column::Short("AGE"),
        Column::Short("REASON"),
    ];
    if all_namespaces {
        columns.insert(0, Column::Whole("NAMESPACE"));
    }
    let mut table = Table::new(columns);
    for run in &info.runs {
        let took = run
            .start_time
            .map(|start| age(start, run.completion_time.unwrap_or(now)));
        let mut row = vec![
            Words::from(&run.name),
            Words::from(&run.classifier),
            progress(run),
            Words::or_none(run.best.as_ref().map(|best| best.algorithm.name())),
            number_or_none(run.metrics.and_then(|metrics| metrics.macro_f1)),
            Words::or_none(run.version.as_ref()),
            Words::or_none(run.trigger.as_ref()),
            Words::or_none(took),
            Words::or_none(run.created.map(|created| age(created, now))),
            run.problem.as_ref().map_or_else(Words::none, |problem| {
                Words::toned(if run.is_active() { Tone::Notice } else { Tone::Bad }, &problem.reason)
            }),
        ];
        if all_namespaces {
            row.insert(0, Words::from(&run.namespace));
        }
        table.add(row);
    }
    let mut page = Page::default();
    if table.is_empty() {
        page.line("There is no TrainingRun here. Apply one, or let spec.retraining of the classifier make some.");
    } else {
        page.list(table);
    }
    unreadable(&mut page, info);
    page
}

/// The phase, with the percentage of a running one.
pub(super) fn progress(run: &RunInfo) -> Words {
    let Some(phase) = run.phase else {
        return Words::none();
    };
    let tone = match phase {
        RunPhase::Succeeded => Tone::Good,
        RunPhase::Failed => Tone::Bad,
        RunPhase::Pending | RunPhase::Running | RunPhase::Suspended => Tone::Notice,
    };
    let words = Words::toned(tone, format!("{phase:?}"));
    match (&run.progress, phase) {
        (Some(progress), RunPhase::Running) => words.and(format!(" {} %", progress.percent)),
        _ => words,
    }
}

/// What came of a run, what it does, or what it waits for.
pub(super) fn result(run: &RunInfo) -> Words {
    if let Some(problem) = &run.problem {
        return Words::from(format!("{}: {}", problem.reason, problem.message));
    }
    match (&run.version, &run.progress) {
        (Some(version), _) => {
            let value = run.metrics.and_then(|metrics| metrics.macro_f1);
            let metrics = value.map_or(String::new(), |value| format!(", macroF1 {}", super::number(value)));
            Words::from(format!("{version}{metrics}"))
        }
        (None, Some(progress)) => Words::from(format!("{}: {}", progress.stage.name(), progress.message)),
        (None, None) => Words::none(),
    }
}

/// What is left of a run whose log is gone.
pub(crate) fn summary(run: &RunInfo) -> Page {
    let mut page = Page::default();
    page.heading(format!("TrainingRun {}/{}", run.namespace, run.name));
    page.field("Phase", progress(run));
    page.field("Result", result(run));
    if let Some(rows) = &run.dataset {
        page.field("Rows", format!("{} in {} categories", rows.rows, rows.classes));
    }
    if let Some(trials) = &run.trials {
        let stopped = match trials.early_stopped {
            0 => String::new(),
            stopped => format!(", {stopped} stopped early"),
        };
        page.field(
            "Trials",
            format!("{} of {} succeeded{stopped}", trials.succeeded, trials.total),
        );
    }
    if let Some(end) = run.completion_time {
        page.field("Ended", instant(end));
    }
    page
}
