//! `report.json`: the shared report with what only the trainer knows.

use complaint_model::report::Report;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde::Serialize;

use crate::evaluate::{Intervals, Mistake};
use crate::profile::Profile;

/// The report of a training.
// The shared part's fields, then these.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TrainingReport {
    /// The part that the server reads too.
    #[serde(flatten)]
    pub report: Report,
    /// 95 % bootstrap intervals of the metrics.
    pub confidence_intervals: Intervals,
    /// The most confident wrong answers.
    pub mistakes: Vec<Mistake>,
    /// A description of the data set.
    pub profile: Profile,
    /// Digest of the specification the run was made from.
    pub spec_hash: String,
}

/// The JSON Schema (draft 2020-12) of `report.json`. Readers must let fields pass that it does not name: new ones are
/// added, none is renamed.
pub fn schema() -> Schema {
    let mut settings = SchemaSettings::draft2020_12().for_serialize();
    settings.inline_subschemas = false;
    settings.into_generator().into_root_schema_for::<TrainingReport>()
}
