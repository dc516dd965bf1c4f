//! The part of a classifier's status that this controller owns, and the Events. Pure.

use complaint_api::{
    CategoryShift, ComplaintClassifier, EstimatedShare, Monitoring, MonitoringStatus, WindowVerdict,
    condition::{self, DRIFTED, MONITORED, Statement},
};
use complaint_contract::{is_shown, statistics::paths};
use complaint_drift::accuracy::Estimate;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use serde::Serialize;

use super::{
    gather::{Seen, known},
    plan::{Judged, drawn},
    pods::Fault,
};
use crate::{complaint_classifier::PORT, context::Notice, status::Owned};

/// Windows in the status.
const WINDOWS: usize = 4;
/// Categories in the status.
const CATEGORIES: usize = 10;

/// This controller's part of a status.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct MonitoringPart {
    pub(crate) conditions: Vec<Condition>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) monitoring: Option<MonitoringStatus>,
}

impl Owned for MonitoringPart {
    const FIELDS: &'static [&'static str] = &["monitoring"];
    const CONDITIONS: &'static [&'static str] = &[MONITORED, DRIFTED];
}

/// The next status, and the Events about what changed.
pub(crate) fn next(
    classifier: &ComplaintClassifier,
    monitoring: &Monitoring,
    seen: &Seen,
    judged: Option<Judged>,
    now: Timestamp,
) -> (MonitoringPart, Vec<Notice>) {
    let stored = classifier.status.as_ref();
    let old = stored.map_or(&[][..], |status| &status.conditions);
    let Some(champion) = stored.and_then(|status| status.champion.as_ref()) else {
        let waits = Statement::new(MONITORED, None, "NoChampion", "no version serves yet");
        let part = MonitoringPart {
            conditions: condition::merge(old, &[waits], classifier.metadata.generation, now),
            monitoring: None,
        };
        return (part, Vec::new());
    };
    let before = known(classifier, monitoring);
    let mut status = before.cloned().unwrap_or_else(|| MonitoringStatus {
        sha256: champion.sha256.clone(),
        window: monitoring.window.clone(),
        // The episodes of a classifier go on through its champions: each has another time.
        drift_time: stored.and_then(|status| status.monitoring.as_ref()?.drift_time.clone()),
        feedback_rows: stored
            .and_then(|status| status.monitoring.as_ref())
            .map_or(0, |known| known.feedback_rows),
        ..MonitoringStatus::default()
    });
    let was_drifted = before.is_some() && condition::is_true(old, DRIFTED);
    if let Some(judged) = &judged {
        take_in(&mut status, judged);
    }
    let is_drifted = drifted(&status.windows, was_drifted);
    if is_drifted == Some(true) && !was_drifted {
        status.drift_time = status.windows.first().map(|window| window.end_time.clone());
    }
    let statements = [
        monitored(seen, &status, monitoring),
        says(is_drifted, &status, judged.is_some(), condition::find(old, DRIFTED)),
    ];
    let notices = notices(old, &statements);
    let part = MonitoringPart {
        conditions: condition::merge(old, &statements, classifier.metadata.generation, now),
        monitoring: Some(status),
    };
    (part, notices)
}

/// Whether two windows in a row drifted, or two in a row did not; between, it stays what it was. Windows that were not judged
/// say nothing. `None`: no window was judged yet.
fn drifted(windows: &[WindowVerdict], was: bool) -> Option<bool> {
    let judged = windows.iter().filter(|window| window.judged);
    let mut drifted = judged.map(|window| !window.reasons.is_empty());
    let last = drifted.next()?;
    Some(match drifted.next() {
        Some(before) if before == last => last,
        Some(_) => was,
        None => was && last,
    })
}

fn take_in(status: &mut MonitoringStatus, judged: &Judged) {
    let drawn = drawn(&judged.feedback);
    status.feedback_rows = status.feedback_rows.saturating_add(judged.feedback.rows);
    status.windows.insert(
        0,
        WindowVerdict {
            end_time: Time(judged.end),
            answers: judged.answers,
            judged: judged.verdict.is_some() || judged.measured.is_some(),
            corrections: (drawn.rows > 0).then_some(drawn),
            reasons: judged.reasons.iter().map(|reason| reason.name().to_owned()).collect(),
        },
    );
    status.windows.truncate(WINDOWS);
    status.reference_accuracy = Some(judged.profile.accuracy.measured);
    status.measured_accuracy = judged.measured.map(share);
    let Some(verdict) = &judged.verdict else { return };
    status.category_distance = Some(verdict.categories.beyond_chance().sqrt());
    status.probability_shift = Some(verdict.probabilities.beyond_chance());
    status.unknown_word_shift = Some(verdict.unknown_words.beyond_chance());
    let performance = verdict.performance.as_ref();
    status.estimated_accuracy = performance.map(|performance| share(performance.accuracy));
    status.categories = Vec::new();
    let Some(performance) = &verdict.performance else {
        return;
    };
    let shares = judged
        .labels
        .iter()
        .zip(&judged.profile.trained_mix)
        .zip(&performance.mix)
        .zip(&performance.f1);
    // A label is a value of a row: one that does not look like a name is not shown.
    let mut shifts: Vec<CategoryShift> = shares
        .filter(|(((label, _), _), _)| is_shown(label))
        .map(|(((label, trained), estimated), f1)| CategoryShift {
            label: label.clone(),
            trained_share: *trained,
            estimated_share: *estimated,
            estimated_f1: f1.value,
        })
        .collect();
    let change = |shift: &CategoryShift| (shift.estimated_share - shift.trained_share).abs();
    shifts.sort_by(|a, b| change(b).total_cmp(&change(a)));
    shifts.truncate(CATEGORIES);
    status.categories = shifts;
}

fn share(estimate: Estimate) -> EstimatedShare {
    EstimatedShare {
        value: estimate.value,
        lower: estimate.lower,
        upper: estimate.upper,
    }
}

/// Whether the pods can be read.
fn monitored(seen: &Seen, status: &MonitoringStatus, monitoring: &Monitoring) -> Statement {
    if let Some((name, fault, place)) = seen.faults.first() {
        let others = match seen.faults.len() {
            1 => String::new(),
            more => format!(", and {} more", more - 1),
        };
        return match fault {
            Fault::Unreachable => Statement::new(
                MONITORED,
                None,
                "Unreachable",
                format!(
                    "pod {name} can't be read at {place}{others}: let the operator's pods connect to port {PORT} of the server pods. In NetworkPolicies of this namespace that is ingress from the operator's namespace; the chart's networkPolicy.egress opens the operator's side"
                ),
            ),
            _ => Statement::new(
                MONITORED,
                None,
                "Unreadable",
                format!(
                    "pod {name} at {place}{others} does not answer {} as this release's server does: use the images of one release",
                    paths::STATISTICS
                ),
            ),
        };
    }
    if seen.no_profile {
        return Statement::new(
            MONITORED,
            Some(false),
            "NoReferenceProfile",
            "the champion's model has no figures of its held-out rows to compare with: train it with this release. Its servers count all the same, see /statistics and /metrics",
        );
    }
    if seen.other_window {
        return Statement::new(
            MONITORED,
            None,
            "WindowChanges",
            format!("pods that count in windows of {} are about to start", monitoring.window),
        );
    }
    if seen.read == 0 {
        return Statement::new(MONITORED, None, "NoPods", "no ready pod serves the champion");
    }
    let last = match status.windows.first() {
        None => format!("the first window of {} has not passed yet", monitoring.window),
        Some(window) if window.judged => {
            format!("the window until {} had {} answers", window.end_time.0, window.answers)
        }
        Some(window) => format!(
            "the window until {} had {} answers, fewer than minAnswers ({}), and was not judged",
            window.end_time.0, window.answers, monitoring.min_answers
        ),
    };
    Statement::new(MONITORED, Some(true), "Monitored", last)
}

/// Whether the traffic has drifted, in what, and what that does to the accuracy.
fn says(is_drifted: Option<bool>, status: &MonitoringStatus, is_news: bool, before: Option<&Condition>) -> Statement {
    let Some(is_drifted) = is_drifted else {
        return Statement::new(DRIFTED, None, "NotJudged", "no window has been judged yet");
    };
    // The same words until the next window.
    if let Some(before) =
        before.filter(|before| !is_news && (before.status == "True") == is_drifted && before.status != "Unknown")
    {
        return Statement::repeating(DRIFTED, before);
    }
    let judged = status.windows.iter().filter(|window| window.judged);
    let drifted: Vec<&WindowVerdict> = judged.filter(|window| !window.reasons.is_empty()).collect();
    let figures = figures(status);
    match drifted.first() {
        Some(window) if is_drifted => {
            let reason = window.reasons.first().map_or("Drifted", String::as_str);
            let reasons = window.reasons.join(", ");
            Statement::new(
                DRIFTED,
                Some(true),
                reason,
                format!("{reasons} in the window until {}: {figures}", window.end_time.0),
            )
        }
        _ => Statement::new(DRIFTED, Some(is_drifted), "NotDrifted", figures),
    }
}

fn figures(status: &MonitoringStatus) -> String {
    let number = |value: Option<f64>| value.map_or_else(|| "unknown".to_owned(), |value| format!("{value:.3}"));
    let measured = status.measured_accuracy.map_or_else(String::new, |share| {
        format!(
            "measured accuracy {:.3} ({:.3} to {:.3}) on corrections drawn beforehand; ",
            share.value, share.lower, share.upper
        )
    });
    let accuracy = status.estimated_accuracy.map_or_else(String::new, |share| {
        format!(
            "estimated accuracy {:.3} ({:.3} to {:.3}), on the held-out rows {}; ",
            share.value,
            share.lower,
            share.upper,
            number(status.reference_accuracy)
        )
    });
    format!(
        "{measured}{accuracy}beyond chance, categories differ by {}, probabilities by {}, unknown words by {}",
        number(status.category_distance),
        number(status.probability_shift),
        number(status.unknown_word_shift)
    )
}

fn notices(old: &[Condition], statements: &[Statement]) -> Vec<Notice> {
    let mut notices = Vec::new();
    for statement in statements {
        let before = condition::find(old, statement.type_);
        let was = before.map(|before| before.status.as_str());
        match (statement.type_, statement.status) {
            (DRIFTED, Some(true)) if was != Some("True") => {
                notices.push(Notice::warning(&statement.reason, &statement.message));
            }
            (DRIFTED, Some(false)) if was == Some("True") => {
                notices.push(Notice::normal("NotDrifted", &statement.message))
            }
            (MONITORED, Some(false) | None)
                if ["Unreachable", "Unreadable", "NoReferenceProfile"].contains(&statement.reason.as_str())
                    && before.is_none_or(|before| before.reason != statement.reason) =>
            {
                notices.push(Notice::warning(&statement.reason, &statement.message));
            }
            _ => {}
        }
    }
    notices
}
