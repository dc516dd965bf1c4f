//! The served resources: built-in ones and those of custom resource definitions.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use serde_json::Value;

use crate::builtin::{self, KINDS};
use crate::crd;
use crate::meta::Meta;
use crate::resource::{Resource, Source, Verbs};

type Key = (String, String, String);

/// The served resources. Cheap to read, rarely changed.
pub struct Registry {
    resources: RwLock<BTreeMap<Key, Arc<Resource>>>,
}

impl Registry {
    /// The built-in resources.
    pub fn new() -> Self {
        let mut generator = schemars::SchemaGenerator::default();
        let resources = KINDS
            .iter()
            .map(|kind| {
                let definition = (kind.schema)(&mut generator);
                let resource = Resource {
                    group: kind.group.into(),
                    version: kind.version.into(),
                    plural: kind.plural.into(),
                    kind: kind.kind.into(),
                    list_kind: format!("{}List", kind.kind),
                    namespaced: kind.namespaced,
                    storage: kind
                        .storage
                        .map_or_else(|| format!("{}/{}", kind.group, kind.plural).into(), Arc::from),
                    schema: builtin::schemas().get(&definition),
                    source: Source::BuiltIn(kind),
                };
                (key(kind.group, kind.version, kind.plural), Arc::new(resource))
            })
            .collect();
        Self {
            resources: RwLock::new(resources),
        }
    }

    /// The resource with this name.
    pub fn get(&self, group: &str, version: &str, plural: &str) -> Option<Arc<Resource>> {
        self.read().get(&key(group, version, plural)).cloned()
    }

    /// All resources, ordered by group, version and name.
    pub fn all(&self) -> Vec<Arc<Resource>> {
        self.read().values().cloned().collect()
    }

    /// A resource by its storage key.
    pub fn by_storage(&self, storage: &str) -> Option<Arc<Resource>> {
        self.read().values().find(|r| &*r.storage == storage).cloned()
    }

    /// The storage keys of all resources.
    pub fn storages(&self) -> Vec<Arc<str>> {
        let mut storages: Vec<_> = self.all().iter().map(|r| r.storage.clone()).collect();
        storages.sort();
        storages.dedup();
        storages
    }

    /// Whether a group, or one of its versions, has any resource.
    pub fn has_group(&self, group: &str, version: Option<&str>) -> bool {
        self.read()
            .keys()
            .any(|(g, v, _)| g == group && version.is_none_or(|wanted| v == wanted))
    }

    /// Serves the current versions of a definition; returns the storage key.
    pub fn serve(&self, definition: &Value) -> Arc<str> {
        let resources = crd::resources(definition);
        let storage = crd::storage_of(definition);
        let mut all = self.resources.write().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, r| r.storage != storage);
        for resource in resources {
            all.insert(
                key(&resource.group, &resource.version, &resource.plural),
                Arc::new(resource),
            );
        }
        storage
    }

    /// Stops serving a definition's versions.
    pub fn withdraw(&self, definition: &Value) {
        let storage = crd::storage_of(definition);
        tracing::debug!(definition = definition.name(), "no longer served");
        self.resources
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|_, r| r.storage != storage);
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, BTreeMap<Key, Arc<Resource>>> {
        self.resources.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Registry {
    fn default() -> Self {
        Self::new()
    }
}

impl Resource {
    /// Whether objects are stored; reviews such as SubjectAccessReview are not.
    pub fn stores_objects(&self) -> bool {
        !matches!(self.source, Source::BuiltIn(kind) if kind.verbs == Verbs::CreateOnly)
    }
}

fn key(group: &str, version: &str, plural: &str) -> Key {
    (group.to_owned(), version.to_owned(), plural.to_owned())
}
