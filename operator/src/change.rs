//! What a plan changes in the cluster: an ordered list, and the loop that carries it out.
//!
//! A controller's `build` step makes the list without a client, so that its order can be tested as a table.

use std::fmt;

use kube::{
    ResourceExt,
    core::{ApiResource, DynamicObject},
};
use serde_json::Value;

use crate::{
    error::Error,
    object::{Object, Objects},
    status::Part,
};

/// One write.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Change {
    /// Creates or changes an object by server-side apply, unless that was done and holds. Fields that others own are taken
    /// over; an object that belongs to something else is not.
    Apply(Manifest),
    /// [`Apply`](Self::Apply) to an object that was found. Where the API server refuses the result as invalid, because of what
    /// others left in the object, a merge patch first sets the operator's parts whole.
    ApplyOver(Manifest, Target, Value),
    /// Creates an object. One that appeared since the cluster was read is a conflict, and the reconcile is tried again.
    Create(Manifest),
    /// Creates an object unless there is one of its name, whoever made it.
    Ensure(Manifest),
    /// Creates an object that the owner with this uid controls. One of its name that the owner controls already is brought to
    /// the same state; one that belongs to something else is an error, and stays as it is.
    CreateOwned(Manifest, String),
    /// Changes a few fields by merge patch.
    Merge(Target, Value),
    /// Deletes exactly this object. One that is gone already is no error; one that has changed or has a successor is a conflict.
    Delete(Target),
    /// Writes one controller's part of an object's status.
    Status {
        /// The object, which an earlier change of the list may have made.
        of: Target,
        /// Its status as it was read.
        stored: Value,
        /// The part.
        part: Part,
    },
}

/// An object as it is sent to the API server.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Manifest {
    pub(crate) resource: ApiResource,
    pub(crate) body: Value,
}

impl Manifest {
    /// The manifest of a typed object.
    pub(crate) fn of<K: Object>(object: &K) -> Self {
        let mut body = serde_json::to_value(object).unwrap_or_default();
        // k8s-openapi's types carry these as constants; custom resources already hold them.
        body["apiVersion"] = K::api_version(&()).as_ref().into();
        body["kind"] = K::kind(&()).as_ref().into();
        Self {
            resource: ApiResource::erase::<K>(&()),
            body,
        }
    }

    /// The object's name.
    pub(crate) fn name(&self) -> &str {
        self.body["metadata"]["name"].as_str().unwrap_or_default()
    }
}

/// An object that exists, or will when its change is reached.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Target {
    pub(crate) resource: ApiResource,
    pub(crate) name: String,
    /// Only the object with this identity is meant, never a later one of the same name.
    pub(crate) uid: Option<String>,
    /// Only this state of the object is meant.
    pub(crate) resource_version: Option<String>,
}

impl Target {
    /// The object that was read.
    pub(crate) fn of<K: Object>(object: &K) -> Self {
        Self {
            resource: ApiResource::erase::<K>(&()),
            name: object.name_any(),
            uid: object.uid(),
            resource_version: None,
        }
    }

    /// The object exactly as it was read: a change since then is a conflict.
    pub(crate) fn as_read<K: Object>(object: &K) -> Self {
        Self {
            resource_version: object.resource_version(),
            ..Self::of(object)
        }
    }
}

/// `apply Service cards`: what tables in tests compare and errors name.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (verb, resource, name) = match self {
            Self::Apply(manifest) | Self::ApplyOver(manifest, ..) => ("apply", &manifest.resource, manifest.name()),
            Self::Create(manifest) | Self::Ensure(manifest) | Self::CreateOwned(manifest, _) => {
                ("create", &manifest.resource, manifest.name())
            }
            Self::Merge(target, _) => ("change", &target.resource, target.name.as_str()),
            Self::Delete(target) => ("delete", &target.resource, target.name.as_str()),
            Self::Status { of, .. } => ("write the status of", &of.resource, of.name.as_str()),
        };
        write!(f, "{verb} {} {name}", resource.kind)
    }
}

/// The objects that came back from the API server.
#[derive(Debug, Default)]
pub(crate) struct Applied(Vec<(ApiResource, DynamicObject)>);

impl Applied {
    fn find(&self, resource: &ApiResource, name: &str) -> Option<&DynamicObject> {
        let mut newest_first = self.0.iter().rev();
        newest_first
            .find(|(kind, object)| kind == resource && object.name_any() == name)
            .map(|(_, object)| object)
    }

    /// The object of that name as it is after the changes, if one of them wrote it.
    ///
    /// # Errors
    /// [`Error::Unreadable`] when it is not of that kind's form.
    pub(crate) fn get<K: Object>(&self, name: &str) -> Result<Option<K>, Error> {
        let found = self.find(&ApiResource::erase::<K>(&()), name);
        let parsed = found.map(|object| object.clone().try_parse::<K>()).transpose();
        parsed.map_err(|error| Error::Unreadable {
            object: format!("{} {name}", K::kind(&())),
            message: error.to_string(),
        })
    }
}

/// Carries the changes out in order and stops at the first that fails: what follows may rely on it.
///
/// # Errors
/// The error of the change that failed.
pub(crate) async fn apply(changes: &[Change], objects: &Objects) -> Result<Applied, Error> {
    let mut applied = Applied::default();
    for change in changes {
        match change {
            Change::Apply(manifest) => {
                let object = objects.bring_about(manifest).await?;
                applied.0.push((manifest.resource.clone(), object));
            }
            Change::ApplyOver(manifest, found, whole) => {
                let object = match objects.bring_about(manifest).await {
                    Err(refused) if refused.is_invalid() => match objects.merge(found, whole).await {
                        Ok(_) => objects.bring_about(manifest).await?,
                        // What is invalid is in the manifest itself.
                        Err(error) if error.is_invalid() => return Err(refused),
                        Err(error) => return Err(error),
                    },
                    applied => applied?,
                };
                applied.0.push((manifest.resource.clone(), object));
            }
            Change::Create(manifest) => {
                let object = objects.create(manifest).await?;
                applied.0.push((manifest.resource.clone(), object));
            }
            Change::Ensure(manifest) => objects.ensure(manifest).await?,
            Change::CreateOwned(manifest, owner) => {
                let object = objects.create_owned(manifest, owner).await?;
                applied.0.push((manifest.resource.clone(), object));
            }
            Change::Merge(target, patch) => {
                let object = objects.merge(target, patch).await?;
                applied.0.push((target.resource.clone(), object));
            }
            Change::Delete(target) => objects.delete(target).await?,
            Change::Status { of, stored, part } => {
                let mut of = of.clone();
                if of.uid.is_none() {
                    of.uid = applied.find(&of.resource, &of.name).and_then(ResourceExt::uid);
                }
                objects.write_part(&of, stored, part).await?;
            }
        }
    }
    Ok(applied)
}

/// The changes as a table in a test shows them.
#[cfg(test)]
pub(crate) fn steps(changes: &[Change]) -> Vec<String> {
    changes.iter().map(ToString::to_string).collect()
}
