//! The verbs: read, watch, create, update, patch, delete.
//!
//! Handlers of HTTP requests and the server's own controllers (garbage collection, namespace deletion) use the same
//! functions.

mod admission;
mod create;
mod decode;
mod delete;
mod effects;
mod metadata;
mod patch;
mod read;
mod scale;
mod update;
mod watch;

use serde_json::Value;

use crate::resource::Resource;

pub(crate) use create::create;
pub(crate) use decode::{body_from, decode};
pub(crate) use delete::{DeleteOptions, Propagation, delete, delete_collection, warning as delete_warning};
pub(crate) use effects::restore;
pub(crate) use patch::{PatchType, patch};
pub(crate) use read::{ListQuery, get, list};
pub(crate) use scale::{patch_scale, put_scale, scale_of};
pub(crate) use update::{Change, Part, Tracking, put, update};
pub(crate) use watch::watch;

/// A stored object as a list item: items of built-in kinds have no kind and apiVersion.
pub(crate) fn listed(resource: &Resource, object: &Value) -> Value {
    let mut item = resource.present(object);
    if !resource.is_custom()
        && let Some(map) = item.as_object_mut()
    {
        map.remove("kind");
        map.remove("apiVersion");
    }
    item
}

/// A successful write.
#[derive(Debug)]
pub(crate) struct Written {
    /// The object in its version.
    pub(crate) object: Value,
    /// Warnings for the client.
    pub(crate) warnings: Vec<String>,
    /// Whether this write created the object.
    pub(crate) created: bool,
}
