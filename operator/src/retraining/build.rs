//! Builds the changes of a plan. Pure and infallible.

use std::collections::BTreeMap;

use complaint_api::{ComplaintClassifier, TrainingRun, TrainingTemplate, labels};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::ResourceExt;

use super::plan::{Drift, Plan, Start, Trigger};
use crate::{
    change::{Change, Manifest, Target},
    workload,
};

/// The runs that are replaced go before the new one comes.
pub(crate) fn build(classifier: &ComplaintClassifier, plan: &Plan, owner: &OwnerReference) -> Vec<Change> {
    let replaced = plan.replaced.iter().map(|run| Change::Delete(Target::of(run)));
    let template = classifier
        .spec
        .retraining
        .as_ref()
        .map(|retraining| &retraining.template);
    let run = plan.start.as_ref().zip(template);
    let run = run.map(|(start, template)| run_of(classifier, template, start, owner));
    replaced
        .chain(run.map(|run| Change::Create(Manifest::of(&run))))
        .collect()
}

/// The run. It is of the same kind as one that a person applies; it belongs to the classifier, and its ModelVersion to nobody.
fn run_of(
    classifier: &ComplaintClassifier,
    template: &TrainingTemplate,
    start: &Start,
    owner: &OwnerReference,
) -> TrainingRun {
    let mut run = TrainingRun::new(&start.name, template.spec(&classifier.name_any()));
    let mut labels = workload::labels("complaint-training", "training", &start.name);
    labels.insert(labels::CLASSIFIER.into(), classifier.name_any());
    labels.insert(labels::TRIGGER.into(), start.trigger.name().into());
    run.metadata.namespace = classifier.namespace();
    run.metadata.labels = Some(labels);
    let mut annotations = BTreeMap::from([(labels::TRIGGER_TIME.to_owned(), start.time.to_string())]);
    if let Some(drift) = Drift::of(classifier).filter(|_| start.trigger == Trigger::Drift) {
        annotations.insert(labels::TRIGGER_REASON.to_owned(), drift.reason.to_owned());
    }
    run.metadata.annotations = Some(annotations);
    run.metadata.owner_references = Some(vec![owner.clone()]);
    run
}
