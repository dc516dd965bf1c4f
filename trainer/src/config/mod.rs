//! The configuration file of a training, `run.json`, as `docs/contracts.md` gives it.
//!
//! Parsing is strict: a field the trainer does not know is refused, so that a misspelt option is an error and never a
//! default. What a file leaves out of `preprocessing`, `features` and `search` comes from its [`Preset`].
//! [`RunConfig::parse`] also checks every value; what it returns can be honoured.

mod candidate;
mod estimator;
mod pipelines;
mod preset;
mod trials;
mod validate;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use complaint_model::report::Metric;
use complaint_model::{Features, Preprocessing, Sha256Digest};
use serde::{Deserialize, Serialize};

pub use candidate::{Candidate, Grid};
pub(crate) use candidate::{Parameter, parameters_of};
pub use estimator::{Estimator, Trial};
pub use pipelines::{Pipeline, PipelineGrid};
pub use preset::Preset;

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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
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
    pub dataset: DatasetConfig,
    /// The split and the metric of the comparison; both belong to the classifier.
    pub evaluation: EvaluationConfig,
    /// What stands behind the fields that the next three sections leave out.
    #[serde(default)]
    pub preset: Preset,
    /// From text to words.
    pub preprocessing: Preprocessing,
    /// From words to numbers.
    pub features: Features,
    /// What is tried.
    pub search: SearchConfig,
    /// The present champion, evaluated on the same rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub champion: Option<ChampionConfig>,
}

/// Form of a data set's records; compression goes by the file's suffix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum DatasetFormat {
    /// Comma-separated values with a header row (RFC 4180).
    Csv,
    /// One JSON object a line.
    JsonLines,
    /// One array of objects, or an Elasticsearch answer with `hits.hits`.
    Json,
}

impl DatasetFormat {
    /// The format that a file's name suggests, compression aside; CSV where it suggests none.
    pub fn of_name(name: &str) -> Self {
        let name = name.split(['?', '#']).next().unwrap_or_default().to_ascii_lowercase();
        let packed = [".gz", ".gzip", ".zst", ".zstd", ".zip"];
        let plain = packed
            .iter()
            .find_map(|suffix| name.strip_suffix(suffix))
            .unwrap_or(&name);
        match plain.rsplit_once('.').map(|(_, suffix)| suffix) {
            Some("json") => Self::Json,
            Some("jsonl" | "ndjson") => Self::JsonLines,
            _ => Self::Csv,
        }
    }
}

/// Which columns make a row, and which rows count.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DatasetConfig {
    /// Form of the records.
    pub format: DatasetFormat,
    /// Column, or dotted path, of the complaint's text.
    pub text_field: String,
    /// Columns, or dotted paths, of the label; several are joined with ` + `.
    pub label_fields: Vec<String>,
    /// Column with a published split: rows with `train` and `test`, all others are left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split_field: Option<String>,
    /// Labels with fewer rows are dropped and named.
    pub min_samples_per_class: usize,
    /// Renames and merges labels, after the fields were joined.
    #[serde(default)]
    pub label_map: BTreeMap<String, String>,
    /// Only records that have, in each of these fields, one of the values; all others are left out.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub filter: BTreeMap<String, Vec<String>>,
    /// SHA-256 that the source's bytes must have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Sha256Digest>,
}

impl DatasetConfig {
    /// The label that a record's label counts as.
    pub fn renamed<'l>(&'l self, label: &'l str) -> &'l str {
        self.label_map.get(label).map_or(label, |renamed| renamed.trim())
    }
}

/// The split and the metric that decides between versions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EvaluationConfig {
    /// Share of the rows held out, between 0 and 1.
    pub test_fraction: f64,
    /// Seed of the split, the folds, the solvers and the bootstrap.
    pub seed: u64,
    /// What champion and newcomer are compared by.
    pub metric: Metric,
}

/// What is tried, and how it is judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
    #[serde(default, skip_serializing_if = "PipelineGrid::is_empty")]
    pub pipeline_grid: PipelineGrid,
    /// Algorithms with the values to try.
    pub candidates: Vec<Candidate>,
    /// Averaging of the best; absent: the best trial alone is the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ensemble: Option<EnsembleConfig>,
    /// Trials at most: a larger grid is refused, a random search draws so many.
    pub max_trial_count: usize,
    /// More failed trials than this end the run.
    pub max_failed_trial_count: usize,
}

/// Which points of the grid are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Strategy {
    /// All of them.
    #[default]
    Grid,
    /// `maxTrialCount` of them, drawn without replacement (Bergstra & Bengio 2012).
    Random,
}

/// Averaging of the best trials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EnsembleConfig {
    /// Different models at most; 1 averages nothing.
    pub max_members: usize,
}

/// The champion that the newcomer is compared with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChampionConfig {
    /// Name of its ModelVersion.
    pub name: String,
    /// Digest of its artifact.
    pub sha256: Sha256Digest,
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
        let malformed = |error: serde_path_to_error::Error<serde_json::Error>| ConfigError::Malformed {
            field: error.path().to_string(),
            problem: error.inner().to_string(),
        };
        let mut reader = serde_json::Deserializer::from_slice(json);
        let mut fields: serde_json::Map<String, serde_json::Value> =
            serde_path_to_error::deserialize(&mut reader).map_err(malformed)?;
        let preset = fields.get("preset").cloned().unwrap_or_default();
        if !preset.is_null() {
            Preset::deserialize(&preset)
        } else {
            Ok(Preset::default())
        }
        .map_err(|error| ConfigError::Malformed {
            field: "preset".into(),
            problem: error.to_string(),
        })?
        .lay_under(&mut fields);
        let config: Self = serde_path_to_error::deserialize(serde_json::Value::Object(fields)).map_err(malformed)?;
        config.validate()?;
        Ok(config)
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
