//! Short Jobs of the trainer's image: each answers one question about a classifier's store, or changes one thing in it. The
//! operator never touches a store itself.

use complaint_api::{ComplaintClassifier, PodTemplate, labels};
use complaint_contract::{ErrorEnvelope, ExitKind, ProgramError};
use k8s_openapi::{
    api::{
        batch::v1::Job,
        core::v1::{Pod, Volume, VolumeMount},
    },
    apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference},
};
use kube::ResourceExt;
use serde::de::DeserializeOwned;

use crate::{
    cache::Kept,
    change::{Change, Manifest, Target},
    controller::{Watches, label},
    error::Error,
    object::{Objects, is_owned_by},
    pod,
    settings::Settings,
    store::{self, Store},
    trainer::{self, TrainerJob},
    workload,
};

/// How long such a Job may take: it trains nothing.
const DEADLINE_SECONDS: i64 = 600;
/// How often it is tried again after a failure that may pass.
const BACKOFF_LIMIT: i32 = 2;

/// What a short Job does in the store of its classifier.
pub(crate) struct StoreJob<'a> {
    pub(crate) name: String,
    /// The component in the labels of the Job and its pods.
    pub(crate) component: &'static str,
    pub(crate) owner: OwnerReference,
    /// The trainer's command with its arguments, but for the store.
    pub(crate) args: Vec<String>,
    /// What it mounts beside the store.
    pub(crate) mounts: Vec<(Volume, VolumeMount)>,
    /// Whether it only reads.
    pub(crate) reads: bool,
    /// Settings of its pod; `None`: those of the classifier's servers.
    pub(crate) pod_template: Option<&'a PodTemplate>,
}

/// The Job. [`asked`] tells what it was made for.
pub(crate) fn job(classifier: &ComplaintClassifier, job: StoreJob<'_>, settings: &Settings) -> Job {
    let store = Store::of(classifier);
    let mut args = job.args;
    args.extend(
        [
            trainer::STORE_ARGUMENT,
            store.root(),
            "--reach",
            settings.trainer_reach.as_str(),
        ]
        .map(str::to_owned),
    );
    let (mut volumes, mut mounts): (Vec<_>, Vec<_>) = job.mounts.into_iter().unzip();
    volumes.extend(store.volume(job.reads));
    mounts.extend(store.mount(job.reads));
    let mut labels = workload::labels("complaint-trainer", job.component, &job.name);
    labels.insert(labels::CLASSIFIER.into(), classifier.name_any());
    trainer::job(
        TrainerJob {
            metadata: ObjectMeta {
                name: Some(job.name),
                namespace: classifier.namespace(),
                labels: Some(labels),
                owner_references: Some(vec![job.owner]),
                ..ObjectMeta::default()
            },
            args,
            env_from: store
                .variables(Some(complaint_contract::variables::STORE))
                .into_iter()
                .collect(),
            volumes,
            mounts,
            affinity: store::affinity(classifier, settings),
            pod_template: job.pod_template.or(classifier.spec.serving.pod_template.as_ref()),
            backoff_limit: BACKOFF_LIMIT,
            active_deadline_seconds: Some(DEADLINE_SECONDS),
        },
        settings,
    )
}

/// The changes that make these Jobs.
pub(crate) fn made<'j>(jobs: impl IntoIterator<Item = &'j Job>, owner: &OwnerReference) -> Vec<Change> {
    let jobs = jobs.into_iter();
    jobs.map(|job| Change::CreateOwned(Manifest::of(job), owner.uid.clone()))
        .collect()
}

/// The changes by which these Jobs go.
pub(crate) fn gone<'j>(jobs: impl IntoIterator<Item = &'j Job>) -> Vec<Change> {
    let jobs = jobs.into_iter();
    jobs.map(|job| Change::Delete(Target::of(job))).collect()
}

/// What a Job was made for: the arguments of its trainer. A Job's pod template never changes.
pub(crate) fn asked(job: &Job) -> Option<&[String]> {
    trainer::container(job)?.args.as_deref()
}

/// The argument with a Job's request.
pub(crate) const REQUEST: &str = "--request";

/// The request that a Job was made with.
pub(crate) fn request_of<R: DeserializeOwned>(job: &Job) -> Option<R> {
    let mut args = asked(job)?.iter();
    args.find(|arg| *arg == REQUEST)?;
    serde_json::from_str(&workload::literal(args.next()?)).ok()
}

/// The classifier of a Job or pod of that component, by its labels.
pub(crate) fn classifier_of(object: &impl ResourceExt, component: &str) -> Option<String> {
    let is_such = label(object, labels::COMPONENT).is_some_and(|found| found == component);
    is_such.then(|| label(object, labels::CLASSIFIER)).flatten()
}

/// Leads changes of the Jobs of a component, and of their pods, to their classifier.
pub(crate) fn watch(on: &Watches, component: &'static str) {
    on.on_part(move |job: &Kept<Job>| classifier_of(job, component));
    on.on_part(move |pod: &Kept<Pod>| classifier_of(pod, component));
}

/// The Jobs of a component for a classifier, and their pods. Labels are anybody's: `is_ours` says which Jobs count.
pub(crate) async fn gather(
    objects: &Objects,
    component: &str,
    classifier: &str,
    is_ours: impl Fn(&Job) -> bool,
) -> Result<(Vec<Job>, Vec<Pod>), Error> {
    let wanted = |job: &Job| classifier_of(job, component).is_some_and(|of| of == classifier) && is_ours(job);
    let jobs = objects.readable(wanted);
    let mut pods = Vec::new();
    for job in &jobs {
        pods.extend(trainer::pods(job, objects).await?);
    }
    Ok((jobs, pods))
}

/// How far a short Job is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Answer<T> {
    /// It works, or waits for its pod.
    Works { blocked: Option<pod::Blocked> },
    /// What it said.
    Given(T),
    /// It is complete, and what it said is gone with its pod: it may be asked again.
    Lost,
    /// It failed.
    Failed {
        error: ProgramError,
        /// Whether it would fail again.
        is_final: bool,
    },
}

/// How far `job` is, by the pods among `pods` that it owns. `read` reads what a pod that succeeded said.
pub(crate) fn answer<T, E>(job: &Job, pods: &[Pod], read: impl Fn(&str) -> Result<T, E>) -> Answer<T> {
    let pods: Vec<Pod> = pods.iter().filter(|pod| is_owned_by(*pod, job)).cloned().collect();
    let failed = |reason: &str, message: &str| Answer::Failed {
        error: ProgramError {
            reason: reason.into(),
            message: message.into(),
        },
        is_final: true,
    };
    if trainer::condition(job, "Complete").is_some() {
        let mut messages = trainer::messages(&pods);
        let Some(message) = messages.next() else {
            return Answer::Lost;
        };
        if messages.any(|other| other != message) {
            return failed(
                "ResultAmbiguous",
                "several pods that differ in their result claim to be the Job's: find out who may create pods in this namespace",
            );
        }
        return match read(message) {
            Ok(result) => Answer::Given(result),
            Err(_) => failed(
                "ResultUnreadable",
                "the Job's result can't be read: use the images of one release",
            ),
        };
    }
    let Some(condition) = trainer::condition(job, "Failed") else {
        return Answer::Works {
            blocked: pods.iter().find_map(pod::blocked),
        };
    };
    let end = trainer::last_end(&pods);
    let said = end.and_then(|end| ErrorEnvelope::read(end.message.as_deref()?));
    Answer::Failed {
        error: said.unwrap_or_else(|| ProgramError {
            reason: condition.reason.clone().unwrap_or_else(|| "JobFailed".into()),
            message: condition.message.clone().unwrap_or_default(),
        }),
        is_final: end.is_some_and(|end| {
            ExitKind::FINAL
                .iter()
                .any(|kind| i32::from(kind.code()) == end.exit_code)
        }),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::json;

    use super::{Job, Pod};

    /// A Job that ended with this condition, and its pod, which ended with this exit code and message.
    pub(crate) fn ended(mut job: Job, condition: &str, exit_code: i32, message: &str) -> (Job, Pod) {
        job.metadata.uid = Some("job-uid".into());
        let status = json!({ "conditions": [{ "type": condition, "status": "True", "lastTransitionTime": "1970-01-01T00:01:40Z" }] });
        job.status = serde_json::from_value(status).expect("a status");
        let phase = if exit_code == 0 { "Succeeded" } else { "Failed" };
        let pod = serde_json::from_value(json!({
            "metadata": { "name": "pod", "ownerReferences": [{
                "apiVersion": "batch/v1", "kind": "Job", "name": "job", "uid": "job-uid", "controller": true }] },
            "status": { "phase": phase, "containerStatuses": [{
                "name": "trainer", "image": "", "imageID": "", "ready": false, "restartCount": 0,
                "state": { "terminated": { "exitCode": exit_code, "message": message } } }] },
        }));
        (job, pod.expect("a Pod"))
    }
}
