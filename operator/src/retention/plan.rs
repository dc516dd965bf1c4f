//! Decides which versions and runs are deleted now. Pure; the clock is an argument.
//!
//! New settings are announced first. `status.retention` says which ones were, and since when, so that nothing is deleted by
//! settings of which nobody was told, and the notice of the same settings is given once.

use complaint_api::{ComplaintClassifier, ModelVersion, Retention, RetentionStatus, TrainingRun, labels};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;

use super::gather::Seen;
use crate::{
    candidate::{self, Hindrance},
    complaint_classifier::in_order,
    controller::label,
    deletion,
    object::{digest_of, is_owned_by},
    training_run,
};

/// What to do about the history of a classifier.
#[derive(Debug, Default)]
pub(crate) struct Plan<'a> {
    /// The status after that.
    pub(crate) status: Option<RetentionStatus>,
    /// What goes now.
    pub(crate) deleted: Surplus<'a>,
    /// What was announced now, and when it begins to go.
    pub(crate) announced: Option<(Surplus<'a>, Timestamp)>,
    /// When there is something to do again, if nothing happens before.
    pub(crate) again: Option<Timestamp>,
}

/// What the settings no longer keep, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct Surplus<'a> {
    pub(crate) versions: Vec<&'a ModelVersion>,
    pub(crate) runs: Vec<&'a TrainingRun>,
}

impl Surplus<'_> {
    pub(crate) fn is_empty(&self) -> bool {
        self.versions.is_empty() && self.runs.is_empty()
    }
}

pub(crate) fn plan<'a>(
    classifier: &ComplaintClassifier,
    seen: &'a Seen,
    notice: SignedDuration,
    now: Timestamp,
) -> Plan<'a> {
    let Some(retention) = &classifier.spec.retention else {
        return Plan::default();
    };
    let stored = classifier.status.as_ref().and_then(|status| status.retention.clone());
    if classifier.spec.paused || is_to_be_restored(classifier, seen) {
        return Plan {
            status: stored,
            ..Plan::default()
        };
    }
    let settings_hash = digest_of(retention);
    // A notice of a time to come was written by a clock that was wrong.
    let deletion_time = stored.as_ref().and_then(|stored| stored.deletion_time.clone());
    let told = stored.filter(|told| told.settings_hash == settings_hash && told.notice_time.0 <= now);
    let is_new = told.is_none();
    let mut status = told.unwrap_or(RetentionStatus {
        notice_time: Time(now),
        settings_hash,
        deletion_time,
    });
    let mut surplus = surplus(classifier, retention, seen);
    let noticed = status.notice_time.0;
    if now.duration_since(noticed) < notice {
        let until = noticed.checked_add(notice).unwrap_or(Timestamp::MAX);
        return Plan {
            status: Some(status),
            announced: is_new.then_some((surplus, until)),
            again: Some(until),
            ..Plan::default()
        };
    }
    // The files of one Job at a time: it has a deadline. The end of the last is seen, and this is looked at again.
    let most = if seen.deletes_files { 0 } else { deletion::AT_ONCE };
    surplus.versions.truncate(most);
    if !surplus.is_empty() {
        status.deletion_time = Some(Time(now));
    }
    Plan {
        status: Some(status),
        deleted: surplus,
        ..Plan::default()
    }
}

/// Whether nobody knows yet which version served: the classifier was made anew, or its record was lost.
fn is_to_be_restored(classifier: &ComplaintClassifier, seen: &Seen) -> bool {
    let is_unknown = |version| {
        candidate::asks_store(version, classifier)
            || candidate::hindrance(version, classifier) == Some(Hindrance::RestoreNeedsPin)
    };
    let is_named = candidate::stored_champion(classifier).is_some();
    candidate::has_no_record(classifier) && (is_named || seen.versions.iter().any(is_unknown))
}

fn surplus<'a>(classifier: &ComplaintClassifier, retention: &Retention, seen: &'a Seen) -> Surplus<'a> {
    let waits = |version: &ModelVersion| waits_for_judgement(version, classifier);
    let active = seen.runs.iter().filter(|run| !training_run::ended(run));
    let active: Vec<_> = active
        .map(|run| (run.name_any(), training_run::made_again(run, classifier)))
        .collect();
    let stays = |version: &ModelVersion| {
        let name = version.name_any();
        is_on_record(&name, classifier)
            || waits(version)
            // A run that trains on unchanged data ends with the version that was made from it.
            || active.iter().any(|(run, is_made_again)| *run == name || is_made_again(version))
    };
    let mut versions = in_order(&seen.versions);
    versions.retain(|version| is_made_here(version) && !stays(version));
    // A comparison takes the keys of the data set from the run of its version.
    let waiting: Vec<String> = seen
        .versions
        .iter()
        .filter(|version| waits(version))
        .map(ResourceExt::name_any)
        .collect();
    let mut runs: Vec<&TrainingRun> = seen.runs.iter().collect();
    runs.retain(|run| training_run::ended(run) && is_owned_by(*run, classifier) && !waiting.contains(&run.name_any()));
    runs.sort_by_key(|run| (run.creation_timestamp().map(|time| time.0), run.name_any()));
    keep_newest(&mut versions, retention.keep_versions);
    keep_newest(&mut runs, retention.keep_runs);
    Surplus { versions, runs }
}

/// Leaves what is older than the newest `keep`; `None` keeps all.
fn keep_newest<T>(oldest_first: &mut Vec<T>, keep: Option<u32>) {
    let keep = keep.map_or(usize::MAX, |keep| usize::try_from(keep).unwrap_or(usize::MAX));
    oldest_first.truncate(oldest_first.len().saturating_sub(keep));
}

/// Whether this operator made the version, by a run or an adaptation. One that was brought from elsewhere lacks the label, which whoever may
/// change the version can take away from it.
fn is_made_here(version: &ModelVersion) -> bool {
    if candidate::adaptation(version).is_some() {
        return true;
    }
    let name = version.name_any();
    let lineage = version.spec.lineage.as_ref();
    lineage.is_some_and(|lineage| lineage.training_run == name)
        && label(version, labels::TRAINING_RUN).is_some_and(|run| run == name)
}

/// Whether the version serves, served before, is rolled out or is pinned. Its name is enough: what the record means is kept in
/// case of doubt.
fn is_on_record(name: &str, classifier: &ComplaintClassifier) -> bool {
    let status = classifier.status.as_ref();
    let champion = status
        .and_then(|status| status.champion.as_ref())
        .map(|found| &found.name);
    let others = status.map(|status| [&status.previous_champion, &status.challenger]);
    let others = others.into_iter().flatten().flatten().map(|found| &found.name);
    champion
        .into_iter()
        .chain(others)
        .chain(&classifier.spec.promotion.model_version)
        .any(|recorded| recorded == name)
}

/// Whether the operator is still to judge the version by itself.
fn waits_for_judgement(version: &ModelVersion, classifier: &ComplaintClassifier) -> bool {
    candidate::is_judged_automatically(classifier)
        && !candidate::is_judged(version, classifier)
        && matches!(
            candidate::hindrance(version, classifier),
            None | Some(Hindrance::NotCompared | Hindrance::RestorePending)
        )
}
