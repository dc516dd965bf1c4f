//! Custom resources of the `complaints.dev` API group: types, schemas, conditions and reasons.
//!
//! | kind | what it is |
//! |---|---|
//! | [`TrainingRun`] | one training: data set, pipeline, search; immutable |
//! | [`ModelVersion`] | the registry record of one trained model; immutable but for its `deletionPolicy` |
//! | [`ComplaintClassifier`] | the service: which version is champion, and how it is served |
//!
//! The types for text, features, search and results come from [`complaint_contract`], so the trainer accepts what the
//! schemas admit. The crate is pure: no client, no runtime. [`crds`] renders the CustomResourceDefinitions in `crds/`.
//!
//! ```
//! let kinds: Vec<String> = complaint_api::crds().into_iter().map(|crd| crd.spec.names.kind).collect();
//! assert_eq!(kinds, ["ComplaintClassifier", "ModelVersion", "TrainingRun"]);
//! ```
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod bounds;
mod classifier;
mod classifier_status;
mod collection;
pub mod condition;
mod crd;
pub mod labels;
mod monitoring;
mod pod_template;
mod retention;
mod retraining;
mod schema;
mod signing;
mod tracking;
mod training_run;
mod version;

pub use classifier::{
    ArtifactStore, Autoscaling, ClaimRef, ClassifierService, ClassifierServing, ComplaintClassifier,
    ComplaintClassifierSpec, Evaluation, Gate, Holdout, Promotion, PromotionPolicy, Rollout, ServiceType,
};
pub use classifier_status::{
    ClassifierChampion, ClassifierReplicas, ComplaintClassifierStatus, PromotionComparison, PromotionReason,
    PromotionRecord, StoreRecord, VersionDigest,
};
pub use collection::{Capture, Feedback};
pub use complaint_contract::segments::CaptureMode;
pub use complaint_contract::{
    Algorithm, Candidate, ClassRecall, ClassWeight, Comparison, CrossValidation, DatasetFormat, Ensemble, Features,
    GateMetric, Grid, LevelEvaluation, Loss, Metric, Normalizer, OptimalTrial, Parameters, PartialMetrics,
    PipelineGrid, Preprocessing, Preset, Progress, Search, Sha256Digest, SplitBy, Strategy, TrainingStage, TrialCounts,
    VerificationPolicy, VersionEvaluation, VersionRef, WeakClass, round4,
};
pub use crd::crds;
pub use monitoring::{
    CategoryShift, DrawnCorrections, EstimatedShare, Monitoring, MonitoringStatus, OnDrift, WindowVerdict,
};
pub use pod_template::PodTemplate;
pub use retention::{DeletionPolicy, ExpiryStatus, Retention, RetentionStatus};
pub use retraining::{ConcurrencyPolicy, Retraining, TrainingTemplate};
pub use signing::{SecretKeyRef, Signing, Verification};
pub use tracking::{MlflowState, MlflowTracking, MlflowVersion, Tracking};
pub use training_run::{
    ClassifierRef, ConfigMapKey, Dataset, DatasetSource, DatasetStatus, RunPhase, SecretRef, TrainingRun,
    TrainingRunSpec, TrainingRunStatus, VolumePath, WordVectors,
};
pub use version::{
    Artifact, Lineage, LineageDataset, LineageFields, LineageSource, LineageWordVectors, ModelVersion,
    ModelVersionSpec, ModelVersionStatus, ReportRef, Stage,
};

/// The API group of all kinds.
pub const GROUP: &str = "complaints.dev";
/// The served and stored version.
pub const VERSION: &str = "v1alpha1";
