//! Checks of workloads.

use serde_json::Value;

use super::super::pod;
use super::{check_template, restart_policy};
use crate::api::field::{FieldError, Path};
use crate::api::selector::LabelSelector;

fn spec_path() -> Path {
    Path::new("spec")
}

/// The selector is there, and selects the template.
fn selector(object: &Value, errors: &mut Vec<FieldError>) {
    let spec = &object["spec"];
    let path = spec_path().child("selector");
    match LabelSelector::from_object(&spec["selector"]) {
        _ if spec["selector"].is_null() => errors.push(FieldError::required(&path, "")),
        Some(selector) if selector.is_empty() => {
            errors.push(FieldError::invalid(&path, &spec["selector"], "empty selector is invalid for deployment"));
        }
        Some(selector) => {
            let labels = &spec["template"]["metadata"]["labels"];
            if !selector.matches(Some(labels)) {
                errors.push(FieldError::invalid(
                    &spec_path().child("template").child("metadata").child("labels"),
                    &if labels.is_null() { serde_json::json!({}) } else { labels.clone() },
                    "`selector` does not match template `labels`",
                ));
            }
        }
        None => errors.push(FieldError::invalid(&path, &spec["selector"], "invalid label selector")),
    }
}

fn not_negative(spec: &Value, field: &str, errors: &mut Vec<FieldError>) {
    if spec[field].as_i64().is_some_and(|n| n < 0) {
        errors.push(FieldError::invalid(
            &spec_path().child(field),
            &spec[field],
            "must be greater than or equal to 0",
        ));
    }
}

fn only_always(spec: &Value, errors: &mut Vec<FieldError>) {
    let policy = restart_policy(spec);
    if policy != "Always" && !policy.is_empty() {
        let path = spec_path().child("template").child("spec").child("restartPolicy");
        errors.push(FieldError::unsupported(&path, &policy.into(), &["Always"]));
    }
}

pub(super) fn deployment(object: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let spec = &object["spec"];
    not_negative(spec, "replicas", &mut errors);
    selector(object, &mut errors);
    check_template(spec, &spec_path(), &mut errors);
    only_always(spec, &mut errors);
    errors
}

pub(super) fn replica_set(object: &Value) -> Vec<FieldError> {
    deployment(object)
}

/// The selector may not change.
pub(super) fn selector_kept(new: &Value, old: &Value, errors: &mut Vec<FieldError>) {
    if new["spec"]["selector"] != old["spec"]["selector"] {
        errors.push(FieldError::immutable(&spec_path().child("selector"), &new["spec"]["selector"]));
    }
}

pub(super) fn job(object: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let spec = &object["spec"];
    for field in ["parallelism", "completions", "backoffLimit", "ttlSecondsAfterFinished", "activeDeadlineSeconds"] {
        not_negative(spec, field, &mut errors);
    }
    check_template(spec, &spec_path(), &mut errors);
    let policy = restart_policy(spec);
    if !["Never", "OnFailure"].contains(&policy) {
        let path = spec_path().child("template").child("spec").child("restartPolicy");
        errors.push(FieldError::required(&path, "valid values: \"OnFailure\", \"Never\""));
    }
    errors
}

pub(super) fn job_update(new: &Value, old: &Value) -> Vec<FieldError> {
    let mut errors = job(new);
    for field in ["completions", "selector", "completionMode", "podFailurePolicy", "backoffLimitPerIndex", "successPolicy"] {
        if new["spec"][field] != old["spec"][field] {
            errors.push(FieldError::immutable(&spec_path().child(field), &new["spec"][field]));
        }
    }
    errors.extend(pod::template_update(
        &new["spec"]["template"],
        &old["spec"]["template"],
        &spec_path().child("template"),
    ));
    errors
}

pub(super) fn job_status(_new: &Value, _old: &Value) -> Vec<FieldError> {
    Vec::new()
}

pub(super) fn cron_job(_object: &Value) -> Vec<FieldError> {
    Vec::new()
}
