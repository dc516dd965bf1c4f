//! Reads what a decision about adaptations needs.

use complaint_api::{ComplaintClassifier, ModelVersion};
use k8s_openapi::api::{batch::v1::Job, core::v1::Pod};
use kube::ResourceExt;

use super::{COMPONENT, plan};
use crate::{
    cache::Key,
    candidate::belongs_to,
    error::Error,
    monitoring::{Memories, champion},
    object::{Objects, is_owned_by},
    store_job,
};

/// The cluster as the adaptations of this classifier see it.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Its versions, if it asks for adaptations.
    pub(crate) versions: Vec<ModelVersion>,
    /// Its Jobs that adapt, at most one unless somebody made another.
    pub(crate) jobs: Vec<Job>,
    /// Their pods.
    pub(crate) pods: Vec<Pod>,
    /// The mix of categories of the champion's traffic in the last window that was judged; `None` until one was, since this
    /// process began.
    pub(crate) mix: Option<Vec<f64>>,
}

pub(crate) async fn gather(
    classifier: &ComplaintClassifier,
    objects: &Objects,
    memories: &Memories,
) -> Result<Seen, Error> {
    let name = classifier.name_any();
    let (jobs, pods) = store_job::gather(objects, COMPONENT, &name, |job| is_owned_by(job, classifier)).await?;
    let mut seen = Seen {
        jobs,
        pods,
        ..Seen::default()
    };
    // Most classifiers ask for nothing, and a look at the pods may hold the memory for a while.
    if let Some(digest) = champion(classifier).filter(|_| plan::is_asked(classifier)) {
        let memory = memories.of(&Key::of(classifier));
        seen.mix = memory.lock().await.mix_of(digest).map(<[f64]>::to_vec);
        seen.versions = objects.readable(|version: &ModelVersion| belongs_to(version, &name));
    }
    Ok(seen)
}
