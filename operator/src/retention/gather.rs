//! Reads what a decision about retention needs.

use complaint_api::{ComplaintClassifier, ModelVersion, TrainingRun};
use kube::{Resource, ResourceExt};

use crate::{deletion, object::Objects};

/// The cluster as this classifier sees it.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Its versions, without those that are being deleted.
    pub(crate) versions: Vec<ModelVersion>,
    /// The runs for it, whoever made them, without those that are being deleted.
    pub(crate) runs: Vec<TrainingRun>,
    /// Whether files of deleted versions are still to go.
    pub(crate) deletes_files: bool,
}

pub(crate) fn gather(classifier: &ComplaintClassifier, objects: &Objects) -> Seen {
    let name = classifier.name_any();
    let of_classifier = objects.readable(|version: &ModelVersion| version.spec.classifier_ref.name == name);
    let (versions, deleted): (Vec<_>, Vec<_>) = of_classifier.into_iter().partition(|version| !is_deleted(version));
    Seen {
        deletes_files: deleted.iter().any(deletion::has_finalizer),
        versions,
        runs: objects.readable(|run: &TrainingRun| run.spec.classifier_ref.name == name && !is_deleted(run)),
    }
}

fn is_deleted(object: &impl Resource) -> bool {
    object.meta().deletion_timestamp.is_some()
}
