//! Names in the artifact store. A folder is named by the digest of its model.

use std::fmt::Display;

/// The model.
pub const MODEL: &str = "model.safetensors";
/// Its report.
pub const REPORT: &str = "report.json";
/// The report as a page.
pub const REPORT_PAGE: &str = "report.html";
/// The ModelVersion to register it with. It is written last and marks the folder as complete.
pub const RECORD: &str = "modelversion.yaml";

/// Folder in a version's folder: the results of the trainings that made it, one file a training.
pub const RESULTS: &str = "results";
/// The promotions of one classifier, beside its versions' folders.
pub const PROMOTIONS: &str = "champion.json";

/// Path of a version's folder from the store's root.
pub fn version_path(namespace: &str, classifier: &str, digest: &impl Display) -> String {
    format!("{namespace}/{classifier}/{digest}")
}
