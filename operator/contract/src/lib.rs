//! Types, limits and messages that the operator, the trainer and the inference server exchange.
//!
//! | message | writer | reader | type |
//! |---|---|---|---|
//! | `preprocessing`, `features`, `search` of a TrainingRun | user | operator, trainer | [`Preprocessing`], [`Features`], [`Search`] |
//! | `run.json` | operator | trainer | [`RunFile`] |
//! | progress lines | trainer | operator | [`Progress`] |
//! | result in the termination log | trainer | operator | [`TrainingResult`] |
//! | error in the termination log | trainer, server | operator | [`ErrorEnvelope`] |
//! | exit code | trainer, server | operator (Job's failure policy) | [`ExitKind`] |
//!
//! [`limits`] holds the bounds of every field that a user writes. The schemas of the custom resources and the trainer's
//! checks share them, so a run that is admitted can be trained.
//!
//! Users' input is read strictly: an unknown field is an error, so a misspelt option never falls back to a default.
//! Programs' reports are read leniently: unknown fields are ignored, because a newer program may add some.
//!
//! The crate is pure: no Kubernetes client, no files, no network. The feature `schema` adds JSON schemas.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod comparison;
mod digest;
mod failure;
pub mod limits;
mod metrics;
mod progress;
mod result;
mod run;
mod search;
mod text;
mod trial;

pub use comparison::{Comparison, VersionRef, WeakClass};
pub use digest::{ParseDigestError, Sha256Digest};
pub use failure::{ErrorEnvelope, ExitKind, ProgramError, ServerReason, TrainerReason};
pub use metrics::{Metric, Metrics, PartialMetrics, decimals, round4};
pub use progress::{Progress, TrainingStage};
pub use result::{DatasetResult, DroppedLabel, MESSAGE_BYTES, StoredArtifact, StoredReport, TrainingResult};
pub use run::{ChampionSettings, DatasetSettings, EvaluationSettings, RunFile};
#[cfg(feature = "schema")]
pub use search::rules;
pub use search::{
    Algorithm, Candidate, ClassWeight, Ensemble, Grid, Loss, Parameter, PipelineGrid, Preset, Search, Strategy,
};
pub use text::{CharNgrams, DatasetFormat, Features, Normalizer, Preprocessing};
pub use trial::{CrossValidation, OptimalTrial, Parameters, TrialCounts};
