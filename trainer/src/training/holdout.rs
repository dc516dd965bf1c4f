//! Rows of their own on which every version of a classifier is evaluated.

use complaint_contract::{Holdout, HoldoutResult, TrainingStage};
use rayon::prelude::*;

use super::Inputs;
use crate::config::ConfigError;
use crate::dataset::{self, Dataset, DatasetError, HeldOutKeys, Location, Purpose, Source};
use crate::error::TrainError;
use crate::progress::Progress;
use crate::split::split_key;

/// Most labels of a holdout that no training row has. More are no categories.
const MOST_UNKNOWN_LABELS: usize = 1000;

/// The rows of the holdout, with their texts.
pub(super) struct HoldoutRows {
    name: String,
    dataset: Dataset,
    keys: HeldOutKeys,
}

impl HoldoutRows {
    /// Reads the holdout, if the configuration has one.
    pub(super) fn read(inputs: &Inputs<'_>, progress: &Progress) -> Result<Option<Self>, TrainError> {
        let config = inputs.config;
        let Some(holdout) = &config.evaluation.holdout else {
            return Ok(None);
        };
        let place = inputs.holdout.or(holdout.source.as_deref());
        let Some(place) = place else {
            return Err(ConfigError::Invalid {
                field: "evaluation.holdout.source".into(),
                problem: "is missing, and --holdout names no rows either".into(),
                fix: "Name the file or address with the rows that decide".into(),
            }
            .into());
        };
        let source = open(place, holdout, inputs, progress)?;
        let settings = holdout.settings(&config.dataset);
        let dataset = dataset::load_any(&settings, &source, |_| ())?;
        let seed = config.evaluation.seed;
        let keys = dataset
            .rows
            .par_iter()
            .map(|row| split_key(dataset.text(row), seed))
            .collect();
        Ok(Some(Self {
            name: source.name().to_owned(),
            keys: HeldOutKeys { keys, seed },
            dataset,
        }))
    }

    /// The keys of its rows. Rows of the data set that share one are no training rows.
    pub(super) fn keys(&self) -> &HeldOutKeys {
        &self.keys
    }

    /// Adds its rows to the training rows, as their test part. Rows with a label that no training row has count as wrong
    /// answers, so no version wins by leaving a class out.
    ///
    /// # Errors
    /// [`DatasetError::NoUsableRows`] where all rows are such rows, or their labels are too many for categories.
    pub(super) fn add_to(self, dataset: &mut Dataset) -> Result<HoldoutResult, DatasetError> {
        let (records, sha256) = (self.dataset.counts, self.dataset.sha256);
        let unusable = |problem: String| DatasetError::NoUsableRows {
            name: self.name.clone(),
            records: records.records,
            problem,
        };
        let unknown_label_rows = dataset.add_held_out(&self.dataset);
        if unknown_label_rows == self.dataset.rows.len() as u64 {
            return Err(unusable(
                "none of its rows has a label that the training rows have".into(),
            ));
        }
        let unknown = dataset.unknown_labels.len();
        if unknown > MOST_UNKNOWN_LABELS {
            return Err(unusable(format!(
                "they have {unknown} labels that no training row has, more than {MOST_UNKNOWN_LABELS}; name the field with the \
                 category in evaluation.holdout.labelFields"
            )));
        }
        dataset.warn_of_unknown_labels();
        Ok(HoldoutResult {
            sha256,
            records,
            unknown_label_rows,
        })
    }
}

fn open(place: &str, holdout: &Holdout, inputs: &Inputs<'_>, progress: &Progress) -> Result<Source, DatasetError> {
    let location = Location::parse(place);
    let message = format!("opening the holdout {}", location.name());
    progress.tell(TrainingStage::Loading, 0.0, &message);
    let source = Source::open(&location, holdout.sha256, Purpose::Holdout, inputs.reach, |_, _| ());
    source.map_err(|error| match error {
        DatasetError::DigestMismatch {
            name, actual, expected, ..
        } => DatasetError::DigestMismatch {
            name,
            actual,
            expected,
            setting: "evaluation.holdout.sha256",
        },
        other => other,
    })
}
