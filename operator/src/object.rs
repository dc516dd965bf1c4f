//! Reading and writing objects: the same calls for every kind, each error with what was being done.

use std::{fmt::Debug, sync::Arc};

use k8s_openapi::{NamespaceResourceScope, api::events::v1::Event, apimachinery::pkg::apis::meta::v1::OwnerReference};
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams, Preconditions},
    core::{ApiResource, DynamicObject},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{
    cache::{Cached, Caches, Found, Kept, Key},
    change::{Manifest, Target},
    error::{Doing, Error},
    status::{Owned, Part},
};

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
    caches: Option<Arc<Caches>>,
}

impl Objects {
    /// The objects of `namespace`, written under the field manager `manager`.
    pub fn new(client: &Client, namespace: &str, manager: &'static str) -> Self {
        Self {
            client: client.clone(),
            namespace: namespace.into(),
            manager,
            caches: None,
        }
    }

    /// Reads from `caches` where it can, and keeps them up to date with what is written.
    pub(crate) fn with(self, caches: Arc<Caches>) -> Self {
        Self {
            caches: Some(caches),
            ..self
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

    /// The note of the latest Event about `object` with that reason.
    ///
    /// # Errors
    /// [`Error::Api`] when the call fails.
    pub(crate) async fn latest_event<K: Object>(&self, object: &K, reason: &str) -> Result<Option<String>, Error> {
        let uid = object.uid().unwrap_or_default();
        let about = ListParams::default().fields(&format!("regarding.uid={uid},reason={reason}"));
        let events = self.api::<Event>().list(&about).await;
        let events = events.doing(|| format!("listing the Events about {} {}", K::kind(&()), object.name_any()))?;
        let seen = |event: &Event| {
            let last = event.series.as_ref().map(|series| series.last_observed_time.0);
            last.or(event.deprecated_last_timestamp.as_ref().map(|time| time.0))
                .or(event.event_time.as_ref().map(|time| time.0))
        };
        let latest = events.items.into_iter().max_by_key(seen);
        Ok(latest.and_then(|event| event.note))
    }

    /// Creates or changes `object` by server-side apply. Fields that others own are taken over: the operator's objects are
    /// the operator's.
    ///
    /// # Errors
    /// [`Error::Api`] when the API server refuses.
    pub async fn apply<K: Object>(&self, object: &K) -> Result<(), Error> {
        self.apply_manifest(&Manifest::of(object)).await.map(drop)
    }

    /// The object of that name, from the cache. It may be older than the cluster's, but not older than what this process
    /// wrote last.
    ///
    /// # Errors
    /// [`Error::Unreadable`] for one that is not of its kind's form.
    pub(crate) fn cached<K: Cached>(&self, name: &str) -> Result<Option<K>, Error> {
        let Some(kept) = self.kept::<K>(name) else {
            return Ok(None);
        };
        match &kept.0 {
            Ok(object) => Ok(Some(object.clone())),
            Err(unreadable) => Err(Error::Unreadable {
                object: format!("{} {name}", K::kind(&())),
                message: unreadable.error.clone(),
            }),
        }
    }

    /// The object of that name, from the cache, readable or not.
    pub(crate) fn kept<K: Cached>(&self, name: &str) -> Option<Arc<Kept<K>>> {
        K::store(self.caches.as_deref()?).get(&self.key(name))
    }

    /// The objects for which `wanted` holds, from the cache.
    pub(crate) fn select<K: Cached>(&self, wanted: impl Fn(&Kept<K>) -> bool) -> Vec<Arc<Kept<K>>> {
        let caches = self.caches.as_deref();
        caches.map_or_else(Vec::new, |caches| K::store(caches).list(&self.namespace, wanted))
    }

    /// The readable objects for which `wanted` holds, from the cache.
    pub(crate) fn readable<K: Cached>(&self, wanted: impl Fn(&K) -> bool) -> Vec<K> {
        let found = self.select(|kept: &Kept<K>| kept.readable().is_some_and(&wanted));
        found.iter().filter_map(|kept| kept.readable().cloned()).collect()
    }

    fn key(&self, name: &str) -> Key {
        Key::new(&self.namespace, name)
    }

    fn dynamic(&self, resource: &ApiResource) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), &self.namespace, resource)
    }

    /// Creates or changes an object by server-side apply. Fields that others own are taken over: the operator's objects are
    /// the operator's.
    pub(crate) async fn apply_manifest(&self, manifest: &Manifest) -> Result<DynamicObject, Error> {
        let params = PatchParams::apply(self.manager).force();
        let answer = self
            .dynamic(&manifest.resource)
            .patch(manifest.name(), &params, &Patch::Apply(&manifest.body))
            .await
            .doing(|| format!("applying {} {}", manifest.resource.kind, manifest.name()))?;
        self.wrote(&manifest.resource, &answer);
        Ok(answer)
    }

    /// As [`Objects::apply_manifest`], unless the very same was applied before and is still there.
    ///
    /// # Errors
    /// [`Error::Taken`] instead of taking over what belongs to something else. Such an object does not have the product's
    /// label, so that it is not in the cache.
    pub(crate) async fn bring_about(&self, manifest: &Manifest) -> Result<DynamicObject, Error> {
        let Some(caches) = &self.caches else {
            return self.apply_manifest(manifest).await;
        };
        let key = self.key(manifest.name());
        match caches.find(&manifest.resource, &key) {
            Found::Unknown => return self.apply_manifest(manifest).await,
            Found::There(stored) => {
                let same = caches.applied.is_applied(self.manager, manifest, &key, &stored);
                if let Ok(object) = serde_json::from_value(stored)
                    && same
                {
                    return Ok(object);
                }
            }
            Found::Absent => self.not_taken(manifest).await?,
        }
        let answer = self.apply_manifest(manifest).await?;
        if let Found::There(stored) = caches.find(&manifest.resource, &key) {
            caches.applied.note(self.manager, manifest, &key, &stored);
        }
        Ok(answer)
    }

    async fn not_taken(&self, manifest: &Manifest) -> Result<(), Error> {
        let Some(owner) = manifest.body["metadata"]["ownerReferences"][0]["uid"].as_str() else {
            return Ok(());
        };
        let doing = || format!("reading {} {}", manifest.resource.kind, manifest.name());
        let found = self
            .dynamic(&manifest.resource)
            .get_opt(manifest.name())
            .await
            .doing(doing)?;
        found.map_or(Ok(()), |found| owned(found, manifest, owner).map(drop))
    }

    /// Creates an object unless there is one of its name, whoever made it.
    pub(crate) async fn ensure(&self, manifest: &Manifest) -> Result<(), Error> {
        let key = self.key(manifest.name());
        let caches = self.caches.as_deref();
        if caches.is_some_and(|caches| caches.applied.exists(&manifest.resource, &key)) {
            return Ok(());
        }
        match self.create(manifest).await {
            Ok(_) => Ok(()),
            Err(error) if error.is_already_exists() => {
                // It lacks the product's label, and is not in the cache.
                if let Some(caches) = caches {
                    caches.applied.note_existing(&manifest.resource, &key);
                }
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Looks for an object again that [`Objects::ensure`] has found before.
    pub(crate) fn doubt<K: Object>(&self, name: &str) {
        if let Some(caches) = &self.caches {
            caches.applied.doubt(&ApiResource::erase::<K>(&()), &self.key(name));
        }
    }

    fn wrote(&self, resource: &ApiResource, answer: &DynamicObject) {
        if let Some(caches) = &self.caches {
            caches.wrote(resource, answer);
        }
    }

    /// Creates an object; that it exists is an error.
    pub(crate) async fn create(&self, manifest: &Manifest) -> Result<DynamicObject, Error> {
        let doing = || format!("creating {} {}", manifest.resource.kind, manifest.name());
        let object: DynamicObject =
            serde_json::from_value(manifest.body.clone()).map_err(|error| Error::Unreadable {
                object: doing(),
                message: error.to_string(),
            })?;
        let params = PostParams {
            field_manager: Some(self.manager.into()),
            ..PostParams::default()
        };
        let answer = self
            .dynamic(&manifest.resource)
            .create(&params, &object)
            .await
            .doing(doing)?;
        self.wrote(&manifest.resource, &answer);
        Ok(answer)
    }

    /// Creates an object that `owner` controls, or brings the one that it controls already to the same state.
    ///
    /// # Errors
    /// [`Error::Taken`] for an object of that name that is not the owner's.
    pub(crate) async fn create_owned(&self, manifest: &Manifest, owner: &str) -> Result<DynamicObject, Error> {
        match self.create(manifest).await {
            Err(error) if error.is_already_exists() => {}
            created => return created,
        }
        let (resource, name) = (&manifest.resource, manifest.name());
        let found = self
            .dynamic(resource)
            .get(name)
            .await
            .doing(|| format!("reading {} {name}", resource.kind))?;
        if found.metadata.deletion_timestamp.is_some() {
            return Err(Error::Changed {
                action: format!("creating {} {name}", resource.kind),
            });
        }
        let found = owned(found, manifest, owner)?;
        let mut manifest = manifest.clone();
        manifest.body["metadata"]["uid"] = found.uid().into();
        self.apply_manifest(&manifest).await
    }

    /// Changes a few fields of an object by merge patch.
    pub(crate) async fn merge(&self, target: &Target, patch: &Value) -> Result<DynamicObject, Error> {
        let params = PatchParams {
            field_manager: Some(self.manager.into()),
            ..PatchParams::default()
        };
        let mut patch = patch.clone();
        for (field, value) in [("uid", &target.uid), ("resourceVersion", &target.resource_version)] {
            if let Some(value) = value {
                patch["metadata"][field] = value.as_str().into();
            }
        }
        let answer = self
            .dynamic(&target.resource)
            .patch(&target.name, &params, &Patch::Merge(&patch))
            .await
            .doing(|| format!("changing {} {}", target.resource.kind, target.name))?;
        self.wrote(&target.resource, &answer);
        Ok(answer)
    }

    /// Deletes exactly this object in the background; one that is gone already is no error. One with a finalizer is there until
    /// that is removed.
    ///
    /// # Errors
    /// With a conflict for one that has a successor of its name, or has changed since it was read (where the target says so): the
    /// reconcile is tried again, and decides by what is there.
    pub(crate) async fn delete(&self, target: &Target) -> Result<(), Error> {
        let exactly = Preconditions {
            uid: target.uid.clone(),
            resource_version: target.resource_version.clone(),
        };
        let params = DeleteParams::background().preconditions(exactly);
        let answer = match self.dynamic(&target.resource).delete(&target.name, &params).await {
            Err(kube::Error::Api(status)) if status.code == 404 => return Ok(()),
            other => other.doing(|| format!("deleting {} {}", target.resource.kind, target.name))?,
        };
        match answer.left().filter(|object| !object.finalizers().is_empty()) {
            Some(waiting) => self.wrote(&target.resource, &waiting),
            None => {
                if let Some(caches) = &self.caches {
                    caches.deleted(&target.resource, &self.key(&target.name));
                }
            }
        }
        Ok(())
    }

    /// Writes a controller's part of the status of an object as it was read; says whether anything was to be written.
    pub(crate) async fn write_status<K: Object>(&self, read: &K, part: &impl Owned) -> Result<bool, Error> {
        let stored = serde_json::to_value(read).unwrap_or_default()["status"].take();
        self.write_part(&Target::as_read(read), &stored, &part.part()).await
    }

    /// Writes a part of a status under the field manager `<controller>-status`, unless `stored` says the same. The parts of
    /// other controllers and foreign conditions stay; foreign values in the part's own fields go.
    ///
    /// # Errors
    /// With a conflict where the object is no longer the one that `of` names: a status computed for an object that was
    /// deleted must not land on a new one of its name.
    pub(crate) async fn write_part(&self, of: &Target, stored: &Value, part: &Part) -> Result<bool, Error> {
        if part.is_in(stored) {
            return Ok(false);
        }
        let api = self.dynamic(&of.resource);
        let manager = format!("{}-status", self.manager);
        let doing = || format!("writing the status of {} {}", of.resource.kind, of.name);
        let mut body = json!({
            "apiVersion": of.resource.api_version,
            "kind": of.resource.kind,
            "metadata": { "name": of.name },
            "status": part.value(),
        });
        for (field, value) in [("uid", &of.uid), ("resourceVersion", &of.resource_version)] {
            if let Some(value) = value {
                body["metadata"][field] = value.as_str().into();
            }
        }
        let params = PatchParams::apply(&manager).force();
        let after = api
            .patch_status(&of.name, &params, &Patch::Apply(&body))
            .await
            .doing(doing)?;
        self.wrote(&of.resource, &after);
        let mut operations = part.corrections(&after.data["status"]);
        if operations.is_empty() {
            return Ok(true);
        }
        let unchanged = json!({ "op": "test", "path": "/metadata/resourceVersion", "value": after.resource_version() });
        operations.insert(0, unchanged);
        let patch: json_patch::Patch = serde_json::from_value(Value::Array(operations)).unwrap_or_default();
        let params = PatchParams {
            field_manager: Some(manager.clone()),
            ..PatchParams::default()
        };
        match api.patch_status(&of.name, &params, &Patch::<()>::Json(patch)).await {
            // What the API server answers to a `test` that does not hold.
            Err(kube::Error::Api(status)) if status.code == 422 => Err(Error::Changed { action: doing() }),
            other => {
                self.wrote(&of.resource, &other.doing(doing)?);
                Ok(true)
            }
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
    owner.uid().is_some_and(|uid| is_controlled_by(child, &uid))
}

/// The object of the manifest's name, if `owner` controls it.
fn owned(found: DynamicObject, manifest: &Manifest, owner: &str) -> Result<DynamicObject, Error> {
    if is_controlled_by(&found, owner) {
        return Ok(found);
    }
    Err(Error::Taken {
        kind: manifest.resource.kind.clone(),
        object: Box::new(found),
    })
}

/// Whether `child`'s controller has that uid.
fn is_controlled_by<C: ResourceExt>(child: &C, uid: &str) -> bool {
    let mut owners = child.owner_references().iter();
    owners.any(|reference| reference.controller == Some(true) && reference.uid == uid)
}

/// SHA-256 of the value's canonical JSON (sorted keys), in hexadecimal.
pub fn digest_of(value: &impl Serialize) -> String {
    // serde_json's map is sorted by key, so that the text does not depend on the order of fields.
    let canonical = serde_json::to_value(value).unwrap_or_default().to_string();
    hex::encode(Sha256::digest(canonical.as_bytes()))
}
