//! Builds the Job, the version and their changes. Pure.

use complaint_api::{ComplaintClassifier, ModelVersion, ModelVersionSpec, VersionEvaluation};
use complaint_contract::{AdaptRequest, AdaptResult, Adaptation};
use k8s_openapi::{api::batch::v1::Job, apimachinery::pkg::apis::meta::v1::OwnerReference};
use kube::ResourceExt;
use serde::Serialize;

use super::{
    COMPONENT,
    gather::Seen,
    plan::{Plan, champion_version, job_name, recorded, version_name},
};
use crate::{
    change::Change,
    model_version,
    settings::Settings,
    signing,
    status::Owned,
    store::Store,
    store_job::{self, StoreJob},
    trainer,
    training_run::deletion_policy,
};

/// What is made before the status is written: the Job, or the version with its evidence.
pub(crate) fn before(
    classifier: &ComplaintClassifier,
    seen: &Seen,
    plan: &Plan<'_>,
    owner: &OwnerReference,
) -> Vec<Change> {
    let mut changes = store_job::made(plan.start.as_deref(), owner);
    if let Some(result) = &plan.adapted {
        changes.extend(record(classifier, seen, result));
    }
    changes
}

/// The Jobs that go.
pub(crate) fn after(plan: &Plan<'_>) -> Vec<Change> {
    store_job::gone(plan.done.iter().copied())
}

/// The Job that adapts the champion; `None` if it has too many categories to be told their shares.
pub(crate) fn job(
    classifier: &ComplaintClassifier,
    champion: &ModelVersion,
    request: &AdaptRequest,
    owner: &OwnerReference,
    settings: &Settings,
) -> Option<Job> {
    let json = request.to_json();
    let model = Store::of(classifier).open(&champion.spec.artifact.uri)?;
    if json.len() > trainer::ARGUMENT_BYTES {
        return None;
    }
    let mut args = ["adapt-champion", store_job::REQUEST, &json, "--model", &model]
        .map(str::to_owned)
        .to_vec();
    let mut mounts = Vec::new();
    if let Some(key) = signing::key(classifier) {
        args.extend(["--signing-key".to_owned(), key.path]);
        mounts.push((key.volume, key.mount));
    }
    let job = StoreJob {
        name: job_name(classifier),
        component: COMPONENT,
        owner: owner.clone(),
        args,
        mounts,
        reads: false,
        pod_template: None,
    };
    Some(store_job::job(classifier, job, settings))
}

/// The version and its evidence.
fn record(classifier: &ComplaintClassifier, seen: &Seen, result: &AdaptResult) -> Vec<Change> {
    let evidence = Evidence {
        evaluation: result.evaluation.clone(),
        adaptation: result.adaptation,
    };
    model_version::with_evidence(recorded(classifier, seen, result), &evidence, || {
        Some(version(classifier, champion_version(classifier, seen)?, result))
    })
}

/// The registry record of the adapted model: the champion's, but for what the adaptation changed.
fn version(classifier: &ComplaintClassifier, champion: &ModelVersion, result: &AdaptResult) -> ModelVersion {
    let mut lineage = champion.spec.lineage.clone();
    if let Some(lineage) = &mut lineage {
        lineage.parent = Some(champion.name_any());
        // No training with these settings makes it again.
        lineage.spec_hash.clear();
    }
    let spec = ModelVersionSpec {
        artifact: model_version::artifact(&Store::of(classifier), &result.artifact),
        // It is about the champion.
        report: None,
        metrics: result.evaluation.metrics,
        lineage,
        deletion_policy: deletion_policy(Some(classifier)),
        ..champion.spec.clone()
    };
    model_version::recorded(&version_name(classifier, result), classifier.namespace(), spec)
}

/// This controller's part of a version's status.
#[derive(Serialize)]
struct Evidence {
    evaluation: VersionEvaluation,
    adaptation: Adaptation,
}

impl Owned for Evidence {
    const FIELDS: &'static [&'static str] = &["evaluation", "adaptation"];
    const CONDITIONS: &'static [&'static str] = &[];
}
