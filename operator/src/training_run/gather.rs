//! Reads what a decision about a run needs.

use complaint_api::{ComplaintClassifier, ModelVersion, TrainingRun};
use complaint_contract::Progress;
use k8s_openapi::api::{
    batch::v1::Job,
    core::v1::{ConfigMap, PersistentVolumeClaim, Pod},
};
use kube::{ResourceExt, api::LogParams};

use super::{job_name, status};
use crate::{error::Error, object::Objects, pod, trainer};

/// The cluster as this run sees it.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) classifier: Option<ComplaintClassifier>,
    pub(crate) champion: Option<ModelVersion>,
    /// The ModelVersion with the run's name.
    pub(crate) recorded: Option<ModelVersion>,
    pub(crate) job: Option<Job>,
    pub(crate) pods: Vec<Pod>,
    pub(crate) progress: Option<Progress>,
    pub(crate) source: Source,
}

/// The source of the data set in this namespace.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) enum Source {
    /// Not an object of the cluster, or not needed because a Job exists.
    #[default]
    Unseen,
    /// The keys of the ConfigMap; `None` if it does not exist.
    ConfigMap(Option<Vec<String>>),
    /// Whether the claim exists.
    Claim { exists: bool },
}

/// Reads the objects. A run that has ended needs none, because only its expiry remains.
pub(crate) async fn gather(run: &TrainingRun, objects: &Objects) -> Result<Seen, Error> {
    if status::ended(run) {
        return Ok(Seen::default());
    }
    let name = run.name_any();
    let classifier: Option<ComplaintClassifier> = objects.get(&run.spec.classifier_ref.name).await?;
    let job: Option<Job> = objects.get(&job_name(&name)).await?;
    let (pods, source) = match job {
        Some(_) => (
            objects
                .list::<Pod>(&format!("batch.kubernetes.io/job-name={}", job_name(&name)))
                .await?,
            Source::Unseen,
        ),
        None => (Vec::new(), source(run, objects).await?),
    };
    let champion = match classifier.as_ref().and_then(|c| c.status.as_ref()?.champion.as_ref()) {
        Some(champion) => objects.get(&champion.name).await?,
        None => None,
    };
    Ok(Seen {
        champion,
        recorded: objects.get(&name).await?,
        progress: progress(&pods, objects).await,
        classifier,
        job,
        pods,
        source,
    })
}

/// The progress in the last line of the running pod's log; `None` if it can't be read.
async fn progress(pods: &[Pod], objects: &Objects) -> Option<Progress> {
    let running = pods.iter().find(|pod| pod::phase(pod) == "Running")?;
    let params = LogParams {
        container: Some(trainer::CONTAINER.into()),
        tail_lines: Some(3),
        ..LogParams::default()
    };
    let log = objects.api::<Pod>().logs(&running.name_any(), &params).await.ok()?;
    log.lines().rev().find_map(Progress::of_line)
}

/// Checks the source, so that a missing one is reported before a pod is blocked by it.
async fn source(run: &TrainingRun, objects: &Objects) -> Result<Source, Error> {
    let source = &run.spec.dataset.source;
    if let Some(wanted) = &source.config_map {
        let found: Option<ConfigMap> = objects.get(&wanted.name).await?;
        return Ok(Source::ConfigMap(found.map(|found| {
            let binary = found.binary_data.into_iter().flatten().map(|(key, _)| key);
            found
                .data
                .into_iter()
                .flatten()
                .map(|(key, _)| key)
                .chain(binary)
                .collect()
        })));
    }
    if let Some(wanted) = &source.persistent_volume_claim {
        let found: Option<PersistentVolumeClaim> = objects.get(&wanted.claim_name).await?;
        return Ok(Source::Claim {
            exists: found.is_some(),
        });
    }
    Ok(Source::Unseen)
}
