//! The objects of the demo: the quickstart's manifests, or similar ones for the user's file.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use complaint_api::{ComplaintClassifier, TrainingRun};
use complaint_contract::DatasetFormat;
use complaint_operator::object::Objects;
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim};
use kube::ResourceExt;
use serde_json::json;

use super::{DemoArgs, NAMESPACE, drift, question::Question};
use crate::cluster::Cluster;

const CLASSIFIER: &str = include_str!("../../../../examples/quickstart/classifier.yaml");
const TRAINING_RUN: &str = include_str!("../../../../examples/quickstart/training-run.yaml");
const DATA: &str = include_str!("../../../../examples/quickstart/data.yaml");

/// The objects and questions of the demo.
pub(crate) struct Job {
    pub(crate) classifier: ComplaintClassifier,
    pub(crate) run: TrainingRun,
    pub(crate) questions: Vec<Question>,
    /// The rows that no training sees, with `--drift` or a file of the user's.
    pub(crate) held_out: Vec<Question>,
    sample: Option<ConfigMap>,
    file: Option<PathBuf>,
}

impl Job {
    /// The quickstart, or the user's file. Reads the file first, so that an error shows before anything starts.
    pub(crate) fn new(args: &DemoArgs) -> anyhow::Result<Self> {
        let mut classifier: ComplaintClassifier = serde_saphyr::from_str(CLASSIFIER)?;
        if args.drift {
            classifier.spec.monitoring = Some(drift::monitoring());
        }
        let run: TrainingRun = serde_saphyr::from_str(TRAINING_RUN)?;
        let Some(file) = &args.data else {
            let sample: ConfigMap = serde_saphyr::from_str(DATA)?;
            let held_out = match args.drift {
                true => held_out_of(&sample, &run, &classifier)?,
                false => Vec::new(),
            };
            return Ok(Self {
                classifier,
                run,
                questions: Question::of_the_sample(),
                held_out,
                sample: Some(sample),
                file: None,
            });
        };
        let file = file
            .canonicalize()
            .with_context(|| format!("--data {} can't be read", file.display()))?;
        let format = match &args.data_format {
            Some(format) => format_named(format),
            None => format_of(&file)?,
        };
        let name = file
            .file_name()
            .and_then(|name| name.to_str())
            .context("--data needs a file name in UTF-8")?;
        let mut dataset = json!({
            "source": { "persistentVolumeClaim": { "claimName": "demo-data", "path": name } },
            "format": format,
            "textField": args.text_field,
            "labelFields": args.label_field,
        });
        if let Some(field) = &args.split_field {
            dataset["splitField"] = json!(field);
        }
        let mut classifier: ComplaintClassifier = serde_json::from_value(json!({
            "metadata": { "name": "demo" }, "spec": { "rollout": { "progressDeadlineSeconds": 60 } },
        }))?;
        classifier.spec.monitoring = args.drift.then(drift::monitoring);
        let run: TrainingRun = serde_json::from_value(json!({
            "metadata": { "name": "demo-1" },
            "spec": { "classifierRef": { "name": "demo" }, "dataset": dataset, "features": { "minDocumentFrequency": 2 } },
        }))?;
        let held_out = Question::of_file(&file, &run, &classifier)?;
        Ok(Self {
            classifier,
            run,
            questions: Question::some(&held_out),
            held_out,
            sample: None,
            file: Some(file),
        })
    }

    /// Name of the classifier, its Deployment and its Service.
    pub(crate) fn name(&self) -> String {
        self.classifier.name_any()
    }

    /// Applies everything, data first, and returns what was applied.
    pub(crate) async fn apply(&self, cluster: &Cluster, objects: &Objects) -> anyhow::Result<Vec<String>> {
        let mut applied = Vec::new();
        if let Some(sample) = &self.sample {
            objects.apply(sample).await?;
            applied.push(format!("ConfigMap/{}", sample.name_any()));
        }
        if let Some(file) = &self.file {
            let claim = claim()?;
            objects.apply(&claim).await?;
            link(file, &cluster.volume(NAMESPACE, &claim.name_any()))?;
            applied.push(format!("PersistentVolumeClaim/{}", claim.name_any()));
        }
        objects.apply(&self.classifier).await?;
        applied.push(format!("ComplaintClassifier/{}", self.name()));
        objects.apply(&self.run).await?;
        applied.push(format!("TrainingRun/{}", self.run.name_any()));
        Ok(applied)
    }
}

/// The held-out rows of the sample.
fn held_out_of(
    sample: &ConfigMap,
    run: &TrainingRun,
    classifier: &ComplaintClassifier,
) -> anyhow::Result<Vec<Question>> {
    let key = run
        .spec
        .dataset
        .source
        .config_map
        .as_ref()
        .context("the sample is in a ConfigMap")?;
    let bytes = sample.binary_data.as_ref().and_then(|data| data.get(&key.key));
    let directory = tempfile::tempdir()?;
    let file = directory.path().join(&key.key);
    std::fs::write(&file, &bytes.context("the sample has its key")?.0)?;
    Question::of_file(&file, run, classifier)
}

fn claim() -> anyhow::Result<PersistentVolumeClaim> {
    Ok(serde_json::from_value(json!({
        "metadata": { "name": "demo-data" },
        "spec": { "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": "1Gi" } } },
    }))?)
}

/// Links the file into the volume without a copy.
fn link(file: &Path, volume: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(volume)?;
    let link = volume.join(file.file_name().unwrap_or_default());
    if link.is_symlink() {
        std::fs::remove_file(&link)?;
    }
    std::os::unix::fs::symlink(file, &link).with_context(|| format!("linking {} to the volume", file.display()))
}

fn format_named(name: &str) -> DatasetFormat {
    match name {
        "json-lines" => DatasetFormat::JsonLines,
        "json" => DatasetFormat::Json,
        _ => DatasetFormat::Csv,
    }
}

fn format_of(file: &Path) -> anyhow::Result<DatasetFormat> {
    let name = file.to_string_lossy().to_lowercase();
    let plain = [".gz", ".zip", ".zst"]
        .iter()
        .fold(name.as_str(), |name, suffix| name.strip_suffix(suffix).unwrap_or(name));
    match plain.rsplit_once('.').map(|(_, suffix)| suffix) {
        Some("csv") => Ok(DatasetFormat::Csv),
        Some("jsonl" | "ndjson") => Ok(DatasetFormat::JsonLines),
        Some("json") => Ok(DatasetFormat::Json),
        _ => anyhow::bail!(
            "the format of {} is not clear from its name: give --data-format csv, json-lines or json",
            file.display()
        ),
    }
}
