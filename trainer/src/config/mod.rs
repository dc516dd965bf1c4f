//! The configuration of a training: `run.json` ([`RunFile`]) merged with its preset, and every value checked.
//!
//! Reading is strict: an unknown field is an error, so a misspelt option never falls back to a default. The preset sets
//! the fields that a file leaves out of `preprocessing`, `features` and `search`. A configuration that
//! [`RunConfig::parse`] returns is valid.

mod candidate;
mod choices;
mod estimator;
mod language;
mod pipelines;
mod preset;
mod requests;
mod trials;
mod validate;

use std::path::{Path, PathBuf};

use complaint_contract::{
    Candidate, ChampionSettings, DatasetFormat, DatasetSettings, Ensemble, EvaluationSettings, Feedback,
    LanguageSetting, Metric, MinDocumentFrequency, PipelineGrid, Preset, ReviewRules, RunFile, Sha256Digest, SplitBy,
    SplitName, Strategy, WordVectors, limits,
};
use complaint_model::{Features, Preprocessing};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

pub use candidate::estimators;
pub use choices::TrainingRows;
pub use estimator::{Estimator, Trial};
pub use pipelines::Pipeline;
pub(crate) use requests::{Request, parse_request};
pub(crate) use validate::check_name;

/// Why a configuration is invalid.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file is missing or not readable.
    #[error("can't read the configuration file {}: {source}. Pass an existing file with --config", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The operating system's error.
        source: std::io::Error,
    },
    /// The file is not JSON, or a field is unknown, missing or of another type.
    #[error(
        "the configuration can't be read at `{field}`: {problem}. Correct that field; docs/contracts.md lists all of them"
    )]
    Malformed {
        /// Path of the field, such as `search.candidates[0].algorithm`.
        field: String,
        /// The parser's error.
        problem: String,
    },
    /// A value is invalid.
    #[error("{field} {problem}. {fix}")]
    Invalid {
        /// Path of the field.
        field: String,
        /// What is wrong with it: the predicate of a sentence.
        problem: String,
        /// What to do: a sentence without its full stop.
        fix: String,
    },
    /// A text or vectoriser step is outside its range.
    #[error(transparent)]
    Setting(#[from] complaint_model::pipeline::InvalidSetting),
}

/// Everything that determines the model. Paths and addresses are arguments.
#[derive(Debug, Clone, PartialEq)]
pub struct RunConfig {
    /// Name of the TrainingRun, and of the ModelVersion it makes.
    pub name: String,
    /// Namespace of the run: the first directory level of the store.
    pub namespace: String,
    /// The classifier that gets the result: the second directory level of the store.
    pub classifier: String,
    /// Digest of the run's specification, recorded in the lineage.
    pub spec_hash: String,
    /// How to read the data set.
    pub dataset: DatasetSettings,
    /// Whether corrections are training rows.
    pub feedback: Feedback,
    /// The split and the metric of the comparison; both belong to the classifier.
    pub evaluation: EvaluationSettings,
    /// The language of the texts. With `Auto` the steps are those for English until [`RunConfig::for_languages`] decides.
    pub language: LanguageSetting,
    /// The steps from text to words.
    pub preprocessing: Preprocessing,
    /// The steps from words to numbers.
    pub features: Features,
    /// Word vectors to learn from beside the terms.
    pub word_vectors: Option<WordVectors>,
    /// The document frequencies that the search varies. Empty: the one in `features`.
    document_frequencies: Vec<usize>,
    /// The search.
    pub search: SearchConfig,
    /// What the file itself says.
    written: Written,
    /// The file.
    file: RunFile,
    /// The current champion, which is evaluated on the same rows.
    pub champion: Option<ChampionSettings>,
    /// Which answers the classifier leaves to people; only the report depends on it.
    pub review: ReviewRules,
}

/// What decides which settings follow the data: the preset, and what the file sets itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Written {
    preset: Preset,
    candidates: bool,
    char_ngrams: bool,
    max_features: bool,
    auto_document_frequency: bool,
    /// A field that asks for a step that only English has.
    english_step: Option<EnglishStep>,
}

/// A field and its value, which only English has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct EnglishStep {
    field: &'static str,
    value: &'static str,
}

/// The format of a data set by its file name, ignoring the suffix of a compression. The default is CSV.
pub fn format_of_name(name: &str) -> DatasetFormat {
    let name = name.split(['?', '#']).next().unwrap_or_default().to_ascii_lowercase();
    let packed = [".gz", ".gzip", ".zst", ".zstd", ".zip"];
    let plain = packed
        .iter()
        .find_map(|suffix| name.strip_suffix(suffix))
        .unwrap_or(&name);
    format_of_suffix(plain).unwrap_or_default()
}

/// The format that the suffix of an unpacked file suggests.
pub fn format_of_suffix(name: &str) -> Option<DatasetFormat> {
    match name.rsplit_once('.')?.1.to_ascii_lowercase().as_str() {
        "csv" => Some(DatasetFormat::Csv),
        "json" => Some(DatasetFormat::Json),
        "jsonl" | "ndjson" => Some(DatasetFormat::JsonLines),
        _ => None,
    }
}

/// The search.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SearchConfig {
    /// Number of cross-validation folds.
    pub folds: usize,
    /// How often the rows are divided into folds; absent: as [`TrainingRows`] ask for.
    #[serde(default)]
    pub repeats: Option<usize>,
    /// The metric that is averaged over the folds.
    pub scoring: Metric,
    /// Which points of the grid to try.
    #[serde(default)]
    pub strategy: Strategy,
    /// Text pipelines to try.
    #[serde(default)]
    pub pipeline_grid: PipelineGrid,
    /// Algorithms with the values to try.
    pub candidates: Vec<Candidate>,
    /// Averages the best trials. Absent: the best trial is the model.
    #[serde(default)]
    pub ensemble: Option<Ensemble>,
    /// Whether a trial that the first folds show to be behind is not run on the others.
    #[serde(default)]
    pub early_stopping: bool,
    /// Maximum number of trials. A larger grid is rejected, and a random search draws this many.
    pub max_trial_count: usize,
    /// Maximum number of failed trials. If more fail, the run fails.
    pub max_failed_trial_count: usize,
}

/// Number of candidates for each possible member of an ensemble.
const CANDIDATES_A_MEMBER: usize = 3;

impl SearchConfig {
    /// How many of the best trials an ensemble is chosen from; 1 without one.
    pub(crate) fn members_to_choose_from(&self) -> usize {
        self.ensemble
            .map_or(1, |ensemble| ensemble.max_members * CANDIDATES_A_MEMBER)
    }
}

pub(crate) fn malformed(error: serde_path_to_error::Error<serde_json::Error>) -> ConfigError {
    ConfigError::Malformed {
        field: error.path().to_string(),
        problem: error.inner().to_string(),
    }
}

/// Deserialises a section that is merged with the preset.
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
    /// [`ConfigError`], which names the field and the fix.
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
    /// [`ConfigError`], which names the field and the fix.
    pub fn parse(json: &[u8]) -> Result<Self, ConfigError> {
        let mut reader = serde_json::Deserializer::from_slice(json);
        let file: RunFile = serde_path_to_error::deserialize(&mut reader).map_err(malformed)?;
        let config = Self::of(file)?;
        config.validate()?;
        Ok(config)
    }

    /// Merges the file with its preset.
    fn of(mut file: RunFile) -> Result<Self, ConfigError> {
        let (written, original) = (Written::of(&file), file.clone());
        if written.auto_document_frequency
            && let Some(features) = &mut file.features
        {
            let [.., highest] = limits::AUTO_DOCUMENT_FREQUENCY;
            features.min_document_frequency = Some(MinDocumentFrequency::Rows(highest));
        }
        let word_vectors = file.features.as_mut().and_then(|features| features.word_vectors.take());
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
        let language = language::take(&mut sections)?;
        let mut preprocessing: Preprocessing = section(&mut sections, "preprocessing")?;
        if let LanguageSetting::Is(language) = language {
            preprocessing = preprocessing.in_language(language);
        }
        Ok(Self {
            language,
            preprocessing,
            features: section(&mut sections, "features")?,
            word_vectors,
            document_frequencies: Vec::new(),
            written,
            file: original,
            search: section(&mut sections, "search")?,
            name: file.name,
            namespace: file.namespace,
            classifier: file.classifier,
            spec_hash: file.spec_hash,
            dataset: file.dataset,
            feedback: file.feedback,
            evaluation: file.evaluation,
            champion: file.champion,
            review: file.review,
        })
    }

    /// What has to be known to make the model again, besides the bytes of the data: the file without addresses, and without
    /// namespace and champion, on which no model depends.
    pub fn reproducible(&self) -> RunFile {
        let mut file = self.file.clone();
        file.champion = None;
        file.namespace.clear();
        if let Some(holdout) = &mut file.evaluation.holdout {
            holdout.source = None;
        }
        if let Some(vectors) = file
            .features
            .as_mut()
            .and_then(|features| features.word_vectors.as_mut())
        {
            vectors.source = None;
        }
        file
    }

    /// Name of the split. Equal names on equal data mean equal test rows. `holdout` is the digest of a holdout, whose
    /// rows replace a part of the data set as test rows.
    pub fn split_name(&self, holdout: Option<Sha256Digest>) -> String {
        split_name(&self.dataset, &self.evaluation, holdout)
    }
}

/// The name of the split with these settings.
pub(crate) fn split_name(
    dataset: &DatasetSettings,
    evaluation: &EvaluationSettings,
    holdout: Option<Sha256Digest>,
) -> String {
    let name = match (holdout, &dataset.split_field) {
        (Some(sha256), _) => SplitName::Holdout { sha256 },
        (None, Some(field)) => SplitName::Published { field: field.clone() },
        (None, None) if evaluation.split == SplitBy::Time => SplitName::Time {
            version: crate::split::VERSION.to_owned(),
            seed: evaluation.seed,
            test_fraction: evaluation.test_fraction,
            field: dataset.time_field.clone().unwrap_or_default(),
        },
        (None, None) => SplitName::Key {
            version: crate::split::VERSION.to_owned(),
            seed: evaluation.seed,
            test_fraction: evaluation.test_fraction,
        },
    };
    name.to_string()
}
