//! The provenance of a model: a SLSA predicate about one training.

use complaint_contract::{Sha256Digest, layout};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::bundle::SignatureError;
use crate::statement::{self, SHA256, Subject};

const PREDICATE_TYPE: &str = "https://slsa.dev/provenance/v1";
/// The kind of build: a training by `complaint-trainer`. docs/signatures.md describes its parameters.
const BUILD_TYPE: &str = "https://complaints.dev/training/v1";
const BUILDER: &str = "https://complaints.dev/complaint-trainer";
/// Names of what was read.
const DATASET: &str = "dataset";
const HOLDOUT: &str = "holdout";
const FEEDBACK: &str = "feedback";
const WORD_VECTORS: &str = "word-vectors";

/// How a model came about.
#[derive(Debug, Clone, PartialEq)]
pub struct Provenance {
    /// The model's digest.
    pub model: Sha256Digest,
    /// The digest of its report.
    pub report: Sha256Digest,
    /// The data set's digest.
    pub dataset: Sha256Digest,
    /// The digest of the rows that no training sees, if there are some.
    pub holdout: Option<Sha256Digest>,
    /// The digest of the corrections among the training rows, if there are some.
    pub feedback: Option<Sha256Digest>,
    /// The digest of the word vectors, if the training had some.
    pub word_vectors: Option<Sha256Digest>,
    /// The settings, as `run.json` has them after the preset was applied.
    pub settings: Value,
    /// What the search chose: algorithm and parameters.
    pub chosen: Value,
    /// What trained.
    pub software: Software,
    /// The TrainingRun's `metadata.uid`, if an operator started the training.
    pub run: Option<String>,
}

/// The program that trained.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Software {
    /// The trainer's version.
    pub trainer: String,
    /// The processor's architecture: equal input gives equal bytes on each.
    pub architecture: String,
    /// The operating system.
    pub operating_system: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Predicate {
    build_definition: BuildDefinition,
    run_details: RunDetails,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct BuildDefinition {
    build_type: String,
    external_parameters: Value,
    internal_parameters: Internal,
    resolved_dependencies: Vec<Subject>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Internal {
    chosen: Value,
    software: Software,
}

#[derive(Debug, Serialize, Deserialize)]
struct RunDetails {
    builder: Builder,
    metadata: Metadata,
    byproducts: Vec<Subject>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Builder {
    id: String,
    version: Version,
}

#[derive(Debug, Serialize, Deserialize)]
struct Version {
    #[serde(rename = "complaint-trainer")]
    trainer: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    invocation_id: Option<String>,
}

impl Provenance {
    /// The statement to sign. Equal trainings give equal bytes: it has no time.
    #[must_use]
    pub fn to_statement(&self) -> Vec<u8> {
        let mut read = vec![Subject::new(DATASET, self.dataset)];
        read.extend(self.holdout.map(|holdout| Subject::new(HOLDOUT, holdout)));
        read.extend(self.feedback.map(|feedback| Subject::new(FEEDBACK, feedback)));
        read.extend(self.word_vectors.map(|vectors| Subject::new(WORD_VECTORS, vectors)));
        let predicate = Predicate {
            build_definition: BuildDefinition {
                build_type: BUILD_TYPE.to_owned(),
                external_parameters: self.settings.clone(),
                internal_parameters: Internal {
                    chosen: self.chosen.clone(),
                    software: self.software.clone(),
                },
                resolved_dependencies: read,
            },
            run_details: RunDetails {
                builder: Builder {
                    id: BUILDER.to_owned(),
                    version: Version {
                        trainer: self.software.trainer.clone(),
                    },
                },
                metadata: Metadata {
                    invocation_id: self.run.clone(),
                },
                byproducts: vec![Subject::new(layout::REPORT, self.report)],
            },
        };
        statement::write(PREDICATE_TYPE, Subject::new(layout::MODEL, self.model), predicate)
    }

    /// Reads a signed statement of a trainer.
    ///
    /// # Errors
    /// [`SignatureError::OtherStatement`] for another kind of statement or build, [`SignatureError::NoStatement`] if parts
    /// are missing.
    pub fn of_statement(json: &[u8]) -> Result<Self, SignatureError> {
        let (subject, predicate): (_, Predicate) = statement::read(PREDICATE_TYPE, json)?;
        let (build, run) = (predicate.build_definition, predicate.run_details);
        if build.build_type != BUILD_TYPE {
            return Err(SignatureError::OtherStatement);
        }
        let dependency = |name: &str| build.resolved_dependencies.iter().find(|read| read.name == name);
        let optional = |name: &str| dependency(name).map(|read| digest(Some(read))).transpose();
        let report = run.byproducts.iter().find(|made| made.name == layout::REPORT);
        Ok(Self {
            model: digest(Some(&subject))?,
            report: digest(report)?,
            dataset: digest(dependency(DATASET))?,
            holdout: optional(HOLDOUT)?,
            feedback: optional(FEEDBACK)?,
            word_vectors: optional(WORD_VECTORS)?,
            settings: build.external_parameters,
            chosen: build.internal_parameters.chosen,
            software: build.internal_parameters.software,
            run: run.metadata.invocation_id,
        })
    }
}

fn digest(subject: Option<&Subject>) -> Result<Sha256Digest, SignatureError> {
    let digest = subject.and_then(|subject| subject.digest.get(SHA256));
    digest
        .and_then(|digest| digest.parse().ok())
        .ok_or(SignatureError::NoStatement)
}
