//! What can be done to objects: read, watch, create, update, patch, delete.
//!
//! Handlers of HTTP requests and the server's own controllers (garbage collection, namespace deletion) use the same
//! functions.

mod addresses;
mod admission;
mod create;
mod decode;
mod delete;
mod metadata;
mod patch;
mod read;
mod scale;
mod update;
mod watch;

use std::sync::Arc;

use serde_json::Value;

use crate::authentication::User;
use crate::error::ApiError;
use crate::http::Query;
use crate::resource::Resource;

pub(crate) use addresses::AddressPool;
pub(crate) use admission::{claim_service, release_service};
pub(crate) use create::create;
pub(crate) use decode::{body_from, decode};
pub(crate) use delete::{DeleteOptions, Propagation, delete, delete_collection, warning as delete_warning};
pub(crate) use patch::{PatchType, patch};
pub(crate) use read::{ListQuery, get, list};
pub(crate) use scale::{patch_scale, put_scale, scale_of};
pub(crate) use update::{Change, Part, Tracking, put, update};
pub(crate) use watch::watch;

/// What to do about unknown and duplicated fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FieldValidation {
    /// Prune silently.
    Ignore,
    /// Prune and warn.
    Warn,
    /// Refuse.
    Strict,
}

/// Who writes, and how.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    /// Field manager.
    pub(crate) manager: String,
    /// Answer as if, and store nothing.
    pub(crate) dry_run: bool,
    /// Treatment of unknown fields.
    pub(crate) validation: FieldValidation,
    /// Who asks.
    pub(crate) user: Arc<User>,
}

impl Context {
    /// The server's own writes.
    pub(crate) fn internal() -> Self {
        Self {
            manager: "kube-controller-manager".into(),
            dry_run: false,
            validation: FieldValidation::Ignore,
            user: Arc::new(User::server()),
        }
    }

    /// Reads the options of a write; `kind` is the options kind for errors.
    ///
    /// # Errors
    /// 422 if an option has a value that upstream refuses.
    pub(crate) fn from_query(query: &Query, user_agent: &str, kind: &str) -> Result<Self, ApiError> {
        use crate::field::{FieldError, Path, Problem};
        let manager = match query.get("fieldManager") {
            "" => user_agent
                .split('/')
                .next()
                .unwrap_or_default()
                .split_whitespace()
                .next()
                .unwrap_or_default()
                .to_owned(),
            given if given.len() > 128 => {
                let error = FieldError::new(&Path::new("fieldManager"), Problem::TooLong(128));
                return Err(ApiError::invalid_options(kind, error));
            }
            given => given.to_owned(),
        };
        let validation = match query.get("fieldValidation") {
            "" | "Warn" => FieldValidation::Warn,
            "Strict" => FieldValidation::Strict,
            "Ignore" => FieldValidation::Ignore,
            other => {
                let supported = ["Ignore", "Warn", "Strict"];
                let error = FieldError::unsupported(&Path::new("fieldValidation"), &other.into(), &supported);
                return Err(ApiError::invalid_options(kind, error));
            }
        };
        Ok(Self {
            manager,
            dry_run: query.dry_run(kind)?,
            validation,
            user: Arc::new(User::anonymous()),
        })
    }
}

/// A stored object as an item of a list: built-in kinds leave kind and apiVersion out.
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
    /// The object as its version shows it.
    pub(crate) object: Value,
    /// Warnings for the client.
    pub(crate) warnings: Vec<String>,
    /// Whether the object was made by this write.
    pub(crate) created: bool,
}
