//! Reads what a decision about tracking needs.

use complaint_api::{ComplaintClassifier, ModelVersion, TrainingRun};
use k8s_openapi::api::{batch::v1::Job, core::v1::Pod};
use kube::ResourceExt;

use super::{COMPONENT, place, plan};
use crate::{
    candidate::belongs_to,
    error::Error,
    object::{Objects, is_owned_by},
    store_job, training_run,
};

/// The cluster as this classifier's tracking sees it.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Its versions that are to be logged, or of which something is told.
    pub(crate) versions: Vec<ModelVersion>,
    /// Names of versions whose run has not told all of them yet.
    pub(crate) awaited: Vec<String>,
    /// Its Jobs that log.
    pub(crate) jobs: Vec<Job>,
    /// Their pods.
    pub(crate) pods: Vec<Pod>,
}

pub(crate) async fn gather(classifier: &ComplaintClassifier, objects: &Objects) -> Result<Seen, Error> {
    let name = classifier.name_any();
    let (jobs, pods) = store_job::gather(objects, COMPONENT, &name, |job| is_owned_by(job, classifier)).await?;
    let concerns = |version: &ModelVersion| {
        belongs_to(version, &name) && (place::tracking(version, classifier).is_some() || plan::is_told(version))
    };
    let versions = objects.readable(concerns);
    let runs = objects.readable(|run: &TrainingRun| run.spec.classifier_ref.name == name && !training_run::ended(run));
    Ok(Seen {
        versions,
        awaited: runs.iter().map(ResourceExt::name_any).collect(),
        jobs,
        pods,
    })
}
