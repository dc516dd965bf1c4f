//! Builds the Jobs and the changes of a plan. Pure.

use complaint_api::{
    ComplaintClassifier, MlflowVersion,
    condition::{self, TRACKED},
};
use complaint_contract::{TrackRequest, variables};
use jiff::Timestamp;
use k8s_openapi::{
    api::batch::v1::Job,
    apimachinery::pkg::apis::meta::v1::{Condition, OwnerReference},
};
use serde::Serialize;
use serde_json::json;

use super::{COMPONENT, place::Place, plan::Plan};
use crate::{
    change::{Change, Target},
    settings::Settings,
    status::Owned,
    store::secret_variables,
    store_job::{self, StoreJob},
    trainer,
};

const COMMAND: &str = "track";

/// The Jobs to make.
pub(crate) fn before(plan: &Plan<'_>, owner: &OwnerReference) -> Vec<Change> {
    store_job::made(&plan.start, owner)
}

/// What versions are told.
pub(crate) fn versions(plan: &Plan<'_>, now: Timestamp) -> Vec<Change> {
    let told = plan.told.iter().map(|told| {
        let version = told.version;
        let stored = version.status.as_ref().map(|status| status.conditions.as_slice());
        let statements: Vec<_> = told.statement.iter().cloned().collect();
        let part = VersionTracking {
            conditions: condition::merge(
                stored.unwrap_or_default(),
                &statements,
                version.metadata.generation,
                now,
            ),
            mlflow: told.mlflow.clone(),
        };
        Change::Status {
            of: Target::as_read(version),
            stored: json!(version.status),
            part: part.part(),
        }
    });
    told.collect()
}

/// The Jobs that go.
pub(crate) fn after(plan: &Plan<'_>) -> Vec<Change> {
    store_job::gone(plan.done.iter().copied())
}

/// This controller's part of a version's status.
#[derive(Serialize)]
struct VersionTracking {
    conditions: Vec<Condition>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mlflow: Option<MlflowVersion>,
}

impl Owned for VersionTracking {
    const FIELDS: &'static [&'static str] = &["mlflow"];
    const CONDITIONS: &'static [&'static str] = &[TRACKED];
}

/// The Job that does what `request` asks. Its pod alone gets the Secret.
pub(crate) fn job(
    classifier: &ComplaintClassifier,
    place: &Place,
    request: &TrackRequest,
    owner: &OwnerReference,
    settings: &Settings,
) -> Job {
    let job = StoreJob {
        name: place.job.clone(),
        component: COMPONENT,
        owner: owner.clone(),
        args: vec![COMMAND.into(), store_job::REQUEST.into(), request.to_json()],
        mounts: Vec::new(),
        reads: true,
        pod_template: None,
    };
    let mut job = store_job::job(classifier, job, settings);
    let pod = job.spec.as_mut().and_then(|spec| spec.template.spec.as_mut());
    if let (Some(secret), Some(pod)) = (&place.secret, pod) {
        for container in &mut pod.containers {
            let variables = secret_variables(secret, Some(variables::TRACKING));
            container.env_from.get_or_insert_default().push(variables);
        }
    }
    job
}

/// What a Job was made for.
pub(crate) fn asked(job: &Job) -> Option<TrackRequest> {
    store_job::request_of(job)
}

/// The Secret that a Job's pod gets its credentials from.
pub(crate) fn secret_of(job: &Job) -> Option<&str> {
    let mut sources = trainer::container(job)?.env_from.iter().flatten();
    let source = sources.find(|source| source.prefix.as_deref() == Some(variables::TRACKING))?;
    Some(&source.secret_ref.as_ref()?.name)
}
