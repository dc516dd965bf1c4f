//! A configuration that is sent to an API server and to the trainer.

use complaint_trainer::config::RunConfig;
use kube::Client;
use serde_json::{Value, json};

use crate::refusal;

/// A run's spec, and the classifier's `evaluation`, which are one configuration to the trainer.
#[derive(Clone, Debug)]
pub struct Case {
    pub spec: Value,
    pub evaluation: Value,
}

/// A run with these overrides, section by section.
pub fn run(overrides: Value) -> Case {
    let mut spec = json!({
        "classifierRef": { "name": "cards" },
        "dataset": { "source": { "uri": "https://example.org/c.csv" }, "format": "Csv",
                     "textField": "narrative", "labelFields": ["category"] },
    });
    for (section, fields) in overrides.as_object().expect("an object") {
        match fields {
            Value::Object(fields) => fields
                .iter()
                .for_each(|(field, value)| spec[section][field] = value.clone()),
            other => spec[section] = other.clone(),
        }
    }
    // A label has fields or levels.
    let dataset = spec["dataset"].as_object_mut().expect("an object");
    let overridden = overrides.pointer("/dataset/labelFields").is_some();
    if dataset.contains_key("labelLevels") && !overridden {
        dataset.remove("labelFields");
    }
    Case {
        spec,
        evaluation: json!({ "testFraction": 0.2, "seed": 42 }),
    }
}

pub fn evaluation(field: &str, value: &Value) -> Case {
    let mut case = run(json!({}));
    case.evaluation[field] = value.clone();
    case
}

/// A run with this grid for an algorithm that has the parameter.
pub fn grid(algorithm: &str, parameter: &str, values: Value) -> Case {
    run(json!({ "search": { "candidates": [{ "algorithm": algorithm, "grid": { parameter: values } }] } }))
}

/// A run that tries these values for a step of the text pipeline.
pub fn vary(step: &str, values: Value) -> Case {
    run(json!({ "search": { "pipelineGrid": { step: values } } }))
}

impl Case {
    /// Why the API server rejects it.
    pub async fn refused_by_schema(&self, client: &Client) -> Option<String> {
        let classifier = json!({ "evaluation": self.evaluation });
        for (kind, spec) in [("TrainingRun", &self.spec), ("ComplaintClassifier", &classifier)] {
            if let Some((_, message)) = refusal(client, kind, "Strict", spec).await {
                return Some(message);
            }
        }
        None
    }

    /// Why the trainer rejects it. Its file has the same sections as the spec, but for sources, which are arguments.
    pub fn refused_by_trainer(&self) -> Option<String> {
        let mut file = json!({ "name": "cards", "namespace": "default", "classifier": "cards", "specHash": "ab" });
        for section in ["dataset", "preset", "preprocessing", "features", "search"] {
            if let Some(value) = self.spec.get(section) {
                file[section] = value.clone();
            }
        }
        if let Some(vectors) = file.pointer_mut("/features/wordVectors").and_then(Value::as_object_mut) {
            let source = vectors.remove("source").unwrap_or_default();
            if let Some(sha256) = source.get("sha256") {
                vectors.insert("sha256".into(), sha256.clone());
            }
        }
        let dataset = file["dataset"].as_object_mut().expect("an object");
        dataset.remove("source");
        dataset.entry("minSamplesPerClass").or_insert(json!(20));
        file["evaluation"] = self.evaluation.clone();
        file["evaluation"]["metric"] = json!("macroF1");
        RunConfig::parse(file.to_string().as_bytes())
            .err()
            .map(|error| error.to_string())
    }
}
