//! Updates of objects, for PUT, all patches and the server's own writes.

use serde_json::Value;

use super::{Written, admission, create, effects, metadata};
use crate::Api;
use crate::context::Context;
use crate::error::ApiError;
use crate::field::{FieldError, Path, Problem};
use crate::meta::Meta;
use crate::ownership;
use crate::rbac;
use crate::resource::Resource;
use crate::schema::Schema;
use crate::store::{Item, WriteError};

/// Retries of a write while others change the object.
const ATTEMPTS: usize = 20;

/// The part of an object that a write changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// The object without its status.
    Main,
    /// The status subresource.
    Status,
    /// The scale subresource, which changes the main part.
    Scale,
    /// Another subresource, such as `finalize`, which may change everything.
    Whole,
}

impl Part {
    /// The name of the subresource in managed fields.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Main | Self::Whole => "",
            Self::Status => "status",
            Self::Scale => "scale",
        }
    }
}

/// The ownership of the new object's fields.
pub(crate) enum Tracking {
    /// The writer owns the fields that it changes.
    Update,
    /// Ownership is already computed.
    Decided(ownership::Managers),
}

/// A new state: the object and its ownership.
pub(crate) struct Change {
    /// The new object, in the resource's version.
    pub(crate) object: Value,
    /// Ownership.
    pub(crate) tracking: Tracking,
    /// Warnings for the client.
    pub(crate) warnings: Vec<String>,
}

/// Updates an object with the function `change` of its current state.
///
/// # Errors
/// 404 if it does not exist, 409 if `change` keeps an old resourceVersion, 422 if the result is invalid, and the errors
/// of `change`.
pub(crate) fn update(
    api: &Api,
    resource: &Resource,
    namespace: &str,
    name: &str,
    part: Part,
    context: &Context,
    change: &dyn Fn(&Value) -> Result<Change, ApiError>,
) -> Result<Written, ApiError> {
    for _ in 0..ATTEMPTS {
        let Some(seen) = api.store.get(&resource.storage, namespace, name) else {
            return Err(ApiError::not_found(&resource.qualified(), name));
        };
        let old = resource.present(&seen.object);
        let Change {
            object,
            tracking,
            mut warnings,
        } = change(&old)?;
        let asked = object.resource_version().to_owned();
        let new = build(api, resource, &old, object, part, context, tracking)?;
        warnings.extend(resource.strategy().warnings(&new));
        if same_but_managed(&new, &old) {
            return Ok(Written {
                object: old,
                warnings,
                created: false,
            });
        }
        if context.dry_run {
            return Ok(Written {
                object: new,
                warnings,
                created: false,
            });
        }
        match write(api, resource, &seen, new) {
            Ok(object) => {
                return Ok(Written {
                    object,
                    warnings,
                    created: false,
                });
            }
            Err(WriteError::File(why)) => return Err(ApiError::not_stored(&why)),
            // The object has changed meanwhile: retry, unless the client set a resourceVersion.
            Err(WriteError::Changed | WriteError::Exists) if asked == old.resource_version() => {}
            Err(_) => return Err(ApiError::stale(&resource.qualified(), name)),
        }
    }
    Err(ApiError::stale(&resource.qualified(), name))
}

fn write(api: &Api, resource: &Resource, seen: &Item, new: Value) -> Result<Value, WriteError> {
    let ends = new.is_deleting() && finished(&new);
    let item = if ends {
        let (namespace, name) = (new.namespace().to_owned(), new.name().to_owned());
        // The last state for watches is the one before the removal of the last finalizer.
        let item = api
            .store
            .remove(&resource.storage, &namespace, &name, seen.revision, None)?;
        effects::removed(api, resource, &item);
        return Ok(new);
    } else {
        api.store
            .update(&resource.storage, seen.revision, resource.store(new))?
    };
    effects::wrote(api, resource, &item);
    Ok(resource.present(&item.object))
}

/// Whether an object that is being deleted can be removed.
pub(crate) fn finished(object: &Value) -> bool {
    object.finalizers().is_empty()
        && object
            .meta("deletionGracePeriodSeconds")
            .and_then(Value::as_i64)
            .unwrap_or(0)
            == 0
        && object["spec"]["finalizers"].as_array().is_none_or(Vec::is_empty)
}

/// The new state in its stored form.
fn build(
    api: &Api,
    resource: &Resource,
    old: &Value,
    mut new: Value,
    part: Part,
    context: &Context,
    tracking: Tracking,
) -> Result<Value, ApiError> {
    let name = old.name();
    let qualified = resource.qualified();
    match new.resource_version() {
        "" | "0" => new.set_meta("resourceVersion", old.resource_version()),
        version if version != old.resource_version() => return Err(ApiError::stale(&qualified, name)),
        _ => {}
    }
    new["kind"] = resource.kind.clone().into();
    new["apiVersion"] = resource.api_version().into();
    metadata::carry_over(&mut new, old);
    let strategy = resource.strategy();
    match part {
        Part::Main | Part::Scale => strategy.prepare_update(&mut new, old),
        Part::Status => keep_all_but_status(resource, &mut new, old),
        Part::Whole => {}
    }
    strategy.default(&mut new);
    rbac::check_grant(api, &context.user, resource, &new, Some(old))?;
    let managers = match tracking {
        Tracking::Update => ownership::after_update(resource, old, &mut new, context, part.name())?,
        Tracking::Decided(managers) => managers,
    };
    if !resource.is_custom() {
        tidy(&mut new, &resource.schema);
    }
    if resource.counts_generation() && part != Part::Status && content_changed(resource, &new, old) {
        let generation = old.meta("generation").and_then(Value::as_i64).unwrap_or(0);
        new.set_meta("generation", generation + 1);
    }
    ownership::store(&mut new, managers);
    if part != Part::Status {
        admission::allot(api, resource, &mut new, Some(old), context.dry_run)?;
    }
    let mut errors = metadata::validate_update(&new, old);
    if errors.is_empty() {
        errors.extend(metadata::validate(resource, &new));
    }
    errors.extend(match part {
        Part::Status => strategy.validate_status(&new, old),
        Part::Whole => Vec::new(),
        Part::Main | Part::Scale => strategy.validate_update(&new, old),
    });
    if errors.is_empty() {
        Ok(new)
    } else {
        Err(resource.invalid(name, &errors))
    }
}

/// Restricts a status write: in a custom resource it changes only the status, in a built-in one also metadata.
fn keep_all_but_status(resource: &Resource, new: &mut Value, old: &Value) {
    let status = new.get("status").cloned();
    let managed = new.meta("managedFields").cloned();
    let mut kept = old.clone();
    if !resource.is_custom()
        && let Some(metadata) = new.get("metadata").cloned()
    {
        let owners = old.meta("ownerReferences").cloned();
        kept["metadata"] = metadata;
        match owners {
            Some(owners) => kept.set_meta("ownerReferences", owners),
            None => {
                kept.remove_meta("ownerReferences");
            }
        }
    } else if let Some(managed) = managed {
        kept.set_meta("managedFields", managed);
    }
    if let Some(map) = kept.as_object_mut() {
        match status {
            Some(status) => map.insert("status".into(), status),
            None => map.remove("status"),
        };
    }
    *new = kept;
}

/// Whether `metadata.generation` must increase.
fn content_changed(resource: &Resource, new: &Value, old: &Value) -> bool {
    if !resource.is_custom() && new.get("spec").is_some() {
        return new["spec"] != old["spec"];
    }
    let bare = |object: &Value| {
        let mut object = object.clone();
        if let Some(map) = object.as_object_mut() {
            map.remove("metadata");
            if resource.has_status() {
                map.remove("status");
            }
        }
        object
    };
    bare(new) != bare(old)
}

/// Whether two states differ only in the times of managed fields.
pub(super) fn same_but_managed(new: &Value, old: &Value) -> bool {
    let bare = |object: &Value| {
        let mut object = object.clone();
        for entry in object
            .get_mut("metadata")
            .and_then(|m| m.get_mut("managedFields"))
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            if let Some(map) = entry.as_object_mut() {
                map.remove("time");
            }
        }
        object
    };
    bare(new) == bare(old)
}

/// Removes nulls, empty lists and empty maps of a built-in kind, which upstream's encoding leaves out, and writes
/// quantities in canonical form.
pub(super) fn tidy(value: &mut Value, schema: &Schema) {
    match value {
        Value::Object(map) => map.retain(|name, child| {
            if child.is_null() {
                return false;
            }
            let Some(field) = schema.field(name) else { return true };
            if field.format.as_deref() == Some("quantity")
                && let Some(written) = crate::quantity::canonical(child)
            {
                *child = written.into();
            }
            tidy(child, field);
            match child {
                Value::Array(list) => !list.is_empty() || keeps_empty(name),
                Value::Object(inner) => {
                    !(inner.is_empty() && field.additional.is_some() && field.properties.is_empty())
                }
                _ => true,
            }
        }),
        Value::Array(list) => {
            if let Some(items) = &schema.items {
                for child in list {
                    tidy(child, items);
                }
            }
        }
        _ => {}
    }
}

/// Lists that upstream writes even if they are empty.
fn keeps_empty(name: &str) -> bool {
    matches!(name, "endpoints" | "addresses" | "rules" | "items")
}

/// PUT: replaces the object, or creates it for kinds that allow this.
///
/// # Errors
/// See [`update`]; 400 if the body names another object.
#[expect(clippy::too_many_arguments, reason = "the parts of one request")]
pub(crate) fn put(
    api: &Api,
    resource: &Resource,
    namespace: &str,
    name: &str,
    part: Part,
    body: Value,
    warnings: Vec<String>,
    context: &Context,
) -> Result<Written, ApiError> {
    let mut body = body;
    check_name(&body, name)?;
    metadata::settle_namespace(resource, &mut body, namespace)?;
    let qualified = resource.qualified();
    if api.store.get(&resource.storage, namespace, name).is_none() {
        if !resource.creates_on_update() || part != Part::Main {
            return Err(ApiError::not_found(&qualified, name));
        }
        body.set_meta("name", name);
        rbac::authorize_create(api, &context.user, resource, namespace, name)?;
        let mut written = create(api, resource, namespace, body, context, ownership::New::Update)?;
        written.warnings.extend(warnings);
        return Ok(written);
    }
    if resource.needs_version_on_update() && body.resource_version().is_empty() {
        let problem = Problem::Invalid("0".into(), "must be specified for an update".into());
        let error = FieldError::new(&Path::new("metadata.resourceVersion"), problem);
        return Err(ApiError::invalid(&resource.group, &resource.plural, name, &[error]));
    }
    update(api, resource, namespace, name, part, context, &|old| {
        if !body.uid().is_empty() && body.uid() != old.uid() {
            let key = match resource.custom() {
                Some(_) => format!("{}/{}", resource.group, resource.plural),
                None => resource.plural.clone(),
            };
            return Err(ApiError::conflict(
                &qualified,
                name,
                format!(
                    "StorageError: invalid object, Code: 4, Key: /registry/{key}/{}, ResourceVersion: 0, \
                     AdditionalErrorMsg: Precondition failed: UID in precondition: {}, UID in object meta: {}",
                    crate::store::key(namespace, name),
                    body.uid(),
                    old.uid()
                ),
            ));
        }
        let mut object = body.clone();
        object.set_meta("name", name);
        Ok(Change {
            object,
            tracking: Tracking::Update,
            warnings: warnings.clone(),
        })
    })
}

/// Checks that the body names the object of the path.
///
/// # Errors
/// 400 if it names another object.
pub(super) fn check_name(body: &Value, name: &str) -> Result<(), ApiError> {
    let given = body.name();
    if given.is_empty() || given == name {
        return Ok(());
    }
    let message = format!("the name of the object ({given}) does not match the name on the URL ({name})");
    Err(ApiError::bad_request(message))
}
