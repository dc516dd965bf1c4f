//! Reads what a decision about retraining needs.

use complaint_api::{ComplaintClassifier, TrainingRun};
use kube::ResourceExt;

use crate::object::Objects;

/// The runs for the classifier, whoever made them.
pub(crate) fn gather(classifier: &ComplaintClassifier, objects: &Objects) -> Vec<TrainingRun> {
    let name = classifier.name_any();
    objects.readable(|run: &TrainingRun| run.spec.classifier_ref.name == name)
}
