//! Types, limits and messages that the operator, the trainer and the inference server exchange.
//!
//! | message | writer | reader | type |
//! |---|---|---|---|
//! | `preprocessing`, `features`, `search` of a TrainingRun | user | operator, trainer | [`Preprocessing`], [`Features`], [`Search`] |
//! | `run.json` | operator | trainer | [`RunFile`] |
//! | progress lines | trainer | operator | [`Progress`] |
//! | result in the termination log | trainer | operator | [`RunResult`], [`TrainingResult`] |
//! | requests of short Jobs | operator | trainer | [`CompareRequest`], [`DeleteRequest`], [`ExpireRequest`], [`RecordRequest`], [`TrackRequest`], [`AdaptRequest`] |
//! | their results | trainer | operator | [`CompareResult`], [`DeleteResult`], [`ExpireResult`], [`RecordResult`], [`Promotions`], [`TrackResult`], [`AdaptResult`] |
//! | figures of production and of the held-out rows | server (the latter: trainer) | operator | [`statistics`] |
//! | corrections and captured answers in the store | server | trainer, server | [`segments`] |
//! | captured answers that wait for a person | server | plugin | [`captured`] |
//! | error in the termination log | trainer, server | operator | [`ErrorEnvelope`] |
//! | exit code | trainer, server | operator (Job's failure policy) | [`ExitKind`] |
//!
//! [`limits`] holds the bounds of every field that a user writes. The schemas of the custom resources and the trainer's
//! checks share them, so a run that is admitted can be trained.
//!
//! Users' input is read strictly: an unknown field is an error, so a misspelt option never falls back to a default.
//! Programs' reports are read leniently: unknown fields are ignored, because a newer program may add some.
//!
//! No message holds a text of a complaint, or a label or column name that may be a person's data ([`is_shown`],
//! [`is_header`], [`hide_panic_messages`]).
//!
//! The crate is pure: no Kubernetes client, no file, no network. The feature `schema` adds JSON schemas.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod adaptation;
pub mod captured;
mod comparison;
mod corrections;
mod digest;
mod documentation;
mod evaluation;
mod failure;
mod jobs;
mod label;
mod language;
pub mod layout;
pub mod limits;
mod message;
mod metrics;
mod panic;
mod progress;
mod reach;
mod records;
mod result;
mod review;
mod run;
mod search;
pub mod segments;
mod split;
pub mod statistics;
mod text;
mod tracking;
mod trial;
pub mod variables;
mod verification;

pub use adaptation::{AdaptRequest, AdaptResult, Adaptation, AdaptedAccuracy, AdaptedShare, MAX_LOSS, adapted_name};
pub use comparison::{Comparison, VersionRef, WeakClass};
pub use corrections::{CorrectionCounts, Feedback, FeedbackResult};
pub use digest::{ParseDigestError, Sha256Digest};
pub use documentation::Documentation;
pub use evaluation::{ClassRecall, Coverage, GateMetric, LevelEvaluation, VersionEvaluation};
pub use failure::{ErrorEnvelope, ExitKind, ProgramError, ServerReason, TrainerReason};
pub use jobs::{
    CompareRequest, CompareResult, DELETED_DIGESTS, DeleteRequest, DeleteResult, DeletedArtifact, ExpireRequest,
    ExpireResult, ExpiredRows, KeptArtifact, KeptReason, PROMOTIONS, Promotions, REQUEST_BYTES, RecordRequest,
    RecordResult, StoredPromotion,
};
pub use label::{
    LABEL_SEPARATOR, LEVEL_SEPARATOR, SPACES, depth, is_header, is_path, is_shown, label_at, list_labels,
    renamed_twice, untrimmed,
};
pub use language::{Language, LanguageSetting};
pub use message::MESSAGE_BYTES;
pub use metrics::{Metric, Metrics, PartialMetrics, decimals, round4};
pub use panic::{hide_panic_messages, last_panic};
pub use progress::{Progress, TrainingStage};
pub use reach::Reach;
pub use records::{DatasetWarning, RecordCounts};
pub use result::{
    DatasetResult, DroppedLabel, HoldoutResult, RunResult, StoredArtifact, StoredReport, TrainingResult, Unchanged,
};
pub use review::{CategoryThreshold, ReviewRules, ReviewTarget, parse_threshold};
pub use run::{ChampionSettings, DatasetSettings, EvaluationSettings, Holdout, RunFile};
#[cfg(feature = "schema")]
pub use search::rules;
pub use search::{
    Algorithm, Candidate, ClassWeight, Ensemble, Grid, Loss, Parameter, PipelineGrid, Preset, Search, Strategy,
};
pub use split::{ParseSplitError, SplitBy, SplitName};
pub use text::{CharNgrams, DatasetFormat, Features, MinDocumentFrequency, Normalizer, Preprocessing, WordVectors};
pub use tracking::{
    AliasedVersion, CHALLENGER_ALIAS, CHAMPION_ALIAS, MlflowTarget, TRACKED_VERSIONS, TrackRequest, TrackResult,
    TrackedAliases, TrackedOutcome, TrackedVersion,
};
pub use trial::{CrossValidation, OptimalTrial, Parameters, TrialCounts};
pub use verification::VerificationPolicy;
