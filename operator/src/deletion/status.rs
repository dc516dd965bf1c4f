//! The Events about files. Pure.

use complaint_api::ModelVersion;
use kube::ResourceExt;

use super::plan::{Fate, Plan};
use crate::context::Notice;

/// The Event about the classifier: what its Job has deleted.
pub(crate) fn deleted(plan: &Plan<'_>) -> Option<Notice> {
    let deleted = plan.released.iter().filter_map(|(version, fate)| match fate {
        Fate::Deleted { bytes } => Some((version.spec.artifact.sha256.as_str(), *bytes)),
        _ => None,
    });
    // Two versions may have had the same artifact.
    let deleted: std::collections::BTreeMap<_, _> = deleted.collect();
    let bytes: u64 = deleted.values().sum();
    let count = deleted.len();
    let plural = if count == 1 { "" } else { "s" };
    let note = format!("the files of {count} artifact{plural} were deleted from the store ({bytes} bytes)");
    (count > 0).then(|| Notice::normal("FilesDeleted", note))
}

/// The Event about a version that goes and whose files stay.
pub(crate) fn notice(version: &ModelVersion, fate: &Fate) -> Option<Notice> {
    let uri = &version.spec.artifact.uri;
    let folder = uri.rsplit_once('/').map_or(uri.as_str(), |(folder, _)| folder);
    let name = version.name_any();
    match fate {
        Fate::Deleted { .. } | Fate::Absent | Fate::Orphaned => None,
        Fate::Kept { by } => Some(Notice::normal(
            "FilesKept",
            format!("the ModelVersion goes, and its files in {folder} stay: {by} names the same artifact"),
        )),
        Fate::Left { why } => Some(Notice::warning(
            "FilesLeft",
            format!(
                "the ModelVersion {name} goes, and its files in {folder} stay, because {why}; where nobody needs them, delete them by hand"
            ),
        )),
    }
}
