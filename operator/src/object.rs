//! Reading and writing objects: the same calls for every kind, each error with what was being done.

use std::fmt::Debug;

use k8s_openapi::{NamespaceResourceScope, apimachinery::pkg::apis::meta::v1::OwnerReference};
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{DeleteParams, ListParams, Patch, PatchParams, Preconditions},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::error::{Doing, Error};

/// A namespaced kind that can be read and written.
pub trait Object:
    Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned + Serialize
{
}
impl<K> Object for K where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned + Serialize
{
}

/// The objects of one namespace, read and written by one controller.
#[derive(Clone)]
pub struct Objects {
    client: Client,
    namespace: String,
    manager: &'static str,
}

impl Objects {
    /// The objects of `namespace`, written under the field manager `manager`.
    pub fn new(client: &Client, namespace: &str, manager: &'static str) -> Self {
        Self {
            client: client.clone(),
            namespace: namespace.into(),
            manager,
        }
    }

    /// The namespace.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The typed API of this namespace.
    pub fn api<K: Object>(&self) -> Api<K> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// The object of that name, or `None`.
    ///
    /// # Errors
    /// [`Error::Api`] when the call fails for another reason than a missing object.
    pub async fn get<K: Object>(&self, name: &str) -> Result<Option<K>, Error> {
        self.api::<K>()
            .get_opt(name)
            .await
            .doing(|| format!("reading {} {name}", K::kind(&())))
    }

    /// All objects with these labels.
    ///
    /// # Errors
    /// [`Error::Api`] when the call fails.
    pub async fn list<K: Object>(&self, labels: &str) -> Result<Vec<K>, Error> {
        let list = self.api::<K>().list(&ListParams::default().labels(labels)).await;
        Ok(list
            .doing(|| format!("listing {} with {labels}", K::plural(&())))?
            .items)
    }

    /// Creates or changes `object` by server-side apply. Fields that others own are taken over: the operator's objects are
    /// the operator's.
    ///
    /// # Errors
    /// [`Error::Api`] when the API server refuses.
    pub async fn apply<K: Object>(&self, object: &K) -> Result<K, Error> {
        let name = object.name_any();
        let mut body = serde_json::to_value(object).unwrap_or_default();
        // k8s-openapi's types carry these as constants; custom resources already hold them.
        body["apiVersion"] = K::api_version(&()).as_ref().into();
        body["kind"] = K::kind(&()).as_ref().into();
        let params = PatchParams::apply(self.manager).force();
        self.api::<K>()
            .patch(&name, &params, &Patch::Apply(&body))
            .await
            .doing(|| format!("applying {} {name}", K::kind(&())))
    }

    /// Sets part of `seen`'s status under the field manager `<controller>-status`. The part replaces what this
    /// controller said before; other controllers' parts stay.
    ///
    /// # Errors
    /// [`Error::Api`] when the API server refuses: with a conflict where the object is no longer as it was seen. A status
    /// worked out for an object that was deleted must not land on a new one of its name.
    pub async fn apply_status<K: Object>(&self, seen: &K, status: &Value) -> Result<K, Error> {
        let name = seen.name_any();
        let body = json!({
            "apiVersion": K::api_version(&()),
            "kind": K::kind(&()),
            "metadata": { "name": name, "resourceVersion": seen.resource_version() },
            "status": status,
        });
        let params = PatchParams::apply(&format!("{}-status", self.manager)).force();
        self.api::<K>()
            .patch_status(&name, &params, &Patch::Apply(&body))
            .await
            .doing(|| format!("writing the status of {} {name}", K::kind(&())))
    }

    /// Changes a few fields of an object by merge patch.
    ///
    /// # Errors
    /// [`Error::Api`] when the API server refuses.
    pub async fn merge<K: Object>(&self, name: &str, patch: Value) -> Result<K, Error> {
        let params = PatchParams {
            field_manager: Some(self.manager.into()),
            ..PatchParams::default()
        };
        self.api::<K>()
            .patch(name, &params, &Patch::Merge(&patch))
            .await
            .doing(|| format!("changing {} {name}", K::kind(&())))
    }

    /// Deletes exactly `seen` in the background; one that is gone already, or has a successor of its name, is no error.
    ///
    /// # Errors
    /// [`Error::Api`] when the API server refuses.
    pub async fn delete<K: Object>(&self, seen: &K) -> Result<(), Error> {
        let name = &seen.name_any();
        let exactly = Preconditions {
            uid: seen.uid(),
            resource_version: None,
        };
        match self
            .api::<K>()
            .delete(name, &DeleteParams::background().preconditions(exactly))
            .await
        {
            Err(kube::Error::Api(status)) if [404, 409].contains(&status.code) => Ok(()),
            other => other.map(|_| ()).doing(|| format!("deleting {} {name}", K::kind(&()))),
        }
    }
}

/// The controller reference from a child to its owner.
///
/// # Errors
/// [`Error::Incomplete`] for an owner that the API server has not stored yet.
pub fn owner_reference<K: Resource<DynamicType = ()>>(owner: &K) -> Result<OwnerReference, Error> {
    owner.controller_owner_ref(&()).ok_or_else(|| Error::Incomplete {
        object: format!("{} {}", K::kind(&()), owner.name_any()),
        field: "metadata.uid",
    })
}

/// Whether `child`'s controller is `owner`.
pub fn is_owned_by<C: ResourceExt, O: ResourceExt>(child: &C, owner: &O) -> bool {
    let mut owners = child.owner_references().iter();
    owner
        .uid()
        .is_some_and(|uid| owners.any(|reference| reference.controller == Some(true) && reference.uid == uid))
}

/// SHA-256 of the value's canonical JSON (sorted keys), in hexadecimal.
pub fn digest_of(value: &impl Serialize) -> String {
    // serde_json's map is sorted by key, so that the text does not depend on the order of fields.
    let canonical = serde_json::to_value(value).unwrap_or_default().to_string();
    hex::encode(Sha256::digest(canonical.as_bytes()))
}
