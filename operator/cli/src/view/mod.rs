//! What each command shows: pages from the model. Pure.

mod classifiers;
mod compare;
mod detail;
mod prediction;
mod runs;
mod versions;
mod why;

pub(crate) use classifiers::classifiers;
pub(crate) use compare::compare;
pub(crate) use detail::detail;
pub(crate) use prediction::prediction;
pub(crate) use runs::{runs, summary};
pub(crate) use versions::versions;
pub(crate) use why::why;

use complaint_api::Stage;

use crate::info::{Info, NewcomerState};
use crate::render::{Page, Tone, Words};

/// A number with four decimals, the precision of every status.
fn number(value: f64) -> String {
    format!("{value:.4}")
}

fn number_or_none(value: Option<f64>) -> Words {
    Words::or_none(value.map(number))
}

fn stage(stage: Option<Stage>) -> Words {
    match stage {
        Some(Stage::Champion) => Words::toned(Tone::Good, "Champion"),
        Some(Stage::Challenger) => Words::toned(Tone::Notice, "Challenger"),
        Some(Stage::Rejected) => Words::toned(Tone::Bad, "Rejected"),
        Some(stage) => Words::from(format!("{stage:?}")),
        None => Words::none(),
    }
}

fn newcomer_state(state: NewcomerState) -> Words {
    match state {
        NewcomerState::Waiting => Words::from("waits"),
        NewcomerState::RollingOut => Words::toned(Tone::Notice, "rolling out"),
        NewcomerState::Rejected => Words::toned(Tone::Bad, "rejected"),
        NewcomerState::Stalled => Words::toned(Tone::Bad, "can't serve"),
    }
}

/// Names the objects that could not be read, so that a list is never silently incomplete.
pub(crate) fn unreadable(page: &mut Page, info: &Info) {
    for object in &info.unreadable {
        page.line(Words::toned(
            Tone::Bad,
            format!(
                "{} {}/{} can't be read and is left out: {}. Use the plugin of the operator's release, or apply the object again",
                object.kind, object.namespace, object.name, object.error
            ),
        ));
    }
}
