//! Builds the changes of a plan, and the Job that deletes. Pure and infallible.

use complaint_api::ComplaintClassifier;
use complaint_contract::{DeleteRequest, Sha256Digest};
use k8s_openapi::{api::batch::v1::Job, apimachinery::pkg::apis::meta::v1::OwnerReference};
use kube::ResourceExt;

use super::{COMPONENT, finalizer, job_name, others, plan::Plan};
use crate::{
    change::{Change, Manifest, Target},
    settings::Settings,
    store_job::{self, StoreJob},
};

/// The argument with the request.
/// Champion and previous champion of the store's own record stay: another cluster may serve them.
const KEEP_PROMOTIONS: usize = 2;

/// The versions that go, then the Job that told of them: until then its answer is there.
pub(crate) fn build(plan: &Plan<'_>) -> Vec<Change> {
    let released = plan.released.iter();
    let released =
        released.map(|(version, _)| finalizer::set(Target::as_read(*version), &others(version.finalizers())));
    let finished = plan.finished.map(|job| Change::Delete(Target::of(job)));
    released.chain(finished).collect()
}

/// The Job that deletes these artifacts.
pub(crate) fn job(
    classifier: &ComplaintClassifier,
    request: &DeleteRequest,
    owner: &OwnerReference,
    settings: &Settings,
) -> Change {
    let job = StoreJob {
        name: job_name(&classifier.name_any()),
        component: COMPONENT,
        owner: owner.clone(),
        args: ["delete", store_job::REQUEST, &request.to_json()]
            .map(str::to_owned)
            .into(),
        mounts: Vec::new(),
        reads: false,
        pod_template: None,
    };
    let job = store_job::job(classifier, job, settings);
    Change::CreateOwned(Manifest::of(&job), owner.uid.clone())
}

/// The request for these artifacts.
pub(crate) fn request(classifier: &ComplaintClassifier, digests: Vec<Sha256Digest>) -> DeleteRequest {
    DeleteRequest {
        namespace: classifier.namespace().unwrap_or_default(),
        classifier: classifier.name_any(),
        digests,
        // What others name is not among them.
        keep: Vec::new(),
        keep_promotions: KEEP_PROMOTIONS,
        dry_run: false,
    }
}

/// What a Job was made for.
pub(crate) fn request_of(job: &Job) -> Option<DeleteRequest> {
    store_job::request_of(job)
}
