//! One classifier: who serves, what waits, what production shows, how it came to this.

use complaint_api::PromotionPolicy;
use maud::{Markup, html};

use super::{
    Page, Step, monitoring, nothing, section,
    text::{
        Path, Tone, ago, badge, command, conditions, instant_of, interval, metric, none, number, or_none, signed,
        state, text, thousands,
    },
};
use crate::{
    dashboard::row::{Level, matters},
    info::{ClassifierInfo, Info, NewcomerState, RetrainingInfo, RunInfo},
    why::in_words,
};

/// The most runs that are listed.
const RUNS: usize = 10;

/// The page of a classifier, or of what is left of one that does not exist.
pub(in crate::dashboard) fn page(page: &Page, namespace: &str, name: &str, info: &Info) -> Markup {
    let content = match info.classifiers.first() {
        Some(classifier) => content(page, classifier, info),
        None => html! {
            p.notice { "ComplaintClassifier " (text(name)) " does not exist in namespace " (text(namespace)) ". Its versions and runs do." }
            (links(page, namespace, name, info))
            (runs(page, &info.runs))
        },
    };
    let step = Step::namespace(namespace);
    page.whole(name, &[step], &nothing(), &content)
}

fn content(page: &Page, classifier: &ClassifierInfo, info: &Info) -> Markup {
    let (namespace, name) = (&classifier.namespace, &classifier.name);
    html! {
        p.lead {
            (state(Some(classifier.state), classifier.blocked.as_ref().map(|blocked| blocked.reason.as_str())))
            " ComplaintClassifier in namespace " (text(namespace))
        }
        (to_know(classifier, info))
        (summary(page, classifier))
        (links(page, namespace, name, info))
        (newcomers(classifier))
        @if let Some(shown) = &classifier.monitoring { (monitoring::section(page, shown)) }
        (promotions(page, classifier))
        (runs(page, &info.runs))
        (section("conditions", "Conditions", &conditions(&classifier.conditions, page.now)))
        (commands(classifier))
    }
}

fn to_know(classifier: &ClassifierInfo, info: &Info) -> Markup {
    let matters = matters(classifier, info);
    html! {
        @if !matters.is_empty() {
            ul.matters aria-label="What to know" {
                @for matter in &matters {
                    @let class = match matter.level { Level::Act => "act", Level::Look => "look", Level::Know => "know" };
                    li class=(class) {
                        strong { (text(&matter.title)) }
                        @if !matter.message.is_empty() { " " span { (text(&matter.message)) } }
                    }
                }
            }
        }
    }
}

fn summary(page: &Page, classifier: &ClassifierInfo) -> Markup {
    let (namespace, metric) = (&classifier.namespace, metric(classifier.metric));
    let version = |name: &str| html! { a href=(Path::version(namespace, name)) { (text(name)) } };
    html! {
        dl.facts {
            div {
                dt { "Champion" }
                dd {
                    @match &classifier.champion {
                        Some(champion) => {
                            (version(&champion.name))
                            @if let Some(since) = champion.since { ", since " (instant_of(since)) " (" (ago(since, page.now)) ")" }
                            @if let Some(reason) = champion.reason { ": " (in_words(reason)) }
                        }
                        None => "none yet: no pod serves",
                    }
                }
            }
            @if let Some(champion) = &classifier.champion {
                div {
                    dt { "On held-out rows" }
                    dd { @match champion.value { Some(value) => { (metric) " " span.figure { (number(value)) } } None => (none()) } }
                }
            }
            @if let Some(challenger) = &classifier.challenger { div { dt { "Rolling out" } dd { (version(&challenger.name)) } } }
            @if let Some(previous) = &classifier.previous_champion { div { dt { "Before" } dd { (version(&previous.name)) } } }
            div { dt { "Promotion" } dd { (promotion(classifier)) } }
            @if let Some(replicas) = classifier.replicas {
                div { dt { "Pods" } dd { (replicas.serving) " of " (replicas.desired) " serve the champion" } }
            }
            @if let Some(url) = &classifier.url { div { dt { "Address" } dd { code { (text(url)) } " inside the cluster" } } }
            @if let Some(shown) = &classifier.retraining { div { dt { "Retraining" } dd { (retraining(page, shown)) } } }
        }
    }
}

fn promotion(classifier: &ClassifierInfo) -> String {
    if classifier.paused {
        return "paused: nothing is promoted, rolled out or changed (spec.paused)".into();
    }
    match (&classifier.pinned, classifier.policy) {
        (Some(pinned), _) => format!("pinned to {}: nothing is promoted automatically", text(pinned)),
        (None, PromotionPolicy::Automatic) => {
            format!("automatic, by {}, if the rules allow it", metric(classifier.metric))
        }
        (None, PromotionPolicy::Manual) => "manual: only a pin promotes".into(),
    }
}

fn retraining(page: &Page, shown: &RetrainingInfo) -> Markup {
    let zone = shown.time_zone.as_deref().unwrap_or("Etc/UTC");
    html! {
        @if shown.suspended {
            "suspended (spec.retraining.suspend)"
        } @else {
            @if let Some(requested) = shown.requested { "requested for " (instant_of(requested)) ". " }
            @match shown.next {
                Some(next) => { "next " (instant_of(next)) " (" (ago(next, page.now)) ")" }
                None if shown.requested.is_none() => "no run is due",
                None => {}
            }
            @if let Some(schedule) = &shown.schedule { ", by " code { (text(schedule)) } " in " (text(zone)) }
        }
    }
}

/// Where the rest is.
fn links(page: &Page, namespace: &str, name: &str, info: &Info) -> Markup {
    html! {
        p.links {
            a href=(Path::versions(namespace, name)) { "All versions and their lineage (" (thousands(info.versions.len())) ")" }
            (super::review::link(page, namespace, name))
        }
    }
}

fn newcomers(classifier: &ClassifierInfo) -> Markup {
    if classifier.newcomers.is_empty() {
        return nothing();
    }
    let state = |state| match state {
        NewcomerState::Waiting => badge(Tone::Notice, "Waits"),
        NewcomerState::RollingOut => badge(Tone::Notice, "Rolling out"),
        NewcomerState::Rejected => badge(Tone::Bad, "Rejected"),
        NewcomerState::Stalled => badge(Tone::Bad, "Can't serve"),
    };
    let table = html! {
        div.scroll tabindex="0" role="region" aria-label="Newcomers" {
            table {
                caption { "Versions that are newer than the champion or wait, and why they don't serve" }
                thead { tr { th scope="col" { "Version" } th scope="col" { "State" } th scope="col" { "Reason" } th scope="col" { "Message" } } }
                tbody {
                    @for newcomer in &classifier.newcomers {
                        tr {
                            th scope="row" { a href=(Path::version(&classifier.namespace, &newcomer.name)) { (text(&newcomer.name)) } }
                            td { (state(newcomer.state)) }
                            td { (text(&newcomer.reason)) }
                            td.message { (text(&newcomer.message)) }
                        }
                    }
                }
            }
        }
    };
    section("newcomers", "Newcomers", &table)
}

fn promotions(page: &Page, classifier: &ClassifierInfo) -> Markup {
    let namespace = &classifier.namespace;
    let list = html! {
        @if classifier.promotions.is_empty() {
            p { "Nothing has been promoted yet." }
        } @else {
            p.note { "The last promotions, the newest first." }
            ol.timeline reversed {
                @for promotion in &classifier.promotions {
                    li {
                        p.when { (instant_of(promotion.time)) " (" (ago(promotion.time, page.now)) ")" }
                        p {
                            a href=(Path::version(namespace, &promotion.version)) { (text(&promotion.version)) }
                            " became champion"
                            @if let Some(from) = &promotion.from { ", replacing " a href=(Path::version(namespace, from)) { (text(from)) } }
                            ": " (in_words(promotion.reason)) "."
                        }
                        @if let Some(comparison) = promotion.comparison {
                            p.figures {
                                (metric(comparison.metric)) " " span.figure { (signed(comparison.difference)) }
                                ", 95 % interval " span.figure { (interval(comparison.confidence_interval)) }
                            }
                        }
                    }
                }
            }
        }
    };
    section("promotions", "Promotions", &list)
}

fn runs(page: &Page, runs: &[RunInfo]) -> Markup {
    let left = runs.len().saturating_sub(RUNS);
    let table = html! {
        @if runs.is_empty() {
            p { "There is no TrainingRun for it." }
        } @else {
            div.scroll tabindex="0" role="region" aria-label="Trainings" {
                table {
                    caption { "Trainings, the newest first" }
                    thead {
                        tr {
                            th scope="col" { "Run" } th scope="col" { "Phase" } th scope="col" { "Trigger" } th.number scope="col" { "Macro-F1" }
                            th scope="col" { "Version" } th scope="col" { "Created" } th scope="col" { "Problem" }
                        }
                    }
                    tbody {
                        @for run in runs.iter().take(RUNS) {
                            tr {
                                th scope="row" { a href=(Path::run(&run.namespace, &run.name)) { (text(&run.name)) } }
                                td { (super::run::phase(run)) }
                                td { (or_none(run.trigger.as_deref().map(text))) }
                                td.number { (or_none(run.metrics.and_then(|metrics| metrics.macro_f1).map(number))) }
                                td { @match &run.version { Some(version) => a href=(Path::version(&run.namespace, version)) { (text(version)) }, None => (none()) } }
                                td { (or_none(run.created.map(|created| ago(created, page.now)))) }
                                td { (or_none(run.problem.as_ref().map(|problem| text(&problem.reason)))) }
                            }
                        }
                    }
                }
            }
            @if left > 0 { p.note { "… and " (left) " more: " (command("kubectl complaints runs")) } }
        }
    };
    section("runs", "Trainings", &table)
}

fn commands(classifier: &ClassifierInfo) -> Markup {
    let (namespace, name) = (&classifier.namespace, &classifier.name);
    let line = |verb: &str| command(&format!("kubectl complaints -n {namespace} {verb} {name}"));
    let list = html! {
        p { "The dashboard changes nothing. These commands print what to change in Git, or change it with " code { "--apply" } ":" }
        ul.commands {
            li { (line("rollback")) " the champion of before" }
            @if classifier.pinned.is_some() { li { (line("unpin")) " the policy decides again" } }
            @if classifier.retraining.is_some() { li { (line("retrain")) " train now" } }
            @if classifier.paused { li { (line("resume")) " go on" } } @else { li { (line("pause")) " stop everything but the servers" } }
        }
    };
    section("commands", "What you can do", &list)
}
