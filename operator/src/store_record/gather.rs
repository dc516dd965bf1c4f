//! Reads what a decision about the store's record needs.

use complaint_api::{ComplaintClassifier, ModelVersion, TrainingRun};
use k8s_openapi::api::{batch::v1::Job, core::v1::Pod};
use kube::ResourceExt;

use super::COMPONENT;
use crate::{
    candidate,
    error::Error,
    object::{Objects, is_owned_by},
    store_job, training_run,
};

/// The cluster as this classifier's record sees it.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Its versions, where it has no record and they may decide about asking.
    pub(crate) versions: Vec<ModelVersion>,
    /// Names of the runs that train one of them now.
    pub(crate) recording: Vec<String>,
    /// Its Jobs that write or read the store's record.
    pub(crate) jobs: Vec<Job>,
    /// Their pods.
    pub(crate) pods: Vec<Pod>,
}

pub(crate) async fn gather(classifier: &ComplaintClassifier, objects: &Objects) -> Result<Seen, Error> {
    let name = classifier.name_any();
    let is_ours = |job: &Job| is_owned_by(job, classifier);
    let (jobs, pods) = store_job::gather(objects, COMPONENT, &name, is_ours).await?;
    let (mut versions, mut recording) = (Vec::new(), Vec::new());
    if candidate::has_no_record(classifier) {
        versions = objects.readable(|version: &ModelVersion| candidate::belongs_to(version, &name));
        let runs = objects.readable(|run: &TrainingRun| run.spec.classifier_ref.name == name);
        recording = training_run::recording(&runs, objects);
    }
    Ok(Seen {
        versions,
        recording,
        jobs,
        pods,
    })
}
