//! The holdout: separate rows on which every version of a classifier is evaluated.

use complaint_contract::{DatasetSettings, Holdout, HoldoutResult, Reach, TrainingStage};
use rayon::prelude::*;

use super::Inputs;
use crate::config::ConfigError;
use crate::dataset::{self, Dataset, DatasetError, FIELDS_OF_THE_LABEL, HeldOutKeys, Location, Part, Purpose, Source};
use crate::error::TrainError;
use crate::progress::Progress;
use crate::split::split_key;

/// Maximum number of labels in a holdout that no training row has. With more, the labels are not categories.
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
        let place = place_of(holdout, inputs.holdout)?;
        let settings = holdout.settings(&config.dataset);
        let (name, dataset) = read_rows(place, holdout, &settings, inputs.reach, progress)?;
        let seed = config.evaluation.seed;
        let keys = dataset
            .rows
            .par_iter()
            .map(|row| split_key(dataset.text(row), seed))
            .collect();
        Ok(Some(Self {
            name,
            keys: HeldOutKeys { keys, seed },
            dataset,
        }))
    }

    /// The split keys of its rows. Rows of the data set with one of these keys are not used for training.
    pub(super) fn keys(&self) -> &HeldOutKeys {
        &self.keys
    }

    /// Adds its rows to the training rows, as their test part.
    pub(super) fn add_to(&self, dataset: &mut Dataset) {
        dataset.add_held_out(&self.dataset);
    }

    /// What became of its rows, when all training rows are there. Rows with a label that no training row has count as
    /// wrong answers, so a version can't win by leaving a class out.
    ///
    /// # Errors
    /// [`DatasetError::NoUsableRows`] if all rows have such labels, or there are too many such labels for categories.
    pub(super) fn result(self, dataset: &mut Dataset) -> Result<HoldoutResult, DatasetError> {
        let (records, sha256) = (self.dataset.counts, self.dataset.sha256);
        let unknown_label_rows = dataset.unknown_label_rows();
        let partial = (0..dataset.rows.len() as u32)
            .filter(|&row| dataset.rows[row as usize].part == Some(Part::Test) && dataset.is_partial(row));
        let known_rows = self.dataset.rows.len() as u64 - unknown_label_rows - partial.count() as u64;
        check_labels(&self.name, records.records, known_rows, dataset.unknown_labels.len())?;
        dataset.warn_of_unknown_labels();
        Ok(HoldoutResult {
            sha256,
            records,
            unknown_label_rows,
        })
    }
}

/// Checks that the held-out rows have labels of the model, with some exceptions.
///
/// # Errors
/// [`DatasetError::NoUsableRows`] if no row has a label of the model, or there are too many other labels for
/// categories.
pub(super) fn check_labels(name: &str, records: u64, known_rows: u64, unknown: usize) -> Result<(), DatasetError> {
    let problem = if known_rows == 0 {
        "none of its rows has a label that the training rows have".into()
    } else if unknown > MOST_UNKNOWN_LABELS {
        format!(
            "they have {unknown} labels that no training row has, more than {MOST_UNKNOWN_LABELS}; name the field with the \
             category in evaluation.holdout.labelFields"
        )
    } else {
        return Ok(());
    };
    Err(DatasetError::NoUsableRows {
        name: name.to_owned(),
        records,
        problem,
        setting: FIELDS_OF_THE_LABEL,
    })
}

/// The location of a holdout's rows: the argument, or else the holdout's own source.
pub(super) fn place_of<'h>(holdout: &'h Holdout, argument: Option<&'h str>) -> Result<&'h str, ConfigError> {
    argument
        .or(holdout.source.as_deref())
        .ok_or_else(|| ConfigError::Invalid {
            field: "evaluation.holdout.source".into(),
            problem: "is missing, and --holdout names no rows either".into(),
            fix: "Name the file or address with the rows that decide".into(),
        })
}

/// Reads the rows of a holdout. Also returns its name for messages.
pub(super) fn read_rows(
    place: &str,
    holdout: &Holdout,
    settings: &DatasetSettings,
    reach: Reach,
    progress: &Progress,
) -> Result<(String, Dataset), DatasetError> {
    let location = Location::parse(place);
    let message = format!("opening the holdout {}", location.name());
    progress.tell(TrainingStage::Loading, 0.0, &message);
    let source =
        Source::open(&location, holdout.sha256, Purpose::Holdout, reach, |_, _| ()).map_err(|error| match error {
            DatasetError::DigestMismatch {
                name, actual, expected, ..
            } => DatasetError::DigestMismatch {
                name,
                actual,
                expected,
                setting: "evaluation.holdout.sha256",
            },
            other => other,
        })?;
    let dataset = dataset::load_any(settings, &source, |_| ())?;
    Ok((source.name().to_owned(), dataset))
}
