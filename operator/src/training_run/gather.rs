//! Reads what a decision about a run needs.

use complaint_api::{ComplaintClassifier, ModelVersion, TrainingRun};
use complaint_contract::Progress;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::{
    api::{
        batch::v1::Job,
        core::v1::{ConfigMap, PersistentVolumeClaim, Pod},
    },
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use kube::{ResourceExt, api::LogParams};

use super::{job_name, status};
use crate::{candidate::means, error::Error, object::Objects, pod, trainer};

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
    /// What keeps the Job from making its pod, in the Job controller's words.
    pub(crate) creation_failure: Option<String>,
    /// The trainer's configuration is gone while a pod waits for it.
    pub(crate) config_missing: bool,
}

/// The source of the data set in this namespace.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) enum Source {
    /// Not an object of the cluster, or of no interest since a pod has it.
    #[default]
    Unseen,
    /// The keys of the ConfigMap; `None` if it does not exist.
    ConfigMap(Option<Vec<String>>),
    /// Whether the claim exists.
    Claim { exists: bool },
}

/// How long a Job may take to make its pod, and a pod to get its volumes, before the operator looks for what is missing.
const PATIENCE: SignedDuration = SignedDuration::from_secs(5);

/// Reads the objects. A run that has ended needs none, because only its expiry remains.
pub(crate) async fn gather(run: &TrainingRun, objects: &Objects, now: Timestamp) -> Result<Seen, Error> {
    if status::ended(run) {
        return Ok(Seen::default());
    }
    let name = run.name_any();
    let classifier: Option<ComplaintClassifier> = objects.cached(&run.spec.classifier_ref.name)?;
    let job: Option<Job> = objects.cached(&job_name(&name))?;
    let pods = match &job {
        Some(job) => trainer::pods(job, objects).await?,
        None => Vec::new(),
    };
    let is_due = |meta: &ObjectMeta| {
        let created = meta.creation_timestamp.as_ref();
        created.is_some_and(|created| now.duration_since(created.0) >= PATIENCE)
    };
    // A pod whose volumes are not there waits without a word in its status.
    let waits = |pod: &Pod| pod::phase(pod) == "Pending" && pod::blocked(pod).is_none() && is_due(&pod.metadata);
    let waiting = pods.iter().any(waits);
    let config: Option<ConfigMap> = match waiting {
        true => objects.get(&job_name(&name)).await?,
        false => None,
    };
    let champion = classifier.as_ref().and_then(|c| c.status.as_ref()?.champion.as_ref());
    // One that can't be read can't be compared with.
    let champion = champion.and_then(|champion| {
        let kept = objects.kept::<ModelVersion>(&champion.name)?;
        let found = kept.readable()?;
        means(&champion.name, &champion.sha256, found).then(|| found.clone())
    });
    Ok(Seen {
        champion,
        recorded: objects.cached(&name)?,
        progress: progress(&pods, objects).await,
        source: match waiting || job.is_none() {
            true => source(run, objects).await?,
            false => Source::Unseen,
        },
        creation_failure: match &job {
            Some(job) if pods.is_empty() && trainer::works(job) && is_due(&job.metadata) => {
                objects.latest_event(job, "FailedCreate").await?
            }
            _ => None,
        },
        config_missing: waiting && config.is_none(),
        classifier,
        job,
        pods,
    })
}

/// The pod that trains now.
pub(crate) fn running(pods: &[Pod]) -> Option<&Pod> {
    pods.iter().find(|pod| pod::phase(pod) == "Running")
}

/// The last line of the running pod's log. A log that can't be read says nothing about the run.
async fn progress(pods: &[Pod], objects: &Objects) -> Option<Progress> {
    let running = running(pods)?;
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
