//! `status NAME`: a page about one classifier.

use complaint_api::PromotionPolicy;
use jiff::Timestamp;

use super::{
    classifiers::{pods, state},
    newcomer_state, number,
    runs::{progress, result},
};
use crate::{
    info::{ClassifierInfo, Info, MonitoringInfo, RetrainingInfo},
    render::{Column, Page, Table, Tone, Words, age, instant, when},
    why::in_words,
};

/// The most lines of a list; the lists' own commands show all.
const LINES: usize = 5;

/// Everything about one classifier.
pub(crate) fn detail(info: &Info, classifier: &ClassifierInfo, now: Timestamp) -> Page {
    let mut page = Page::default();
    page.heading(format!(
        "ComplaintClassifier {}/{}",
        classifier.namespace, classifier.name
    ));
    summary(&mut page, classifier, now);
    newcomers(&mut page, classifier);
    runs(&mut page, info, classifier, now);
    promotions(&mut page, classifier, now);
    conditions(&mut page, classifier, now);
    super::unreadable(&mut page, info);
    page
}

fn summary(page: &mut Page, classifier: &ClassifierInfo, now: Timestamp) {
    page.field("State", state(classifier));
    if !classifier.up_to_date {
        page.field(
            "",
            "the operator has not seen the last change of the spec: the rest may be older",
        );
    }
    if let Some(blocked) = &classifier.blocked {
        page.field(
            "Blocked by",
            Words::from(format!("{}: {}", blocked.reason, blocked.message)),
        );
    }
    page.field("Champion", champion(classifier, now));
    if let Some(challenger) = &classifier.challenger {
        page.field("Rolling out", &challenger.name);
    }
    if let Some(previous) = &classifier.previous_champion {
        page.field("Before", &previous.name);
    }
    page.field("Promotion", promotion(classifier));
    page.field(
        "Pods",
        match classifier.replicas {
            Some(_) => pods(classifier).and(" serve the champion"),
            None => Words::none(),
        },
    );
    page.field("URL", Words::or_none(classifier.url.as_ref()));
    if let Some(shown) = &classifier.monitoring {
        monitoring(page, shown, now);
    }
    if let Some(shown) = &classifier.retraining {
        page.field("Retraining", retraining(shown, now));
    }
}

fn champion(classifier: &ClassifierInfo, now: Timestamp) -> Words {
    let Some(champion) = &classifier.champion else {
        return Words::toned(Tone::Notice, "none yet");
    };
    let value = champion.value.map_or(String::new(), |value| {
        format!(", {} {}", classifier.metric, number(value))
    });
    let since = champion.since.map_or(String::new(), |since| {
        format!(", since {} ({})", instant(since), age(since, now))
    });
    let reason = champion
        .reason
        .map_or(String::new(), |reason| format!(": {}", in_words(reason)));
    Words::toned(Tone::Good, &champion.name).and(format!("{value}{since}{reason}"))
}

fn promotion(classifier: &ClassifierInfo) -> Words {
    if classifier.paused {
        return Words::toned(
            Tone::Notice,
            "paused: nothing is promoted, rolled out or changed (spec.paused)",
        );
    }
    match (&classifier.pinned, classifier.policy) {
        (Some(pinned), _) => Words::from(format!("pinned to {pinned}: nothing is promoted automatically")),
        (None, PromotionPolicy::Automatic) => {
            Words::from(format!("automatic, by {}, if the rules allow it", classifier.metric))
        }
        (None, PromotionPolicy::Manual) => Words::from("manual: only a pin promotes"),
    }
}

fn monitoring(page: &mut Page, shown: &MonitoringInfo, now: Timestamp) {
    let share = |share: complaint_api::EstimatedShare| {
        format!(
            "{} ({} to {})",
            number(share.value),
            number(share.lower),
            number(share.upper)
        )
    };
    let reference = shown.reference_accuracy.map_or(String::new(), |value| {
        format!(", on the held-out rows {}", number(value))
    });
    let figures = match (shown.measured_accuracy, shown.estimated_accuracy) {
        (Some(measured), Some(estimated)) => {
            format!(
                "{} by corrections, {} estimated{reference}",
                share(measured),
                share(estimated)
            )
        }
        (Some(measured), None) => format!("{} by corrections{reference}", share(measured)),
        (None, Some(estimated)) => format!("{} estimated without labels{reference}", share(estimated)),
        (None, None) => "no window has been judged yet".into(),
    };
    page.field("Accuracy", figures);
    let tone = match shown.drifted.as_str() {
        "True" => Words::toned(Tone::Bad, "yes"),
        "False" => Words::toned(Tone::Good, "no"),
        _ => Words::toned(Tone::Notice, "not known"),
    };
    let why = shown
        .drift
        .as_ref()
        .map_or(String::new(), |drift| format!(": {}: {}", drift.reason, drift.message));
    page.field("Drifted", tone.and(why));
    if let Some(unmonitored) = &shown.unmonitored {
        page.field(
            "Monitoring",
            Words::toned(Tone::Notice, format!("{}: {}", unmonitored.reason, unmonitored.message)),
        );
    }
    if let Some(end) = shown.window_end {
        page.field("Last window", format!("until {} ({})", instant(end), when(end, now)));
    }
}

fn retraining(shown: &RetrainingInfo, now: Timestamp) -> Words {
    if shown.suspended {
        return Words::toned(Tone::Notice, "suspended (spec.retraining.suspend)");
    }
    let mut parts = Vec::new();
    if let Some(requested) = shown.requested {
        parts.push(format!("requested for {}", instant(requested)));
    }
    if let Some(next) = shown.next {
        parts.push(format!("next {} ({})", instant(next), when(next, now)));
    }
    if let Some(schedule) = &shown.schedule {
        let zone = shown.time_zone.as_deref().unwrap_or("Etc/UTC");
        parts.push(format!("by `{schedule}` in {zone}"));
    }
    match parts.is_empty() {
        true => Words::from("no run is due"),
        false => Words::from(parts.join(", ")),
    }
}

fn newcomers(page: &mut Page, classifier: &ClassifierInfo) {
    if classifier.newcomers.is_empty() {
        return;
    }
    page.heading("Newcomers");
    let mut table = Table::new(vec![
        Column::Whole("VERSION"),
        Column::Whole("STATE"),
        Column::Whole("REASON"),
        Column::Whole("MESSAGE"),
    ]);
    for newcomer in classifier.newcomers.iter().take(LINES) {
        table.add(vec![
            Words::from(&newcomer.name),
            newcomer_state(newcomer.state),
            Words::from(&newcomer.reason),
            Words::from(&newcomer.message),
        ]);
    }
    page.table(table);
    more(page, classifier.newcomers.len(), "versions");
}

fn runs(page: &mut Page, info: &Info, classifier: &ClassifierInfo, now: Timestamp) {
    let all: Vec<_> = info.runs_of(classifier).collect();
    if all.is_empty() {
        return;
    }
    page.heading("Runs");
    let mut table = Table::new(vec![
        Column::Whole("RUN"),
        Column::Whole("PHASE"),
        Column::Whole("AGE"),
        Column::Whole("RESULT"),
    ]);
    for run in all.iter().take(LINES) {
        table.add(vec![
            Words::from(&run.name),
            progress(run),
            Words::or_none(run.created.map(|created| age(created, now))),
            result(run),
        ]);
    }
    page.table(table);
    more(page, all.len(), "runs");
}

fn promotions(page: &mut Page, classifier: &ClassifierInfo, now: Timestamp) {
    if classifier.promotions.is_empty() {
        return;
    }
    page.heading("Promotions");
    let mut table = Table::new(vec![
        Column::Whole("TIME"),
        Column::Whole("AGE"),
        Column::Whole("VERSION"),
        Column::Whole("REASON"),
        Column::Whole("DIFFERENCE"),
    ]);
    for promotion in classifier.promotions.iter().take(LINES) {
        let difference = promotion.comparison.map(|comparison| {
            let [lower, upper] = comparison.confidence_interval;
            format!("{} {:+} [{lower}, {upper}]", comparison.metric, comparison.difference)
        });
        table.add(vec![
            Words::from(instant(promotion.time)),
            Words::from(age(promotion.time, now)),
            Words::from(&promotion.version),
            Words::from(format!("{:?}", promotion.reason)),
            Words::or_none(difference),
        ]);
    }
    page.table(table);
    more(page, classifier.promotions.len(), "promotions (-o json shows all)");
}

fn conditions(page: &mut Page, classifier: &ClassifierInfo, now: Timestamp) {
    if classifier.conditions.is_empty() {
        return;
    }
    page.heading("Conditions");
    let mut table = Table::new(vec![
        Column::Whole("TYPE"),
        Column::Whole("STATUS"),
        Column::Whole("FOR"),
        Column::Whole("REASON"),
        Column::Whole("MESSAGE"),
    ]);
    for condition in &classifier.conditions {
        table.add(vec![
            Words::from(&condition.type_),
            Words::from(&condition.status),
            Words::from(age(condition.since, now)),
            Words::from(&condition.reason),
            Words::from(&condition.message),
        ]);
    }
    page.table(table);
}

fn more(page: &mut Page, all: usize, what: &str) {
    if let Some(left) = all.checked_sub(LINES).filter(|left| *left > 0) {
        page.line(Words::toned(Tone::Dim, format!("  … and {left} more {what}")));
    }
}
