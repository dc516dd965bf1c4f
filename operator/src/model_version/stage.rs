//! The status of a version, from its own record and its classifier's. Pure.

use complaint_api::{
    ComplaintClassifier, ModelVersion, ModelVersionStatus, Stage,
    condition::{self, READY, STALLED, Statement},
    labels,
};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;

use crate::context::Notice;

/// Where `version` stands.
pub(crate) fn stage(version: &ModelVersion, classifier: Option<&ComplaintClassifier>) -> Stage {
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
    } else if rejection(version).is_some() {
        Stage::Rejected
    } else if version.annotations().contains_key(labels::PROMOTED_AT) {
        Stage::Retired
    } else {
        Stage::Candidate
    }
}

fn rejection(version: &ModelVersion) -> Option<&str> {
    version.status.as_ref()?.rejection_reason.as_deref()
}

/// The part of the status that this controller writes; the classifier's controller writes `rejectionReason`.
pub(crate) fn next(
    version: &ModelVersion,
    classifier: Option<&ComplaintClassifier>,
    now: Timestamp,
) -> ModelVersionStatus {
    let stage = stage(version, classifier);
    let old = version
        .status
        .as_ref()
        .map(|status| status.conditions.as_slice())
        .unwrap_or_default();
    let statements = match rejection(version) {
        Some(reason) if is_broken(reason) => vec![
            Statement::new(READY, Some(false), "LoadingFailed", reason),
            Statement::new(STALLED, Some(true), "LoadingFailed", reason),
        ],
        _ => vec![Statement::new(READY, Some(true), "Recorded", "the version is recorded")],
    };
    ModelVersionStatus {
        observed_generation: version.metadata.generation,
        conditions: condition::merge(old, &statements, version.metadata.generation, now),
        stage: Some(stage),
        promoted_at: version
            .annotations()
            .get(labels::PROMOTED_AT)
            .and_then(|at| at.parse().ok())
            .map(Time),
        rejection_reason: None,
    }
}

/// Reasons that a server gives for refusing its model, against rules of promotion that a sound model may fail.
fn is_broken(reason: &str) -> bool {
    const SERVER: [&str; 5] = [
        "DigestMismatch",
        "UnsupportedFormat",
        "CorruptArtifact",
        "ModelRefused",
        "ProgressDeadlineExceeded",
    ];
    SERVER.iter().any(|server| reason.split(':').next() == Some(server))
}

/// Whether the stored status already says `next`.
pub(crate) fn says(stored: Option<&ModelVersionStatus>, next: &ModelVersionStatus) -> bool {
    stored.is_some_and(|stored| {
        ModelVersionStatus {
            rejection_reason: None,
            ..stored.clone()
        } == *next
    })
}

/// An Event where the stage changes to something final.
pub(crate) fn notices(version: &ModelVersion, next: &ModelVersionStatus) -> Vec<Notice> {
    let before = version.status.as_ref().and_then(|status| status.stage);
    match next.stage {
        stage if stage == before => Vec::new(),
        Some(Stage::Rejected) => {
            vec![Notice::warning(
                "Rejected",
                rejection(version).unwrap_or("judged unfit"),
            )]
        }
        Some(Stage::Champion) => vec![Notice::normal("Promoted", "it serves")],
        Some(Stage::Retired) => vec![Notice::normal("Retired", "another version serves")],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use complaint_api::{ClassifierChampion, ComplaintClassifierSpec, ComplaintClassifierStatus, VersionDigest};

    use super::*;

    fn version(promoted: bool, rejected: Option<&str>) -> ModelVersion {
        let mut version: ModelVersion = serde_json::from_value(serde_json::json!({
            "metadata": { "name": "v1", "generation": 1 },
            "spec": { "classifierRef": { "name": "cards" }, "artifact": { "uri": "pvc://a/b", "sha256": "00" } },
        }))
        .expect("a ModelVersion");
        if promoted {
            version
                .annotations_mut()
                .insert(labels::PROMOTED_AT.into(), "2026-01-02T03:04:05Z".into());
        }
        version.status = rejected.map(|reason| ModelVersionStatus {
            rejection_reason: Some(reason.into()),
            ..Default::default()
        });
        version
    }

    fn classifier(champion: &str, challenger: Option<&str>) -> ComplaintClassifier {
        let mut classifier = ComplaintClassifier::new("cards", ComplaintClassifierSpec::default());
        classifier.status = Some(ComplaintClassifierStatus {
            champion: Some(ClassifierChampion {
                name: champion.into(),
                ..Default::default()
            }),
            challenger: challenger.map(|name| VersionDigest {
                name: name.into(),
                ..Default::default()
            }),
            ..Default::default()
        });
        classifier
    }

    #[test]
    fn stages_follow_the_classifiers_record() {
        let cases = [
            (version(false, None), None, Stage::Candidate),
            (version(true, None), Some(classifier("v1", None)), Stage::Champion),
            (
                version(false, None),
                Some(classifier("v0", Some("v1"))),
                Stage::Challenger,
            ),
            (version(true, None), Some(classifier("v2", None)), Stage::Retired),
            (
                version(false, Some("NotBetter: x")),
                Some(classifier("v0", None)),
                Stage::Rejected,
            ),
            (
                version(false, Some("NotBetter: x")),
                Some(classifier("v1", None)),
                Stage::Champion,
            ),
        ];
        for (version, classifier, expected) in cases {
            assert_eq!(stage(&version, classifier.as_ref()), expected, "{classifier:?}");
        }
    }

    #[test]
    fn a_model_that_can_not_be_loaded_is_stalled_and_a_weaker_one_is_not() {
        let now = Timestamp::from_second(1).expect("a valid time");
        let broken = next(&version(false, Some("DigestMismatch: other bytes")), None, now);
        assert!(condition::is_true(&broken.conditions, STALLED));
        let weaker = next(&version(false, Some("NotBetter: 0.1")), None, now);
        assert!(condition::is_true(&weaker.conditions, READY));
    }

    #[test]
    fn the_other_controllers_part_is_no_difference() {
        let now = Timestamp::from_second(1).expect("a valid time");
        let mut rejected = version(false, Some("NotBetter: x"));
        let next = next(&rejected, None, now);
        rejected.status = Some(ModelVersionStatus {
            rejection_reason: Some("NotBetter: x".into()),
            ..next.clone()
        });
        assert!(says(rejected.status.as_ref(), &next));
    }
}
