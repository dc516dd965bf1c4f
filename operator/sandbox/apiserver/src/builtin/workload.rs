//! Deployments, ReplicaSets, Jobs and CronJobs.

use serde_json::{Value, json};

use super::pod;
use crate::field::{FieldError, Path};
use crate::meta::{Meta, child_map};
use crate::resource::Strategy;
use crate::value::{child, default_to, each, has, text};

mod checks;

/// Deployments.
pub(crate) struct Deployments;

impl Strategy for Deployments {
    fn default(&self, object: &mut Value) {
        let Some(spec) = object.get_mut("spec").filter(|s| s.is_object()) else {
            return;
        };
        default_to(spec, "replicas", 1);
        default_to(spec, "progressDeadlineSeconds", 600);
        default_to(spec, "revisionHistoryLimit", 10);
        let strategy = child(spec, "strategy");
        default_to(strategy, "type", "RollingUpdate");
        if strategy["type"] == "RollingUpdate" {
            let update = child(strategy, "rollingUpdate");
            default_to(update, "maxSurge", "25%");
            default_to(update, "maxUnavailable", "25%");
        }
        default_template(spec);
    }

    fn initial_status(&self, _object: &Value) -> Option<Value> {
        Some(json!({}))
    }

    fn validate(&self, object: &Value) -> Vec<FieldError> {
        checks::deployment(object)
    }

    fn validate_update(&self, new: &Value, old: &Value) -> Vec<FieldError> {
        let mut errors = checks::deployment(new);
        checks::selector_kept(new, old, &mut errors);
        errors
    }
}

/// ReplicaSets.
pub(crate) struct ReplicaSets;

impl Strategy for ReplicaSets {
    fn default(&self, object: &mut Value) {
        let Some(spec) = object.get_mut("spec").filter(|s| s.is_object()) else {
            return;
        };
        default_to(spec, "replicas", 1);
        default_template(spec);
    }

    fn initial_status(&self, _object: &Value) -> Option<Value> {
        Some(json!({ "replicas": 0 }))
    }

    fn validate(&self, object: &Value) -> Vec<FieldError> {
        checks::replica_set(object)
    }

    fn validate_update(&self, new: &Value, old: &Value) -> Vec<FieldError> {
        let mut errors = checks::replica_set(new);
        checks::selector_kept(new, old, &mut errors);
        errors
    }
}

/// Jobs.
pub(crate) struct Jobs;

impl Strategy for Jobs {
    fn default(&self, object: &mut Value) {
        let Some(spec) = object.get_mut("spec").filter(|s| s.is_object()) else {
            return;
        };
        default_job(spec, true);
        default_labels(object);
    }

    fn prepare_create(&self, object: &mut Value) {
        object["status"] = json!({});
        if object["spec"]["manualSelector"] != true {
            own_selector(object);
        }
        default_labels(object);
    }

    fn prepare_update(&self, new: &mut Value, old: &Value) {
        new["status"] = old["status"].clone();
    }

    fn validate(&self, object: &Value) -> Vec<FieldError> {
        checks::job(object)
    }

    fn validate_update(&self, new: &Value, old: &Value) -> Vec<FieldError> {
        checks::job_update(new, old)
    }

    fn validate_status(&self, new: &Value, old: &Value) -> Vec<FieldError> {
        checks::job_status(new, old)
    }
}

/// A Job without labels gets its template's labels.
fn default_labels(job: &mut Value) {
    let own = job
        .meta("labels")
        .and_then(Value::as_object)
        .is_some_and(|l| !l.is_empty());
    let template = job["spec"]["template"]["metadata"]["labels"].clone();
    if !own && template.as_object().is_some_and(|l| !l.is_empty()) {
        job.set_meta("labels", template);
    }
}

fn default_job(spec: &mut Value, running: bool) {
    if running {
        if !has(spec, "completions") && !has(spec, "parallelism") {
            spec["completions"] = 1.into();
            spec["parallelism"] = 1.into();
        }
        default_to(spec, "parallelism", 1);
        let unlimited = has(spec, "backoffLimitPerIndex");
        default_to(spec, "backoffLimit", if unlimited { i64::from(i32::MAX) } else { 6 });
        default_to(spec, "completionMode", "NonIndexed");
        default_to(spec, "suspend", false);
        default_to(spec, "manualSelector", false);
        let has_policy = has(spec, "podFailurePolicy");
        default_to(
            spec,
            "podReplacementPolicy",
            if has_policy { "Failed" } else { "TerminatingOrFailed" },
        );
    }
    if let Some(policy) = spec.get_mut("podFailurePolicy") {
        for rule in each(policy, "rules") {
            for condition in each(rule, "onPodConditions") {
                default_to(condition, "status", "True");
            }
        }
    }
    default_template(spec);
}

/// Sets the selector and the labels that connect a Job with its pods.
fn own_selector(job: &mut Value) {
    let (name, uid) = (job.name().to_owned(), job.uid().to_owned());
    let labels = [
        ("batch.kubernetes.io/controller-uid", &uid),
        ("batch.kubernetes.io/job-name", &name),
        ("controller-uid", &uid),
        ("job-name", &name),
    ];
    if let Some(template) = job["spec"].get_mut("template") {
        let own = child_map(child(template, "metadata"), "labels");
        for (key, value) in labels {
            own.insert(key.to_owned(), value.as_str().into());
        }
    }
    let selector = child_map(child(&mut job["spec"], "selector"), "matchLabels");
    selector.insert("batch.kubernetes.io/controller-uid".to_owned(), uid.into());
}

/// CronJobs.
pub(crate) struct CronJobs;

impl Strategy for CronJobs {
    fn default(&self, object: &mut Value) {
        let Some(spec) = object.get_mut("spec").filter(|s| s.is_object()) else {
            return;
        };
        default_to(spec, "concurrencyPolicy", "Allow");
        default_to(spec, "suspend", false);
        default_to(spec, "successfulJobsHistoryLimit", 3);
        default_to(spec, "failedJobsHistoryLimit", 1);
        if let Some(template) = spec.get_mut("jobTemplate").filter(|t| t.is_object()) {
            default_to(template, "metadata", json!({}));
            if let Some(job) = template.get_mut("spec").filter(|s| s.is_object()) {
                default_job(job, false);
            }
        }
    }

    fn initial_status(&self, _object: &Value) -> Option<Value> {
        Some(json!({}))
    }

    fn validate(&self, object: &Value) -> Vec<FieldError> {
        checks::cron_job(object)
    }
}

/// Defaults of `spec.template`.
fn default_template(spec: &mut Value) {
    if let Some(template) = spec.get_mut("template").filter(|t| t.is_object()) {
        default_to(template, "metadata", json!({}));
        if let Some(spec) = template.get_mut("spec") {
            pod::default_spec(spec);
        }
    }
}

/// Checks the pod template in `spec`.
fn check_template(spec: &Value, path: &Path, errors: &mut Vec<FieldError>) {
    errors.extend(pod::template(&spec["template"], &path.child("template")));
}

fn restart_policy(spec: &Value) -> &str {
    text(&spec["template"]["spec"], "restartPolicy")
}
