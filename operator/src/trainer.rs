//! Jobs of the trainer, and the messages of their pods.

use complaint_api::{ComplaintClassifier, DatasetSource, PodTemplate, labels};
use complaint_contract::{ExitKind, variables};
use k8s_openapi::{
    api::{
        batch::v1::{
            Job, JobCondition, JobSpec, PodFailurePolicy, PodFailurePolicyOnExitCodesRequirement,
            PodFailurePolicyOnPodConditionsPattern, PodFailurePolicyRule,
        },
        core::v1::{
            ConfigMapVolumeSource, Container, ContainerStateTerminated, EnvFromSource, EnvVar, KeyToPath,
            PersistentVolumeClaimVolumeSource, Pod, PodAffinity, PodSpec, Volume, VolumeMount,
        },
    },
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use kube::ResourceExt;

use crate::{
    error::Error,
    object::{Objects, is_owned_by},
    pod,
    settings::Settings,
    store::{Store, secret_variables},
    workload::{self, Workload},
};

/// Name of the container in which the trainer runs.
pub(crate) const CONTAINER: &str = "trainer";
/// The file that becomes the container's termination message.
pub(crate) const TERMINATION_LOG: &str = "/dev/termination-log";

/// Longest request that fits an argument of a program, with room for the others.
pub(crate) const ARGUMENT_BYTES: usize = 100_000;

/// The parameters of a trainer Job.
pub(crate) struct TrainerJob<'a> {
    pub(crate) metadata: ObjectMeta,
    /// The command with its arguments; `--termination-log` is added.
    pub(crate) args: Vec<String>,
    /// Secrets that become environment variables.
    pub(crate) env_from: Vec<EnvFromSource>,
    pub(crate) volumes: Vec<Volume>,
    pub(crate) mounts: Vec<VolumeMount>,
    pub(crate) affinity: Option<PodAffinity>,
    pub(crate) pod_template: Option<&'a PodTemplate>,
    pub(crate) backoff_limit: i32,
    pub(crate) active_deadline_seconds: Option<i64>,
}

/// The Job. Its pods carry its labels.
pub(crate) fn job(job: TrainerJob<'_>, settings: &Settings) -> Job {
    let mut args = job.args;
    args.extend(["--termination-log", TERMINATION_LOG].map(str::to_owned));
    let default = PodTemplate::default();
    // Where its spans go, if it has any.
    let place = job.metadata.annotations.as_ref();
    let place = place.and_then(|annotations| annotations.get(labels::TRACEPARENT));
    let trace = place.map(|place| EnvVar {
        name: variables::TRACEPARENT.into(),
        value: Some(place.clone()),
        value_from: None,
    });
    let template = workload::pod_template(Workload {
        labels: job.metadata.labels.clone().unwrap_or_default(),
        template: job.pod_template.unwrap_or(&default),
        affinity: job.affinity,
        volumes: job.volumes,
        container: Container {
            name: CONTAINER.into(),
            image: Some(settings.trainer_image.clone()),
            image_pull_policy: Some(settings.image_pull_policy.clone()),
            args: Some(args),
            env: trace.map(|trace| vec![trace]),
            env_from: Some(job.env_from).filter(|sources| !sources.is_empty()),
            termination_message_path: Some(TERMINATION_LOG.into()),
            volume_mounts: Some(job.mounts),
            ..Container::default()
        },
        base: PodSpec {
            restart_policy: Some("Never".into()),
            ..PodSpec::default()
        },
    });
    Job {
        metadata: job.metadata,
        spec: Some(JobSpec {
            backoff_limit: Some(job.backoff_limit),
            active_deadline_seconds: job.active_deadline_seconds,
            completions: Some(1),
            parallelism: Some(1),
            suspend: Some(false),
            pod_replacement_policy: Some("Failed".into()),
            pod_failure_policy: Some(failure_policy()),
            template,
            ..JobSpec::default()
        }),
        status: None,
    }
}

/// The path or address of a source in the pod, with the volume that it needs. `name` is the volume's.
pub(crate) fn mounted(source: &DatasetSource, name: &str) -> (String, Option<(Volume, VolumeMount)>) {
    let directory = format!("/var/lib/complaint-{name}");
    let volume = Volume {
        name: name.into(),
        ..Volume::default()
    };
    let (path, volume) = if let Some(key) = &source.config_map {
        let items = vec![KeyToPath {
            key: key.key.clone(),
            path: key.key.clone(),
            mode: None,
        }];
        let config_map = ConfigMapVolumeSource {
            name: key.name.clone(),
            items: Some(items),
            ..ConfigMapVolumeSource::default()
        };
        let config_map = Some(config_map);
        (&key.key, Volume { config_map, ..volume })
    } else if let Some(file) = &source.persistent_volume_claim {
        let claim = PersistentVolumeClaimVolumeSource {
            claim_name: file.claim_name.clone(),
            read_only: Some(true),
        };
        let persistent_volume_claim = Some(claim);
        (
            &file.path,
            Volume {
                persistent_volume_claim,
                ..volume
            },
        )
    } else {
        return (source.uri.clone().unwrap_or_default(), None);
    };
    let mount = VolumeMount {
        name: name.into(),
        mount_path: directory.clone(),
        read_only: Some(true),
        ..VolumeMount::default()
    };
    (format!("{directory}/{path}"), Some((volume, mount)))
}

/// The keys of the Secrets that give access to data set, holdout, word vectors and store, as environment variables. All but the
/// first have names of their own, since they may be other keys. They come last: of two variables with one name the last counts.
pub(crate) fn credentials(
    dataset: Option<&DatasetSource>,
    vectors: Option<&DatasetSource>,
    classifier: &ComplaintClassifier,
    store: &Store,
) -> Vec<EnvFromSource> {
    let of = |source: &DatasetSource, prefix| {
        let secret = source.secret_ref.as_ref()?;
        Some(secret_variables(&secret.name, prefix))
    };
    let holdout = classifier.spec.evaluation.holdout.as_ref();
    dataset
        .and_then(|dataset| of(dataset, None))
        .into_iter()
        .chain(holdout.and_then(|holdout| of(&holdout.source, Some(variables::HOLDOUT))))
        .chain(vectors.and_then(|vectors| of(vectors, Some(variables::WORD_VECTORS))))
        .chain(store.variables(Some(variables::STORE)))
        .collect()
}

/// The argument with the store's root.
pub(crate) const STORE_ARGUMENT: &str = "--store";

/// The store that a Job's trainer writes to. A Job's pod template never changes.
pub(crate) fn store_of(job: &Job) -> Option<Store> {
    let pod = job.spec.as_ref()?.template.spec.as_ref()?;
    let mut args = container(job)?.args.iter().flatten();
    let root = args.find(|arg| *arg == STORE_ARGUMENT).and_then(|_| args.next())?;
    Store::seen_at(&workload::literal(root), pod.volumes.as_deref().unwrap_or_default())
}

/// The Job's condition of that type, if it is true.
pub(crate) fn condition<'j>(job: &'j Job, type_: &str) -> Option<&'j JobCondition> {
    let mut conditions = job.status.as_ref()?.conditions.as_ref()?.iter();
    conditions.find(|condition| condition.type_ == type_ && condition.status == "True")
}

/// Whether the Job is held back.
pub(crate) fn is_suspended(job: &Job) -> bool {
    job.spec.as_ref().and_then(|spec| spec.suspend).unwrap_or(false)
}

/// Whether the Job makes a pod, or has one at work.
pub(crate) fn works(job: &Job) -> bool {
    !is_suspended(job) && !has_ended(job)
}

/// The container of a Job's trainer.
pub(crate) fn container(job: &Job) -> Option<&Container> {
    let pod = job.spec.as_ref()?.template.spec.as_ref()?;
    pod.containers.iter().find(|container| container.name == CONTAINER)
}

/// Whether a Job made now would have the same image, pulled in the same way.
pub(crate) fn is_current(job: &Job, settings: &Settings) -> bool {
    container(job).is_some_and(|container| {
        container.image.as_ref() == Some(&settings.trainer_image)
            && container.image_pull_policy.as_ref() == Some(&settings.image_pull_policy)
    })
}

/// Bad configuration (64) and bad data (65) fail again; a node that goes away is nobody's fault.
fn failure_policy() -> PodFailurePolicy {
    PodFailurePolicy {
        rules: vec![
            PodFailurePolicyRule {
                action: "FailJob".into(),
                on_exit_codes: Some(PodFailurePolicyOnExitCodesRequirement {
                    container_name: Some(CONTAINER.into()),
                    operator: "In".into(),
                    values: ExitKind::FINAL.map(|kind| kind.code().into()).into(),
                }),
                on_pod_conditions: None,
            },
            PodFailurePolicyRule {
                action: "Ignore".into(),
                on_exit_codes: None,
                on_pod_conditions: Some(vec![PodFailurePolicyOnPodConditionsPattern {
                    type_: "DisruptionTarget".into(),
                    status: Some("True".into()),
                }]),
            },
        ],
    }
}

/// The pods that a Job owns: a label is anybody's. Those of one that has ended are read from the API server: what they say of
/// its end is final, and the cache may know of the Job's end before it knows of theirs.
pub(crate) async fn pods(job: &Job, objects: &Objects) -> Result<Vec<Pod>, Error> {
    const JOB_NAME: &str = "batch.kubernetes.io/job-name";
    let name = job.name_any();
    let mut pods: Vec<Pod> = if has_ended(job) {
        objects.list(&format!("{JOB_NAME}={name}")).await?
    } else {
        let of_job = |pod: &Pod| pod.labels().get(JOB_NAME).is_some_and(|job| *job == name);
        objects.readable(of_job)
    };
    pods.retain(|pod| is_owned_by(pod, job));
    Ok(pods)
}

/// Whether the Job is complete or has failed.
pub(crate) fn has_ended(job: &Job) -> bool {
    let mut ends = ["Complete", "Failed"].into_iter();
    ends.any(|end| condition(job, end).is_some())
}

/// The termination messages of the pods that succeeded: one, unless somebody added a pod to the Job.
pub(crate) fn messages(pods: &[Pod]) -> impl Iterator<Item = &str> {
    let succeeded = pods.iter().filter(|pod| pod::phase(pod) == "Succeeded");
    succeeded.filter_map(|pod| pod::terminated(pod, CONTAINER)?.message.as_deref())
}

/// The most recent termination of the trainer in any of the pods.
pub(crate) fn last_end(pods: &[Pod]) -> Option<&ContainerStateTerminated> {
    pods.iter()
        .filter_map(|pod| pod::terminated(pod, CONTAINER))
        .max_by_key(|state| state.finished_at.as_ref().map(|time| time.0))
}
