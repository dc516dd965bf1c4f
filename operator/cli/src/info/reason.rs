//! Conditions, and the reasons that they give.

use complaint_api::condition;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use serde::Serialize;

/// Why something is as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reason {
    /// A word for programs, such as `NotBetter`.
    pub reason: String,
    /// A sentence for people.
    pub message: String,
    /// Since when, if a condition says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
}

impl Reason {
    /// A reason that no condition has, but the spec says.
    pub(super) fn new(reason: &str, message: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            message: message.into(),
            since: None,
        }
    }
}

impl From<&Condition> for Reason {
    fn from(condition: &Condition) -> Self {
        Self {
            reason: condition.reason.clone(),
            message: condition.message.clone(),
            since: Some(condition.last_transition_time.0),
        }
    }
}

/// A condition of an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConditionInfo {
    /// Its type, such as `Ready`.
    #[serde(rename = "type")]
    pub type_: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// A word for programs.
    pub reason: String,
    /// A sentence for people.
    pub message: String,
    /// Since when it has this status.
    pub since: Timestamp,
}

impl From<&Condition> for ConditionInfo {
    fn from(condition: &Condition) -> Self {
        Self {
            type_: condition.type_.clone(),
            status: condition.status.clone(),
            reason: condition.reason.clone(),
            message: condition.message.clone(),
            since: condition.last_transition_time.0,
        }
    }
}

pub(super) fn all(conditions: &[Condition]) -> Vec<ConditionInfo> {
    conditions.iter().map(ConditionInfo::from).collect()
}

/// The reason of the condition of that type, if it has this status.
pub(super) fn of(conditions: &[Condition], type_: &str, status: &str) -> Option<Reason> {
    condition::find(conditions, type_)
        .filter(|condition| condition.status == status)
        .map(Reason::from)
}
