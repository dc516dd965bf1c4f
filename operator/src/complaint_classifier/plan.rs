//! Decides which version serves. Pure, and independent of the clock.

use complaint_api::{
    ClassifierChampion, ComplaintClassifier, ModelVersion, PromotionPolicy, PromotionReason, VersionDigest,
    condition::{self, STALLED},
};
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::Deployment;
use kube::ResourceExt;

use super::{
    gather::Seen,
    judge::{self, Objection},
    rollout::{self, Rollout},
};
use crate::{
    candidate::{self, Hindrance, means},
    object::{Object, is_owned_by},
};

/// The reason of `Stalled` after the pinned version's pods failed; holds until the spec changes.
pub(crate) const PIN_FAILED: &str = "PinnedVersionFailed";

/// The reason of `Stalled` while the API server refuses one of the classifier's objects.
pub(crate) const APPLY_REFUSED: &str = "ApplyRefused";

/// The desired state.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Plan {
    /// Who serves now.
    pub(crate) champion: Option<ClassifierChampion>,
    /// The version that the Deployment rolls out.
    pub(crate) target: Option<ModelVersion>,
    /// Where its rollout stands.
    pub(crate) rollout: Option<Rollout>,
    /// The target's rollout is complete and it is not champion yet: why it becomes one.
    pub(crate) promote: Option<PromotionReason>,
    /// Versions that are rejected now.
    pub(crate) rejected: Vec<Rejected>,
    /// The first version that waits for a pin, and why.
    pub(crate) waiting: Option<(String, Hindrance)>,
    /// What a classifier without a record found.
    pub(crate) restore: Option<Restore>,
    /// Why somebody has to act.
    pub(crate) stalled: Option<(&'static str, String)>,
    /// Why nothing is changed at all.
    pub(crate) hold: Option<Hold>,
}

/// The versions that a classifier without a record must not judge.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Restore {
    /// The one whose annotation claims the latest promotion. A claim: it is named, and decides nothing.
    pub(crate) claimant: Option<String>,
    /// The last champion by the store's record.
    pub(crate) stored: Option<VersionDigest>,
    /// Whether the store is being asked for it.
    pub(crate) is_asked: bool,
    /// The classifier itself promoted one of them and lost the record: its pods go on until somebody pins a version.
    pub(crate) record_lost: bool,
}

/// Why a classifier's objects are left as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hold {
    /// `spec.paused` asks for it.
    Paused,
    /// An object that belongs to something else has the name of one of the classifier's.
    NameTaken,
}

impl Plan {
    /// Updates the plan with the applied Deployment: a changed one is not complete, and nothing is promoted by the
    /// status of the previous one.
    pub(crate) fn look_again(
        &mut self,
        classifier: &ComplaintClassifier,
        seen: &mut Seen,
        applied: Option<Deployment>,
    ) {
        if self.hold.is_some() {
            return;
        }
        seen.deployment = match applied {
            None if self.deletes_deployment() => None,
            None => seen.deployment.take(),
            applied => applied,
        };
        let serving = &classifier.spec.serving;
        self.rollout = self.target.as_ref().map(|target| rollout::of(target, serving, seen));
        self.stall_if_refused();
        if self.rollout != Some(Rollout::Complete) {
            self.promote = None;
        }
    }

    /// Nobody serves and nobody is to. While a champion is on record its pods go on, even if its ModelVersion is gone; so do
    /// those of a champion whose record was lost.
    pub(crate) fn deletes_deployment(&self) -> bool {
        self.target.is_none() && self.champion.is_none() && !self.record_lost()
    }

    fn record_lost(&self) -> bool {
        self.restore.as_ref().is_some_and(|restore| restore.record_lost)
    }

    /// Whether nothing is left to do until something changes.
    pub(crate) fn is_at_rest(&self) -> bool {
        let settled = self.rollout == Some(Rollout::Complete) || self.target.is_none();
        settled && self.stalled.as_ref().is_none_or(|(reason, _)| *reason != APPLY_REFUSED)
    }

    /// Marks the plan as stalled if the servers refuse the spec; the pods of before go on.
    fn stall_if_refused(&mut self) {
        if let (None, Some(Rollout::Refused(reason, message))) = (&self.stalled, &self.rollout) {
            self.stalled = Some((reason, message.clone()));
        }
    }

    /// Marks the plan as stalled because the API server rejects a change; nothing is promoted until this is fixed.
    pub(crate) fn refused(&mut self, message: String) {
        self.promote = None;
        self.stalled = Some((APPLY_REFUSED, message));
    }
}

/// A version that is rejected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rejected {
    pub(crate) version: String,
    pub(crate) reason: String,
    pub(crate) message: String,
}

impl Rejected {
    fn by_rule(version: &ModelVersion, objection: Objection) -> Self {
        Self {
            version: version.name_any(),
            reason: objection.reason.into(),
            message: objection.message,
        }
    }
}

pub(crate) fn plan(classifier: &ComplaintClassifier, seen: &Seen) -> Plan {
    let mut plan = Plan {
        champion: classifier.status.as_ref().and_then(|status| status.champion.clone()),
        restore: restore(classifier, seen),
        ..Plan::default()
    };
    if classifier.spec.paused {
        plan.hold = Some(Hold::Paused);
        return plan;
    }
    if let Some(taken) = taken(classifier, seen) {
        plan.stalled = Some((
            "NameTaken",
            format!(
                "{taken} exists and belongs to something else: delete it, or give the ComplaintClassifier another name"
            ),
        ));
        plan.hold = Some(Hold::NameTaken);
        return plan;
    }
    let target = match &classifier.spec.promotion.model_version {
        Some(pinned) => pinned_target(classifier, seen, pinned, &mut plan),
        None => match restored_target(classifier, seen) {
            Some(version) => Some(version),
            None => automatic_target(classifier, seen, &mut plan),
        },
    };
    plan.target = target.or_else(|| champion_version(classifier, &plan, seen)).cloned();
    judge_rollout(classifier, seen, &mut plan);
    plan.stall_if_refused();
    plan
}

/// The kind and name of an object that has the name of one of the classifier's and is not the classifier's.
fn taken(classifier: &ComplaintClassifier, seen: &Seen) -> Option<String> {
    fn foreign<K: Object>(object: Option<&K>, classifier: &ComplaintClassifier) -> Option<String> {
        let object = object.filter(|object| !is_owned_by(*object, classifier))?;
        Some(format!("{} {}", K::kind(&()), object.name_any()))
    }
    foreign(seen.deployment.as_ref(), classifier)
        .or_else(|| foreign(seen.service.as_ref(), classifier))
        .or_else(|| foreign(seen.budget.as_ref(), classifier))
        .or_else(|| foreign(seen.autoscaler.as_ref(), classifier))
}

fn find<'a>(seen: &'a Seen, name: &str) -> Option<&'a ModelVersion> {
    seen.versions.iter().find(|version| version.name_any() == name)
}

/// The champion's record. A version of its name with other bytes is another one.
fn champion_version<'a>(classifier: &ComplaintClassifier, plan: &Plan, seen: &'a Seen) -> Option<&'a ModelVersion> {
    let mut versions = seen.versions.iter();
    versions.find(|version| is_champion(plan, version) && barred(classifier, version).is_none())
}

fn is_champion(plan: &Plan, version: &ModelVersion) -> bool {
    let champion = plan.champion.as_ref();
    champion.is_some_and(|champion| means(&champion.name, &champion.sha256, version))
}

/// Why not even a pin serves the version.
fn barred(classifier: &ComplaintClassifier, version: &ModelVersion) -> Option<Hindrance> {
    candidate::hindrance(version, classifier).filter(|hindrance| hindrance.bars_serving())
}

/// The version that the store's record names, for a classifier that has none: it served last, whatever the policy is now.
fn restored_target<'a>(classifier: &ComplaintClassifier, seen: &'a Seen) -> Option<&'a ModelVersion> {
    let stored = candidate::stored_champion(classifier)?;
    let mut found: Vec<_> = seen
        .versions
        .iter()
        .filter(|version| version.spec.artifact.sha256 == stored.sha256)
        .filter(|version| barred(classifier, version).is_none() && !candidate::is_rejected(version))
        .collect();
    // The artifact decides; of several records of it the one of that name.
    found.sort_by_key(|version| version.name_any() != stored.name);
    found.first().copied()
}

/// What a classifier without a record finds: versions older than itself, or promoted by a record that was lost.
fn restore(classifier: &ComplaintClassifier, seen: &Seen) -> Option<Restore> {
    if !candidate::has_no_record(classifier) {
        return None;
    }
    let found: Vec<_> = seen
        .versions
        .iter()
        .filter(|version| candidate::hindrance(version, classifier) == Some(Hindrance::RestoreNeedsPin))
        .collect();
    let claims = found
        .iter()
        .filter_map(|version| Some((candidate::claimed_promotion(version)?, version)));
    let stored = candidate::stored_champion(classifier).cloned();
    (!found.is_empty() || stored.is_some()).then(|| Restore {
        is_asked: found.iter().any(|version| candidate::asks_store(version, classifier)),
        stored,
        claimant: claims
            .max_by_key(|(time, _)| *time)
            .map(|(_, version)| version.name_any()),
        record_lost: found
            .iter()
            .any(|version| candidate::record_is_lost(version, classifier)),
    })
}

/// The record of `version` as champion since `at`.
pub(crate) fn champion_record(version: &ModelVersion, at: Option<Timestamp>) -> ClassifierChampion {
    ClassifierChampion {
        name: version.name_any(),
        sha256: version.spec.artifact.sha256.clone(),
        metrics: candidate::evaluation(version)
            .map(|evaluation| evaluation.metrics)
            .unwrap_or_default(),
        promotion_time: at.map(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time),
    }
}

fn pinned_target<'a>(
    classifier: &ComplaintClassifier,
    seen: &'a Seen,
    pinned: &str,
    plan: &mut Plan,
) -> Option<&'a ModelVersion> {
    let Some(version) = find(seen, pinned) else {
        plan.stalled = Some((
            "PinnedVersionNotFound",
            format!(
                "spec.promotion.modelVersion names {pinned}, which is not a ModelVersion of this classifier: apply it, or correct the name"
            ),
        ));
        return None;
    };
    if let Some(hindrance) = barred(classifier, version) {
        plan.stalled = Some((
            hindrance.reason(),
            format!(
                "the pinned ModelVersion {pinned} can't be served: {}",
                hindrance.message(version)
            ),
        ));
        return None;
    }
    match failed_pin(classifier) {
        Some(message) if !is_champion(plan, version) => {
            plan.stalled = Some((PIN_FAILED, message));
            None
        }
        _ => Some(version),
    }
}

/// The message of the pinned version's failure, if it failed for the current spec.
fn failed_pin(classifier: &ComplaintClassifier) -> Option<String> {
    let status = classifier.status.as_ref()?;
    let stalled = condition::find(&status.conditions, STALLED)?;
    let same_spec = stalled.observed_generation == classifier.metadata.generation;
    (stalled.reason == PIN_FAILED && same_spec).then(|| stalled.message.clone())
}

fn automatic_target<'a>(classifier: &ComplaintClassifier, seen: &'a Seen, plan: &mut Plan) -> Option<&'a ModelVersion> {
    if classifier.spec.promotion.policy == PromotionPolicy::Manual || plan.record_lost() {
        return None;
    }
    // The store's answer may name another one than the first that could be judged.
    let versions = judge::in_order(&seen.versions);
    let mut asking = versions
        .iter()
        .filter(|version| candidate::asks_store(version, classifier));
    if let Some(version) = asking.next() {
        plan.waiting = Some((version.name_any(), Hindrance::RestorePending));
        return None;
    }
    let is_free = |version: &ModelVersion| candidate::hindrance(version, classifier).is_none();
    // A version once accepted goes on until it serves or fails; others wait for the champion it leaves.
    let challenger = classifier.status.as_ref().and_then(|status| status.challenger.as_ref());
    if let Some(version) = challenger
        .and_then(|challenger| {
            find(seen, &challenger.name).filter(|found| means(&challenger.name, &challenger.sha256, found))
        })
        .filter(|version| !candidate::is_judged(version, classifier) && is_free(version))
    {
        return Some(version);
    }
    let mut accepted = None;
    for version in versions {
        if accepted.is_some() || candidate::is_judged(version, classifier) || is_champion(plan, version) {
            continue;
        }
        if let Some(hindrance) = candidate::hindrance(version, classifier) {
            plan.waiting.get_or_insert((version.name_any(), hindrance));
            // Its turn comes with the answer: later ones are judged against the champion that it leaves.
            if hindrance == Hindrance::NotCompared {
                break;
            }
            continue;
        }
        match judge::judge(classifier, plan.champion.as_ref(), version) {
            Ok(()) => accepted = Some(version),
            Err(objection) => plan.rejected.push(Rejected::by_rule(version, objection)),
        }
    }
    accepted
}

/// Promotes or rejects a target that is not champion yet, by the state of its pods.
fn judge_rollout(classifier: &ComplaintClassifier, seen: &Seen, plan: &mut Plan) {
    let Some(target) = plan.target.clone() else { return };
    let serving = &classifier.spec.serving;
    let state = rollout::of(&target, serving, seen);
    if !is_champion(plan, &target) {
        match &state {
            // Without a pod nobody has seen the version load.
            Rollout::Complete if serving.bounds().0 > 0 => {
                plan.promote = Some(reason(classifier, plan, &target));
            }
            Rollout::Broken(error) => {
                let message = format!("{}: {}", error.reason, error.message);
                plan.rejected.push(Rejected {
                    version: target.name_any(),
                    reason: error.reason.clone(),
                    message: error.message.clone(),
                });
                if classifier.spec.promotion.model_version.as_deref() == Some(&target.name_any()) {
                    plan.stalled = Some((
                        PIN_FAILED,
                        format!(
                            "the pinned ModelVersion {} can't serve ({message}): name another one in spec.promotion.modelVersion",
                            target.name_any()
                        ),
                    ));
                }
                plan.target = champion_version(classifier, plan, seen).cloned();
                plan.rollout = plan
                    .target
                    .as_ref()
                    .map(|champion| rollout::of(champion, serving, seen));
                return;
            }
            _ => {}
        }
    }
    plan.rollout = Some(state);
}

fn reason(classifier: &ComplaintClassifier, plan: &Plan, target: &ModelVersion) -> PromotionReason {
    if classifier.spec.promotion.model_version.as_deref() == Some(&target.name_any()) {
        PromotionReason::Pinned
    } else if candidate::stored_champion(classifier).is_some_and(|stored| stored.sha256 == target.spec.artifact.sha256)
    {
        PromotionReason::Restored
    } else if plan.champion.is_none() {
        PromotionReason::FirstVersion
    } else if candidate::adaptation(target).is_some() {
        PromotionReason::Adapted
    } else {
        PromotionReason::Better
    }
}
