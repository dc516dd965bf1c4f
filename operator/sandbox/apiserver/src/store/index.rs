//! Indexes by uid and by owner, for the garbage collector.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use serde_json::Value;

use crate::meta::Meta;

/// The key of a stored object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    /// Storage key of the resource.
    pub storage: Arc<str>,
    /// Namespace, empty for cluster-scoped objects.
    pub namespace: String,
    /// Name.
    pub name: String,
}

impl Reference {
    /// The key of `object`.
    pub fn of(storage: &Arc<str>, object: &Value) -> Self {
        Self {
            storage: storage.clone(),
            namespace: object.namespace().to_owned(),
            name: object.name().to_owned(),
        }
    }
}

#[derive(Default)]
pub(super) struct Index {
    uids: HashMap<String, Reference>,
    dependents: HashMap<String, BTreeSet<Reference>>,
}

impl Index {
    pub(super) fn by_uid(&self, uid: &str) -> Option<Reference> {
        self.uids.get(uid).cloned()
    }

    pub(super) fn dependents(&self, uid: &str) -> Vec<Reference> {
        self.dependents
            .get(uid)
            .map(|d| d.iter().cloned().collect())
            .unwrap_or_default()
    }

    pub(super) fn put(&mut self, reference: &Reference, object: &Value, previous: Option<&Value>) {
        self.uids.insert(object.uid().to_owned(), reference.clone());
        if let Some(previous) = previous {
            self.unlink(reference, previous);
        }
        for owner in object.owners() {
            self.dependents.entry(owner.uid).or_default().insert(reference.clone());
        }
    }

    pub(super) fn remove(&mut self, reference: &Reference, object: &Value) {
        self.uids.remove(object.uid());
        self.unlink(reference, object);
    }

    fn unlink(&mut self, reference: &Reference, object: &Value) {
        for owner in object.owners() {
            if let Some(set) = self.dependents.get_mut(&owner.uid) {
                set.remove(reference);
                if set.is_empty() {
                    self.dependents.remove(&owner.uid);
                }
            }
        }
    }
}
