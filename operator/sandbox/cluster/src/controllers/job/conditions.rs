//! The conditions of a Job.

use jiff::Timestamp;
use k8s_openapi::api::batch::v1::{Job, JobCondition, JobStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

/// The result of a Job, decided before its pods are gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// Whether it completes or fails.
    pub success: bool,
    /// A CamelCase reason.
    pub reason: String,
    /// A message for people.
    pub message: String,
}

impl Ending {
    pub(super) fn success(reason: &str, message: &str) -> Self {
        Self {
            success: true,
            reason: reason.into(),
            message: message.into(),
        }
    }

    pub(super) fn failure(reason: &str, message: impl Into<String>) -> Self {
        Self {
            success: false,
            reason: reason.into(),
            message: message.into(),
        }
    }

    /// The result that an earlier pass recorded but did not finish.
    pub(super) fn recorded(status: &JobStatus) -> Option<Self> {
        [("FailureTarget", false), ("SuccessCriteriaMet", true)]
            .into_iter()
            .find_map(|(kind, success)| {
                let condition = find(status, kind).filter(|condition| condition.status == "True")?;
                Some(Self {
                    success,
                    reason: condition.reason.clone().unwrap_or_default(),
                    message: condition.message.clone().unwrap_or_default(),
                })
            })
    }

    /// The interim condition while pods terminate.
    pub(super) fn announced(&self) -> &'static str {
        if self.success {
            "SuccessCriteriaMet"
        } else {
            "FailureTarget"
        }
    }

    /// The terminal condition of the Job.
    pub(super) fn terminal(&self) -> &'static str {
        if self.success { "Complete" } else { "Failed" }
    }
}

/// The condition of this type.
pub fn find<'a>(status: &'a JobStatus, kind: &str) -> Option<&'a JobCondition> {
    status
        .conditions
        .iter()
        .flatten()
        .find(|condition| condition.type_ == kind)
}

/// The terminal condition of a finished Job.
pub fn finished(job: &Job) -> Option<&JobCondition> {
    let status = job.status.as_ref()?;
    ["Complete", "Failed"]
        .into_iter()
        .find_map(|kind| find(status, kind).filter(|condition| condition.status == "True"))
}

/// Sets a condition; returns whether its status changed. A new condition with the status False is not added.
pub fn set(status: &mut JobStatus, kind: &str, truth: bool, reason: &str, message: &str, now: Timestamp) -> bool {
    let value = if truth { "True" } else { "False" };
    let conditions = status.conditions.get_or_insert_default();
    let existing = conditions.iter_mut().find(|condition| condition.type_ == kind);
    match existing {
        Some(condition) if condition.status == value => return false,
        Some(condition) => {
            condition.status = value.into();
            condition.reason = Some(reason.into());
            condition.message = Some(message.into());
            condition.last_transition_time = Some(Time(now));
            condition.last_probe_time = Some(Time(now));
        }
        None if truth => conditions.push(JobCondition {
            type_: kind.into(),
            status: value.into(),
            reason: Some(reason.into()),
            message: Some(message.into()),
            last_probe_time: Some(Time(now)),
            last_transition_time: Some(Time(now)),
        }),
        None => {
            if conditions.is_empty() {
                status.conditions = None;
            }
            return false;
        }
    }
    true
}
