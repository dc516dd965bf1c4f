//! Server-managed metadata, and the validation of metadata for every kind.

use serde_json::Value;

use crate::error::ApiError;
use crate::field::{FieldError, Path};
use crate::meta::{Meta, name_suffix, new_uid, now};
use crate::names;
use crate::resource::Resource;

/// Largest total size of annotations, in bytes.
const MAX_ANNOTATIONS: usize = 256 * 1024;

/// Checks that the body's namespace matches the path's, and sets it (or removes it, for cluster-scoped kinds).
///
/// # Errors
/// 400 if they differ.
pub(super) fn settle_namespace(resource: &Resource, object: &mut Value, namespace: &str) -> Result<(), ApiError> {
    if !resource.namespaced {
        object.remove_meta("namespace");
        return Ok(());
    }
    let given = object.namespace();
    if !given.is_empty() && given != namespace {
        return Err(ApiError::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    object.set_meta("namespace", namespace);
    Ok(())
}

/// Sets server-managed metadata, and generates a name from `generateName`.
///
/// # Errors
/// 500 if a resourceVersion is set, as upstream answers.
pub(super) fn fill_new(resource: &Resource, object: &mut Value) -> Result<(), ApiError> {
    if !matches!(object.resource_version(), "" | "0") {
        return Err(ApiError::internal(
            "resourceVersion should not be set on objects to be created",
        ));
    }
    for key in [
        "resourceVersion",
        "selfLink",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
    ] {
        object.remove_meta(key);
    }
    object.set_meta("uid", new_uid());
    object.set_meta("creationTimestamp", now());
    if resource.counts_generation() {
        object.set_meta("generation", 1);
    }
    let prefix = object.meta_str("generateName").to_owned();
    if object.name().is_empty() && !prefix.is_empty() {
        // Upstream truncates the prefix, so that the name fits into 63 characters.
        let head: String = prefix.chars().take(58).collect();
        object.set_meta("name", format!("{head}{}", name_suffix()));
    }
    Ok(())
}

/// Validates metadata, for every kind.
pub(super) fn validate(resource: &Resource, object: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let path = Path::new("metadata");
    let syntax = resource.name_syntax();
    let prefix = object.meta_str("generateName");
    if !prefix.is_empty() {
        for problem in names::name_prefix(syntax, prefix) {
            errors.push(FieldError::invalid(
                &path.child("generateName"),
                &prefix.into(),
                problem,
            ));
        }
    }
    let name = object.name();
    if name.is_empty() {
        errors.push(FieldError::required(
            &path.child("name"),
            "name or generateName is required",
        ));
    } else {
        for problem in names::object_name(syntax, name) {
            errors.push(FieldError::invalid(&path.child("name"), &name.into(), problem));
        }
    }
    labels(object, &path, &mut errors);
    annotations(object, &path, &mut errors);
    owners(object, &path, &mut errors);
    finalizers(object, &path, &mut errors);
    errors
}

fn labels(object: &Value, path: &Path, errors: &mut Vec<FieldError>) {
    let path = path.child("labels");
    for (key, value) in object.meta("labels").and_then(Value::as_object).into_iter().flatten() {
        for problem in names::qualified_name(key) {
            errors.push(FieldError::invalid(&path, &key.as_str().into(), problem));
        }
        for problem in names::label_value(value.as_str().unwrap_or_default()) {
            errors.push(FieldError::invalid(&path, value, problem));
        }
    }
}

fn annotations(object: &Value, path: &Path, errors: &mut Vec<FieldError>) {
    let path = path.child("annotations");
    let mut size = 0;
    for (key, value) in object
        .meta("annotations")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        for problem in names::qualified_name(&key.to_lowercase()) {
            errors.push(FieldError::invalid(&path, &key.as_str().into(), problem));
        }
        size += key.len() + value.as_str().map_or(0, str::len);
    }
    if size > MAX_ANNOTATIONS {
        errors.push(FieldError::new(&path, crate::field::Problem::TooLong(MAX_ANNOTATIONS)));
    }
}

fn owners(object: &Value, path: &Path, errors: &mut Vec<FieldError>) {
    let path = path.child("ownerReferences");
    let list = object
        .meta("ownerReferences")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let mut controllers = Vec::new();
    for reference in list {
        let text = |key: &str| reference.get(key).and_then(Value::as_str).unwrap_or_default();
        if text("apiVersion").is_empty() {
            errors.push(FieldError::invalid(
                &path.child("apiVersion"),
                &"".into(),
                "version must not be empty",
            ));
        }
        for key in ["kind", "name", "uid"] {
            if text(key).is_empty() {
                errors.push(FieldError::invalid(&path.child(key), &"".into(), "must not be empty"));
            }
        }
        if reference["controller"] == true {
            controllers.push(format!("{}/{}", text("kind"), text("name")));
        }
    }
    if let [first, second, ..] = controllers.as_slice() {
        let detail = format!(
            "Only one reference can have Controller set to true. Found \"true\" in references for {first} and {second}"
        );
        let shown: Vec<String> = list.iter().map(owner_text).collect();
        let problem = crate::field::Problem::Invalid(format!("[{}]", shown.join(",")), detail);
        errors.push(FieldError::new(&path, problem));
    }
}

/// An owner reference with its fields in upstream's order.
fn owner_text(reference: &Value) -> String {
    let parts: Vec<String> = ["apiVersion", "kind", "name", "uid", "controller", "blockOwnerDeletion"]
        .iter()
        .filter_map(|key| reference.get(*key).map(|value| format!("\"{key}\":{value}")))
        .collect();
    format!("{{{}}}", parts.join(","))
}

fn finalizers(object: &Value, path: &Path, errors: &mut Vec<FieldError>) {
    let path = path.child("finalizers");
    const STANDARD: [&str; 3] = ["kubernetes", "orphan", "foregroundDeletion"];
    let found = object.finalizers();
    for (i, finalizer) in found.iter().enumerate() {
        for problem in names::qualified_name(finalizer) {
            errors.push(FieldError::invalid(&path, &(*finalizer).into(), problem));
        }
        if !finalizer.contains('/') && !STANDARD.contains(finalizer) && !finalizer.contains('.') {
            let detail = "name is neither a standard finalizer name nor is it fully qualified";
            errors.push(FieldError::invalid(&path.index(i), &(*finalizer).into(), detail));
        }
    }
    if found.contains(&"orphan") && found.contains(&"foregroundDeletion") {
        let detail = "finalizer orphan and foregroundDeletion cannot be both set";
        errors.push(FieldError::invalid(
            &path,
            &object.meta("finalizers").cloned().unwrap_or_default(),
            detail,
        ));
    }
}

/// Restores server-managed metadata in an update.
pub(super) fn carry_over(new: &mut Value, old: &Value) {
    for key in [
        "uid",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
    ] {
        if new.meta(key).is_none_or(Value::is_null)
            && let Some(value) = old.meta(key).cloned()
        {
            new.set_meta(key, value);
        }
    }
    new.remove_meta("selfLink");
    for key in ["generateName", "generation"] {
        match old.meta(key).cloned() {
            Some(value) => new.set_meta(key, value),
            None => {
                new.remove_meta(key);
            }
        }
    }
}

/// Validates changes of metadata, for every kind.
pub(super) fn validate_update(new: &Value, old: &Value) -> Vec<FieldError> {
    let path = Path::new("metadata");
    let mut errors = Vec::new();
    if old.is_deleting() {
        let had = old.finalizers();
        let added: Vec<&str> = new.finalizers().into_iter().filter(|f| !had.contains(f)).collect();
        if !added.is_empty() {
            let quoted: Vec<String> = added.iter().map(|f| format!("\"{f}\"")).collect();
            let detail = format!(
                "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
                quoted.join(", ")
            );
            errors.push(FieldError::forbidden(&path.child("finalizers"), detail));
        }
    }
    for key in [
        "uid",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
    ] {
        let (new, old) = (
            new.meta(key).unwrap_or(&Value::Null),
            old.meta(key).unwrap_or(&Value::Null),
        );
        if new != old {
            errors.push(FieldError::immutable(&path.child(key), new));
        }
    }
    // Upstream checks this twice, generically and per kind, and reports both errors.
    let again = errors.clone();
    errors.extend(again);
    errors
}
