//! One training: how far it is, what it read, tried and made.

use complaint_api::RunPhase;
use maud::{Markup, html};

use super::{
    Page, Step, chart, nothing, section,
    text::{
        Path, Tone, age_of, ago, badge, command, conditions, instant_of, none, number, or_none, short, text, thousands,
    },
};
use crate::info::{Info, RunInfo};

/// The phase in a coloured box.
pub(super) fn phase(run: &RunInfo) -> Markup {
    let tone = match run.phase {
        Some(RunPhase::Succeeded) => Tone::Good,
        Some(RunPhase::Failed) => Tone::Bad,
        Some(RunPhase::Pending | RunPhase::Running) => Tone::Notice,
        Some(RunPhase::Suspended) | None => Tone::Dim,
    };
    let word = run.phase.map_or("Not seen".to_owned(), |phase| format!("{phase:?}"));
    let percent = run.progress.as_ref().filter(|_| run.phase == Some(RunPhase::Running));
    html! { (badge(tone, &word)) @if let Some(progress) = percent { " " (progress.percent) " %" } }
}

/// The page.
pub(in crate::dashboard) fn page(page: &Page, info: &Info, run: &RunInfo) -> Markup {
    let (namespace, classifier) = (&run.namespace, &run.classifier);
    let way = [Step::namespace(namespace), Step::classifier(namespace, classifier)];
    let content = html! {
        p.lead { (phase(run)) " TrainingRun for " a href=(Path::classifier(namespace, classifier)) { (text(classifier)) } " in namespace " (text(namespace)) }
        @if let Some(problem) = &run.problem {
            div class=(if run.is_active() { "notice" } else { "notice bad" }) { p { strong { (text(&problem.reason)) } " " (text(&problem.message)) } }
        }
        @if let Some(progress) = run.progress.as_ref().filter(|_| run.is_active()) {
            p.progress {
                label for="progress" { (progress.stage.name()) }
                progress #progress max="100" value=(progress.percent) { (progress.percent) " %" }
                span { (progress.percent) " %, " (text(&progress.message)) }
            }
        }
        (facts(page, info, run))
        (section("trials", "Trials", &trials(run)))
        (section("log", "Log", &html! {
            p { "The trainer's log has a line for each step: " (command(&format!("kubectl complaints -n {namespace} logs {}", run.name))) }
        }))
        (section("conditions", "Conditions", &conditions(&run.conditions, page.now)))
    };
    page.whole(&run.name, &way, &nothing(), &content)
}

fn facts(page: &Page, info: &Info, run: &RunInfo) -> Markup {
    let metrics = run.metrics.as_ref();
    let is_there = |name: &str| info.versions.iter().any(|version| version.name == name);
    html! {
        dl.facts {
            div { dt { "Created" } dd { @match run.created { Some(time) => { (instant_of(time)) " (" (ago(time, page.now)) ")" } None => (none()) } } }
            div { dt { "Trigger" } dd { @match &run.trigger { Some(trigger) => (text(trigger)), None => "somebody applied it" } } }
            @if run.suspended { div { dt { "Suspended" } dd { "spec.suspend is true" } } }
            @if let Some(start) = run.start_time {
                div {
                    dt { "Took" }
                    dd { (age_of(start, run.completion_time.unwrap_or(page.now))) @if run.completion_time.is_none() { " so far" } }
                }
            }
            @if let Some(data) = &run.dataset {
                div {
                    dt { "Data set" }
                    dd {
                        code { (short(&data.sha256)) } ": " (thousands(data.rows)) " rows in " (data.classes) " categories, "
                        (thousands(data.duplicates)) " copies left out"
                        @if let Some(rows) = data.feedback_rows { ", " (thousands(rows)) " corrections" }
                    }
                }
            }
            div {
                dt { "Version" }
                dd {
                    @match &run.version {
                        Some(version) if is_there(version) => a href=(Path::version(&run.namespace, version)) { (text(version)) },
                        Some(version) => { (text(version)) " (its record is gone)" }
                        None => (none()),
                    }
                }
            }
        }
        @if let Some(metrics) = metrics {
            dl.tiles.small aria-label="Metrics on the test rows" {
                @for (name, value) in [
                    ("macro-F1", metrics.macro_f1), ("weighted F1", metrics.weighted_f1), ("accuracy", metrics.accuracy), ("log-loss", metrics.log_loss),
                ] {
                    div { dt { (name) } dd { (or_none(value.map(number))) } }
                }
            }
        }
    }
}

fn trials(run: &RunInfo) -> Markup {
    html! {
        @if let Some(trials) = &run.trials {
            p.figures {
                (chart::parts(trials.succeeded, trials.failed, trials.total))
                span.figure { (trials.succeeded) } " of " span.figure { (trials.total) } " succeeded"
                @if trials.early_stopped > 0 { ", " span.figure { (trials.early_stopped) } " stopped early" }
                @if trials.failed > 0 { ", " span.figure { (trials.failed) } " failed" }
            }
        } @else {
            p { "No trial has ended yet." }
        }
        @if let Some(best) = &run.best {
            dl.facts {
                div { dt { "Best" } dd { (best.algorithm.name()) } }
                div { dt { "Parameters" } dd { @match best.parameters.to_string().as_str() { "" => "the defaults", parameters => (text(parameters)) } } }
                div {
                    dt { "In cross-validation" }
                    dd {
                        (chart::bar(best.cross_validation.mean))
                        span.figure { (number(best.cross_validation.mean)) } ", standard deviation over folds "
                        span.figure { (number(best.cross_validation.standard_deviation)) }
                    }
                }
            }
        }
        p.note { "The status keeps only the best trial. The report of the version has all of them." }
    }
}
