//! Reads what a decision about comparisons needs.

use complaint_api::{ComplaintClassifier, ModelVersion, TrainingRun};
use k8s_openapi::api::{batch::v1::Job, core::v1::Pod};
use kube::ResourceExt;

use super::COMPONENT;
use crate::{candidate::belongs_to, error::Error, object::Objects, store_job, training_run};

/// The cluster as the comparisons of this classifier see it.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Its versions.
    pub(crate) versions: Vec<ModelVersion>,
    /// The runs that made them, where they are still there.
    pub(crate) runs: Vec<TrainingRun>,
    /// Names of those that train now.
    pub(crate) recording: Vec<String>,
    /// The Jobs that compare, at most one unless somebody made another.
    pub(crate) jobs: Vec<Job>,
    /// Their pods.
    pub(crate) pods: Vec<Pod>,
}

pub(crate) async fn gather(classifier: &ComplaintClassifier, objects: &Objects) -> Result<Seen, Error> {
    let name = classifier.name_any();
    let versions = objects.readable(|version: &ModelVersion| belongs_to(version, &name));
    let runs = objects.readable(|run: &TrainingRun| run.spec.classifier_ref.name == name);
    // Whose version one is for is decided later: one that answers nothing is deleted.
    let (jobs, pods) = store_job::gather(objects, COMPONENT, &name, |_| true).await?;
    Ok(Seen {
        versions,
        recording: training_run::recording(&runs, objects),
        runs,
        jobs,
        pods,
    })
}
