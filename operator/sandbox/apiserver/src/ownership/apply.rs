//! Server-side apply.

use serde_json::{Value, json};

use super::compare::{compare, fields_of};
use super::managers::{Identity, Managers};
use super::set::FieldSet;
use super::{bare, merge, strip, typed};
use crate::context::Context;
use crate::error::ApiError;
use crate::meta::{Meta, now};
use crate::resource::Resource;

/// The result of an apply: the object (not yet defaulted) and its managers.
pub(crate) struct Applied {
    /// The merged object.
    pub(crate) object: Value,
    /// The managers.
    pub(crate) managers: Managers,
}

/// Applies `config` over `live` (an object with only its identity, if there is none yet).
///
/// # Errors
/// 500 if the configuration does not match the schema, as upstream answers; 409 if it would change fields of other
/// managers and `force` is not set.
pub(crate) fn apply(
    resource: &Resource,
    live: &Value,
    config: &Value,
    context: &Context,
    force: bool,
    subresource: &str,
) -> Result<Applied, ApiError> {
    check(resource, config)?;
    let mut managers = live.meta("managedFields").map(Managers::read).unwrap_or_default();
    let live = bare(live);
    let config = own_part(resource, config, subresource);
    let me = Identity::apply(resource, context, subresource);
    let former = managers.get(&me).cloned();
    let set = fields_of(&config, &resource.schema);

    let mut object = merge::merge(&live, &config, Some(&resource.schema));
    if let Some(former) = &former {
        let mut owned = set.clone();
        for entry in managers.0.iter().filter(|e| e.identity != me) {
            owned = owned.union(&entry.fields);
        }
        merge::remove_unowned(&mut object, Some(&resource.schema), &former.fields, &owned);
    }

    let difference = compare(&live, &object, &resource.schema);
    let changed = difference.modified.union(&difference.added);
    refuse_conflicts(&managers, &me, &changed, force)?;
    managers.take(&changed.union(&difference.removed), Some(&me));

    let mut mine = set;
    strip(&mut mine);
    let unchanged = object == live;
    let time = if unchanged {
        former.and_then(|f| f.time)
    } else {
        Some(now())
    };
    managers.add(me, mine, time);
    Ok(Applied { object, managers })
}

/// Checks that the configuration matches the schema.
fn check(resource: &Resource, config: &Value) -> Result<(), ApiError> {
    let found = typed::problems(config, &resource.schema);
    if found.is_empty() {
        return Ok(());
    }
    let text = match found.as_slice() {
        [one] => one.clone(),
        many => format!("errors:\n  {}", many.join("\n  ")),
    };
    let group_version = if resource.group.is_empty() {
        format!("/{}", resource.version)
    } else {
        resource.api_version()
    };
    Err(ApiError::internal(format!(
        "failed to create typed patch object ({}/{}; {group_version}, Kind={}): {text}",
        config.namespace(),
        config.name(),
        resource.kind
    )))
}

/// The part of the configuration that is applied: without the status, or only the status in an apply to the status.
fn own_part(resource: &Resource, config: &Value, subresource: &str) -> Value {
    let mut config = config.clone();
    let Some(map) = config.as_object_mut() else {
        return config;
    };
    if subresource == "status" {
        map.retain(|name, _| matches!(name.as_str(), "apiVersion" | "kind" | "metadata" | "status"));
        if let Some(metadata) = map.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.retain(|name, _| matches!(name.as_str(), "name" | "namespace" | "uid" | "resourceVersion"));
        }
    } else if resource.has_status() {
        map.remove("status");
    }
    config
}

fn refuse_conflicts(managers: &Managers, me: &Identity, changed: &FieldSet, force: bool) -> Result<(), ApiError> {
    if force {
        return Ok(());
    }
    let mut conflicts: Vec<(String, Vec<String>)> = managers
        .0
        .iter()
        .filter(|e| &e.identity != me)
        .map(|e| (e.identity.shown(), e.fields.intersection(changed).paths()))
        .filter(|(_, paths)| !paths.is_empty())
        .collect();
    if conflicts.is_empty() {
        return Ok(());
    }
    conflicts.sort();
    let causes: Vec<Value> = conflicts
        .iter()
        .flat_map(|(manager, paths)| {
            paths.iter().map(move |path| {
                json!({ "reason": "FieldManagerConflict", "message": format!("conflict with {manager}"), "field": path })
            })
        })
        .collect();
    let text = match conflicts.as_slice() {
        [(manager, paths)] if paths.len() == 1 => format!("conflict with {manager}: {}", paths[0]),
        many => many
            .iter()
            .flat_map(|(manager, paths)| {
                std::iter::once(format!("conflicts with {manager}:")).chain(paths.iter().map(|p| format!("- {p}")))
            })
            .collect::<Vec<_>>()
            .join("\n"),
    };
    let count = causes.len();
    let noun = if count == 1 { "conflict" } else { "conflicts" };
    Err(ApiError::apply_conflict(
        format!("Apply failed with {count} {noun}: {text}"),
        causes,
    ))
}
