//! PATCH.

use serde_json::{Value, json};

use super::decode::conform;
use super::update::check_name;
use super::{Change, Part, Tracking, Written, create, metadata, update};
use crate::Api;
use crate::context::Context;
use crate::error::ApiError;
use crate::field::{FieldError, Path};
use crate::json::{Decoded, from_json, from_yaml};
use crate::meta::Meta;
use crate::ownership;
use crate::patch::{apply_json_patch, apply_merge_patch, apply_strategic_patch};
use crate::rbac;
use crate::resource::Resource;

/// The patch formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PatchType {
    /// RFC 6902.
    Json,
    /// RFC 7396.
    Merge,
    /// Kubernetes' own, for built-in kinds.
    Strategic,
    /// Server-side apply.
    Apply,
}

impl PatchType {
    /// Reads a content type.
    ///
    /// # Errors
    /// 415 for other types.
    pub(crate) fn read(content_type: &str, resource: &Resource) -> Result<Self, ApiError> {
        match content_type.split(';').next().unwrap_or_default().trim() {
            "application/json-patch+json" => Ok(Self::Json),
            "application/merge-patch+json" => Ok(Self::Merge),
            "application/strategic-merge-patch+json" if !resource.is_custom() => Ok(Self::Strategic),
            "application/strategic-merge-patch+json" => Err(ApiError::unsupported_media_type(&[
                "application/json-patch+json",
                "application/merge-patch+json",
                "application/apply-patch+yaml",
            ])),
            "application/apply-patch+yaml" | "application/apply-patch+json" => Ok(Self::Apply),
            "application/apply-patch+cbor" => Err(ApiError::not_implemented("CBOR bodies; send JSON or YAML")),
            _ => Err(ApiError::unsupported_patch_type()),
        }
    }
}

/// Patches an object; an apply may create it.
///
/// # Errors
/// See [`update()`]; 400 or 422 for patches that cannot be read or applied.
#[expect(clippy::too_many_arguments, reason = "the parts of one request")]
pub(crate) fn patch(
    api: &Api,
    resource: &Resource,
    namespace: &str,
    name: &str,
    part: Part,
    kind: PatchType,
    body: &[u8],
    force: bool,
    context: &Context,
) -> Result<Written, ApiError> {
    check_options(kind, force, context)?;
    if kind == PatchType::Apply {
        return apply(api, resource, namespace, name, part, body, force, context);
    }
    let Decoded { value, duplicates } = from_json(body)?;
    if kind != PatchType::Json && !value.is_object() {
        return Err(ApiError::bad_request(
            "error decoding patch: the patch is not an object",
        ));
    }
    update(api, resource, namespace, name, part, context, &|old| {
        let mut new = patched(old, &value, kind, resource)?;
        check_name(&new, name)?;
        settle_kind(resource, &new, name)?;
        metadata::settle_namespace(resource, &mut new, namespace)?;
        let warnings = conform(resource, &mut new, duplicates.clone(), context)?;
        Ok(Change {
            object: new,
            tracking: Tracking::Update,
            warnings,
        })
    })
}

/// The patched object, not yet pruned.
pub(super) fn patched(old: &Value, patch: &Value, kind: PatchType, resource: &Resource) -> Result<Value, ApiError> {
    match kind {
        PatchType::Json => apply_json_patch(old, patch),
        PatchType::Strategic => Ok(apply_strategic_patch(old, patch, &resource.schema)),
        PatchType::Merge | PatchType::Apply => {
            let mut new = old.clone();
            apply_merge_patch(&mut new, patch);
            Ok(new)
        }
    }
}

/// A patch must not change the object's kind.
fn settle_kind(resource: &Resource, new: &Value, name: &str) -> Result<(), ApiError> {
    for (field, wanted) in [("kind", resource.kind.clone()), ("apiVersion", resource.api_version())] {
        if new[field].as_str().is_some_and(|v| v != wanted) {
            let error = FieldError::immutable(&Path::new(field), &new[field]);
            return Err(resource.invalid(name, &[error]));
        }
    }
    Ok(())
}

fn check_options(kind: PatchType, force: bool, context: &Context) -> Result<(), ApiError> {
    if kind == PatchType::Apply && context.manager.is_empty() {
        let error = FieldError::required(&Path::new("fieldManager"), "is required for apply patch");
        return Err(ApiError::invalid_options("PatchOptions", error));
    }
    if kind != PatchType::Apply && force {
        let error = FieldError::forbidden(&Path::new("force"), "may not be specified for non-apply patch");
        return Err(ApiError::invalid_options("PatchOptions", error));
    }
    Ok(())
}

#[expect(clippy::too_many_arguments, reason = "the parts of one request")]
fn apply(
    api: &Api,
    resource: &Resource,
    namespace: &str,
    name: &str,
    part: Part,
    body: &[u8],
    force: bool,
    context: &Context,
) -> Result<Written, ApiError> {
    let mut config = from_yaml(body)?.value;
    check_config(resource, &config, name)?;
    metadata::settle_namespace(resource, &mut config, namespace)?;
    let bare_namespace = config.clone();
    if api.store.get(&resource.storage, namespace, name).is_none() {
        if part != Part::Main {
            return Err(ApiError::not_found(&resource.qualified(), name));
        }
        let uid = config.uid();
        if !uid.is_empty() {
            let why =
                format!("uid mismatch: the provided object specified uid {uid}, and no existing object was found");
            return Err(ApiError::conflict(&resource.qualified(), name, why));
        }
        rbac::authorize_create(api, &context.user, resource, namespace, name)?;
        let empty = json!({
            "apiVersion": config["apiVersion"], "kind": config["kind"],
            "metadata": { "name": name },
        });
        let applied = ownership::apply(resource, &empty, &from_yaml(body)?.value, context, force, "")?;
        let tracking = ownership::New::Applied(applied.managers);
        let mut object = applied.object;
        metadata::settle_namespace(resource, &mut object, namespace)?;
        return create(api, resource, namespace, object, context, tracking);
    }
    update(api, resource, namespace, name, part, context, &|old| {
        if !bare_namespace.uid().is_empty() && bare_namespace.uid() != old.uid() {
            return Err(ApiError::conflict(
                &resource.qualified(),
                name,
                "the uid in the patch is another object's",
            ));
        }
        let config = if old.namespace() == bare_namespace.namespace() {
            &config
        } else {
            &bare_namespace
        };
        let applied = ownership::apply(resource, old, config, context, force, part.name())?;
        Ok(Change {
            object: applied.object,
            tracking: Tracking::Decided(applied.managers),
            warnings: Vec::new(),
        })
    })
}

fn check_config(resource: &Resource, config: &Value, name: &str) -> Result<(), ApiError> {
    let text = |key: &str| config[key].as_str().unwrap_or_default();
    if text("kind") != resource.kind || text("apiVersion") != resource.api_version() {
        let given = text("apiVersion");
        let shown = if given.contains('/') {
            given.to_owned()
        } else {
            format!("/{given}")
        };
        return Err(ApiError::bad_request(format!(
            "invalid object type: {shown}, Kind={}",
            text("kind")
        )));
    }
    if config.name().is_empty() {
        let message = format!("the name of the object ({name} based on URL) was undeterminable: name must be provided");
        return Err(ApiError::bad_request(message));
    }
    check_name(config, name)?;
    if config.meta("managedFields").is_some() {
        return Err(ApiError::bad_request("metadata.managedFields must be nil"));
    }
    Ok(())
}
