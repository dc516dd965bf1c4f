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

/// Path of a version's folder from the store's root.
pub fn version_path(namespace: &str, classifier: &str, digest: &impl Display) -> String {
    format!("{namespace}/{classifier}/{digest}")
}
