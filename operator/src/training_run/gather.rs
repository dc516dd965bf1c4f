//! Reads what a decision about a run needs.

use complaint_api::{ComplaintClassifier, ModelVersion, TrainingRun};
use complaint_contract::Progress;
use k8s_openapi::api::{
    batch::v1::Job,
    core::v1::{ConfigMap, PersistentVolumeClaim, Pod},
};
use kube::{ResourceExt, api::LogParams};

use super::{CONTAINER, job_name};
use crate::{error::Error, object::Objects, pod};

/// The cluster as this run sees it.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) classifier: Option<ComplaintClassifier>,
    pub(crate) champion: Option<ModelVersion>,
    /// The ModelVersion of the run's name.
    pub(crate) recorded: Option<ModelVersion>,
    pub(crate) job: Option<Job>,
    pub(crate) pods: Vec<Pod>,
    pub(crate) progress: Option<Progress>,
    /// What the data set's source lacks, in words for the user.
    pub(crate) missing_source: Option<String>,
}

pub(crate) async fn gather(run: &TrainingRun, objects: &Objects) -> Result<Seen, Error> {
    let name = run.name_any();
    let classifier: Option<ComplaintClassifier> = objects.get(&run.spec.classifier_ref.name).await?;
    let job: Option<Job> = objects.get(&job_name(&name)).await?;
    let (pods, missing_source) = match job {
        Some(_) => (
            objects
                .list::<Pod>(&format!("batch.kubernetes.io/job-name={}", job_name(&name)))
                .await?,
            None,
        ),
        None => (Vec::new(), missing_source(run, objects).await?),
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
        missing_source,
    })
}

/// The last line of the running pod's log. A log that can't be read says nothing about the run.
async fn progress(pods: &[Pod], objects: &Objects) -> Option<Progress> {
    let running = pods.iter().find(|pod| pod::phase(pod) == "Running")?;
    let params = LogParams {
        container: Some(CONTAINER.into()),
        tail_lines: Some(3),
        ..LogParams::default()
    };
    let log = objects.api::<Pod>().logs(&running.name_any(), &params).await.ok()?;
    log.lines().rev().find_map(Progress::of_line)
}

/// Whether the source is there, before a pod waits for it in vain with a message that few find.
async fn missing_source(run: &TrainingRun, objects: &Objects) -> Result<Option<String>, Error> {
    let source = &run.spec.dataset.source;
    if let Some(wanted) = &source.config_map {
        let Some(config_map) = objects.get::<ConfigMap>(&wanted.name).await? else {
            return Ok(Some(format!(
                "ConfigMap {} does not exist in namespace {}: create it with `kubectl create configmap {} --from-file={}`, or correct spec.dataset.source.configMap.name in a new run",
                wanted.name,
                objects.namespace(),
                wanted.name,
                wanted.key
            )));
        };
        let mut keys = config_map
            .data
            .into_iter()
            .flatten()
            .map(|(key, _)| key)
            .collect::<Vec<_>>();
        keys.extend(config_map.binary_data.into_iter().flatten().map(|(key, _)| key));
        if !keys.contains(&wanted.key) {
            return Ok(Some(format!(
                "ConfigMap {} has no key {}; its keys are: {}. Add the key, or correct spec.dataset.source.configMap.key in a new run",
                wanted.name,
                wanted.key,
                keys.join(", ")
            )));
        }
    }
    if let Some(wanted) = &source.persistent_volume_claim
        && objects
            .get::<PersistentVolumeClaim>(&wanted.claim_name)
            .await?
            .is_none()
    {
        return Ok(Some(format!(
            "PersistentVolumeClaim {} does not exist in namespace {}: create it, or correct spec.dataset.source.persistentVolumeClaim.claimName in a new run",
            wanted.claim_name,
            objects.namespace()
        )));
    }
    Ok(None)
}
