//! What a ModelVersion says.

use complaint_api::{
    Algorithm, Comparison, ComplaintClassifier, LevelEvaluation, Lineage, ModelVersion, ModelVersionStatus, Parameters,
    PartialMetrics, PromotionPolicy, Stage, VersionEvaluation,
    condition::{self, EVALUATED, PROGRESSING, READY, STALLED},
};
use complaint_contract::Adaptation;
use jiff::Timestamp;
use kube::ResourceExt;
use serde::Serialize;

use super::reason::{self, ConditionInfo, Reason};

/// The reason of `Ready` of a version about which there is nothing else to say.
const RECORDED: &str = "Recorded";

/// A version.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VersionInfo {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The classifier that can serve it.
    pub classifier: String,
    /// When it was recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
    /// Whether it is being deleted.
    pub deleting: bool,
    /// Its stage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage: Option<Stage>,
    /// When it last became champion.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub promotion_time: Option<Timestamp>,
    /// Digest of its artifact.
    pub sha256: String,
    /// Where its artifact is.
    pub artifact_uri: String,
    /// Where its report is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report_uri: Option<String>,
    /// The algorithm that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<Algorithm>,
    /// The algorithm's parameters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Parameters>,
    /// Number of categories.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class_count: Option<usize>,
    /// What this cluster measured of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evaluation: Option<VersionEvaluation>,
    /// What its manifest claims. It decides nothing.
    pub claimed_metrics: PartialMetrics,
    /// How it compares with the champion of that time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comparison: Option<Comparison>,
    /// How it was adapted to another mix of categories.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adaptation: Option<Adaptation>,
    /// What it was made from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lineage: Option<Lineage>,
    /// Why it is not promoted automatically.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rejection: Option<Reason>,
    /// What it waits for, while nothing is decided about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiting: Option<Reason>,
    /// Why it can't serve at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stalled: Option<Reason>,
    /// All conditions.
    pub conditions: Vec<ConditionInfo>,
}

impl VersionInfo {
    pub(super) fn of(version: &ModelVersion, classifier: Option<&ComplaintClassifier>) -> Self {
        let none = ModelVersionStatus::default();
        let status = version.status.as_ref().unwrap_or(&none);
        let spec = &version.spec;
        Self {
            namespace: version.namespace().unwrap_or_default(),
            name: version.name_any(),
            classifier: spec.classifier_ref.name.clone(),
            created: version.creation_timestamp().map(|time| time.0),
            deleting: version.metadata.deletion_timestamp.is_some(),
            stage: status.stage,
            promotion_time: status.promotion_time.as_ref().map(|time| time.0),
            sha256: spec.artifact.sha256.clone(),
            artifact_uri: spec.artifact.uri.clone(),
            report_uri: spec.report.as_ref().map(|report| report.uri.clone()),
            algorithm: spec.algorithm,
            parameters: spec.parameters,
            class_count: spec.class_count,
            evaluation: status.evaluation.clone(),
            claimed_metrics: spec.metrics,
            comparison: status.comparison.clone(),
            adaptation: status.adaptation,
            lineage: spec.lineage.clone(),
            rejection: status.rejection().map(Reason::from),
            waiting: waiting(version, status, classifier),
            stalled: reason::of(&status.conditions, STALLED, "True"),
            conditions: reason::all(&status.conditions),
        }
    }

    /// Its metrics: measured, or else claimed.
    pub fn metrics(&self) -> &PartialMetrics {
        self.evaluation
            .as_ref()
            .map_or(&self.claimed_metrics, |evaluation| &evaluation.metrics)
    }

    /// What was measured at each level of the categories. Empty if they have no levels.
    pub fn levels(&self) -> &[LevelEvaluation] {
        self.evaluation
            .as_ref()
            .map_or(&[], |evaluation| evaluation.levels.as_slice())
    }
}

/// What a version waits for: what the operator says, or else what of the classifier's spec keeps the operator from deciding.
fn waiting(
    version: &ModelVersion,
    status: &ModelVersionStatus,
    classifier: Option<&ComplaintClassifier>,
) -> Option<Reason> {
    let name = version.name_any();
    let Some(classifier) = classifier else {
        let missing = format!(
            "ComplaintClassifier {} does not exist",
            version.spec.classifier_ref.name
        );
        return Some(Reason::new("ClassifierNotFound", missing)).filter(|_| status.stage != Some(Stage::Rejected));
    };
    match status.stage {
        Some(Stage::Challenger) => {
            let mut conditions = classifier.status.iter().flat_map(|status| &status.conditions);
            let rollout = conditions.find(|condition| condition.type_ == PROGRESSING);
            return Some(rollout.map_or_else(|| Reason::new("RollingOut", "its pods are starting"), Reason::from));
        }
        None | Some(Stage::Candidate) => {}
        Some(_) => return None,
    }
    let said = condition::find(&status.conditions, READY)
        .filter(|ready| ready.reason != RECORDED)
        .map(Reason::from);
    if said.is_some() {
        return said;
    }
    let promotion = &classifier.spec.promotion;
    let challenger = classifier.status.as_ref().and_then(|status| status.challenger.as_ref());
    Some(if classifier.spec.paused {
        Reason::new("Paused", "spec.paused of the classifier is true")
    } else if promotion.model_version.as_ref() == Some(&name) {
        Reason::new("Pinned", "the classifier pins it, and its rollout has not begun")
    } else if let Some(pinned) = &promotion.model_version {
        Reason::new(
            "OtherPinned",
            format!("the classifier pins {pinned}: nothing is promoted automatically"),
        )
    } else if promotion.policy == PromotionPolicy::Manual {
        Reason::new("PolicyManual", "spec.promotion.policy is Manual: a pin promotes it")
    } else if let Some(evaluated) = reason::of(&status.conditions, EVALUATED, "Unknown") {
        evaluated
    } else if let Some(challenger) = challenger {
        Reason::new(
            "RolloutUnderWay",
            format!("{} is being rolled out first", challenger.name),
        )
    } else {
        Reason::new("NotDecided", "the operator has not decided about it yet")
    })
}
