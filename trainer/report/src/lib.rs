//! The report of a training: `report.json`, its JSON schema, and `report.html`.
//!
//! The trainer writes a [`Report`]. Other programs, such as a dashboard, can read it with this crate alone, which opens
//! no files and no sockets.
//!
//! ```
//! # fn read(json: &str) -> Result<String, serde_json::Error> {
//! let report: complaint_report::Report = serde_json::from_str(json)?;
//! Ok(complaint_report::page(&report))
//! # }
//! ```
//!
//! Types that statuses and results share come from [`complaint_contract`]. Numbers have at most four decimals. Readers
//! must ignore unknown fields: new versions add fields and never rename them.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod confused;
mod dataset;
pub mod dossier;
mod labels;
mod levels;
mod page;
mod profile;
mod quality;
mod report;
mod review;
mod schema;
mod search;
mod word_vectors;

pub use confused::ConfusedPair;
pub use dataset::{ClassBalance, Contradiction, DatasetSummary, Duplicate};
pub use dossier::Dossier;
pub use labels::{ClassNoise, ConfusedLabels, LabelAudit, LookAlikes, SuspectedRow};
pub use levels::{LevelModel, LevelReport, LevelsReport};
pub use page::{counted, page, thousands};
pub use profile::{
    LanguageShare, LengthBin, NearTwins, Profile, Quantiles, RowExample, Suspicion, SuspicionReason, VocabularyPoint,
};
pub use quality::{
    CalibrationBin, CalibrationReport, ClassMetrics, ClassTerms, ConfusionMatrix, Intervals, Mistake, MonthAccuracy,
    WeightedTerm,
};
pub use report::Report;
pub use review::{MeasuredShare, ReviewReport, ThresholdReport};
pub use schema::{field_table, schema};
pub use search::{Choice, EnsembleMember, Trial, TrialStatus};
pub use word_vectors::{ScaleTrial, WordVectorsReport};
