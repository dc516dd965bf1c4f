//! The objects in memory, ordered by one resourceVersion, with a log for watches and an optional file that persists
//! them.

mod collection;
mod index;
mod journal;

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tokio::sync::{mpsc, watch};

pub use collection::{Event, EventKind, Page};
pub use index::Reference;
pub use journal::JournalError;
pub(crate) use journal::{Contents, Journal};

use crate::meta::Meta;
use collection::Collection;
use index::Index;

/// The first resourceVersion. Lower ones count as expired.
const FIRST_REVISION: u64 = 100;

/// One stored state of an object.
#[derive(Debug)]
pub struct Item {
    /// The resourceVersion of this state, also in its metadata.
    pub revision: u64,
    /// The object in its storage version.
    pub object: Value,
}

/// Why a write failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WriteError {
    /// The object exists.
    Exists,
    /// The object is gone, or has changed since it was read.
    Changed,
    /// The file of the store cannot be written.
    File(String),
}

/// All objects of one sandbox.
pub struct Store {
    inner: Mutex<Inner>,
    changes: mpsc::UnboundedSender<Change>,
}

struct Inner {
    revision: u64,
    collections: HashMap<Arc<str>, Collection>,
    index: Index,
    journal: Option<Journal>,
}

/// The notification of a write, for the garbage collector and the namespace controller.
#[derive(Debug, Clone)]
pub struct Change {
    /// Where the object is stored.
    pub reference: Reference,
    /// The written state, or the last state of a removed object.
    pub item: Arc<Item>,
    /// Whether the object is gone.
    pub removed: bool,
}

/// The key of an object in its collection: `namespace/name`, or `name` if cluster-scoped.
pub fn key(namespace: &str, name: &str) -> String {
    if namespace.is_empty() {
        name.to_owned()
    } else {
        format!("{namespace}/{name}")
    }
}

impl Store {
    /// A store and the stream of its writes. It starts empty or with the objects of a file. Each of these is notified
    /// like a write, so that unfinished work of an earlier process resumes.
    pub(crate) fn new(saved: Option<(Journal, Contents)>) -> (Self, mpsc::UnboundedReceiver<Change>) {
        let (changes, receiver) = mpsc::unbounded_channel();
        let (journal, contents) = saved.map_or((None, Contents::default()), |(journal, contents)| {
            (Some(journal), contents)
        });
        let mut inner = Inner {
            revision: contents.revision.max(FIRST_REVISION),
            collections: HashMap::new(),
            index: Index::default(),
            journal,
        };
        inner.restore(contents, &changes);
        let inner = Mutex::new(inner);
        (Self { inner, changes }, receiver)
    }

    /// The file of the store and its length, if there is one.
    pub(crate) fn file(&self) -> Option<(Arc<File>, u64)> {
        self.lock().journal.as_ref().map(Journal::sync_handle)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Every critical section leaves the store consistent, so a poisoned lock is usable.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The newest resourceVersion.
    pub fn revision(&self) -> u64 {
        self.lock().revision
    }

    /// Registers a collection, so that watches can start.
    pub fn register(&self, storage: &Arc<str>) {
        let mut inner = self.lock();
        inner.revision += 1;
        let floor = inner.revision;
        inner
            .collections
            .entry(storage.clone())
            .or_insert_with(|| Collection::new(floor));
    }

    /// Removes the empty collection of a removed resource.
    pub fn unregister(&self, storage: &str) {
        self.lock().collections.remove(storage);
    }

    /// The current state of an object.
    pub fn get(&self, storage: &str, namespace: &str, name: &str) -> Option<Arc<Item>> {
        self.lock().collections.get(storage)?.get(&key(namespace, name))
    }

    /// Adds an object; its resourceVersion is set.
    ///
    /// # Errors
    /// [`WriteError::Exists`] if it exists.
    pub fn create(&self, storage: &Arc<str>, object: Value) -> Result<Arc<Item>, WriteError> {
        let mut inner = self.lock();
        let key = key(object.namespace(), object.name());
        if inner.collections.get(storage).is_some_and(|c| c.get(&key).is_some()) {
            return Err(WriteError::Exists);
        }
        inner.write(storage, key, object, &self.changes)
    }

    /// Replaces an object that is still in the state `seen`.
    ///
    /// # Errors
    /// [`WriteError::Changed`] if it is not.
    pub fn update(&self, storage: &Arc<str>, seen: u64, object: Value) -> Result<Arc<Item>, WriteError> {
        let mut inner = self.lock();
        let key = key(object.namespace(), object.name());
        match inner.collections.get(storage).and_then(|c| c.get(&key)) {
            Some(item) if item.revision == seen => inner.write(storage, key, object, &self.changes),
            _ => Err(WriteError::Changed),
        }
    }

    /// Removes an object that is still in the state `seen`; watches get the state `last`, or else the stored one.
    ///
    /// # Errors
    /// [`WriteError::Changed`] if it is not.
    pub fn remove(
        &self,
        storage: &Arc<str>,
        namespace: &str,
        name: &str,
        seen: u64,
        last: Option<Value>,
    ) -> Result<Arc<Item>, WriteError> {
        let mut inner = self.lock();
        let key = key(namespace, name);
        match inner.collections.get(storage).and_then(|c| c.get(&key)) {
            Some(item) if item.revision == seen => {
                let last = last.unwrap_or_else(|| item.object.clone());
                inner.remove(storage, &key, last, &self.changes)
            }
            _ => Err(WriteError::Changed),
        }
    }

    /// A page of objects; see [`Collection::page`].
    pub fn page(&self, storage: &str, namespace: &str, query: &PageQuery<'_>) -> Result<Page, Expired> {
        let inner = self.lock();
        match inner.collections.get(storage) {
            Some(collection) => collection.page(namespace, query, inner.revision),
            None => Ok(Page {
                revision: inner.revision,
                ..Page::default()
            }),
        }
    }

    /// All objects of a collection, in all namespaces or one.
    pub fn all(&self, storage: &str, namespace: &str) -> Vec<Arc<Item>> {
        self.lock()
            .collections
            .get(storage)
            .map(|c| c.all(namespace))
            .unwrap_or_default()
    }

    /// The changes of a collection after `since`, and the resourceVersion up to which they are complete.
    ///
    /// # Errors
    /// [`Expired`] if the log no longer contains them.
    pub fn events_since(&self, storage: &str, since: u64) -> Result<(Vec<Event>, u64), Expired> {
        let inner = self.lock();
        let collection = inner.collections.get(storage).ok_or(Expired {
            asked: since,
            oldest: inner.revision,
        })?;
        Ok((collection.events_since(since)?, inner.revision))
    }

    /// A receiver that is notified of each write to the collection.
    pub fn subscribe(&self, storage: &str) -> Option<watch::Receiver<u64>> {
        self.lock().collections.get(storage).map(Collection::subscribe)
    }

    /// The object with this uid, if it exists.
    pub fn by_uid(&self, uid: &str) -> Option<Reference> {
        self.lock().index.by_uid(uid)
    }

    /// The objects with the owner `uid`.
    pub fn dependents(&self, uid: &str) -> Vec<Reference> {
        self.lock().index.dependents(uid)
    }

    /// The current state of a referenced object.
    pub fn resolve(&self, reference: &Reference) -> Option<Arc<Item>> {
        self.get(&reference.storage, &reference.namespace, &reference.name)
    }
}

/// An expired resourceVersion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expired {
    /// The requested version.
    pub asked: u64,
    /// The oldest version kept.
    pub oldest: u64,
}

pub use collection::PageQuery;

impl Inner {
    /// Loads the content of a file.
    fn restore(&mut self, contents: Contents, changes: &mpsc::UnboundedSender<Change>) {
        let floor = self.revision;
        for (storage, objects) in contents.objects {
            for item in objects.values() {
                let reference = Reference::of(&storage, &item.object);
                self.index.put(&reference, &item.object, None);
                let _ = changes.send(Change {
                    reference,
                    item: item.clone(),
                    removed: false,
                });
            }
            let collection = Collection::restored(floor, objects.into_iter());
            self.collections.insert(storage, collection);
        }
    }

    /// Writes to the file, if there is one, before the change in memory.
    fn save(&mut self, write: impl FnOnce(&mut Journal) -> io::Result<()>) -> Result<(), WriteError> {
        let Some(journal) = &mut self.journal else {
            return Ok(());
        };
        if journal.is_long() {
            let collections = self.collections.iter();
            let objects = collections.flat_map(|(storage, all)| all.items().map(move |item| (storage, item)));
            if let Err(error) = journal.rewrite(self.revision, objects) {
                tracing::warn!(%error, "the file of objects could not be compacted; it keeps growing");
            }
        }
        write(journal).map_err(|error| WriteError::File(error.to_string()))
    }

    fn write(
        &mut self,
        storage: &Arc<str>,
        key: String,
        mut object: Value,
        changes: &mpsc::UnboundedSender<Change>,
    ) -> Result<Arc<Item>, WriteError> {
        let revision = self.revision + 1;
        object.set_meta("resourceVersion", revision.to_string());
        self.save(|journal| journal.put(storage, &object))?;
        self.revision = revision;
        let item = Arc::new(Item { revision, object });
        let reference = Reference::of(storage, &item.object);
        let collection = self
            .collections
            .entry(storage.clone())
            .or_insert_with(|| Collection::new(revision));
        let previous = collection.put(key, item.clone());
        self.index
            .put(&reference, &item.object, previous.as_ref().map(|p| &p.object));
        // The receiver is gone only when the sandbox is shutting down.
        let _ = changes.send(Change {
            reference,
            item: item.clone(),
            removed: false,
        });
        Ok(item)
    }

    fn remove(
        &mut self,
        storage: &Arc<str>,
        key: &str,
        mut last: Value,
        changes: &mpsc::UnboundedSender<Change>,
    ) -> Result<Arc<Item>, WriteError> {
        let revision = self.revision + 1;
        self.save(|journal| journal.remove(storage, key, revision))?;
        self.revision = revision;
        last.set_meta("resourceVersion", revision.to_string());
        let item = Arc::new(Item { revision, object: last });
        let reference = Reference::of(storage, &item.object);
        if let Some(collection) = self.collections.get_mut(storage)
            && let Some(previous) = collection.remove(key, item.clone())
        {
            self.index.remove(&reference, &previous.object);
        }
        let _ = changes.send(Change {
            reference,
            item: item.clone(),
            removed: true,
        });
        Ok(item)
    }
}
