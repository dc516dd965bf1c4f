//! The scale subresource.

use serde_json::{Value, json};

use super::patch::patched;
use super::{Change, Part, PatchType, Tracking, update};
use crate::Api;
use crate::context::Context;
use crate::error::ApiError;
use crate::field::{FieldError, Path};
use crate::json::from_json;
use crate::meta::Meta;
use crate::resource::{Resource, ScalePaths};
use crate::selector::LabelSelector;

fn find<'a>(object: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(object, |v, key| v.get(key))
}

/// The Scale of an object.
///
/// # Errors
/// 404 if the resource has none.
pub(crate) fn scale_of(resource: &Resource, object: &Value) -> Result<Value, ApiError> {
    let paths = resource.scale().ok_or_else(ApiError::unknown_path)?;
    let count = |path: &[String]| find(object, path).and_then(Value::as_i64).unwrap_or(0);
    let selector = match &paths.selector {
        Some(path) => find(object, path)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned(),
        None if resource.is_custom() => String::new(),
        None => LabelSelector::from_object(&object["spec"]["selector"])
            .map(|s| s.text())
            .unwrap_or_default(),
    };
    let mut status = json!({ "replicas": count(&paths.status_replicas) });
    if !selector.is_empty() {
        status["selector"] = selector.into();
    }
    let mut metadata = json!({});
    for key in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
        if let Some(value) = object.meta(key) {
            metadata[key] = value.clone();
        }
    }
    let replicas = count(&paths.spec_replicas);
    let spec = if replicas == 0 {
        json!({})
    } else {
        json!({ "replicas": replicas })
    };
    Ok(json!({ "kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": metadata, "spec": spec, "status": status }))
}

/// Sets an object's replicas from a Scale; returns the new Scale.
///
/// # Errors
/// See [`update()`]; 422 for a negative count.
pub(crate) fn put_scale(
    api: &Api,
    resource: &Resource,
    namespace: &str,
    name: &str,
    scale: &Value,
    context: &Context,
) -> Result<Value, ApiError> {
    write(api, resource, namespace, name, context, &|_| Ok(scale.clone()))
}

/// Patches an object's Scale; returns the new Scale.
///
/// # Errors
/// See [`update()`]; 422 for a negative count.
pub(crate) fn patch_scale(
    api: &Api,
    resource: &Resource,
    namespace: &str,
    name: &str,
    kind: PatchType,
    body: &[u8],
    context: &Context,
) -> Result<Value, ApiError> {
    if kind == PatchType::Apply {
        return Err(ApiError::not_implemented(
            "server-side apply of a scale subresource; use a merge patch",
        ));
    }
    let patch = from_json(body)?.value;
    write(api, resource, namespace, name, context, &|scale| {
        patched(scale, &patch, kind, resource)
    })
}

fn write(
    api: &Api,
    resource: &Resource,
    namespace: &str,
    name: &str,
    context: &Context,
    change: &dyn Fn(&Value) -> Result<Value, ApiError>,
) -> Result<Value, ApiError> {
    let paths = resource.scale().ok_or_else(ApiError::unknown_path)?;
    let written = update(api, resource, namespace, name, Part::Scale, context, &|old| {
        let scale = change(&scale_of(resource, old)?)?;
        let replicas = scale["spec"]["replicas"].as_i64().unwrap_or(0);
        if replicas < 0 {
            let path = Path::new("spec.replicas");
            let error = FieldError::invalid(&path, &replicas.into(), "must be greater than or equal to 0");
            return Err(ApiError::invalid("autoscaling", "Scale", name, &[error]));
        }
        let mut object = old.clone();
        if !scale.resource_version().is_empty() {
            object.set_meta("resourceVersion", scale.resource_version());
        }
        set(&mut object, &paths, replicas);
        Ok(Change {
            object,
            tracking: Tracking::Update,
            warnings: Vec::new(),
        })
    })?;
    scale_of(resource, &written.object)
}

fn set(object: &mut Value, paths: &ScalePaths, replicas: i64) {
    let mut slot = object;
    for key in &paths.spec_replicas {
        if !slot.is_object() {
            *slot = json!({});
        }
        slot = &mut slot[key.as_str()];
    }
    *slot = replicas.into();
}
