//! `status`: one line a classifier.

use jiff::Timestamp;

use super::{newcomer_state, number, unreadable};
use crate::{
    info::{ClassifierInfo, Info, MonitoringInfo, State},
    render::{Column, Page, Table, Tone, Words, age, when},
};

/// One line a classifier; with a column for namespaces where there are several.
pub(crate) fn classifiers(info: &Info, all_namespaces: bool, now: Timestamp) -> Page {
    let mut columns = vec![
        Column::Whole("NAME"),
        Column::Short("CHAMPION"),
        Column::Short("METRIC"),
        Column::Short("SINCE"),
        Column::Short("NEWCOMER"),
        Column::Short("ACCURACY"),
        Column::Short("DRIFTED"),
        Column::Short("NEXT RUN"),
        Column::Short("PODS"),
        Column::Short("STATE"),
    ];
    if all_namespaces {
        columns.insert(0, Column::Whole("NAMESPACE"));
    }
    let mut table = Table::new(columns);
    for classifier in &info.classifiers {
        let mut row = row(classifier, now);
        if all_namespaces {
            row.insert(0, Words::from(&classifier.namespace));
        }
        table.add(row);
    }
    let mut page = Page::default();
    if table.is_empty() {
        page.line("There is no ComplaintClassifier here. Apply one (examples/quickstart), or look into all namespaces with -A.");
    } else {
        page.list(table);
    }
    unreadable(&mut page, info);
    page
}

fn row(classifier: &ClassifierInfo, now: Timestamp) -> Vec<Words> {
    let champion = classifier.champion.as_ref();
    let metric = champion.and_then(|champion| champion.value);
    vec![
        Words::from(&classifier.name),
        champion.map_or_else(Words::none, |champion| {
            let pinned = if classifier.pinned.as_ref() == Some(&champion.name) {
                " (pinned)"
            } else {
                ""
            };
            Words::from(format!("{}{pinned}", champion.name))
        }),
        Words::or_none(metric.map(|value| format!("{} {}", classifier.metric, number(value)))),
        Words::or_none(
            champion
                .and_then(|champion| champion.since)
                .map(|since| age(since, now)),
        ),
        newcomer(classifier),
        accuracy(classifier.monitoring.as_ref()),
        drifted(classifier.monitoring.as_ref()),
        next_run(classifier, now),
        pods(classifier),
        state(classifier),
    ]
}

fn newcomer(classifier: &ClassifierInfo) -> Words {
    let Some(first) = classifier.newcomers.first() else {
        let runs = &classifier.active_runs;
        return match runs.first() {
            Some(run) => Words::from(format!("{run} trains")),
            None => Words::none(),
        };
    };
    let more = match classifier.newcomers.len() {
        1 => String::new(),
        number => format!(" (+{})", number - 1),
    };
    Words::from(format!("{} ", first.name))
        .and(newcomer_state(first.state))
        .and(format!(": {}{more}", first.reason))
}

/// The measured accuracy where there is one, since it overrules the estimate.
fn accuracy(monitoring: Option<&MonitoringInfo>) -> Words {
    let Some(monitoring) = monitoring else {
        return Words::none();
    };
    let measured = monitoring
        .measured_accuracy
        .map(|share| format!("{} measured", number(share.value)));
    let estimated = monitoring
        .estimated_accuracy
        .map(|share| format!("{} estimated", number(share.value)));
    Words::or_none(measured.or(estimated))
}

fn drifted(monitoring: Option<&MonitoringInfo>) -> Words {
    let Some(monitoring) = monitoring else {
        return Words::none();
    };
    if let Some(why) = &monitoring.unmonitored {
        return Words::toned(Tone::Notice, &why.reason);
    }
    match (monitoring.drifted.as_str(), &monitoring.drift) {
        ("True", Some(drift)) => Words::toned(Tone::Bad, &drift.reason),
        ("False", _) => Words::from("no"),
        (_, Some(drift)) => Words::from(&drift.reason),
        (status, None) => Words::from(status),
    }
}

fn next_run(classifier: &ClassifierInfo, now: Timestamp) -> Words {
    match &classifier.retraining {
        Some(retraining) if retraining.suspended => Words::toned(Tone::Notice, "suspended"),
        Some(retraining) => match (retraining.requested, retraining.next) {
            (Some(_), _) => Words::from("requested"),
            (None, next) => Words::or_none(next.map(|next| when(next, now))),
        },
        None => Words::none(),
    }
}

pub(super) fn pods(classifier: &ClassifierInfo) -> Words {
    classifier.replicas.map_or_else(Words::none, |replicas| {
        let text = format!("{}/{}", replicas.serving, replicas.desired);
        match replicas.serving < replicas.desired {
            true => Words::toned(Tone::Notice, text),
            false => Words::from(text),
        }
    })
}

/// The state in a word, with the reason of what blocks.
pub(super) fn state(classifier: &ClassifierInfo) -> Words {
    let blocked = classifier.blocked.as_ref().map(|blocked| blocked.reason.as_str());
    let words = match (classifier.state, blocked) {
        (State::Ready, _) => Words::toned(Tone::Good, "Ready"),
        (State::Paused, _) => Words::toned(Tone::Notice, "Paused"),
        (State::Stalled, reason) => Words::toned(Tone::Bad, format!("Stalled: {}", reason.unwrap_or_default())),
        (State::NotReady, Some(reason)) => Words::toned(Tone::Notice, reason),
        (State::NotReady, None) => Words::toned(Tone::Notice, "NotReady"),
        (State::Unknown, reason) => Words::toned(Tone::Notice, reason.unwrap_or("Unknown")),
    };
    match classifier.up_to_date {
        true => words,
        false => words.and(Words::toned(Tone::Notice, " (changed)")),
    }
}
