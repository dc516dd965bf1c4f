//! File names in the artifact store. A version's folder has the digest of its model as its name.

use std::fmt::Display;

/// The model.
pub const MODEL: &str = "model.safetensors";
/// Its report.
pub const REPORT: &str = "report.json";
/// The report as a page.
pub const REPORT_PAGE: &str = "report.html";
/// The signature of the folder's files, under the name that the PyPI package `model-signing` gives it.
pub const SIGNATURE: &str = "model.sig";
/// The signed provenance of the model.
pub const PROVENANCE: &str = "provenance.intoto.json";
/// The manifest that registers the version as a ModelVersion. It is written last and marks the folder as complete.
pub const RECORD: &str = "modelversion.yaml";

/// The folder in a version's folder that holds the results of the trainings that made the version, one file per
/// training.
pub const RESULTS: &str = "results";
/// The promotions of one classifier, next to its versions' folders.
pub const PROMOTIONS: &str = "champion.json";

/// Path of a version's folder from the store's root.
pub fn version_path(namespace: &str, classifier: &str, digest: &impl Display) -> String {
    format!("{namespace}/{classifier}/{digest}")
}
