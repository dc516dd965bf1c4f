//! `run.json`, the configuration of a training.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    DatasetFormat, Features, Feedback, Metric, Preprocessing, Preset, ReviewRules, Search, Sha256Digest, SplitBy,
};

/// The configuration file of a training: everything that determines the model. Paths and addresses are arguments.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RunFile {
    /// Name of the TrainingRun, and of the ModelVersion it makes.
    pub name: String,
    /// Namespace of the run: the first level of the store. A report leaves it out: the same run in another namespace has the same report.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// The classifier that gets the result: the second level of the store.
    pub classifier: String,
    /// Digest of the run's specification, recorded in the lineage.
    pub spec_hash: String,
    /// How to read the data set.
    pub dataset: DatasetSettings,
    /// Whether the corrections in the classifier's part of the store are training rows.
    #[serde(default)]
    pub feedback: Feedback,
    /// The split and the metric of the comparison; both belong to the classifier.
    pub evaluation: EvaluationSettings,
    /// The preset, which sets the fields that the next three sections leave out.
    #[serde(default)]
    pub preset: Preset,
    /// The steps from text to words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preprocessing: Option<Preprocessing>,
    /// The steps from words to numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub features: Option<Features>,
    /// The search.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search: Option<Search>,
    /// The current champion, which is evaluated on the same rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub champion: Option<ChampionSettings>,
    /// Which answers the classifier leaves to people. The report says what that means for this model; the model itself is the same
    /// with other rules.
    #[serde(default, skip_serializing_if = "ReviewRules::is_empty")]
    pub review: ReviewRules,
}

impl RunFile {
    /// The file's content.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("strings, numbers and lists are JSON") + "\n"
    }
}

/// How to read the data set.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DatasetSettings {
    /// Form of the records.
    pub format: DatasetFormat,
    /// Column, or dotted path, of the complaint's text.
    pub text_field: String,
    /// Columns, or dotted paths, of the label; several are joined with ` + `. Empty if the label has levels.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub label_fields: Vec<String>,
    /// Columns, or dotted paths, of the levels of a label, the coarsest first. They are joined with ` > `, up to the first that is
    /// empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub label_levels: Vec<String>,
    /// Column with a published split: `train` or `test`. All other rows are left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split_field: Option<String>,
    /// Column, or dotted path, of the time when the complaint came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_field: Option<String>,
    /// Labels with fewer rows are removed and reported.
    pub min_samples_per_class: usize,
    /// Renames and merges labels, after the fields were joined.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub label_map: BTreeMap<String, String>,
    /// Allowed values of fields: records with another value are left out.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub filter: BTreeMap<String, Vec<String>>,
    /// SHA-256 digest that the source must have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Sha256Digest>,
}

impl DatasetSettings {
    /// The setting that names the fields of the label.
    pub fn label_setting(&self) -> &'static str {
        if self.has_levels() {
            "dataset.labelLevels"
        } else {
            "dataset.labelFields"
        }
    }

    /// The fields of the label.
    pub fn label_columns(&self) -> &[String] {
        if self.has_levels() {
            &self.label_levels
        } else {
            &self.label_fields
        }
    }

    /// Whether labels have levels.
    pub fn has_levels(&self) -> bool {
        !self.label_levels.is_empty()
    }

    /// The label after `labelMap`.
    pub fn renamed<'l>(&'l self, label: &'l str) -> &'l str {
        self.label_map.get(label).map_or(label, String::as_str)
    }
}

/// The split and the metric that decides between versions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EvaluationSettings {
    /// Which rows are held out.
    #[serde(default)]
    pub split: SplitBy,
    /// Share of the rows held out.
    pub test_fraction: f64,
    /// Seed of the split, the folds, the solvers and the bootstrap.
    pub seed: u64,
    /// The metric that compares the champion and the new model.
    pub metric: Metric,
    /// Rows of their own that decide, instead of a part of the data set's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holdout: Option<Holdout>,
}

impl EvaluationSettings {
    /// The settings of a draw by hash, with the default metric.
    pub fn by_hash(test_fraction: f64, seed: u64) -> Self {
        Self {
            split: SplitBy::Hash,
            test_fraction,
            seed,
            metric: Metric::default(),
            holdout: None,
        }
    }
}

/// Rows on which every version of a classifier is evaluated. All of the data set is then training data, apart from rows whose
/// split key is also the key of one of these rows.
///
/// What is left out here is as in [`DatasetSettings`], except `labelMap`: a run does not change the labels of these rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Holdout {
    /// Path or address, in the forms of `--dataset`: a file, `http(s)://`, `s3://`, `gs://` or `az://`. The argument
    /// `--holdout` replaces it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// SHA-256 that its bytes must have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Sha256Digest>,
    /// Form of its records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<DatasetFormat>,
    /// Column, or dotted path, of the complaint's text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text_field: Option<String>,
    /// Columns, or dotted paths, of the label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label_fields: Option<Vec<String>>,
    /// Columns, or dotted paths, of the levels of the label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label_levels: Option<Vec<String>>,
}

impl Holdout {
    /// How its rows are read beside a data set with these settings.
    pub fn settings(&self, dataset: &DatasetSettings) -> DatasetSettings {
        // Its own way to name the label replaces the data set's.
        let has_own = self.label_fields.is_some() || self.label_levels.is_some();
        let own = |fields: &Option<Vec<String>>, others: &[String]| match fields {
            Some(fields) => fields.clone(),
            None if has_own => Vec::new(),
            None => others.to_vec(),
        };
        DatasetSettings {
            format: self.format.unwrap_or(dataset.format),
            text_field: self.text_field.clone().unwrap_or_else(|| dataset.text_field.clone()),
            label_fields: own(&self.label_fields, &dataset.label_fields),
            label_levels: own(&self.label_levels, &dataset.label_levels),
            split_field: None,
            time_field: None,
            min_samples_per_class: 1,
            label_map: BTreeMap::new(),
            filter: BTreeMap::new(),
            sha256: self.sha256,
        }
    }
}

/// The champion to compare with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChampionSettings {
    /// Name of its ModelVersion.
    pub name: String,
    /// Digest of its artifact.
    pub sha256: Sha256Digest,
}
