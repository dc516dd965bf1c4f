//! The bill of materials: CycloneDX 1.5, with a model card (an ML-BOM).

use complaint_contract::Documentation;
use serde_json::{Value, json};

use super::VersionFacts;
use crate::report::Report;

/// The packages that the trainer of this release is built from: name, version and SHA-256 of the crate (none for a part of the
/// product).
const PACKAGES: &str = include_str!("packages.txt");
/// The program that trains.
const TRAINER: &str = "complaint-trainer";

/// The CycloneDX document of a version: the model with its card, the data sets by their digests, and the trainer with the packages
/// that it is built from. The packages are known only for a version that this release trained.
pub fn bill_of_materials(version: &VersionFacts, documentation: &Documentation, report: &Report) -> Value {
    let dataset = &report.dataset;
    let mut data = vec![data_component("dataset", &dataset.sha256.to_string())];
    if let Some(holdout) = &dataset.holdout {
        data.push(data_component("holdout", &holdout.sha256.to_string()));
    }
    if let Some(sha256) = dataset.feedback.as_ref().and_then(|feedback| feedback.sha256) {
        data.push(data_component("corrections", &sha256.to_string()));
    }
    if let Some(vectors) = &report.word_vectors {
        let mut component = data_component("word vectors", &vectors.sha256.to_string());
        if let Some(license) = &vectors.license {
            component["licenses"] = json!([{ "license": { "name": license } }]);
        }
        data.push(component);
    }
    let same_release = report.trainer_version == env!("CARGO_PKG_VERSION");
    let software = packages()
        .filter(|(name, ..)| same_release || *name == TRAINER)
        .map(|(name, version, checksum)| {
            let is_trainer = name == TRAINER;
            let version = if is_trainer { &report.trainer_version } else { version };
            let purl = format!("pkg:cargo/{name}@{version}");
            let mut component = json!({
                "type": if is_trainer { "application" } else { "library" },
                "bom-ref": purl, "name": name, "version": version, "purl": purl,
            });
            if let Some(checksum) = checksum {
                component["hashes"] = json!([{ "alg": "SHA-256", "content": checksum }]);
            }
            component
        });
    let datasets: Vec<Value> = data
        .iter()
        .map(|component| json!({ "type": "dataset", "name": component["name"], "description": component["bom-ref"] }))
        .collect();
    json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": {
                "type": "machine-learning-model",
                "bom-ref": format!("sha256:{}", version.sha256),
                "name": version.name,
                "version": version.sha256.to_string(),
                "hashes": [{ "alg": "SHA-256", "content": version.sha256.to_string() }],
                "modelCard": model_card(documentation, report, &datasets),
            },
        },
        "components": data.iter().cloned().chain(software).collect::<Vec<_>>(),
    })
}

fn packages() -> impl Iterator<Item = (&'static str, &'static str, Option<&'static str>)> {
    PACKAGES.lines().filter_map(|line| {
        let mut parts = line.split(' ');
        Some((parts.next()?, parts.next()?, parts.next()))
    })
}

fn data_component(name: &str, sha256: &str) -> Value {
    json!({
        "type": "data",
        "bom-ref": format!("{name}:sha256:{sha256}"),
        "name": name,
        "version": sha256,
        "hashes": [{ "alg": "SHA-256", "content": sha256 }],
    })
}

fn model_card(documentation: &Documentation, report: &Report, datasets: &[Value]) -> Value {
    let (metrics, intervals) = (&report.metrics, &report.confidence_intervals);
    let metric = |kind: &str, value: f64, [low, high]: [f64; 2]| {
        json!({
            "type": kind, "value": format!("{value:.4}"), "slice": "held-out rows",
            "confidenceInterval": { "lowerBound": format!("{low:.4}"), "upperBound": format!("{high:.4}") },
        })
    };
    let mut considerations = serde_json::Map::new();
    let mut add = |name: &str, text: &Option<String>| {
        if let Some(text) = text {
            considerations.insert(name.to_owned(), json!([text]));
        }
    };
    add("useCases", &documentation.purpose);
    add("technicalLimitations", &documentation.limitations);
    json!({
        "modelParameters": {
            "approach": { "type": "supervised" },
            "task": "text classification",
            "architectureFamily": "linear model",
            "modelArchitecture": report.algorithm.to_string(),
            "datasets": datasets,
            "inputs": [{ "format": "text" }],
            "outputs": [{ "format": "probability of each category" }],
        },
        "quantitativeAnalysis": { "performanceMetrics": [
            metric("macro-F1", metrics.macro_f1, intervals.macro_f1),
            metric("accuracy", metrics.accuracy, intervals.accuracy),
            metric("log loss", metrics.log_loss, intervals.log_loss),
        ] },
        "considerations": considerations,
    })
}
