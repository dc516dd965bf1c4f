//! Builds the changes of a decision: the ConfigMap, the Job and the ModelVersion of a run. Pure and infallible.

use std::collections::BTreeMap;

use complaint_api::{
    ComplaintClassifier, DatasetSource, DeletionPolicy, Lineage, LineageDataset, LineageFields, LineageSource,
    LineageWordVectors, ModelVersion, ModelVersionSpec, ReportRef, Tracking, TrainingRun, VersionEvaluation,
    WordVectors, labels,
};
use complaint_contract::{
    ChampionSettings, Comparison, DatasetSettings, EvaluationSettings, Feedback, Holdout, ReviewRules, RunFile,
    TrainingResult,
};
use complaint_telemetry::Parent;
use k8s_openapi::{
    api::{
        batch::v1::Job,
        core::v1::{ConfigMap, ConfigMapVolumeSource, Volume, VolumeMount},
    },
    apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference},
};
use kube::ResourceExt;
use serde::Serialize;
use serde_json::json;

use super::{
    gather::Seen,
    job_name,
    plan::{Decision, champion_of},
    reread_name, spec_hash,
};
use crate::{
    change::{Change, Manifest, Target},
    model_version,
    settings::Settings,
    signing,
    status::Owned,
    store::{self, Store},
    store_job::{self, StoreJob},
    trainer::{self, TrainerJob},
    workload,
};

const CONFIG_DIR: &str = "/etc/complaint-trainer";

/// The changes of `decision`, in order.
pub(crate) fn build(
    run: &TrainingRun,
    seen: &Seen,
    decision: &Decision,
    owner: &OwnerReference,
    settings: &Settings,
) -> Vec<Change> {
    let suspend = |suspend: bool| {
        let patch = json!({ "spec": { "suspend": suspend } });
        let job = seen.job.iter();
        job.map(|job| Change::Merge(Target::of(job), patch.clone())).collect()
    };
    match decision {
        Decision::Train => train(run, seen, owner, settings),
        Decision::Suspend { stop_job: true } => suspend(true),
        Decision::Watch { resume: true, .. } => suspend(false),
        Decision::Replace => seen.job.iter().map(|job| Change::Delete(Target::of(job))).collect(),
        Decision::Reread { .. } => reread(run, seen, owner, settings),
        Decision::Record(outcome) => {
            let mut changes = record(run, seen, outcome);
            changes.extend(seen.reread.iter().map(|(job, _)| Change::Delete(Target::of(job))));
            changes
        }
        Decision::AlreadyTrained => {
            let reread = seen.reread.iter();
            reread.map(|(job, _)| Change::Delete(Target::of(job))).collect()
        }
        Decision::Expire => vec![Change::Delete(Target::of(run))],
        _ => Vec::new(),
    }
}

/// The configuration comes before the Job whose pods mount it.
fn train(run: &TrainingRun, seen: &Seen, owner: &OwnerReference, settings: &Settings) -> Vec<Change> {
    let Some(classifier) = &seen.classifier else {
        return Vec::new();
    };
    let store = Store::of(classifier);
    let inputs = Inputs {
        run,
        classifier,
        // A champion in another store can't be mounted. The version is then reported as not comparable.
        champion: seen
            .champion
            .as_ref()
            .filter(|champion| store.open(&champion.spec.artifact.uri).is_some()),
        earlier: seen.earlier.first(),
        owner: owner.clone(),
        trace: seen.trace,
        settings,
    };
    let own = |manifest| Change::CreateOwned(manifest, owner.uid.clone());
    vec![
        own(Manifest::of(&config_map(&inputs))),
        own(Manifest::of(&job(&inputs))),
    ]
}

/// The Job that reads the run's result from the store. Where a Job of this run trained, only what that very run wrote counts.
fn reread(run: &TrainingRun, seen: &Seen, owner: &OwnerReference, settings: &Settings) -> Vec<Change> {
    let Some(classifier) = seen.classifier.as_ref().filter(|_| seen.reread.is_none()) else {
        return Vec::new();
    };
    let namespace = run.namespace().unwrap_or_default();
    let (name, hash) = (run.name_any(), spec_hash(run));
    let args = [
        "show",
        "--run",
        &name,
        "--spec-hash",
        &hash,
        "--namespace",
        &namespace,
        "--classifier",
    ];
    let mut args: Vec<String> = args.map(str::to_owned).into();
    args.push(classifier.name_any());
    if seen.job.is_some() {
        args.extend(["--run-uid".to_owned(), run.uid().unwrap_or_default()]);
    }
    let job = StoreJob {
        name: reread_name(&name),
        component: "trainer",
        owner: owner.clone(),
        args,
        mounts: Vec::new(),
        reads: true,
        pod_template: run.spec.pod_template.as_ref(),
    };
    let mut job = store_job::job(classifier, job, settings);
    // So that its end, and its pod's, wakes the run.
    let of_run = (labels::TRAINING_RUN.to_owned(), name);
    job.labels_mut().extend([of_run.clone()]);
    if let Some(pod) = job.spec.as_mut().and_then(|spec| spec.template.metadata.as_mut()) {
        pod.labels.get_or_insert_default().extend([of_run]);
    }
    vec![Change::CreateOwned(Manifest::of(&job), owner.uid.clone())]
}

/// The ModelVersion and its evaluation. The run is complete only after both.
fn record(run: &TrainingRun, seen: &Seen, outcome: &TrainingResult) -> Vec<Change> {
    let evidence = Evidence {
        evaluation: outcome.evaluation(),
        comparison: outcome.comparison.clone(),
        tracking: run.spec.tracking.clone(),
    };
    model_version::with_evidence(seen.recorded.as_ref(), &evidence, || {
        // The classifier may be another one by now, or gone; the Job knows where its trainer wrote.
        let job = seen.job.as_ref()?;
        let store = trainer::store_of(job)?;
        let policy = deletion_policy(seen.classifier.as_ref());
        let mut version = model_version(run, &store, champion_of(job), policy, outcome);
        let place = job.annotations().get_key_value(labels::TRACEPARENT);
        let place = place.map(|(key, place)| BTreeMap::from([(key.clone(), place.clone())]));
        version.metadata.annotations = place;
        Some(version)
    })
}

/// This controller's part of a version's status.
#[derive(Serialize)]
struct Evidence {
    evaluation: VersionEvaluation,
    #[serde(skip_serializing_if = "Option::is_none")]
    comparison: Option<Comparison>,
    /// The run may be deleted before its version is logged.
    #[serde(skip_serializing_if = "Option::is_none")]
    tracking: Option<Tracking>,
}

impl Owned for Evidence {
    const FIELDS: &'static [&'static str] = &["evaluation", "comparison", "tracking"];
    const CONDITIONS: &'static [&'static str] = &[];
}

/// The inputs of a run's manifests.
pub(crate) struct Inputs<'a> {
    pub(crate) run: &'a TrainingRun,
    pub(crate) classifier: &'a ComplaintClassifier,
    /// The champion to compare with, if it is in the same store.
    pub(crate) champion: Option<&'a ModelVersion>,
    /// The newest version that the same settings made.
    pub(crate) earlier: Option<&'a ModelVersion>,
    pub(crate) owner: OwnerReference,
    /// The run's place in a trace.
    pub(crate) trace: Option<Parent>,
    pub(crate) settings: &'a Settings,
}

/// The trainer's configuration file. Fields that the spec leaves out stay unset; the trainer applies the presets.
pub fn config(run: &TrainingRun, classifier: &ComplaintClassifier, champion: Option<&ModelVersion>) -> RunFile {
    let spec = &run.spec;
    let dataset = &spec.dataset;
    RunFile {
        name: run.name_any(),
        namespace: run.namespace().unwrap_or_default(),
        classifier: classifier.name_any(),
        spec_hash: spec_hash(run),
        dataset: DatasetSettings {
            format: dataset.format,
            text_field: dataset.text_field.clone(),
            label_fields: dataset.label_fields.clone(),
            label_levels: dataset.label_levels.clone(),
            split_field: dataset.split_field.clone(),
            time_field: dataset.time_field.clone(),
            min_samples_per_class: dataset.min_samples_per_class,
            label_map: dataset.label_map.clone(),
            filter: BTreeMap::new(),
            sha256: dataset.source.sha256.as_deref().and_then(|digits| digits.parse().ok()),
        },
        feedback: feedback(run, classifier),
        evaluation: evaluation_settings(classifier),
        preset: spec.preset,
        preprocessing: spec.preprocessing.clone(),
        features: spec
            .features
            .clone()
            .map(|features| features.map_word_vectors(WordVectors::settings)),
        search: spec.search.clone(),
        champion: champion.and_then(|champion| {
            Some(ChampionSettings {
                name: champion.name_any(),
                sha256: champion.spec.artifact.sha256.parse().ok()?,
            })
        }),
        review: ReviewRules {
            abstain_below: classifier.spec.serving.abstain_below,
            thresholds: classifier.spec.serving.thresholds.clone(),
        },
    }
}

/// Whether the run's training reads corrections: as it says, or if the classifier collects them.
fn feedback(run: &TrainingRun, classifier: &ComplaintClassifier) -> Feedback {
    run.spec.dataset.feedback.unwrap_or_else(|| {
        let collects = classifier.spec.serving.feedback.is_some();
        if collects { Feedback::Include } else { Feedback::Exclude }
    })
}

/// How versions of the classifier are evaluated and compared.
pub(crate) fn evaluation_settings(classifier: &ComplaintClassifier) -> EvaluationSettings {
    let evaluation = &classifier.spec.evaluation;
    EvaluationSettings {
        split: evaluation.split,
        test_fraction: evaluation.test_fraction,
        seed: evaluation.seed.unsigned_abs(),
        metric: classifier.spec.promotion.metric,
        holdout: evaluation.holdout.as_ref().map(|holdout| Holdout {
            source: None,
            sha256: holdout.sha256.parse().ok(),
            format: Some(holdout.format),
            text_field: Some(holdout.text_field.clone()),
            label_fields: Some(holdout.label_fields.clone()).filter(|fields| !fields.is_empty()),
            label_levels: Some(holdout.label_levels.clone()).filter(|fields| !fields.is_empty()),
        }),
    }
}

fn run_labels(inputs: &Inputs<'_>) -> BTreeMap<String, String> {
    let mut labels = workload::labels("complaint-trainer", "trainer", &inputs.run.name_any());
    labels.insert(labels::CLASSIFIER.into(), inputs.classifier.name_any());
    labels.insert(labels::TRAINING_RUN.into(), inputs.run.name_any());
    labels
}

fn metadata(inputs: &Inputs<'_>) -> ObjectMeta {
    let mut annotations = BTreeMap::from([(labels::SPEC_HASH.to_owned(), spec_hash(inputs.run))]);
    if let Some(champion) = inputs.champion {
        annotations.insert(labels::MODEL_VERSION.into(), champion.name_any());
    }
    annotations.extend(
        inputs
            .trace
            .map(|place| (labels::TRACEPARENT.into(), place.to_string())),
    );
    ObjectMeta {
        name: Some(job_name(&inputs.run.name_any())),
        namespace: inputs.run.namespace(),
        labels: Some(run_labels(inputs)),
        annotations: Some(annotations),
        owner_references: Some(vec![inputs.owner.clone()]),
        ..ObjectMeta::default()
    }
}

/// The ConfigMap with the trainer's configuration file.
pub(crate) fn config_map(inputs: &Inputs<'_>) -> ConfigMap {
    let file = config(inputs.run, inputs.classifier, inputs.champion);
    ConfigMap {
        metadata: metadata(inputs),
        data: Some(BTreeMap::from([("run.json".to_owned(), file.to_json())])),
        ..ConfigMap::default()
    }
}

/// Where the run's word vectors are, if it uses some.
fn word_vectors(run: &TrainingRun) -> Option<&DatasetSource> {
    let features = run.spec.features.as_ref()?;
    Some(&features.word_vectors.as_ref()?.source)
}

/// The Job that trains.
pub(crate) fn job(inputs: &Inputs<'_>) -> Job {
    let spec = &inputs.run.spec;
    let store = Store::of(inputs.classifier);
    let (dataset, data) = trainer::mounted(&spec.dataset.source, "dataset");
    let holdout = inputs.classifier.spec.evaluation.holdout.as_ref();
    let held_out = holdout.map(|holdout| trainer::mounted(&holdout.source, "holdout"));
    let word_vectors = word_vectors(inputs.run).map(|source| (source, trainer::mounted(source, "vectors")));
    let more = held_out.iter().chain(word_vectors.iter().map(|(_, mounted)| mounted));
    let more = more.filter_map(|(_, volume)| volume.clone());
    let (mut volumes, mut mounts): (Vec<_>, Vec<_>) = data.into_iter().chain(more).unzip();
    let mut args: Vec<String> = [
        "run",
        "--config",
        &format!("{CONFIG_DIR}/run.json"),
        "--dataset",
        &dataset,
        trainer::STORE_ARGUMENT,
        store.root(),
        "--reach",
        inputs.settings.trainer_reach.as_str(),
        "--run-uid",
        &inputs.owner.uid,
    ]
    .map(str::to_owned)
    .into();
    if let Some(lineage) = inputs.earlier.and_then(|version| version.spec.lineage.as_ref()) {
        args.extend(["--known-dataset".to_owned(), lineage.dataset.sha256.clone()]);
        let corrections = lineage.dataset.feedback_sha256.clone();
        args.extend(
            corrections
                .into_iter()
                .flat_map(|sha256| ["--known-feedback".to_owned(), sha256]),
        );
    }
    if let Some((path, _)) = held_out {
        args.extend(["--holdout".to_owned(), path]);
    }
    if let Some((_, (path, _))) = &word_vectors {
        args.extend(["--word-vectors".to_owned(), path.clone()]);
    }
    if let Some(path) = inputs
        .champion
        .and_then(|champion| store.open(&champion.spec.artifact.uri))
    {
        args.extend(["--champion".to_owned(), path]);
    }
    if let Some(key) = signing::key(inputs.classifier) {
        args.extend(["--signing-key".to_owned(), key.path]);
        volumes.push(key.volume);
        mounts.push(key.mount);
    }
    volumes.push(Volume {
        name: "config".into(),
        config_map: Some(ConfigMapVolumeSource {
            name: job_name(&inputs.run.name_any()),
            ..Default::default()
        }),
        ..Volume::default()
    });
    mounts.push(VolumeMount {
        name: "config".into(),
        mount_path: CONFIG_DIR.into(),
        read_only: Some(true),
        ..VolumeMount::default()
    });
    volumes.extend(store.volume(false));
    mounts.extend(store.mount(false));
    trainer::job(
        TrainerJob {
            metadata: metadata(inputs),
            args,
            env_from: trainer::credentials(
                Some(&spec.dataset.source),
                word_vectors.map(|(source, _)| source),
                inputs.classifier,
                &store,
            ),
            volumes,
            mounts,
            affinity: store::affinity(inputs.classifier, inputs.settings),
            pod_template: spec.pod_template.as_ref(),
            backoff_limit: spec.backoff_limit,
            active_deadline_seconds: spec.active_deadline_seconds,
        },
        inputs.settings,
    )
}

/// What becomes of the files of a version that this operator makes, when it is deleted.
pub(crate) fn deletion_policy(classifier: Option<&ComplaintClassifier>) -> DeletionPolicy {
    let retention = classifier.and_then(|classifier| classifier.spec.retention);
    retention.unwrap_or_default().deletion_policy
}

/// The registry record of the run's result.
pub(crate) fn model_version(
    run: &TrainingRun,
    store: &Store,
    parent: Option<&str>,
    deletion_policy: DeletionPolicy,
    outcome: &TrainingResult,
) -> ModelVersion {
    let spec = ModelVersionSpec {
        classifier_ref: run.spec.classifier_ref.clone(),
        artifact: model_version::artifact(store, &outcome.artifact),
        report: Some(ReportRef {
            uri: store.uri(&outcome.report.path),
            sha256: outcome.report.sha256.to_string(),
        }),
        algorithm: Some(outcome.algorithm),
        parameters: Some(outcome.parameters),
        class_count: Some(outcome.class_count),
        metrics: outcome.metrics.into(),
        lineage: Some(Lineage {
            training_run: run.name_any(),
            spec_hash: spec_hash(run),
            dataset: LineageDataset {
                source: LineageSource::of(&run.spec.dataset.source),
                format: Some(run.spec.dataset.format),
                fields: Some(LineageFields {
                    text: run.spec.dataset.text_field.clone(),
                    labels: run.spec.dataset.label_fields.clone(),
                    levels: run.spec.dataset.label_levels.clone(),
                }),
                label_map: run.spec.dataset.label_map.clone(),
                min_samples_per_class: Some(run.spec.dataset.min_samples_per_class),
                split_field: run.spec.dataset.split_field.clone(),
                time_field: run.spec.dataset.time_field.clone(),
                sha256: outcome.dataset.sha256.to_string(),
                feedback_sha256: outcome
                    .dataset
                    .feedback
                    .as_ref()
                    .and_then(|feedback| feedback.sha256)
                    .map(|sha256| sha256.to_string()),
            },
            word_vectors: run.spec.features.as_ref().and_then(|features| {
                let vectors = features.word_vectors.as_ref()?;
                Some(LineageWordVectors {
                    source: LineageSource::of(&vectors.source),
                    sha256: vectors.source.sha256.clone().unwrap_or_default(),
                    license: vectors.license.clone(),
                })
            }),
            rows: outcome.dataset.rows,
            split: outcome.split.clone(),
            trainer_version: outcome.trainer_version.clone(),
            parent: parent.map(str::to_owned),
        }),
        deletion_policy,
    };
    let mut version = model_version::recorded(&run.name_any(), run.namespace(), spec);
    let of_run = (labels::TRAINING_RUN.to_owned(), run.name_any());
    version.labels_mut().extend([of_run]);
    version
}
