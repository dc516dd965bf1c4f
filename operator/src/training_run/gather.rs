//! Reads what a decision about a run needs.

use complaint_api::{ComplaintClassifier, ModelVersion, TrainingRun};
use complaint_contract::{Progress, SplitName};
use complaint_telemetry::Parent;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::{
    api::{
        batch::v1::Job,
        core::v1::{ConfigMap, PersistentVolumeClaim, Pod},
    },
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use kube::{ResourceExt, api::LogParams};

use super::{evaluation_settings, job_name, reread_name, spec_hash, status};
use crate::{
    candidate::{evaluation as evaluation_of, means},
    error::Error,
    object::{Objects, is_owned_by},
    pod,
    store::Store,
    trace, trainer,
};

/// The cluster as this run sees it.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) classifier: Option<ComplaintClassifier>,
    pub(crate) champion: Option<ModelVersion>,
    /// The ModelVersion with the run's name.
    pub(crate) recorded: Option<ModelVersion>,
    /// Evaluated versions that the run's settings made before, the newest first.
    pub(crate) earlier: Vec<ModelVersion>,
    pub(crate) job: Option<Job>,
    pub(crate) pods: Vec<Pod>,
    /// The run's own Job that reads its result from the store, and its pods.
    pub(crate) reread: Option<(Job, Vec<Pod>)>,
    pub(crate) progress: Option<Progress>,
    pub(crate) source: Source,
    /// What keeps the Job from making its pod, in the Job controller's words.
    pub(crate) creation_failure: Option<String>,
    /// Its place in a trace, where there are traces.
    pub(crate) trace: Option<Parent>,
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
    // They decide what is asked of a new Job, and what the end of one means.
    let decides = |job: &Job| trainer::condition(job, "Complete").is_some();
    let mut earlier = match &classifier {
        Some(classifier) if job.as_ref().is_none_or(decides) => objects.readable(made_again(run, classifier)),
        _ => Vec::new(),
    };
    earlier.sort_by_key(|version| {
        std::cmp::Reverse((version.creation_timestamp().map(|time| time.0), version.name_any()))
    });
    let reread: Option<Job> = objects.cached(&reread_name(&name))?;
    let reread = match reread.filter(|job| is_owned_by(job, run)) {
        Some(job) => {
            let pods = trainer::pods(&job, objects).await?;
            Some((job, pods))
        }
        None => None,
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
        trace: trace::of_run(run),
        earlier,
        reread,
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

/// Tells of a version whether a training of the run on the same bytes would make its artifact again: the settings are the same,
/// the held-out rows are, and the trainer is of the same release.
pub(crate) fn made_again<'a>(
    run: &'a TrainingRun,
    classifier: &'a ComplaintClassifier,
) -> impl Fn(&ModelVersion) -> bool + use<'a> {
    let (hash, evaluation, store) = (spec_hash(run), evaluation_settings(classifier), Store::of(classifier));
    let (split_field, time_field) = (
        run.spec.dataset.split_field.as_ref(),
        run.spec.dataset.time_field.as_ref(),
    );
    let same_rows = move |split: &str| match (split.parse(), &evaluation.holdout) {
        (Ok(SplitName::Holdout { sha256 }), Some(holdout)) => holdout.sha256 == Some(sha256),
        (Ok(SplitName::Published { field }), None) => split_field == Some(&field),
        (Ok(name), None) => {
            let has_field = match &name {
                SplitName::Time { field, .. } => time_field == Some(field),
                _ => true,
            };
            let drawn = (evaluation.split, evaluation.seed, evaluation.test_fraction);
            split_field.is_none() && has_field && name.drawn() == Some(drawn)
        }
        _ => false,
    };
    move |version| {
        let lineage = version.spec.lineage.as_ref();
        version.metadata.deletion_timestamp.is_none()
            && version.spec.classifier_ref == run.spec.classifier_ref
            && lineage.is_some_and(|lineage| {
                lineage.spec_hash == hash
                    && lineage.trainer_version == env!("CARGO_PKG_VERSION")
                    && same_rows(&lineage.split)
            })
            && evaluation_of(version).is_some()
            && store.open(&version.spec.artifact.uri).is_some()
    }
}

/// The runs that train a version here, and have not ended: each writes its version before what it measured of it.
pub(crate) fn recording(runs: &[TrainingRun], objects: &Objects) -> Vec<String> {
    let trains = |run: &&TrainingRun| {
        let job = objects.kept::<Job>(&job_name(&run.name_any()));
        let job = job.as_ref().and_then(|kept| kept.readable());
        !status::ended(run) && job.is_some_and(|job| is_owned_by(job, *run))
    };
    runs.iter().filter(trains).map(ResourceExt::name_any).collect()
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
