//! What keeps a version from being promoted automatically before any number is read. Pure.
//!
//! Evidence is what the API server and this operator wrote: creation times, digests and statuses. Names and annotations are
//! claims of whoever wrote them.

use complaint_api::{
    ClassifierChampion, ComplaintClassifier, ComplaintClassifierStatus, ModelVersion, PromotionPolicy, VersionDigest,
    VersionEvaluation, condition, labels,
};
use complaint_contract::{Adaptation, SplitName};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;

use crate::store::{Store, default_claim};

/// Why a version is not judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hindrance {
    /// Its artifact is not in the classifier's store: it can't be served at all.
    OutsideStore,
    /// The classifier's record knows another artifact under this name: it can't be served at all.
    Replaced,
    /// It is older than its classifier, or the classifier's record was lost: only a pin promotes it.
    RestoreNeedsPin,
    /// Its classifier has no record of promotions, and the store is asked first which version served last.
    RestorePending,
    /// It waits for a Job that evaluates it beside the champion.
    NotCompared,
    /// Nothing in this cluster could evaluate it: only a pin promotes it.
    NotEvaluated,
}

impl Hindrance {
    /// The reason in conditions.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::OutsideStore => "ArtifactOutsideStore",
            Self::Replaced => "VersionReplaced",
            Self::RestoreNeedsPin => "RestoreNeedsPin",
            Self::RestorePending => "RestorePending",
            Self::NotCompared => "NotCompared",
            Self::NotEvaluated => "NotEvaluated",
        }
    }

    /// Whether not even a pin serves it.
    pub(crate) fn bars_serving(self) -> bool {
        matches!(self, Self::OutsideStore | Self::Replaced)
    }

    /// What is wrong and what to do.
    pub(crate) fn message(self, version: &ModelVersion) -> String {
        let classifier = &version.spec.classifier_ref.name;
        match self {
            Self::OutsideStore => format!(
                "spec.artifact.uri is not a file in the store of ComplaintClassifier {classifier} (its spec.artifacts; unset: pvc://{}): copy the artifact there and record it under a new name",
                default_claim(classifier),
            ),
            Self::Replaced => format!(
                "ComplaintClassifier {classifier} promoted another artifact under the name {}: record this one under a new name",
                version.name_any(),
            ),
            Self::RestoreNeedsPin => format!(
                "the version is recorded, but the status of ComplaintClassifier {classifier} has no record of it: pin it with spec.promotion.modelVersion to serve it"
            ),
            Self::RestorePending => format!(
                "the version is recorded, and a Job asks the store first which version of ComplaintClassifier {classifier} served last: status.storeRecord of the classifier says if that fails; a pin needs no answer"
            ),
            Self::NotCompared => format!(
                "the version waits for a Job that lets it and the champion of ComplaintClassifier {classifier} answer the same held-out rows"
            ),
            Self::NotEvaluated => {
                let why = failed_evaluation(version)
                    .map(|condition| format!(" ({}: {})", condition.reason, condition.message));
                format!(
                    "the version is recorded, but not evaluated in this cluster on the rows that decide{}: set spec.evaluation.holdout of ComplaintClassifier {classifier}, or pin it with spec.promotion.modelVersion to serve it",
                    why.unwrap_or_default()
                )
            }
        }
    }
}

/// What keeps `version` from being judged for `classifier`; the most serious first.
pub(crate) fn hindrance(version: &ModelVersion, classifier: &ComplaintClassifier) -> Option<Hindrance> {
    if Store::of(classifier).open(&version.spec.artifact.uri).is_none() {
        Some(Hindrance::OutsideStore)
    } else if is_replaced(version, classifier) {
        Some(Hindrance::Replaced)
    } else if needs_pin(version, classifier) {
        Some(Hindrance::RestoreNeedsPin)
    } else if asks_store(version, classifier) && is_judged_automatically(classifier) {
        Some(Hindrance::RestorePending)
    } else if question(version, classifier).is_some() {
        // A person decides about it anyway, or nothing could answer.
        let answerable = is_judged_automatically(classifier) && failed_evaluation(version).is_none();
        match answerable {
            true => Some(Hindrance::NotCompared),
            false => Some(Hindrance::NotEvaluated)
                .filter(|_| evaluation(version).is_none() || failed_evaluation(version).is_some()),
        }
    } else {
        None
    }
}

/// What is not known of a version that is to be judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    /// How good it is.
    Evaluation,
    /// How good it is on the rows that decide now.
    OtherRows,
    /// Whether it is better than this champion, by this metric.
    Comparison,
}

/// The first open question about `version`, by the statuses of version and classifier.
pub(crate) fn question(version: &ModelVersion, classifier: &ComplaintClassifier) -> Option<Question> {
    let Some(evaluation) = evaluation(version) else {
        return Some(Question::Evaluation);
    };
    let holdout = classifier.spec.evaluation.holdout.as_ref();
    let holdout = holdout.and_then(|holdout| holdout.sha256.parse().ok());
    let measured_on = match evaluation.split.as_deref().map(str::parse) {
        Some(Ok(SplitName::Holdout { sha256 })) => Some(sha256),
        _ => None,
    };
    if measured_on != holdout {
        return Some(Question::OtherRows);
    }
    // What its Job measured beside the champion is in its own evidence.
    if adaptation(version).is_some() {
        return None;
    }
    let champion = other_champion(version, classifier)?;
    let comparison = version.status.as_ref().and_then(|status| status.comparison.as_ref());
    let answers = comparison.is_some_and(|comparison| {
        comparison.champion_sha256.to_string() == champion.sha256
            && comparison.metric == classifier.spec.promotion.metric
    });
    (!answers).then_some(Question::Comparison)
}

/// The champion, unless it has the version's bytes.
pub(crate) fn other_champion<'a>(
    version: &ModelVersion,
    classifier: &'a ComplaintClassifier,
) -> Option<&'a ClassifierChampion> {
    let champion = classifier.status.as_ref()?.champion.as_ref();
    champion.filter(|champion| champion.sha256 != version.spec.artifact.sha256)
}

/// Why the last evaluation by a Job failed, if it did.
pub(crate) fn failed_evaluation(version: &ModelVersion) -> Option<&Condition> {
    let conditions = &version.status.as_ref()?.conditions;
    condition::find(conditions, condition::EVALUATED).filter(|condition| condition.status == "False")
}

/// Whether the operator promotes versions of the classifier by itself.
pub(crate) fn is_judged_automatically(classifier: &ComplaintClassifier) -> bool {
    let promotion = &classifier.spec.promotion;
    promotion.policy == PromotionPolicy::Automatic && promotion.model_version.is_none()
}

/// Whether the version was rejected or promoted: it is judged automatically once.
pub(crate) fn is_judged(version: &ModelVersion, classifier: &ComplaintClassifier) -> bool {
    is_rejected(version) || promotion_time(version, classifier).is_some()
}

/// Whether a rule or its server rejected the version.
pub(crate) fn is_rejected(version: &ModelVersion) -> bool {
    let status = version.status.as_ref();
    status.is_some_and(|status| status.rejection().is_some())
}

/// What a training of this operator measured of a version: nothing else decides.
pub(crate) fn evaluation(version: &ModelVersion) -> Option<&VersionEvaluation> {
    version.status.as_ref()?.evaluation.as_ref()
}

/// How a Job of this operator adapted the version from the champion of that time.
pub(crate) fn adaptation(version: &ModelVersion) -> Option<&Adaptation> {
    version.status.as_ref()?.adaptation.as_ref()
}

/// Whether a record of this name and digest means `version`. A name alone does not: whoever may delete and create versions
/// can give it to other bytes.
pub(crate) fn means(name: &str, sha256: &str, version: &ModelVersion) -> bool {
    version.metadata.name.as_deref() == Some(name) && version.spec.artifact.sha256 == sha256
}

/// When `version` last became champion of this very classifier: by its record, or by the status of the version where the
/// record, which is short, no longer has it.
pub(crate) fn promotion_time(version: &ModelVersion, classifier: &ComplaintClassifier) -> Option<Timestamp> {
    let status = classifier.status.as_ref();
    let champion = status
        .and_then(|status| status.champion.as_ref())
        .filter(|champion| means(&champion.name, &champion.sha256, version))
        .and_then(|champion| champion.promotion_time.as_ref());
    let mut promotions = status.iter().flat_map(|status| &status.promotions);
    let recorded = champion.or_else(|| {
        promotions
            .find(|promotion| means(&promotion.version, &promotion.sha256, version))
            .map(|promotion| &promotion.time)
    });
    let noted = || noted_promotion(version).filter(|time| Some(*time) >= created(classifier));
    recorded.map(|time| time.0).or_else(noted)
}

/// When the version became champion, by its own status.
pub(crate) fn noted_promotion(version: &ModelVersion) -> Option<Timestamp> {
    Some(version.status.as_ref()?.promotion_time.as_ref()?.0)
}

/// When the version became champion, by its annotation: a claim, which people are told and nothing is decided by.
pub(crate) fn claimed_promotion(version: &ModelVersion) -> Option<Timestamp> {
    version.annotations().get(labels::PROMOTED_AT)?.parse().ok()
}

/// Whether the classifier's status has no promotion on record.
pub(crate) fn has_no_record(classifier: &ComplaintClassifier) -> bool {
    let recorded = |status: &ComplaintClassifierStatus| status.champion.is_some() || !status.promotions.is_empty();
    !classifier.status.as_ref().is_some_and(recorded)
}

/// Whether the classifier promoted `version` and has lost the record of it: nobody knows any more who serves.
pub(crate) fn record_is_lost(version: &ModelVersion, classifier: &ComplaintClassifier) -> bool {
    has_no_record(classifier) && promotion_time(version, classifier).is_some()
}

/// Whether the store is asked for its record before anything is decided about `version`: the classifier has none, and what
/// made the version is not known here.
pub(crate) fn asks_store(version: &ModelVersion, classifier: &ComplaintClassifier) -> bool {
    let is_unknown = || evaluation(version).is_none() || needs_pin(version, classifier);
    may_be_restored(classifier) && !has_asked(classifier) && is_unknown()
}

/// Whether the classifier waits for the champion of before: nothing that came from elsewhere is judged.
pub(crate) fn awaits_restore(classifier: &ComplaintClassifier) -> bool {
    may_be_restored(classifier) && (!has_asked(classifier) || stored_champion(classifier).is_some())
}

/// Whether `version` is one of the classifier's, and is not being deleted.
pub(crate) fn belongs_to(version: &ModelVersion, classifier: &str) -> bool {
    version.spec.classifier_ref.name == classifier && version.metadata.deletion_timestamp.is_none()
}

/// Whether the classifier has no record, and no person says which version serves.
fn may_be_restored(classifier: &ComplaintClassifier) -> bool {
    has_no_record(classifier) && classifier.spec.promotion.model_version.is_none()
}

/// Whether the store has answered which version served last.
fn has_asked(classifier: &ComplaintClassifier) -> bool {
    let status = classifier.status.as_ref();
    status.is_some_and(|status| status.restored_time.is_some())
}

/// The last champion by the store's record, for as long as the classifier has no record of its own.
pub(crate) fn stored_champion(classifier: &ComplaintClassifier) -> Option<&VersionDigest> {
    let status = classifier.status.as_ref().filter(|_| has_no_record(classifier))?;
    status.restored_champion.as_ref()
}

fn needs_pin(version: &ModelVersion, classifier: &ComplaintClassifier) -> bool {
    let made = version.creation_timestamp().map(|time| time.0);
    let was_found = made < created(classifier) || made <= restored(classifier);
    // The one that the store names is still to come.
    let is_unknown = evaluation(version).is_none() && stored_champion(classifier).is_some();
    let promoted = promotion_time(version, classifier).is_some();
    ((was_found || is_unknown) && !promoted) || record_is_lost(version, classifier)
}

/// When the store named the champion of before: the versions that were there then are not judged.
fn restored(classifier: &ComplaintClassifier) -> Option<Timestamp> {
    let status = classifier.status.as_ref()?;
    let named = status.restored_champion.is_some();
    status.restored_time.as_ref().filter(|_| named).map(|time| time.0)
}

fn created(classifier: &ComplaintClassifier) -> Option<Timestamp> {
    classifier.creation_timestamp().map(|time| time.0)
}

/// Whether the classifier's record names another artifact under the version's name.
fn is_replaced(version: &ModelVersion, classifier: &ComplaintClassifier) -> bool {
    let Some(status) = &classifier.status else { return false };
    let champion = status
        .champion
        .iter()
        .map(|champion| (&champion.name, &champion.sha256));
    let previous = status
        .previous_champion
        .iter()
        .map(|previous| (&previous.name, &previous.sha256));
    let promotions = status
        .promotions
        .iter()
        .map(|promotion| (&promotion.version, &promotion.sha256));
    champion
        .chain(previous)
        .chain(promotions)
        .any(|(name, sha256)| *name == version.name_any() && *sha256 != version.spec.artifact.sha256)
}
