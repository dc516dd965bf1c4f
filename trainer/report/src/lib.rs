//! What a training reports about its model: `report.json`, its JSON schema, and `report.html`.
//!
//! The trainer fills a [`Report`]; a dashboard or a command line reads one. Neither the trainer nor its solvers are needed
//! for that, and nothing here reads a file or a socket.
//!
//! ```
//! # fn read(json: &str) -> Result<String, serde_json::Error> {
//! let report: complaint_report::Report = serde_json::from_str(json)?;
//! Ok(complaint_report::page(&report))
//! # }
//! ```
//!
//! What also stands in statuses and results comes from [`complaint_contract`]. Numbers are written with four decimals at
//! most. Readers let fields pass that they don't know: new ones are added, none is renamed.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod confused;
mod dataset;
mod page;
mod profile;
mod quality;
mod report;
mod schema;
mod search;

pub use confused::ConfusedPair;
pub use dataset::{ClassBalance, Contradiction, DatasetSummary, Duplicate, RecordCounts};
pub use page::page;
pub use profile::{LengthBin, NearTwins, Profile, Quantiles, RowExample, Suspicion, SuspicionReason, VocabularyPoint};
pub use quality::{
    CalibrationBin, CalibrationReport, ClassMetrics, ClassTerms, ConfusionMatrix, Intervals, Mistake, WeightedTerm,
};
pub use report::Report;
pub use schema::{field_table, schema};
pub use search::{EnsembleMember, Trial, TrialStatus};
