//! The dossier of a version: what has to be known about a model by those who answer for it, as a page that prints and as JSON.

mod bom;
mod page;
#[cfg(test)]
mod tests;

use complaint_contract::{Documentation, Metric, Sha256Digest};
use serde::{Deserialize, Serialize};

use crate::report::Report;
use crate::review::MeasuredShare;

pub use bom::bill_of_materials;

/// Name of this form of a dossier.
pub const FORMAT: &str = "complaints.dev/dossier/v1";

/// What is known about one version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Dossier {
    /// [`FORMAT`].
    pub format: String,
    /// When it was written (RFC 3339).
    pub created: String,
    /// The version.
    pub version: VersionFacts,
    /// What people write about the classifier.
    #[serde(default)]
    pub documentation: Documentation,
    /// The report of its training.
    pub report: Report,
    /// What became of it in the cluster. Absent in a dossier that was made from the files alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<ClusterFacts>,
    /// What it is made of, as a CycloneDX document ([`bill_of_materials`]).
    pub bill_of_materials: serde_json::Value,
}

/// Which version it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VersionFacts {
    /// Its name.
    pub name: String,
    /// Its classifier.
    pub classifier: String,
    /// Their namespace.
    pub namespace: String,
    /// Digest of the artifact.
    pub sha256: Sha256Digest,
}

/// What the cluster has on record.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ClusterFacts {
    /// When the version was recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recorded: Option<String>,
    /// Its stage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// Why it was rejected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rejected: Option<String>,
    /// Who approved it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval: Option<Approval>,
    /// When it became champion, newest first, as far as the classifier's record goes back.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub promotions: Vec<PromotionFacts>,
    /// What it does in production, while it is champion.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub production: Option<ProductionFacts>,
}

/// An approval, by the annotation `complaints.dev/approved-by` of the ModelVersion.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Approval {
    /// The user that the annotation names. With the chart's admission policy it is the user who wrote it.
    pub by: String,
    /// When it was written, by the object's managed fields.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
}

/// A promotion of this version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PromotionFacts {
    /// When.
    pub time: String,
    /// Why: the reason in `status.promotions`.
    pub reason: String,
    /// The champion before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced: Option<String>,
    /// How much better it was, where the two were compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comparison: Option<PromotionDifference>,
}

/// How much better a version was than the champion before.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PromotionDifference {
    /// The metric.
    pub metric: Metric,
    /// The difference.
    pub difference: f64,
    /// Its 95 % interval.
    pub confidence_interval: [f64; 2],
}

/// What the last windows of monitoring show.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ProductionFacts {
    /// Length of a window.
    pub window: String,
    /// Accuracy in the last window that was judged, estimated without labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub estimated_accuracy: Option<MeasuredShare>,
    /// Accuracy by people's verdicts about answers that were drawn before anybody looked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub measured_accuracy: Option<MeasuredShare>,
    /// What the condition `Drifted` says, with its reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drift: Option<String>,
    /// The last windows, newest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub windows: Vec<WindowFacts>,
}

/// A window of monitoring.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WindowFacts {
    /// When it ended.
    pub end: String,
    /// Its answers.
    pub answers: u64,
    /// Whether it had enough of them to be judged.
    pub judged: bool,
    /// Why it has drifted; empty: it has not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
}

impl Dossier {
    /// The dossier of the version that `report` is about.
    pub fn new(
        version: VersionFacts,
        documentation: Documentation,
        report: Report,
        cluster: Option<ClusterFacts>,
        created: String,
    ) -> Self {
        Self {
            format: FORMAT.to_owned(),
            bill_of_materials: bill_of_materials(&version, &documentation, &report),
            created,
            version,
            documentation,
            report,
            cluster,
        }
    }

    /// Reads a dossier's JSON.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(json: &[u8]) -> Result<Self, String> {
        let dossier: Self = serde_json::from_slice(json).map_err(|error| format!("it is no dossier: {error}"))?;
        match dossier.format == FORMAT {
            true => Ok(dossier),
            false => Err(format!("its format is `{}`, not {FORMAT}", dossier.format)),
        }
    }

    /// The dossier as JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("strings, numbers and lists are JSON") + "\n"
    }

    /// The page: one file without scripts, external fonts or images.
    pub fn page(&self) -> String {
        page::page(self)
    }

    /// The command that makes the model again. `None` if the report does not have its configuration.
    pub fn command(&self) -> Option<String> {
        let run = self.report.run.as_ref()?;
        let mut command = "complaint-trainer verify --dossier DOSSIER.json --data DATA".to_owned();
        if run.evaluation.holdout.is_some() {
            command.push_str(" --holdout HOLDOUT");
        }
        if self.report.word_vectors.is_some() {
            command.push_str(" --word-vectors VECTORS");
        }
        if self.report.dataset.feedback.is_some() {
            command.push_str(" --feedback FEEDBACK");
        }
        Some(command)
    }
}
