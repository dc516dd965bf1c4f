//! Creating objects.

use serde_json::Value;

use super::update::tidy;
use super::{Written, admission, effects, metadata};
use crate::Api;
use crate::context::Context;
use crate::error::{ApiError, Qualified};
use crate::meta::Meta;
use crate::ownership;
use crate::rbac;
use crate::resource::Resource;
use crate::store::WriteError;

/// Attempts with a generated name.
const NAME_ATTEMPTS: usize = 8;

/// Creates a decoded object in a namespace (empty for cluster-scoped resources).
///
/// # Errors
/// As in the API, for example 404 for a missing namespace, 409 for an existing name, 422 for an invalid object.
pub(crate) fn create(
    api: &Api,
    resource: &Resource,
    namespace: &str,
    mut object: Value,
    context: &Context,
    tracking: ownership::New,
) -> Result<Written, ApiError> {
    metadata::settle_namespace(resource, &mut object, namespace)?;
    let generated = object.name().is_empty() && !object.meta_str("generateName").is_empty();
    let original = object.clone();
    let strategy = resource.strategy();
    let mut attempts = if generated { NAME_ATTEMPTS } else { 1 };
    loop {
        let mut object = original.clone();
        metadata::fill_new(resource, &mut object)?;
        strategy.default(&mut object);
        check_namespace(api, resource, namespace, object.name())?;
        admission::admit_new(api, resource, &mut object)?;
        rbac::check_grant(api, &context.user, resource, &object, None)?;
        let managers = tracking.managers(resource, &object, context);
        strategy.prepare_create(&mut object);
        if !resource.is_custom() {
            tidy(&mut object, &resource.schema);
        }
        ownership::store(&mut object, managers);
        let mut errors = metadata::validate(resource, &object);
        errors.extend(strategy.validate(&object));
        if !errors.is_empty() {
            return Err(resource.invalid(object.name(), &errors));
        }
        let warnings = strategy.warnings(&object);
        let allotted = admission::allot(api, resource, &mut object, None, context.dry_run)?;
        if context.dry_run {
            if api.store.get(&resource.storage, namespace, object.name()).is_some() {
                return Err(ApiError::already_exists(&resource.qualified(), object.name()));
            }
            return Ok(Written {
                object,
                warnings,
                created: true,
            });
        }
        let name = object.name().to_owned();
        match api.store.create(&resource.storage, resource.store(object)) {
            Ok(item) => {
                effects::wrote(api, resource, &item);
                return Ok(Written {
                    object: resource.present(&item.object),
                    warnings,
                    created: true,
                });
            }
            Err(WriteError::File(why)) => {
                allotted.release(api);
                return Err(ApiError::not_stored(&why));
            }
            Err(WriteError::Exists | WriteError::Changed) => {
                allotted.release(api);
                attempts -= 1;
                if attempts == 0 {
                    return Err(ApiError::already_exists(&resource.qualified(), &name));
                }
            }
        }
    }
}

/// Checks that the namespace exists and is not terminating.
fn check_namespace(api: &Api, resource: &Resource, namespace: &str, name: &str) -> Result<(), ApiError> {
    if !resource.namespaced {
        return Ok(());
    }
    let Some(found) = api.store.get("/namespaces", "", namespace) else {
        let namespaces = Qualified {
            group: String::new(),
            resource: "namespaces".into(),
        };
        return Err(ApiError::not_found(&namespaces, namespace));
    };
    if !found.object.is_deleting() {
        return Ok(());
    }
    let why = format!("unable to create new content in namespace {namespace} because it is being terminated");
    Err(
        ApiError::forbidden(&resource.qualified(), name, why).with_causes(vec![serde_json::json!({
            "reason": "NamespaceTerminating",
            "message": format!("namespace {namespace} is being terminated"),
            "field": "metadata.namespace",
        })]),
    )
}
