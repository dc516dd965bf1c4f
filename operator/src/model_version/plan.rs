//! Decides the stage of a version. Pure.

use complaint_api::{ComplaintClassifier, ModelVersion, Stage, labels};
use jiff::Timestamp;
use kube::ResourceExt;

use super::gather::Seen;

/// The stage of a version.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Plan {
    pub(crate) stage: Stage,
    /// When it last became champion.
    pub(crate) promoted: Option<Timestamp>,
    /// Why it is no longer promoted automatically.
    pub(crate) rejection: Option<Rejection>,
    /// Whether a training of this operator evaluated it.
    pub(crate) evaluated: bool,
}

/// Reason and message of the condition `Rejected`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rejection {
    pub(crate) reason: String,
    pub(crate) message: String,
    /// Whether the server rejects the model, so that it can't serve at all.
    pub(crate) broken: bool,
}

pub(crate) fn plan(version: &ModelVersion, seen: &Seen) -> Plan {
    let classifier = seen.classifier.as_ref();
    let promoted = promoted(version, classifier);
    let status = version.status.as_ref();
    let rejection = status.and_then(|status| status.rejection()).map(|condition| Rejection {
        reason: condition.reason.clone(),
        message: condition.message.clone(),
        broken: is_broken(&condition.reason),
    });
    Plan {
        stage: stage(version, classifier, promoted.is_some(), rejection.is_some()),
        promoted,
        rejection,
        evaluated: status.is_some_and(|status| status.evaluation.is_some()),
    }
}

fn stage(version: &ModelVersion, classifier: Option<&ComplaintClassifier>, promoted: bool, rejected: bool) -> Stage {
    let status = classifier.and_then(|classifier| classifier.status.as_ref());
    let name = version.name_any();
    let is = |who: Option<&str>| who == Some(name.as_str());
    if is(status
        .and_then(|status| status.champion.as_ref())
        .map(|champion| champion.name.as_str()))
    {
        Stage::Champion
    } else if is(status
        .and_then(|status| status.challenger.as_ref())
        .map(|challenger| challenger.name.as_str()))
    {
        Stage::Challenger
    } else if rejected {
        Stage::Rejected
    } else if promoted {
        Stage::Retired
    } else {
        Stage::Candidate
    }
}

/// When the version last became champion, by the classifier's record or the annotation.
fn promoted(version: &ModelVersion, classifier: Option<&ComplaintClassifier>) -> Option<Timestamp> {
    let name = version.name_any();
    let status = classifier.and_then(|classifier| classifier.status.as_ref());
    let champion = status.and_then(|status| status.champion.as_ref());
    let since = champion
        .filter(|champion| champion.name == name)
        .and_then(|champion| champion.promotion_time.as_ref());
    let mut promotions = status.iter().flat_map(|status| &status.promotions);
    since
        .or_else(|| {
            promotions
                .find(|promotion| promotion.version == name)
                .map(|promotion| &promotion.time)
        })
        .map(|time| time.0)
        .or_else(|| noted_promotion(version))
}

/// The time of the promotion in the version's annotation.
pub(crate) fn noted_promotion(version: &ModelVersion) -> Option<Timestamp> {
    version.annotations().get(labels::PROMOTED_AT)?.parse().ok()
}

/// Whether the reason comes from a server that rejects its model, and not from a rule of promotion.
fn is_broken(reason: &str) -> bool {
    const SERVER: [&str; 5] = [
        "DigestMismatch",
        "UnsupportedFormat",
        "CorruptArtifact",
        "ModelRefused",
        "ProgressDeadlineExceeded",
    ];
    SERVER.contains(&reason)
}
