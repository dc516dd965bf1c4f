//! What a version's files say to MLflow. Pure. Nothing goes there that the report does not hold.

use bytes::Bytes;
use complaint_contract::{Sha256Digest, TrackRequest, TrackedVersion};
use complaint_report::{Report, Trial, TrialStatus};
use serde::Serialize;
use serde_json::Value;

use super::identity;

/// A name and its value.
pub(super) type Pair = (String, String);

/// Most classes whose metrics are logged.
const CLASSES: usize = 1000;
/// Most trials that are logged.
const TRIALS: usize = 500;
/// Most characters of a value; MLflow takes 6,000 for parameters, and 1 MB for all of a request.
const VALUE: usize = 1000;
/// Most characters of a class in a metric's name; MLflow takes 250 for the whole name.
const CLASS: usize = 150;

/// A metric of a run.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Metric {
    pub(super) key: String,
    pub(super) value: f64,
    pub(super) step: usize,
}

/// One trial of the search.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TrialContent {
    pub(super) name: String,
    pub(super) status: TrialStatus,
    pub(super) tags: Vec<Pair>,
    pub(super) parameters: Vec<Pair>,
    pub(super) metrics: Vec<Metric>,
}

/// Files of a version.
#[derive(Debug, Clone, Default)]
pub(crate) struct Files {
    /// The model.
    pub(crate) model: Bytes,
    /// The others, by name.
    pub(crate) others: Vec<(String, Bytes)>,
}

/// What is logged of a version.
#[derive(Debug, Clone)]
pub(crate) struct Content {
    pub(super) name: String,
    pub(super) sha256: Sha256Digest,
    /// When it was recorded, in milliseconds since 1970. All metrics have this time, so that logging twice changes nothing.
    pub(super) time: i64,
    pub(super) tags: Vec<Pair>,
    pub(super) parameters: Vec<Pair>,
    pub(super) metrics: Vec<Metric>,
    pub(super) trials: Vec<TrialContent>,
    pub(super) files: Files,
}

impl Content {
    /// What is logged of `version`, whose report and record these are. `time` is in milliseconds since 1970.
    pub(crate) fn new(
        request: &TrackRequest,
        version: &TrackedVersion,
        time: i64,
        report: &Report,
        record: &Value,
        files: Files,
    ) -> Self {
        Self {
            name: version.name.clone(),
            sha256: version.sha256,
            time,
            tags: tags(request, version, report, record),
            parameters: parameters(report),
            metrics: metrics(report),
            trials: report
                .trials
                .iter()
                .take(TRIALS)
                .map(|trial| trial_content(report, trial))
                .collect(),
            files,
        }
    }
}

/// Identity and lineage.
fn tags(request: &TrackRequest, version: &TrackedVersion, report: &Report, record: &Value) -> Vec<Pair> {
    let identity = identity(request, &version.name, &version.sha256);
    let mut tags: Vec<Pair> = identity.map(|(key, value)| (key.to_owned(), value)).into();
    let lineage = &record["spec"]["lineage"];
    let told = |key: &str, value: &Value| Some((key.to_owned(), text(value)?));
    tags.extend(
        [
            told("complaints.trainingRun", &lineage["trainingRun"]),
            told("complaints.parent", &lineage["parent"]),
            told("complaints.datasetFormat", &lineage["dataset"]["format"]),
            told("complaints.reportSha256", &record["spec"]["report"]["sha256"]),
            told("complaints.artifactFormat", &record["spec"]["artifact"]["format"]),
        ]
        .into_iter()
        .flatten(),
    );
    let corrections = report.dataset.feedback.as_ref();
    let corrections = corrections.and_then(|feedback| feedback.sha256);
    let of_report = [
        ("complaints.datasetSha256", report.dataset.sha256.to_string()),
        (
            "complaints.feedbackSha256",
            corrections.map_or_else(String::new, |sha256| sha256.to_string()),
        ),
        ("complaints.specHash", report.spec_hash.clone()),
        ("complaints.split", report.split.clone()),
        ("complaints.trainerVersion", report.trainer_version.clone()),
        ("mlflow.user", "complaint-operator".to_owned()),
        ("mlflow.source.name", "complaint-trainer".to_owned()),
        ("mlflow.source.type", "JOB".to_owned()),
    ];
    tags.extend(of_report.map(|(key, value)| (key.to_owned(), short(&value))));
    tags.retain(|(_, value)| !value.is_empty());
    tags
}

fn parameters(report: &Report) -> Vec<Pair> {
    let mut pairs = Vec::new();
    flatten("", &json(&report.parameters), &mut pairs);
    flatten("preprocessing.", &json(&report.preprocessing), &mut pairs);
    flatten("features.", &json(&report.features), &mut pairs);
    let others = [
        ("algorithm", text(&json(&report.algorithm)).unwrap_or_default()),
        ("scoring", report.scoring.name().to_owned()),
        ("folds", report.folds.to_string()),
        ("termCount", report.term_count.to_string()),
        ("rows", report.dataset.rows.to_string()),
        ("trainRows", report.dataset.train_rows.to_string()),
        ("testRows", report.dataset.test_rows.to_string()),
        ("classes", report.dataset.classes.to_string()),
    ];
    pairs.extend(others.map(|(key, value)| (key.to_owned(), value)));
    pairs
}

fn metrics(report: &Report) -> Vec<Metric> {
    let metric = |key: String, value: f64| Metric { key, value, step: 0 };
    let mut metrics = Vec::new();
    if let Value::Object(overall) = json(&report.metrics) {
        let values = overall
            .into_iter()
            .filter_map(|(key, value)| Some((key, value.as_f64()?)));
        metrics.extend(values.map(|(key, value)| metric(key, value)));
    }
    let optimal = report.current_optimal_trial.cross_validation;
    metrics.extend([
        metric("calibrationError".into(), report.calibration.error_after),
        metric("crossValidation.mean".into(), optimal.mean),
        metric("crossValidation.standardDeviation".into(), optimal.standard_deviation),
    ]);
    let mut names = Names::default();
    for level in report.levels.iter().flat_map(|levels| &levels.coarser) {
        let name = names.of(&level.level);
        metrics.extend([
            metric(format!("level/{name}/accuracy"), level.metrics.accuracy),
            metric(format!("level/{name}/macroF1"), level.metrics.macro_f1),
        ]);
    }
    let mut names = Names::default();
    for class in report.per_class.iter().take(CLASSES) {
        let name = names.of(&class.label);
        metrics.extend([
            metric(format!("class/{name}/precision"), class.precision),
            metric(format!("class/{name}/recall"), class.recall),
            metric(format!("class/{name}/f1"), class.f1),
            metric(format!("class/{name}/support"), class.support as f64),
        ]);
    }
    metrics.retain(|metric| metric.value.is_finite());
    metrics
}

fn trial_content(report: &Report, trial: &Trial) -> TrialContent {
    let algorithm = text(&json(&trial.algorithm)).unwrap_or_default();
    let mut parameters = vec![("algorithm".to_owned(), algorithm.clone())];
    flatten("", &json(&trial.parameters), &mut parameters);
    let mut metrics: Vec<Metric> = Vec::new();
    if let Some(score) = trial.cross_validation {
        let pair = [("mean", score.mean), ("standardDeviation", score.standard_deviation)];
        metrics.extend(pair.map(|(key, value)| Metric {
            key: format!("crossValidation.{key}"),
            value,
            step: 0,
        }));
    }
    let folds = trial.fold_scores.iter().enumerate();
    metrics.extend(folds.map(|(step, score)| Metric {
        key: format!("fold.{}", report.scoring.name()),
        value: *score,
        step,
    }));
    metrics.retain(|metric| metric.value.is_finite());
    TrialContent {
        name: short(&format!("{algorithm} {}", trial.parameters))
            .trim_end()
            .to_owned(),
        status: trial.status,
        tags: [
            ("mlflow.user", "complaint-operator"),
            ("mlflow.source.name", "complaint-trainer"),
            ("mlflow.source.type", "JOB"),
        ]
        .into_iter()
        // MLflow shows it as the run's description.
        .chain(trial.message.as_deref().map(|why| ("mlflow.note.content", why)))
        .map(|(key, value)| (key.to_owned(), short(value)))
        .collect(),
        parameters,
        metrics,
    }
}

/// Classes as parts of metrics' names. MLflow takes letters, digits, `_`, `-`, `.`, spaces, `:` and `/` there, and reads a name
/// as a path; classes that would get the same name are numbered.
#[derive(Default)]
struct Names(std::collections::HashSet<String>);

impl Names {
    fn of(&mut self, class: &str) -> String {
        let plain = |letter: char| {
            let is_plain = letter.is_alphanumeric() || matches!(letter, '_' | '-' | '.' | ' ' | ':');
            if is_plain { letter } else { '_' }
        };
        let name: String = class.chars().map(plain).take(CLASS).collect();
        let name = if name.chars().all(|letter| letter == '.') {
            "_".to_owned()
        } else {
            name
        };
        let mut unique = name.clone();
        let mut number = 2;
        while !self.0.insert(unique.clone()) {
            unique = format!("{name}_{number}");
            number += 1;
        }
        unique
    }
}

fn json(value: &impl Serialize) -> Value {
    serde_json::to_value(value).expect("strings, numbers and lists are JSON")
}

/// The fields of an object as names and values; nested ones have dots in their names.
fn flatten(prefix: &str, value: &Value, pairs: &mut Vec<Pair>) {
    for (key, value) in value.as_object().into_iter().flatten() {
        match value {
            Value::Object(_) => flatten(&format!("{prefix}{key}."), value, pairs),
            value => pairs.extend(text(value).map(|text| (format!("{prefix}{key}"), text))),
        }
    }
}

/// A value as a text; `None` for null.
fn text(value: &Value) -> Option<String> {
    Some(match value {
        Value::Null => return None,
        Value::String(text) => short(text),
        other => short(&other.to_string()),
    })
}

fn short(text: &str) -> String {
    text.chars().take(VALUE).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_become_names_that_mlflow_takes_and_that_differ() {
        let mut names = Names::default();
        let cases = [
            ("Credit card", "Credit card"),
            ("Loan/lease", "Loan_lease"),
            ("Loan_lease", "Loan_lease_2"),
            ("Loan,lease", "Loan_lease_3"),
            ("..", "_"),
            ("Übertrag", "Übertrag"),
        ];
        for (class, name) in cases {
            assert_eq!(names.of(class), name);
        }
        assert_eq!(names.of(&"ä".repeat(300)).chars().count(), CLASS);
    }

    #[test]
    fn nested_settings_have_dots_in_their_names() {
        let mut pairs = Vec::new();
        let value = serde_json::json!({ "a": 1, "b": { "c": [1, 2], "d": null }, "e": "x".repeat(5000) });
        flatten("p.", &value, &mut pairs);
        let names: Vec<_> = pairs.iter().map(|(name, value)| (name.as_str(), value.len())).collect();
        assert_eq!(names, [("p.a", 1), ("p.b.c", 5), ("p.e", VALUE)]);
    }
}
