//! Decides the stage of a version. Pure.

use complaint_api::{ComplaintClassifier, ModelVersion, Stage};
use complaint_contract::ServerReason;
use jiff::Timestamp;

use super::gather::Seen;
use crate::{
    candidate::{self, Hindrance, means},
    complaint_classifier::{DEADLINE_EXCEEDED, MODEL_REFUSED},
};

/// The stage of a version.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Plan {
    pub(crate) stage: Stage,
    /// When it last became champion.
    pub(crate) promoted: Option<Timestamp>,
    /// Why it is no longer promoted automatically.
    pub(crate) rejection: Option<Rejection>,
    /// What keeps it from being judged.
    pub(crate) hindrance: Option<Hindrance>,
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
    let promoted = match classifier {
        Some(classifier) => candidate::promotion_time(version, classifier),
        // The record went with the classifier.
        None => candidate::noted_promotion(version),
    };
    let status = version.status.as_ref();
    let rejection = status.and_then(|status| status.rejection()).map(|condition| Rejection {
        reason: condition.reason.clone(),
        message: condition.message.clone(),
        broken: is_broken(&condition.reason),
    });
    let hindrance = match classifier {
        Some(classifier) => candidate::hindrance(version, classifier),
        None => candidate::evaluation(version)
            .is_none()
            .then_some(Hindrance::NotEvaluated),
    };
    let needs_pin = hindrance == Some(Hindrance::RestoreNeedsPin);
    Plan {
        stage: stage(
            version,
            classifier,
            promoted.is_some() && !needs_pin,
            rejection.is_some(),
        ),
        promoted,
        rejection,
        hindrance,
    }
}

fn stage(version: &ModelVersion, classifier: Option<&ComplaintClassifier>, promoted: bool, rejected: bool) -> Stage {
    let status = classifier.and_then(|classifier| classifier.status.as_ref());
    let champion = status.and_then(|status| status.champion.as_ref());
    let challenger = status.and_then(|status| status.challenger.as_ref());
    if champion.is_some_and(|champion| means(&champion.name, &champion.sha256, version)) {
        Stage::Champion
    } else if challenger.is_some_and(|challenger| means(&challenger.name, &challenger.sha256, version)) {
        Stage::Challenger
    } else if rejected {
        Stage::Rejected
    } else if promoted {
        Stage::Retired
    } else {
        Stage::Candidate
    }
}

/// Whether the reason is one that a server gives for refusing its model; a rule of promotion refuses sound models too.
fn is_broken(reason: &str) -> bool {
    ServerReason::refuses_model(reason) || [MODEL_REFUSED, DEADLINE_EXCEEDED].contains(&reason)
}
