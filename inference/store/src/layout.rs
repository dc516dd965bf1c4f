//! Names in the artifact store: folders named by the digest of the model they hold.

use std::fmt::Display;

/// The model.
pub const MODEL: &str = "model.safetensors";
/// What is known of it.
pub const REPORT: &str = "report.json";
/// The same to look at.
pub const REPORT_PAGE: &str = "report.html";
/// The record to register it with; the file that completes a folder.
pub const RECORD: &str = "modelversion.yaml";

/// Path of a version's folder from the store's root.
pub fn version_path(namespace: &str, classifier: &str, digest: &impl Display) -> String {
    format!("{namespace}/{classifier}/{digest}")
}
