//! The configuration of a training: `run.json` ([`RunFile`]) with its preset under it, and every value checked.
//!
//! Reading is strict: a field that the trainer does not know is refused, so that a misspelt option is an error and never a
//! default. What a file leaves out of `preprocessing`, `features` and `search` comes from its preset. What
//! [`RunConfig::parse`] returns can be trained.

mod candidate;
mod estimator;
mod pipelines;
mod preset;
mod trials;
mod validate;

use std::path::{Path, PathBuf};

use complaint_contract::{
    Candidate, ChampionSettings, DatasetFormat, DatasetSettings, Ensemble, EvaluationSettings, Metric, PipelineGrid,
    RunFile, Strategy,
};
use complaint_model::{Features, Preprocessing};
use serde::Deserialize;
use serde_json::{Map, Value, json};

pub use candidate::estimators;
pub use estimator::{Estimator, Trial};
pub use pipelines::Pipeline;

/// Why a configuration is refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file is not there or not readable.
    #[error("can't read the configuration file {}: {source}. Pass an existing file with --config", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// Not JSON, an unknown field, a missing one, or one of another type.
    #[error(
        "the configuration can't be read at `{field}`: {problem}. Correct that field; docs/contracts.md lists all of them"
    )]
    Malformed {
        /// Path of the field, such as `search.candidates[0].algorithm`.
        field: String,
        /// What the parser met.
        problem: String,
    },
    /// A value that can't be honoured.
    #[error("{field} {problem}. {fix}")]
    Invalid {
        /// Path of the field.
        field: String,
        /// What is wrong with it, as the rest of a sentence.
        problem: String,
        /// What to do, as a sentence without its full stop.
        fix: String,
    },
    /// A text or vectoriser step outside its range.
    #[error(transparent)]
    Setting(#[from] complaint_model::pipeline::InvalidSetting),
}

/// Everything that decides a training, paths and addresses excepted.
#[derive(Debug, Clone, PartialEq)]
pub struct RunConfig {
    /// Name of the TrainingRun, and of the ModelVersion it makes.
    pub name: String,
    /// Namespace of the run: the first level of the store.
    pub namespace: String,
    /// The classifier that gets the result: the second level of the store.
    pub classifier: String,
    /// Digest of the run's specification, recorded in the lineage.
    pub spec_hash: String,
    /// How to read the data set.
    pub dataset: DatasetSettings,
    /// The split and the metric of the comparison; both belong to the classifier.
    pub evaluation: EvaluationSettings,
    /// From text to words.
    pub preprocessing: Preprocessing,
    /// From words to numbers.
    pub features: Features,
    /// What is tried.
    pub search: SearchConfig,
    /// The present champion, evaluated on the same rows.
    pub champion: Option<ChampionSettings>,
}

/// The format that a data set's name suggests, compression aside; CSV where it suggests none.
pub fn format_of_name(name: &str) -> DatasetFormat {
    let name = name.split(['?', '#']).next().unwrap_or_default().to_ascii_lowercase();
    let packed = [".gz", ".gzip", ".zst", ".zstd", ".zip"];
    let plain = packed
        .iter()
        .find_map(|suffix| name.strip_suffix(suffix))
        .unwrap_or(&name);
    match plain.rsplit_once('.').map(|(_, suffix)| suffix) {
        Some("json") => DatasetFormat::Json,
        Some("jsonl" | "ndjson") => DatasetFormat::JsonLines,
        _ => DatasetFormat::Csv,
    }
}

/// What is tried, and how it is judged.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SearchConfig {
    /// Number of cross-validation folds.
    pub folds: usize,
    /// What the folds are judged by.
    pub scoring: Metric,
    /// Which points of the grid are tried.
    #[serde(default)]
    pub strategy: Strategy,
    /// Text pipelines to try.
    #[serde(default)]
    pub pipeline_grid: PipelineGrid,
    /// Algorithms with the values to try.
    pub candidates: Vec<Candidate>,
    /// Averaging of the best; absent: the best trial alone is the model.
    #[serde(default)]
    pub ensemble: Option<Ensemble>,
    /// Trials at most: a larger grid is refused, a random search draws so many.
    pub max_trial_count: usize,
    /// More failed trials than this end the run.
    pub max_failed_trial_count: usize,
}

fn malformed(error: serde_path_to_error::Error<serde_json::Error>) -> ConfigError {
    ConfigError::Malformed {
        field: error.path().to_string(),
        problem: error.inner().to_string(),
    }
}

/// A section with its preset's fields.
fn section<T: for<'de> Deserialize<'de>>(sections: &mut Map<String, Value>, name: &str) -> Result<T, ConfigError> {
    serde_json::from_value(sections.remove(name).unwrap_or_default()).map_err(|error| ConfigError::Malformed {
        field: name.to_owned(),
        problem: error.to_string(),
    })
}

impl RunConfig {
    /// Reads and checks a configuration file.
    ///
    /// # Errors
    /// [`ConfigError`], naming the field and the fix.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read(path).map_err(|source| ConfigError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&text)
    }

    /// Parses and checks a configuration.
    ///
    /// # Errors
    /// [`ConfigError`], naming the field and the fix.
    pub fn parse(json: &[u8]) -> Result<Self, ConfigError> {
        let mut reader = serde_json::Deserializer::from_slice(json);
        let file: RunFile = serde_path_to_error::deserialize(&mut reader).map_err(malformed)?;
        let config = Self::of(file)?;
        config.validate()?;
        Ok(config)
    }

    /// The file with its preset under it.
    fn of(file: RunFile) -> Result<Self, ConfigError> {
        let mut sections = Map::new();
        for (name, section) in [
            ("preprocessing", json!(file.preprocessing)),
            ("features", json!(file.features)),
            ("search", json!(file.search)),
        ] {
            if !section.is_null() {
                sections.insert(name.to_owned(), section);
            }
        }
        preset::lay_under(file.preset, &mut sections);
        Ok(Self {
            preprocessing: section(&mut sections, "preprocessing")?,
            features: section(&mut sections, "features")?,
            search: section(&mut sections, "search")?,
            name: file.name,
            namespace: file.namespace,
            classifier: file.classifier,
            spec_hash: file.spec_hash,
            dataset: file.dataset,
            evaluation: file.evaluation,
            champion: file.champion,
        })
    }

    /// Name of the split: equal names on equal data mean equal test rows.
    pub fn split_name(&self) -> String {
        match &self.dataset.split_field {
            Some(field) => format!("published/{field}"),
            None => format!(
                "{}/seed={}/testFraction={}",
                crate::split::VERSION,
                self.evaluation.seed,
                self.evaluation.test_fraction
            ),
        }
    }
}
