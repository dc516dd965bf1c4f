//! Words, numbers, times and links of pages.

use std::fmt::Write as _;

use complaint_api::{Comparison, Metric, PromotionComparison, Stage};
pub(super) use complaint_report::{counted, thousands};
use jiff::Timestamp;
use maud::{Markup, Render, html};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::{
    info::{ConditionInfo, State},
    render::{age, instant, visible, when},
};

/// Text that others wrote: on one line, without characters that nobody sees or that turn the direction of reading. Maud escapes
/// it where it is used.
pub(super) fn text(text: &str) -> String {
    visible(text)
}

/// The same as a sentence of its own: errors begin with a small letter, because they follow a colon elsewhere.
pub(super) fn sentence(message: &str) -> String {
    let message = text(message);
    let mut rest = message.chars();
    let first = rest
        .next()
        .map(|first| first.to_uppercase().to_string())
        .unwrap_or_default();
    format!("{first}{}", rest.as_str())
}

/// An address of this dashboard. Names are encoded, so that none leads elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Path(String);

impl Render for Path {
    fn render_to(&self, out: &mut String) {
        self.0.as_str().render_to(out);
    }
}

impl Path {
    fn of(parts: &[&str]) -> Self {
        let mut path = String::new();
        for part in parts {
            // Writing to a string does not fail.
            let _ = write!(path, "/{}", utf8_percent_encode(part, &KEPT));
        }
        Self(path)
    }

    pub(super) fn classifier(namespace: &str, name: &str) -> Self {
        Self::of(&["classifiers", namespace, name])
    }

    pub(super) fn versions(namespace: &str, classifier: &str) -> Self {
        Self::of(&["classifiers", namespace, classifier, "versions"])
    }

    pub(super) fn review(namespace: &str, classifier: &str) -> Self {
        Self::of(&["classifiers", namespace, classifier, "review"])
    }

    pub(super) fn compare(namespace: &str, classifier: &str) -> Self {
        Self::of(&["classifiers", namespace, classifier, "compare"])
    }

    pub(super) fn version(namespace: &str, name: &str) -> Self {
        Self::of(&["versions", namespace, name])
    }

    pub(super) fn run(namespace: &str, name: &str) -> Self {
        Self::of(&["runs", namespace, name])
    }

    /// With these fields of a form; empty ones are left out.
    pub(super) fn with(mut self, fields: &[(&str, &str)]) -> Self {
        let mut mark = '?';
        for (name, value) in fields.iter().filter(|(_, value)| !value.is_empty()) {
            // Writing to a string does not fail.
            let _ = write!(self.0, "{mark}{name}={}", utf8_percent_encode(value, &KEPT));
            mark = '&';
        }
        self
    }

    /// The list of all classifiers.
    pub(super) fn fleet() -> Self {
        Self("/".into())
    }
}

/// What stays readable in an address.
const KEPT: percent_encoding::AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_');

/// A number with four decimals, the precision of every status.
pub(super) fn number(value: f64) -> String {
    format!("{value:.4}")
}

/// The same with its sign.
pub(super) fn signed(value: f64) -> String {
    // The typographic minus has the width of the plus.
    format!("{value:+.4}").replace('-', "\u{2212}")
}

/// `12.3 %`.
pub(super) fn percent(share: f64) -> String {
    format!("{:.1}\u{a0}%", 100.0 * share)
}

/// The first digits of a digest.
pub(super) fn short(digest: &str) -> String {
    text(&digest.chars().take(12).collect::<String>())
}

/// What stands where there is nothing; a screen reader says so.
pub(super) fn none() -> Markup {
    html! { span.none { span aria-hidden="true" { "–" } span.hidden { "none" } } }
}

/// The value, or what stands where there is nothing.
pub(super) fn or_none(value: Option<impl Render>) -> Markup {
    match value {
        Some(value) => html! { (value) },
        None => none(),
    }
}

/// A time, for people and programs.
pub(super) fn instant_of(time: Timestamp) -> Markup {
    let shown = instant(time).replace('T', " ").replace('Z', " UTC");
    html! { time datetime=(instant(time)) { (shown) } }
}

/// `3d ago`, with the time itself as its title.
pub(super) fn ago(time: Timestamp, now: Timestamp) -> Markup {
    html! { time datetime=(instant(time)) title=(instant(time)) { (when(time, now)) } }
}

/// `3d`, with the time itself as its title.
pub(super) fn age_of(time: Timestamp, now: Timestamp) -> Markup {
    html! { time datetime=(instant(time)) title=(instant(time)) { (age(time, now)) } }
}

/// A word with a colour that means something; the word says it, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Good,
    Bad,
    Notice,
    Dim,
}

impl Tone {
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Bad => "bad",
            Self::Notice => "look",
            Self::Dim => "dim",
        }
    }
}

/// A word in a coloured box.
pub(super) fn badge(tone: Tone, word: &str) -> Markup {
    html! { span class={ "badge " (tone.class()) } { (text(word)) } }
}

pub(super) fn stage(stage: Option<Stage>) -> Markup {
    match stage {
        Some(Stage::Champion) => badge(Tone::Good, "Champion"),
        Some(Stage::Challenger) => badge(Tone::Notice, "Challenger"),
        Some(Stage::Rejected) => badge(Tone::Bad, "Rejected"),
        Some(Stage::Candidate) => badge(Tone::Notice, "Candidate"),
        Some(Stage::Retired) => badge(Tone::Dim, "Retired"),
        None => badge(Tone::Dim, "Not seen"),
    }
}

/// The state of a classifier; `None`: there is none.
pub(super) fn state(state: Option<State>, blocked: Option<&str>) -> Markup {
    let word = |other: &str| blocked.filter(|word| !word.is_empty()).unwrap_or(other).to_owned();
    match state {
        Some(State::Ready) => badge(Tone::Good, "Ready"),
        Some(State::Paused) => badge(Tone::Dim, "Paused"),
        Some(State::Stalled) => badge(Tone::Bad, "Stalled"),
        Some(State::NotReady) => badge(Tone::Notice, &word("NotReady")),
        Some(State::Unknown) => badge(Tone::Notice, &word("Not seen")),
        None => badge(Tone::Dim, "No classifier"),
    }
}

/// A metric's name for people.
pub(super) fn metric(metric: Metric) -> &'static str {
    match metric {
        Metric::MacroF1 => "macro-F1",
        Metric::WeightedF1 => "weighted F1",
        Metric::Accuracy => "accuracy",
        Metric::LogLoss => "log-loss",
    }
}

/// `[−0.0426, +0.0026]`.
pub(super) fn interval([lower, upper]: [f64; 2]) -> String {
    format!("[{}, {}]", signed(lower), signed(upper))
}

/// What a comparison says of the difference, in words.
pub(super) fn chance([lower, upper]: [f64; 2]) -> (Tone, &'static str) {
    match (lower > 0.0, upper < 0.0) {
        (true, _) => (Tone::Good, "better, and not by chance"),
        (_, true) => (Tone::Bad, "worse, and not by chance"),
        (false, false) => (Tone::Notice, "a difference of this size can be chance"),
    }
}

/// The figures of a comparison that both records have.
pub(super) fn difference(comparison: &Comparison) -> PromotionComparison {
    PromotionComparison {
        metric: comparison.metric,
        difference: comparison.difference,
        confidence_interval: comparison.confidence_interval,
    }
}

/// A table of conditions.
pub(super) fn conditions(conditions: &[ConditionInfo], now: Timestamp) -> Markup {
    html! {
        @if conditions.is_empty() {
            p { "The operator has written none." }
        } @else {
            div.scroll tabindex="0" role="region" aria-label="Conditions" {
                table {
                    caption { "What the operator says of it" }
                    thead { tr { th scope="col" { "Condition" } th scope="col" { "Status" } th.number scope="col" { "For" } th scope="col" { "Reason" } th scope="col" { "Message" } } }
                    tbody {
                        @for condition in conditions {
                            tr {
                                th scope="row" { (text(&condition.type_)) }
                                td { (text(&condition.status)) }
                                td.number { (age_of(condition.since, now)) }
                                td { (text(&condition.reason)) }
                                td.message { (text(&condition.message)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// A command that the reader may want.
pub(super) fn command(line: &str) -> Markup {
    html! { code.command { (text(line)) } }
}
