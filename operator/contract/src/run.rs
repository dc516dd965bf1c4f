//! `run.json`: what a trainer is asked to do.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{DatasetFormat, Features, Metric, Preprocessing, Preset, Search, Sha256Digest};

/// The configuration file of a training: everything that decides it, paths and addresses excepted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RunFile {
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
    /// What stands behind the fields that the next three sections leave out.
    #[serde(default)]
    pub preset: Preset,
    /// From text to words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preprocessing: Option<Preprocessing>,
    /// From words to numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub features: Option<Features>,
    /// What is tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search: Option<Search>,
    /// The present champion, evaluated on the same rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub champion: Option<ChampionSettings>,
}

impl RunFile {
    /// The file's text.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("strings, numbers and lists are JSON") + "\n"
    }
}

/// Which columns make a row, and which rows count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DatasetSettings {
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
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub label_map: BTreeMap<String, String>,
    /// Only records that have, in each of these fields, one of the values; all others are left out.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub filter: BTreeMap<String, Vec<String>>,
    /// SHA-256 that the source's bytes must have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Sha256Digest>,
}

impl DatasetSettings {
    /// The label that a record's label counts as.
    pub fn renamed<'l>(&'l self, label: &'l str) -> &'l str {
        self.label_map.get(label).map_or(label, |renamed| renamed.trim())
    }
}

/// The split and the metric that decides between versions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EvaluationSettings {
    /// Share of the rows held out.
    pub test_fraction: f64,
    /// Seed of the split, the folds, the solvers and the bootstrap.
    pub seed: u64,
    /// What champion and newcomer are compared by.
    pub metric: Metric,
}

/// The champion that the newcomer is compared with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChampionSettings {
    /// Name of its ModelVersion.
    pub name: String,
    /// Digest of its artifact.
    pub sha256: Sha256Digest,
}
