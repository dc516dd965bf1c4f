//! What versions are told about their comparison. Pure.

use complaint_api::{ModelVersion, condition};
use kube::ResourceExt;

use super::{
    build::{COMPARES, COMPARING},
    gather::Seen,
    plan::{Plan, State},
};
use crate::context::Notice;

/// Events about the version that is compared.
pub(crate) fn notices<'a>(seen: &'a Seen, plan: &Plan) -> Option<(&'a ModelVersion, Vec<Notice>)> {
    let step = plan.step.as_ref()?;
    let version = seen
        .versions
        .iter()
        .find(|version| version.name_any() == step.version)?;
    let before = version.status.iter().flat_map(|status| &status.conditions);
    let before = before.clone().find(|found| found.type_ == condition::EVALUATED);
    let said =
        |reason: &str, message: &str| before.is_some_and(|before| before.reason == reason && before.message == message);
    let notice = match &step.state {
        State::Start => Notice::normal(COMPARING, COMPARES),
        State::Answered(result) => {
            let rows = result.evaluation.rows;
            Notice::normal(
                "Compared",
                format!("a Job evaluated the version on {rows} held-out rows"),
            )
        }
        State::Impossible { reason, message } if !said(reason, message) => {
            Notice::warning(reason.clone(), message.clone())
        }
        State::Works { .. } | State::Impossible { .. } => return None,
    };
    Some((version, vec![notice]))
}
