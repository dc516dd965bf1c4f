//! Builds the Job, the version and their changes. Pure.

use complaint_api::{Artifact, ComplaintClassifier, ModelVersion, ModelVersionSpec, VersionEvaluation};
use complaint_contract::{AdaptRequest, AdaptResult, Adaptation, adapted_name};
use k8s_openapi::{api::batch::v1::Job, apimachinery::pkg::apis::meta::v1::OwnerReference};
use kube::ResourceExt;
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    COMPONENT,
    gather::Seen,
    plan::{Plan, champion_version, job_name, recorded},
};
use crate::{
    candidate::evaluation,
    change::{Change, Manifest, Target},
    model_version,
    settings::Settings,
    signing,
    status::Owned,
    store::Store,
    store_job::{self, StoreJob},
    training_run::deletion_policy,
};

/// Longest request that fits an argument of a program, with room for the others.
const ARGUMENT_BYTES: usize = 100_000;
const REQUEST: &str = "--request";

/// What is made before the status is written: the Job, or the version with its evidence.
pub(crate) fn before(
    classifier: &ComplaintClassifier,
    seen: &Seen,
    plan: &Plan<'_>,
    owner: &OwnerReference,
) -> Vec<Change> {
    let job = plan.start.iter();
    let mut changes: Vec<Change> = job
        .map(|job| Change::CreateOwned(Manifest::of(&**job), owner.uid.clone()))
        .collect();
    if let Some(result) = &plan.adapted {
        changes.extend(record(classifier, seen, result));
    }
    changes
}

/// The Jobs that go.
pub(crate) fn after(plan: &Plan<'_>) -> Vec<Change> {
    plan.done.iter().map(|job| Change::Delete(Target::of(*job))).collect()
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
    if json.len() > ARGUMENT_BYTES {
        return None;
    }
    let mut args = ["adapt-champion", REQUEST, &json, "--model", &model]
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

/// What a Job was asked for.
pub(crate) fn request_of(job: &Job) -> Option<AdaptRequest> {
    let mut args = store_job::asked(job)?.iter().skip_while(|arg| *arg != REQUEST);
    serde_json::from_str(args.nth(1)?).ok()
}

/// The version and its evidence, each written once.
fn record(classifier: &ComplaintClassifier, seen: &Seen, result: &AdaptResult) -> Vec<Change> {
    let evidence = Evidence {
        evaluation: result.evaluation.clone(),
        adaptation: result.adaptation,
    };
    let write = |of: Target, stored: Value| Change::Status {
        of,
        stored,
        part: evidence.part(),
    };
    match recorded(classifier, seen, result) {
        Some(recorded) if evaluation(recorded).is_some() => Vec::new(),
        Some(recorded) => vec![write(Target::of(recorded), json!(recorded.status))],
        None => {
            let Some(champion) = champion_version(classifier, seen) else {
                return Vec::new();
            };
            let version = version(classifier, champion, result);
            let created = Target::of(&version);
            vec![Change::Create(Manifest::of(&version)), write(created, Value::Null)]
        }
    }
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
        artifact: Artifact {
            uri: Store::of(classifier).uri(&result.artifact.path),
            sha256: result.artifact.sha256.to_string(),
            size_bytes: i64::try_from(result.artifact.size_bytes).ok(),
            format: Some(result.artifact.format.clone()),
        },
        // It is about the champion.
        report: None,
        metrics: result.evaluation.metrics,
        lineage,
        deletion_policy: deletion_policy(Some(classifier)),
        ..champion.spec.clone()
    };
    let name = adapted_name(&classifier.name_any(), &result.artifact.sha256);
    model_version::recorded(&name, classifier.namespace(), spec)
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
