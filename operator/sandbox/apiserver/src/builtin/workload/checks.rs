//! Checks of workloads.

use serde_json::Value;

use super::{check_template, restart_policy};
use crate::field::{FieldError, Path};
use crate::selector::LabelSelector;
use crate::value::{entries, has, text};

fn spec_path() -> Path {
    Path::new("spec")
}

/// The selector is required and must match the template's labels.
fn selector(object: &Value, errors: &mut Vec<FieldError>) {
    let spec = &object["spec"];
    let path = spec_path().child("selector");
    match LabelSelector::from_object(&spec["selector"]) {
        _ if spec["selector"].is_null() => {
            errors.push(FieldError::required(&path, ""));
            let labels = &spec["template"]["metadata"]["labels"];
            let at = spec_path().child("template").child("metadata").child("labels");
            errors.push(FieldError::invalid(
                &at,
                labels,
                "`selector` does not match template `labels`",
            ));
        }
        Some(selector) if selector.is_empty() => {
            errors.push(FieldError::invalid(
                &path,
                &spec["selector"],
                "empty selector is invalid for deployment",
            ));
        }
        Some(selector) => {
            let labels = &spec["template"]["metadata"]["labels"];
            if !selector.matches(Some(labels)) {
                errors.push(FieldError::invalid(
                    &spec_path().child("template").child("metadata").child("labels"),
                    &if labels.is_null() {
                        serde_json::json!({})
                    } else {
                        labels.clone()
                    },
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
    let mut errors = replica_set(object);
    let spec = &object["spec"];
    strategy(&spec["strategy"], &mut errors);
    let (deadline, wait) = (
        spec["progressDeadlineSeconds"].as_i64(),
        spec["minReadySeconds"].as_i64().unwrap_or(0),
    );
    if deadline.is_some_and(|d| d <= wait) {
        let path = spec_path().child("progressDeadlineSeconds");
        errors.push(FieldError::invalid(
            &path,
            &spec["progressDeadlineSeconds"],
            "must be greater than minReadySeconds",
        ));
    }
    errors
}

fn strategy(strategy: &Value, errors: &mut Vec<FieldError>) {
    let path = spec_path().child("strategy");
    let rolling = path.child("rollingUpdate");
    let kind = text(strategy, "type");
    match kind {
        "Recreate" if has(strategy, "rollingUpdate") => {
            let detail = "may not be specified when strategy `type` is 'Recreate'";
            errors.push(FieldError::forbidden(&rolling, detail));
        }
        "Recreate" => {}
        "RollingUpdate" => {
            let nothing = |v: &Value| *v == 0 || *v == "0%";
            let update = &strategy["rollingUpdate"];
            if nothing(&update["maxSurge"]) && nothing(&update["maxUnavailable"]) {
                let detail = "may not be 0 when `maxSurge` is 0";
                errors.push(FieldError::invalid(
                    &rolling.child("maxUnavailable"),
                    &update["maxUnavailable"],
                    detail,
                ));
            }
        }
        _ => errors.push(FieldError::unsupported(
            &path.child("type"),
            &kind.into(),
            &["Recreate", "RollingUpdate"],
        )),
    }
}

pub(super) fn replica_set(object: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let spec = &object["spec"];
    not_negative(spec, "replicas", &mut errors);
    selector(object, &mut errors);
    check_template(spec, &spec_path(), &mut errors);
    only_always(spec, &mut errors);
    errors
}

/// The selector may not change.
pub(super) fn selector_kept(new: &Value, old: &Value, errors: &mut Vec<FieldError>) {
    if new["spec"]["selector"] != old["spec"]["selector"] {
        errors.push(FieldError::immutable(
            &spec_path().child("selector"),
            &new["spec"]["selector"],
        ));
    }
}

pub(super) fn job(object: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let spec = &object["spec"];
    for field in [
        "parallelism",
        "completions",
        "backoffLimit",
        "ttlSecondsAfterFinished",
        "activeDeadlineSeconds",
    ] {
        not_negative(spec, field, &mut errors);
    }
    check_template(spec, &spec_path(), &mut errors);
    let policy = restart_policy(spec);
    if !["Never", "OnFailure"].contains(&policy) {
        let path = spec_path().child("template").child("spec").child("restartPolicy");
        errors.push(FieldError::required(&path, "valid values: \"OnFailure\", \"Never\""));
    }
    failure_policy(spec, &mut errors);
    if text(spec, "completionMode") == "Indexed" && !has(spec, "completions") {
        let detail = "when completion mode is Indexed";
        errors.push(FieldError::required(&spec_path().child("completions"), detail));
    }
    if has(spec, "backoffLimitPerIndex") && text(spec, "completionMode") != "Indexed" {
        let detail = "requires indexed completion mode";
        errors.push(FieldError::invalid(
            &spec_path().child("backoffLimitPerIndex"),
            &spec["backoffLimitPerIndex"],
            detail,
        ));
    }
    errors
}

fn failure_policy(spec: &Value, errors: &mut Vec<FieldError>) {
    let policy = &spec["podFailurePolicy"];
    if policy.is_null() {
        return;
    }
    let restart = restart_policy(spec);
    if restart != "Never" {
        let at = spec_path().child("template").child("spec").child("restartPolicy");
        let detail = "only \"Never\" is supported when podFailurePolicy is specified";
        errors.push(FieldError::invalid(&at, &restart.into(), detail));
    }
    for (i, rule) in entries(policy, "rules") {
        let path = spec_path().child("podFailurePolicy").child("rules").index(i);
        let action = text(rule, "action");
        if action == "FailIndex" && !has(spec, "backoffLimitPerIndex") {
            let detail = "requires the backoffLimitPerIndex to be set";
            errors.push(FieldError::invalid(&path.child("action"), &action.into(), detail));
        } else if !["Count", "FailIndex", "FailJob", "Ignore"].contains(&action) {
            let supported = ["Count", "FailIndex", "FailJob", "Ignore"];
            errors.push(FieldError::unsupported(
                &path.child("action"),
                &action.into(),
                &supported,
            ));
        }
        if rule["onExitCodes"].is_object() {
            exit_codes(spec, &rule["onExitCodes"], &path.child("onExitCodes"), errors);
        }
    }
}

fn exit_codes(spec: &Value, rule: &Value, path: &Path, errors: &mut Vec<FieldError>) {
    let codes: Vec<i64> = rule["values"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_i64)
        .collect();
    let within = path.child("values");
    if codes.is_empty() {
        errors.push(FieldError::invalid(
            &within,
            &rule["values"],
            "at least one value is required",
        ));
    } else if codes.windows(2).any(|w| w[0] > w[1]) {
        errors.push(FieldError::invalid(&within, &rule["values"], "must be ordered"));
    }
    for (i, code) in codes.iter().enumerate() {
        if codes[..i].contains(code) {
            errors.push(FieldError::duplicate(&within.index(i), &(*code).into()));
        } else if *code == 0 && text(rule, "operator") == "In" {
            errors.push(FieldError::invalid(
                &within.index(i),
                &0.into(),
                "must not be 0 for the In operator",
            ));
        }
    }
    let container = text(rule, "containerName");
    let template = &spec["template"]["spec"];
    let known = entries(template, "containers").chain(entries(template, "initContainers"));
    if !container.is_empty() && !known.into_iter().any(|(_, c)| text(c, "name") == container) {
        let detail = "must be one of the container or initContainer names in the pod template";
        errors.push(FieldError::invalid(
            &path.child("containerName"),
            &container.into(),
            detail,
        ));
    }
}

pub(super) fn job_update(new: &Value, old: &Value) -> Vec<FieldError> {
    let mut errors = job(new);
    for field in [
        "completions",
        "selector",
        "completionMode",
        "podFailurePolicy",
        "backoffLimitPerIndex",
        "successPolicy",
    ] {
        if new["spec"][field] != old["spec"][field] {
            errors.push(FieldError::immutable(&spec_path().child(field), &new["spec"][field]));
        }
    }
    let mut wanted = new["spec"]["template"].clone();
    let kept = &old["spec"]["template"];
    let scheduled = ["nodeSelector", "tolerations", "affinity", "schedulingGates"];
    // The scheduling directives of a suspended Job that has not started may change.
    let suspended = old["spec"]["suspend"] == true && old["status"]["startTime"].is_null();
    if suspended {
        for field in scheduled {
            match kept["spec"].get(field) {
                Some(value) => wanted["spec"][field] = value.clone(),
                None => {
                    wanted["spec"].as_object_mut().map(|s| s.remove(field));
                }
            }
        }
        wanted["metadata"] = kept["metadata"].clone();
        for list in ["containers", "initContainers"] {
            let count = kept["spec"][list].as_array().map_or(0, Vec::len);
            for i in 0..count.min(wanted["spec"][list].as_array().map_or(0, Vec::len)) {
                wanted["spec"][list][i]["resources"] = kept["spec"][list][i]["resources"].clone();
            }
        }
    }
    if suspended && wanted["spec"] != kept["spec"] {
        let path = spec_path().child("template").child("spec");
        errors.push(FieldError::immutable(&path, &new["spec"]["template"]["spec"]));
    } else if wanted != *kept {
        errors.push(FieldError::immutable(
            &spec_path().child("template"),
            &new["spec"]["template"],
        ));
    }
    errors
}

/// The terminal condition of a Job must not change.
pub(super) fn job_status(new: &Value, old: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let path = Path::new("status");
    let holds = |job: &Value, kind: &str| {
        entries(&job["status"], "conditions").any(|(_, c)| text(c, "type") == kind && text(c, "status") == "True")
    };
    if has(&new["status"], "completionTime") && !holds(new, "Complete") {
        let detail = "cannot be set when there is no Complete=True condition";
        errors.push(FieldError::invalid(
            &path.child("completionTime"),
            &new["status"]["completionTime"],
            detail,
        ));
    }
    for kind in ["Failed", "Complete", "FailureTarget", "SuccessCriteriaMet"] {
        if holds(old, kind) && !holds(new, kind) {
            let detail = format!("cannot disable the terminal Job condition {kind}=True");
            errors.push(FieldError::invalid(&path.child("conditions"), &true.into(), detail));
        }
    }
    errors
}

pub(super) fn cron_job(object: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let spec = &object["spec"];
    let schedule = text(spec, "schedule");
    let fields: Vec<&str> = schedule.split_whitespace().collect();
    let path = spec_path().child("schedule");
    if schedule.is_empty() {
        errors.push(FieldError::required(&path, ""));
    } else if !schedule.starts_with('@') && fields.len() != 5 {
        let detail = format!(
            "expected exactly 5 fields, found {}: [{}]",
            fields.len(),
            fields.join(" ")
        );
        errors.push(FieldError::invalid(&path, &schedule.into(), detail));
    }
    let zone = text(spec, "timeZone");
    if !zone.is_empty() && jiff::tz::TimeZone::get(zone).is_err() {
        let detail = format!("unknown time zone {zone}");
        errors.push(FieldError::invalid(
            &spec_path().child("timeZone"),
            &zone.into(),
            detail,
        ));
    }
    errors
}
