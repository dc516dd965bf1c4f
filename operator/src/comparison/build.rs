//! Builds the changes of a plan: the Job that compares, and what its end says in the version's status. Pure.

use std::collections::BTreeMap;

use complaint_api::{
    ComplaintClassifier, DatasetSource, LineageSource, ModelVersion, TrainingRun, VersionEvaluation,
    condition::{self, EVALUATED, Statement},
    labels,
};
use complaint_contract::{
    ChampionSettings, CompareRequest, Comparison, DatasetSettings, EvaluationSettings, SplitName,
};
use jiff::Timestamp;
use k8s_openapi::{
    api::batch::v1::Job,
    apimachinery::pkg::apis::meta::v1::{Condition, ObjectMeta},
};
use kube::ResourceExt;
use serde::Serialize;
use serde_json::json;

use super::{
    COMPONENT,
    gather::Seen,
    job_name,
    plan::{Plan, State, Step},
};
use crate::{
    candidate,
    change::{Change, Manifest, Target},
    error::Error,
    object::{digest_of, owner_reference},
    settings::Settings,
    status::Owned,
    store::{self, Store},
    store_job,
    trainer::{self, TrainerJob},
    training_run::{evaluation_settings, spec_hash},
    workload,
};

/// The reason of `Evaluated` while a Job works.
pub(super) const COMPARING: &str = "Comparing";
/// Its message.
pub(super) const COMPARES: &str = "a Job evaluates the version beside the champion";
/// How long a comparison may take: it reads data and two models, and trains nothing.
const DEADLINE_SECONDS: i64 = 3600;
/// How often a comparison is tried again after a failure that may pass.
const BACKOFF_LIMIT: i32 = 2;

/// Why a version can't be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Objection {
    pub(crate) reason: &'static str,
    pub(crate) message: String,
}

/// A comparison as its Job gets it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Asked {
    request: CompareRequest,
    /// Path or address of the version's artifact.
    model: String,
    champion: Option<String>,
    /// The version's own data set, where the classifier has no holdout.
    #[serde(skip)]
    dataset: Option<DatasetSource>,
}

/// The Jobs and statuses of `plan`, in order.
///
/// # Errors
/// [`Error::Incomplete`] for a version that the API server has not stored yet.
pub(crate) fn build(
    classifier: &ComplaintClassifier,
    seen: &Seen,
    plan: &Plan<'_>,
    settings: &Settings,
    now: Timestamp,
) -> Result<Vec<Change>, Error> {
    let superseded = plan.superseded.iter();
    let mut changes: Vec<Change> = superseded.map(|job| Change::Delete(Target::of(*job))).collect();
    let Some(Step { version, state }) = &plan.step else {
        return Ok(changes);
    };
    match state {
        State::Start(asked) => {
            let job = job(classifier, seen, version, asked, settings)?;
            let owner = version.uid().unwrap_or_default();
            changes.push(Change::CreateOwned(Manifest::of(&job), owner));
            changes.push(told(version, None, COMPARING, COMPARES, now));
        }
        State::Works { blocked: None } => changes.push(told(version, None, COMPARING, COMPARES, now)),
        State::Works { blocked: Some(blocked) } => {
            let message = format!(
                "the pod of Job {} can't start: {}",
                job_name(&version.name_any()),
                blocked.message
            );
            changes.push(told(version, None, &blocked.reason, &message, now));
        }
        State::Impossible { reason, message } => changes.push(told(version, Some(false), reason, message, now)),
        State::Answered(result) => {
            let compared = Compared {
                evaluation: result.evaluation.clone(),
                comparison: result.comparison.clone(),
                conditions: conditions(
                    version,
                    Some(true),
                    "Compared",
                    "a comparison Job evaluated the version",
                    now,
                ),
            };
            changes.push(Change::Status {
                of: Target::as_read(*version),
                stored: json!(version.status),
                part: compared.part(),
            });
            let jobs = seen.jobs.iter().filter(|job| super::is_of(job, version));
            changes.extend(jobs.map(|job| Change::Delete(Target::of(job))));
        }
    }
    Ok(changes)
}

/// This controller's part of a version's status after an answer.
#[derive(Serialize)]
struct Compared {
    evaluation: VersionEvaluation,
    #[serde(skip_serializing_if = "Option::is_none")]
    comparison: Option<Comparison>,
    conditions: Vec<Condition>,
}

impl Owned for Compared {
    const FIELDS: &'static [&'static str] = &["evaluation", "comparison"];
    const CONDITIONS: &'static [&'static str] = &[EVALUATED];
}

/// This controller's part of a version's status before an answer: what was measured before stays.
#[derive(Serialize)]
struct Told {
    conditions: Vec<Condition>,
}

impl Owned for Told {
    const FIELDS: &'static [&'static str] = &[];
    const CONDITIONS: &'static [&'static str] = &[EVALUATED];
}

fn conditions(
    version: &ModelVersion,
    value: Option<bool>,
    reason: &str,
    message: &str,
    now: Timestamp,
) -> Vec<Condition> {
    let stored = version.status.as_ref().map(|status| status.conditions.as_slice());
    let statement = Statement::new(EVALUATED, value, reason, message);
    condition::merge(
        stored.unwrap_or_default(),
        &[statement],
        version.metadata.generation,
        now,
    )
}

fn told(version: &ModelVersion, value: Option<bool>, reason: &str, message: &str, now: Timestamp) -> Change {
    let part = Told {
        conditions: conditions(version, value, reason, message, now),
    };
    Change::Status {
        of: Target::of(version),
        stored: json!(version.status),
        part: part.part(),
    }
}

/// The question about `version`, as its Job gets it.
///
/// # Errors
/// What keeps it from being asked.
pub(crate) fn request(
    classifier: &ComplaintClassifier,
    seen: &Seen,
    version: &ModelVersion,
) -> Result<Asked, Objection> {
    let no_rows = |what: &str| Objection {
        reason: "NoTestRows",
        message: format!(
            "{what}, so its test rows can't be read again: set spec.evaluation.holdout of the ComplaintClassifier, or pin the version"
        ),
    };
    let store = Store::of(classifier);
    let champion = match candidate::other_champion(version, classifier) {
        None => None,
        Some(champion) => {
            let found = seen
                .versions
                .iter()
                .find(|found| candidate::means(&champion.name, &champion.sha256, found));
            let path = found.and_then(|found| store.open(&found.spec.artifact.uri));
            let settings = champion.sha256.parse().ok().map(|sha256| ChampionSettings {
                name: champion.name.clone(),
                sha256,
            });
            Some(settings.zip(path).ok_or_else(|| Objection {
                reason: "ChampionNotFound",
                message: format!(
                    "the champion {} has no ModelVersion with an artifact in this store to compare with: apply its record again, or pin the version",
                    champion.name
                ),
            })?)
        }
    };
    let (champion, champion_path) = champion.unzip();
    let mut evaluation = evaluation_settings(classifier);
    let (mut dataset, mut source) = (None, None);
    if evaluation.holdout.is_none() {
        let lineage = version.spec.lineage.as_ref();
        let lineage = lineage.ok_or_else(|| no_rows("the version has no lineage"))?;
        let of = &lineage.dataset;
        let fields = of.fields.as_ref().zip(of.format);
        let (fields, format) =
            fields.ok_or_else(|| no_rows("its lineage does not name format and fields of its data"))?;
        let sha256 = of.sha256.parse().ok();
        dataset = Some(DatasetSettings {
            format,
            text_field: fields.text.clone(),
            label_fields: fields.labels.clone(),
            label_levels: fields.levels.clone(),
            split_field: of.split_field.clone(),
            time_field: of.time_field.clone(),
            min_samples_per_class: of
                .min_samples_per_class
                .ok_or_else(|| no_rows("its lineage does not name minSamplesPerClass"))?,
            label_map: of.label_map.clone(),
            filter: BTreeMap::new(),
            sha256: Some(sha256.ok_or_else(|| no_rows("its lineage does not name the digest of its data"))?),
        });
        let place = source_of(version, seen).ok_or_else(|| no_rows("its lineage does not name where its data is"))?;
        source = Some(place);
        // The rows that the version's own training held out; where a field of the data marks them, the draw does not matter.
        let drawn = lineage.split.parse::<SplitName>().ok().and_then(|name| name.drawn());
        if let Some((split, seed, test_fraction)) = drawn {
            evaluation = EvaluationSettings {
                split,
                seed,
                test_fraction,
                ..evaluation
            };
        }
    }
    let sha256 = version.spec.artifact.sha256.parse().ok();
    let model = store.open(&version.spec.artifact.uri);
    let (sha256, model) = sha256
        .zip(model)
        .ok_or_else(|| no_rows("its artifact is not in the classifier's store"))?;
    let asked = Asked {
        request: CompareRequest {
            sha256,
            champion,
            dataset,
            evaluation,
        },
        model,
        champion: champion_path,
        dataset: source,
    };
    if asked.request.to_json().len() > trainer::ARGUMENT_BYTES {
        return Err(no_rows("its labelMap is too long for the Job"));
    }
    Ok(asked)
}

/// Where the version's data is. The keys for it come only from the very run that the version names: whoever records a version
/// chooses no keys.
fn source_of(version: &ModelVersion, seen: &Seen) -> Option<DatasetSource> {
    let lineage = version.spec.lineage.as_ref()?;
    let claimed = lineage.dataset.source.as_ref()?;
    let run = seen.runs.iter().find(|run| {
        run.name_any() == lineage.training_run
            && spec_hash(run) == lineage.spec_hash
            && LineageSource::of(&run.spec.dataset.source).as_ref() == Some(claimed)
    });
    Some(match run {
        Some(run) => run.spec.dataset.source.clone(),
        None => DatasetSource {
            config_map: claimed.config_map.clone(),
            persistent_volume_claim: claimed.persistent_volume_claim.clone(),
            uri: claimed.uri.clone(),
            ..DatasetSource::default()
        },
    })
}

/// Tells questions apart.
pub(crate) fn digest(asked: &Asked) -> String {
    digest_of(asked)
}

/// The digest of the question that a Job answers.
pub(crate) fn asked(job: &Job) -> Option<&str> {
    job.annotations().get(labels::SPEC_HASH).map(String::as_str)
}

fn job(
    classifier: &ComplaintClassifier,
    seen: &Seen,
    version: &ModelVersion,
    asked: &Asked,
    settings: &Settings,
) -> Result<Job, Error> {
    let store = Store::of(classifier);
    let name = version.name_any();
    let mut args: Vec<String> = [
        "compare",
        store_job::REQUEST,
        &asked.request.to_json(),
        "--model",
        &asked.model,
    ]
    .map(str::to_owned)
    .into();
    args.extend(["--reach".to_owned(), settings.trainer_reach.as_str().to_owned()]);
    if let Some(path) = &asked.champion {
        args.extend(["--champion".to_owned(), path.clone()]);
    }
    let (mut volumes, mut mounts): (Vec<_>, Vec<_>) = store.volume(true).zip(store.mount(true)).into_iter().unzip();
    let holdout = classifier
        .spec
        .evaluation
        .holdout
        .as_ref()
        .map(|holdout| &holdout.source);
    for (source, argument) in [(holdout, "holdout"), (asked.dataset.as_ref(), "dataset")] {
        let Some(source) = source else { continue };
        let (path, volume) = trainer::mounted(source, argument);
        args.extend([format!("--{argument}"), path]);
        if let Some((volume, mount)) = volume {
            volumes.push(volume);
            mounts.push(mount);
        }
    }
    let mut labels = workload::labels("complaint-trainer", COMPONENT, &name);
    labels.insert(labels::CLASSIFIER.into(), classifier.name_any());
    Ok(trainer::job(
        TrainerJob {
            metadata: ObjectMeta {
                name: Some(job_name(&name)),
                namespace: version.namespace(),
                labels: Some(labels),
                annotations: Some(BTreeMap::from([(labels::SPEC_HASH.to_owned(), digest(asked))])),
                owner_references: Some(vec![owner_reference(version)?]),
                ..ObjectMeta::default()
            },
            args,
            env_from: trainer::credentials(asked.dataset.as_ref(), None, classifier, &store),
            volumes,
            mounts,
            affinity: store::affinity(classifier, settings),
            pod_template: pod_template(classifier, seen, version),
            backoff_limit: BACKOFF_LIMIT,
            active_deadline_seconds: Some(DEADLINE_SECONDS),
        },
        settings,
    ))
}

/// The settings of the pod that trained the version, where its run is there; else those of the server's pods.
fn pod_template<'a>(
    classifier: &'a ComplaintClassifier,
    seen: &'a Seen,
    version: &ModelVersion,
) -> Option<&'a complaint_api::PodTemplate> {
    let lineage = version.spec.lineage.as_ref();
    let run: Option<&TrainingRun> = lineage.and_then(|lineage| {
        let mut runs = seen.runs.iter();
        runs.find(|run| run.name_any() == lineage.training_run && spec_hash(run) == lineage.spec_hash)
    });
    let trained = run.and_then(|run| run.spec.pod_template.as_ref());
    trained.or(classifier.spec.serving.pod_template.as_ref())
}
