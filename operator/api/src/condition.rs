//! Condition types, reasons, and how conditions are set.
//!
//! The types follow [kstatus](https://github.com/kubernetes-sigs/cli-utils/blob/master/pkg/kstatus/README.md): `Ready` and
//! `Available` are normally true; `Reconciling`, `Stalled`, `Failed`, `Rejected` and `Drifted` are true only while
//! something is in progress, or is not as it should be.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

/// The object matches its spec.
pub const READY: &str = "Ready";
/// The Service has at least one endpoint that serves the champion.
pub const AVAILABLE: &str = "Available";
/// The controller is working towards the spec.
pub const RECONCILING: &str = "Reconciling";
/// The controller can't proceed until somebody makes a change.
pub const STALLED: &str = "Stalled";
/// The run recorded its ModelVersion.
pub const COMPLETE: &str = "Complete";
/// The run ended without a model.
pub const FAILED: &str = "Failed";
/// The version is not promoted automatically; the reason names the rule, or the error of its server.
pub const REJECTED: &str = "Rejected";
/// A Job evaluated the version beside the champion; false: it could not, and the reason says why.
pub const EVALUATED: &str = "Evaluated";
/// A tracking server has the version, or all versions of the classifier; false: not yet, and the reason says why.
pub const TRACKED: &str = "Tracked";
/// The operator reads what the champion's servers count; unknown: it can't reach them all, and the message says what to open.
pub const MONITORED: &str = "Monitored";
/// The traffic of the last windows differs from the held-out rows; the reason says in what.
pub const DRIFTED: &str = "Drifted";
/// A version of the champion was made for the mix of categories of the traffic; false: it could not, and the reason says why.
pub const ADAPTED: &str = "Adapted";
/// The Deployment makes progress.
pub const PROGRESSING: &str = "Progressing";

/// A condition without its time and generation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The condition's type, one of the constants of this module.
    pub type_: &'static str,
    /// `Some(true)`, `Some(false)`, or `None` for `Unknown`.
    pub status: Option<bool>,
    /// A CamelCase reason for programs.
    pub reason: String,
    /// A message for people, with the fix if there is one.
    pub message: String,
}

impl Statement {
    /// A statement about `type_` with a reason and a message.
    pub fn new(
        type_: &'static str,
        status: Option<bool>,
        reason: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            type_,
            status,
            reason: reason.into(),
            message: message.into(),
        }
    }

    /// What a condition of that type says already.
    pub fn repeating(type_: &'static str, condition: &Condition) -> Self {
        let status = match condition.status.as_str() {
            "True" => Some(true),
            "False" => Some(false),
            _ => None,
        };
        Self::new(type_, status, &condition.reason, &condition.message)
    }

    /// Whether `condition` says the same.
    pub fn is_said_by(&self, condition: &Condition) -> bool {
        condition.status == status_text(self.status)
            && condition.reason == self.reason
            && condition.message == self.message
    }
}

fn status_text(status: Option<bool>) -> &'static str {
    match status {
        Some(true) => "True",
        Some(false) => "False",
        None => "Unknown",
    }
}

/// The conditions after `statements`, sorted by type. `lastTransitionTime` changes only if the status does. Types
/// without a statement are removed.
pub fn merge(old: &[Condition], statements: &[Statement], generation: Option<i64>, now: Timestamp) -> Vec<Condition> {
    let mut conditions: Vec<Condition> = statements
        .iter()
        .map(|statement| {
            let status = status_text(statement.status);
            let before = find(old, statement.type_).filter(|condition| condition.status == status);
            Condition {
                type_: statement.type_.to_owned(),
                status: status.to_owned(),
                reason: statement.reason.chars().take(1024).collect(),
                message: statement.message.chars().take(32_768).collect(),
                observed_generation: generation,
                last_transition_time: before.map_or(Time(whole_seconds(now)), |c| c.last_transition_time.clone()),
            }
        })
        .collect();
    conditions.sort_by(|a, b| a.type_.cmp(&b.type_));
    conditions
}

/// `now` without its fraction: the API stores `metav1.Time` in whole seconds.
pub fn whole_seconds(now: Timestamp) -> Timestamp {
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}

/// The condition of that type.
pub fn find<'a>(conditions: &'a [Condition], type_: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| condition.type_ == type_)
}

/// Whether the condition of that type is `True`.
pub fn is_true(conditions: &[Condition], type_: &str) -> bool {
    find(conditions, type_).is_some_and(|condition| condition.status == "True")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transition_time_moves_only_when_the_status_flips() {
        let at = |second| Timestamp::from_second(second).expect("a valid time");
        let first = merge(
            &[],
            &[Statement::new(READY, Some(false), "Training", "stage 1")],
            Some(1),
            at(10),
        );
        let second = merge(
            &first,
            &[Statement::new(READY, Some(false), "Training", "stage 2")],
            Some(1),
            at(20),
        );
        assert_eq!(second[0].last_transition_time.0, at(10));
        assert_eq!(second[0].message, "stage 2");
        let third = merge(
            &second,
            &[Statement::new(READY, Some(true), "Done", "")],
            Some(1),
            at(30),
        );
        assert_eq!(third[0].last_transition_time.0, at(30));
    }

    #[test]
    fn types_no_longer_stated_disappear_and_order_is_stable() {
        let now = Timestamp::from_second(1).expect("a valid time");
        let old = merge(&[], &[Statement::new(STALLED, Some(true), "A", "")], None, now);
        let new = merge(
            &old,
            &[
                Statement::new(RECONCILING, Some(true), "A", ""),
                Statement::new(AVAILABLE, None, "B", ""),
            ],
            None,
            now,
        );
        let types: Vec<_> = new.iter().map(|condition| condition.type_.as_str()).collect();
        assert_eq!(types, [AVAILABLE, RECONCILING]);
        assert_eq!(new[0].status, "Unknown");
        assert!(!is_true(&new, AVAILABLE));
    }
}
