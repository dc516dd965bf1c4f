//! Field ownership: `metadata.managedFields` and server-side apply, after structured-merge-diff
//! (<https://github.com/kubernetes-sigs/structured-merge-diff>).
//!
//! Each writer is a manager with a set of fields. A write adds the changed fields to the writer's set and removes them
//! from the others. An apply replaces the manager's set, removes fields that only it owned, and conflicts if it would
//! change fields of another manager.

mod apply;
mod compare;
mod managers;
mod merge;
mod set;
mod typed;

use serde_json::{Value, json};

use crate::context::Context;
use crate::error::ApiError;
use crate::meta::{Meta, now};
use crate::resource::Resource;

pub(crate) use apply::apply;
pub(crate) use managers::Managers;

use compare::compare;
use managers::Identity;
use set::FieldSet;

/// The ownership of a new object.
pub(crate) enum New {
    /// A create: the writer owns everything it sent.
    Update,
    /// An apply, which has computed the managers.
    Applied(Managers),
}

impl New {
    /// The managers of the new object, which is defaulted but not yet stored.
    pub(crate) fn managers(&self, resource: &Resource, object: &Value, context: &Context) -> Managers {
        match self {
            Self::Applied(managers) => managers.clone(),
            Self::Update => {
                let empty = json!({});
                let mut added = compare(&empty, object, &resource.schema).added;
                strip(&mut added);
                let mut managers = Managers::default();
                managers.add(Identity::update(resource, context, ""), added, Some(now()));
                managers
            }
        }
    }
}

/// Removes metadata that is never owned, and the status if it is a subresource.
fn strip(set: &mut FieldSet) {
    for field in ["apiVersion", "kind", "metadata"] {
        set.remove_member(field);
    }
    if let Some(metadata) = set.child_mut("metadata") {
        for field in [
            "name",
            "namespace",
            "generateName",
            "creationTimestamp",
            "selfLink",
            "uid",
            "generation",
            "managedFields",
            "resourceVersion",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
        ] {
            metadata.remove_field(field);
        }
    }
    set.drop_empty();
}

/// Removes fields of the other part: the status from a main write, all but the status from a status write.
fn restrict(set: &mut FieldSet, resource: &Resource, subresource: &str) {
    if !resource.has_status() {
        return;
    }
    if subresource == "status" {
        set.retain_fields(&["status"]);
    } else {
        set.remove_field("status");
    }
}

/// The managers after an update from `old` to `new`.
///
/// # Errors
/// 400 if the client set `managedFields` that cannot be read.
pub(crate) fn after_update(
    resource: &Resource,
    old: &Value,
    new: &mut Value,
    context: &Context,
    subresource: &str,
) -> Result<Managers, ApiError> {
    let sent = new.remove_meta("managedFields");
    let reset = match &sent {
        Some(Value::Array(list)) => {
            list.is_empty() || (list.len() == 1 && list[0].as_object().is_some_and(serde_json::Map::is_empty))
        }
        _ => false,
    };
    if reset {
        return Ok(Managers::default());
    }
    let source = sent.as_ref().or(old.meta("managedFields"));
    let mut managers = source.map(Managers::read).unwrap_or_default();
    let mut difference = compare(&bare(old), new, &resource.schema);
    for set in [&mut difference.added, &mut difference.modified, &mut difference.removed] {
        strip(set);
    }
    let mut changed = difference.added.union(&difference.modified);
    managers.take(&changed.union(&difference.removed), None);
    restrict(&mut changed, resource, subresource);
    if !changed.is_empty() {
        managers.extend(Identity::update(resource, context, subresource), changed, now());
    }
    Ok(managers)
}

/// An object without its managed fields.
fn bare(object: &Value) -> Value {
    let mut object = object.clone();
    object.remove_meta("managedFields");
    object
}

/// Writes the managers into an object.
pub(crate) fn store(object: &mut Value, managers: Managers) {
    let written = managers.write();
    if written.is_empty() {
        object.remove_meta("managedFields");
    } else {
        object.set_meta("managedFields", written);
    }
}
