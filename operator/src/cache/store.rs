//! The objects of one kind, and who wants to know of their changes.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
    time::{Duration, Instant},
};

use kube::ResourceExt;

use super::{Cached, Kept, Key};

/// How long a watch may take to confirm an own write before the kind is listed anew, and how long a deletion is remembered.
const UNCONFIRMED: Duration = Duration::from_secs(30);

/// Where a state of an object comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// From a list or a watch.
    Watch,
    /// The answer to an own write.
    Own,
}

/// A change of an object: what it was, and what it is.
#[derive(Debug)]
pub(crate) struct Event<'a, K> {
    pub(crate) old: Option<&'a Kept<K>>,
    pub(crate) new: Option<&'a Kept<K>>,
}

type Listener<K> = Box<dyn Fn(&Event<'_, K>) + Send + Sync>;

/// The objects of one kind in all watched namespaces.
pub(crate) struct Store<K> {
    state: RwLock<State<K>>,
    listeners: RwLock<Vec<Listener<K>>>,
}

struct State<K> {
    namespaces: HashMap<Arc<str>, HashMap<Arc<str>, Entry<K>>>,
    /// Objects that are gone: a late answer to a write must not bring one back.
    gone: HashMap<Key, (Option<u64>, Instant)>,
}

struct Entry<K> {
    object: Arc<Kept<K>>,
    /// Since when an own write waits to be seen by the watch.
    unconfirmed: Option<Instant>,
}

impl<K> Default for Store<K> {
    fn default() -> Self {
        Self {
            state: RwLock::new(State {
                namespaces: HashMap::new(),
                gone: HashMap::new(),
            }),
            listeners: RwLock::default(),
        }
    }
}

impl<K> fmt::Debug for Store<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

impl<K: Cached> Store<K> {
    /// Calls `listener` on each change, in the thread that brings it.
    pub(crate) fn listen(&self, listener: impl Fn(&Event<'_, K>) + Send + Sync + 'static) {
        let mut listeners = self.listeners.write().unwrap_or_else(PoisonError::into_inner);
        listeners.push(Box::new(listener));
    }

    /// The object of that name.
    pub(crate) fn get(&self, key: &Key) -> Option<Arc<Kept<K>>> {
        let state = self.read();
        let entry = state.namespaces.get(&key.namespace)?.get(&key.name)?;
        Some(entry.object.clone())
    }

    /// The objects of a namespace for which `wanted` holds, by name.
    pub(crate) fn list(&self, namespace: &str, wanted: impl Fn(&Kept<K>) -> bool) -> Vec<Arc<Kept<K>>> {
        let state = self.read();
        let all = state.namespaces.get(namespace).into_iter().flat_map(HashMap::values);
        let mut found: Vec<_> = all
            .map(|entry| &entry.object)
            .filter(|object| wanted(object))
            .cloned()
            .collect();
        found.sort_by_cached_key(|object| object.name_any());
        found
    }

    /// The objects of all namespaces.
    pub(crate) fn all(&self) -> Vec<Arc<Kept<K>>> {
        let state = self.read();
        let entries = state.namespaces.values().flat_map(HashMap::values);
        entries.map(|entry| entry.object.clone()).collect()
    }

    /// Takes in a state of an object, unless a later one is known.
    pub(crate) fn put(&self, mut object: Kept<K>, origin: Origin) {
        let key = Key::of(&object);
        let version = version(&object);
        let mut state = self.write();
        if let Some((gone, _)) = state.gone.get(&key) {
            if at_most(version, *gone) {
                return;
            }
            state.gone.remove(&key);
        }
        let names = state.namespaces.entry(key.namespace.clone()).or_default();
        let old = names.get_mut(&key.name);
        if let Some(entry) = old {
            let known = self::version(&*entry.object);
            if at_most(version, known) {
                // The watch has come as far as the write that is known already.
                if origin == Origin::Watch && version == known {
                    entry.unconfirmed = None;
                }
                return;
            }
        }
        let old = names.get(&key.name).map(|entry| entry.object.clone());
        let changed = old.as_ref().is_none_or(|old| differs(old, &mut object));
        let new = Arc::new(object);
        let entry = Entry {
            object: new.clone(),
            unconfirmed: (origin == Origin::Own).then(Instant::now),
        };
        names.insert(key.name, entry);
        drop(state);
        if changed {
            self.tell(&Event {
                old: old.as_deref(),
                new: Some(&new),
            });
        }
    }

    /// Removes an object that a watch says is deleted.
    pub(crate) fn remove(&self, last: &Kept<K>) {
        self.remove_at(&Key::of(last), version(last));
    }

    /// Removes an object that this process has deleted.
    pub(crate) fn forget(&self, key: &Key) {
        let version = self.get(key).and_then(|object| version(&*object));
        self.remove_at(key, version);
    }

    fn remove_at(&self, key: &Key, at: Option<u64>) {
        let mut state = self.write();
        let now = Instant::now();
        state
            .gone
            .retain(|_, (_, since)| now.duration_since(*since) < UNCONFIRMED);
        let mut old = None;
        if let Some(names) = state.namespaces.get_mut(&key.namespace) {
            // A successor of the same name may be known already.
            let known = names.get(&key.name).and_then(|entry| version(&*entry.object));
            if known.is_some() && at.is_some() && known > at {
                return;
            }
            old = names.remove(&key.name);
            if names.is_empty() {
                state.namespaces.remove(&key.namespace);
            }
        }
        state.gone.insert(key.clone(), (at, now));
        drop(state);
        if let Some(old) = old {
            self.tell(&Event {
                old: Some(&old.object),
                new: None,
            });
        }
    }

    /// Removes the objects of `scope` (a namespace, or all) that a complete list, which began at `began`, does not have. What
    /// this process wrote since then may be newer than the list.
    pub(crate) fn retain(&self, scope: Option<&str>, listed: &HashSet<Key>, began: Instant) {
        self.drop_where(|key, entry| {
            scope.is_none_or(|namespace| *key.namespace == *namespace)
                && !listed.contains(key)
                && entry.unconfirmed.is_none_or(|since| since < began)
        });
    }

    /// Whether an own write has waited for long to be confirmed by a watch.
    pub(crate) fn waits_for_events(&self) -> bool {
        let now = Instant::now();
        let state = self.read();
        let mut entries = state.namespaces.values().flat_map(HashMap::values);
        entries.any(|entry| {
            entry
                .unconfirmed
                .is_some_and(|since| now.duration_since(since) > UNCONFIRMED)
        })
    }

    fn drop_where(&self, unwanted: impl Fn(&Key, &Entry<K>) -> bool) {
        let mut dropped = Vec::new();
        let mut state = self.write();
        for (namespace, names) in &mut state.namespaces {
            names.retain(|name, entry| {
                let key = Key {
                    namespace: namespace.clone(),
                    name: name.clone(),
                };
                let drop = unwanted(&key, entry);
                if drop {
                    dropped.push(entry.object.clone());
                }
                !drop
            });
        }
        drop(state);
        for old in dropped {
            self.tell(&Event {
                old: Some(&old),
                new: None,
            });
        }
    }

    fn tell(&self, event: &Event<'_, K>) {
        let listeners = self.listeners.read().unwrap_or_else(PoisonError::into_inner);
        listeners.iter().for_each(|listener| listener(event));
    }

    // A panic while the lock is held leaves a valid map: each change is one insertion or removal.
    fn read(&self) -> RwLockReadGuard<'_, State<K>> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State<K>> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The resourceVersion as a number: Kubernetes lets clients compare them within a kind.
fn version(object: &impl ResourceExt) -> Option<u64> {
    object.resource_version()?.parse().ok()
}

/// Whether a state is known to be no later than another. What can't be compared is taken for later.
fn at_most(version: Option<u64>, known: Option<u64>) -> bool {
    matches!((version, known), (Some(version), Some(known)) if version <= known)
}

/// Whether anything but the resourceVersion changed.
fn differs<K: Cached>(old: &Kept<K>, new: &mut Kept<K>) -> bool {
    use kube::Resource;
    let version = new.meta_mut().resource_version.take();
    new.meta_mut().resource_version = old.meta().resource_version.clone();
    let differs = *old != *new;
    new.meta_mut().resource_version = version;
    differs
}
