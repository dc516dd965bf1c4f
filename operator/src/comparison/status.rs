//! What versions are told about their comparison. Pure.

use complaint_api::ModelVersion;

use super::{
    build::{COMPARES, COMPARING},
    plan::{Plan, State},
};
use crate::context::Notice;

/// The Event about the version that is compared.
pub(crate) fn notice<'a>(plan: &Plan<'a>) -> Option<(&'a ModelVersion, Notice)> {
    let step = plan.step.as_ref()?;
    let notice = match &step.state {
        State::Start(_) => Notice::normal(COMPARING, COMPARES),
        State::Works { .. } => return None,
        State::Answered(result) => {
            let rows = result.evaluation.rows;
            Notice::normal(
                "Compared",
                format!("a Job evaluated the version on {rows} held-out rows"),
            )
        }
        // The plan has it until it is told.
        State::Impossible { reason, message } => Notice::warning(reason.clone(), message.clone()),
    };
    Some((step.version, notice))
}
