//! Builds the Jobs and the changes of a plan. Pure.

use complaint_api::{ComplaintClassifier, PromotionRecord};
use complaint_contract::{RecordRequest, StoredPromotion};
use k8s_openapi::{api::batch::v1::Job, apimachinery::pkg::apis::meta::v1::OwnerReference};
use kube::ResourceExt;

use super::{COMPONENT, plan::Plan};
use crate::{
    change::Change,
    settings::Settings,
    store_job::{self, StoreJob},
};

/// The Job to make.
pub(crate) fn before(plan: &Plan<'_>, owner: &OwnerReference) -> Vec<Change> {
    store_job::made(plan.start.as_deref(), owner)
}

/// The Jobs that go.
pub(crate) fn after(plan: &Plan<'_>) -> Vec<Change> {
    store_job::gone(plan.done.iter().copied())
}

/// The Job that adds a promotion to the store's record. One that it has already changes nothing. `None` for a digest that is
/// none.
pub(crate) fn record(
    classifier: &ComplaintClassifier,
    promotion: &PromotionRecord,
    owner: &OwnerReference,
    settings: &Settings,
) -> Option<Job> {
    let request = RecordRequest {
        namespace: classifier.namespace().unwrap_or_default(),
        classifier: classifier.name_any(),
        promotion: StoredPromotion {
            version: promotion.version.clone(),
            sha256: promotion.sha256.parse().ok()?,
            previous: promotion.from.clone(),
            reason: format!("{:?}", promotion.reason),
            time: promotion.time.0.to_string(),
        },
    };
    let args = ["record".to_owned(), store_job::REQUEST.into(), request.to_json()];
    Some(job(classifier, "record", args.into(), false, owner, settings))
}

/// The Job that says which promotions the store's record has.
pub(crate) fn restore(classifier: &ComplaintClassifier, owner: &OwnerReference, settings: &Settings) -> Job {
    let (namespace, name) = (classifier.namespace().unwrap_or_default(), classifier.name_any());
    let args = ["show", "--champion", "--namespace", &namespace, "--classifier", &name].map(str::to_owned);
    job(classifier, "restore", args.into(), true, owner, settings)
}

fn job(
    classifier: &ComplaintClassifier,
    what: &str,
    args: Vec<String>,
    reads: bool,
    owner: &OwnerReference,
    settings: &Settings,
) -> Job {
    let job = StoreJob {
        name: format!("{}-{what}", classifier.name_any()),
        component: COMPONENT,
        owner: owner.clone(),
        args,
        mounts: Vec::new(),
        reads,
        pod_template: None,
    };
    store_job::job(classifier, job, settings)
}
