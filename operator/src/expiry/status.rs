//! The part of a classifier's status that this controller owns, and the Events about it. Pure.

use complaint_api::ExpiryStatus;
use jiff::Timestamp;
use serde::Serialize;

use super::plan::Plan;
use crate::{context::Notice, status::Owned};

/// For which day old rows were deleted.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct ExpiryPart {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) expiry: Option<ExpiryStatus>,
}

impl Owned for ExpiryPart {
    const FIELDS: &'static [&'static str] = &["expiry"];
    const CONDITIONS: &'static [&'static str] = &[];
}

/// The next status.
pub(crate) fn next(plan: &Plan<'_>) -> ExpiryPart {
    ExpiryPart {
        expiry: plan.status.clone(),
    }
}

/// The Events about what a Job deleted, or why it could not.
pub(crate) fn notices(plan: &Plan<'_>, now: Timestamp) -> Vec<Notice> {
    let notice = match &plan.learnt {
        Some(Ok(result)) if result.feedback.segments + result.capture.segments > 0 => {
            let note = format!(
                "rows older than retentionDays were deleted: {} days of corrections, {} days of captured answers",
                result.feedback.days, result.capture.days
            );
            Notice::normal("RowsExpired", note)
        }
        Some(Err(error)) => {
            let note = format!(
                "rows older than retentionDays could not be deleted, which is tried again tomorrow: {}: {}",
                error.reason, error.message
            );
            Notice::warning("ExpiryFailed", note)
        }
        _ => return Vec::new(),
    };
    vec![notice.at(now)]
}
