//! The part of a classifier's status that this controller owns, and its Events. Pure; the clock is an argument.

use complaint_api::{DeletionPolicy, ModelVersion, RetentionStatus};
use jiff::Timestamp;
use kube::ResourceExt;
use serde::Serialize;

use super::plan::{Plan, Surplus};
use crate::{context::Notice, status::Owned};

/// Where retention stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct RetentionPart {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) retention: Option<RetentionStatus>,
}

impl Owned for RetentionPart {
    const FIELDS: &'static [&'static str] = &["retention"];
    const CONDITIONS: &'static [&'static str] = &[];
}

/// The next status.
pub(crate) fn next(plan: &Plan<'_>) -> RetentionPart {
    RetentionPart {
        retention: plan.status.clone(),
    }
}

/// The Events about what was announced and what was deleted.
pub(crate) fn notices(plan: &Plan<'_>, now: Timestamp) -> Vec<Notice> {
    let mut notices = Vec::new();
    if let Some((surplus, until)) = &plan.announced {
        let what = match surplus.is_empty() {
            true => "nothing at present".to_owned(),
            false => described(surplus),
        };
        let note = format!("from {until} on, spec.retention deletes what is surplus then; as things are, {what}");
        notices.push(Notice::normal("WouldDelete", note));
    }
    let Surplus { versions, runs } = &plan.deleted;
    if !versions.is_empty() {
        notices.push(Notice::normal(
            "VersionsDeleted",
            format!("spec.retention deleted {}", described_versions(versions)),
        ));
    }
    if !runs.is_empty() {
        notices.push(Notice::normal(
            "RunsDeleted",
            format!("spec.retention deleted {}", counted("TrainingRun", runs)),
        ));
    }
    // What happens again is another Event.
    notices.into_iter().map(|notice| notice.at(now)).collect()
}

fn described(surplus: &Surplus<'_>) -> String {
    let versions = (!surplus.versions.is_empty()).then(|| described_versions(&surplus.versions));
    let runs = (!surplus.runs.is_empty()).then(|| counted("TrainingRun", &surplus.runs));
    versions.into_iter().chain(runs).collect::<Vec<_>>().join(", and ")
}

/// The versions, and what becomes of their files.
fn described_versions(versions: &[&ModelVersion]) -> String {
    let with_files = versions
        .iter()
        .filter(|version| version.spec.deletion_policy == DeletionPolicy::Delete)
        .count();
    let files = match with_files {
        0 => "their files stay in the store (deletionPolicy: Orphan)".to_owned(),
        all if all == versions.len() => "with their files (deletionPolicy: Delete)".to_owned(),
        some => format!("{some} of them with their files (deletionPolicy: Delete)"),
    };
    format!("{}; {files}", counted("ModelVersion", versions))
}

/// How many there are, and the names of the first.
fn counted<K: ResourceExt>(kind: &str, objects: &[&K]) -> String {
    const NAMED: usize = 8;
    let plural = if objects.len() == 1 { "" } else { "s" };
    let mut names: Vec<String> = objects.iter().take(NAMED).map(|object| object.name_any()).collect();
    if objects.len() > NAMED {
        names.push(format!("and {} more", objects.len() - NAMED));
    }
    format!("{} {kind}{plural} ({})", objects.len(), names.join(", "))
}
