//! What the dashboard knows: the objects, grouped by classifier, in memory.
//!
//! Feeds put objects in and take them out; pages take the [`Info`] of one classifier, or a short [`Row`] of each. A row is made
//! again only when an object of its classifier has changed, so that a page about a thousand classifiers costs no more than its
//! fifty lines.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use complaint_api::{ComplaintClassifier, ModelVersion, TrainingRun};
use jiff::Timestamp;
use kube::{ResourceExt, core::DeserializeGuard};
use tokio::sync::watch;

use super::row::Row;
use crate::{
    cluster::{Kind, Scope},
    info::{Info, Objects, Unreadable},
};

/// Names an object of a kind: its namespace and name.
pub(crate) type Key = (String, String);

/// A kind that the dashboard shows.
pub(crate) trait Shown: Kind {
    /// The classifier that it belongs to.
    fn classifier(&self) -> String;
    /// Leaves out what no page shows.
    fn trim(&mut self);
    /// The objects of the kind in a group.
    fn of(group: &mut Group) -> &mut BTreeMap<String, Arc<Self>>;
    /// The classifiers of all objects of the kind.
    fn owners(inner: &mut Inner) -> &mut HashMap<Key, String>;
}

/// Most of an object's metadata is about its writers.
fn trim_metadata(object: &mut impl ResourceExt) {
    let metadata = object.meta_mut();
    metadata.managed_fields = None;
    metadata.annotations = None;
    metadata.owner_references = None;
    metadata.finalizers = None;
}

impl Shown for ComplaintClassifier {
    fn classifier(&self) -> String {
        self.name_any()
    }

    fn trim(&mut self) {
        trim_metadata(self);
        // Reviews need to know whose token servers take.
        let feedback = self.spec.serving.feedback.take();
        self.spec.serving = Default::default();
        self.spec.serving.feedback = feedback;
    }

    fn of(group: &mut Group) -> &mut BTreeMap<String, Arc<Self>> {
        &mut group.classifiers
    }

    fn owners(inner: &mut Inner) -> &mut HashMap<Key, String> {
        &mut inner.classifiers
    }
}

impl Shown for ModelVersion {
    fn classifier(&self) -> String {
        self.spec.classifier_ref.name.clone()
    }

    fn trim(&mut self) {
        trim_metadata(self);
    }

    fn of(group: &mut Group) -> &mut BTreeMap<String, Arc<Self>> {
        &mut group.versions
    }

    fn owners(inner: &mut Inner) -> &mut HashMap<Key, String> {
        &mut inner.versions
    }
}

impl Shown for TrainingRun {
    fn classifier(&self) -> String {
        self.spec.classifier_ref.name.clone()
    }

    fn trim(&mut self) {
        trim_metadata(self);
        let spec = &mut self.spec;
        (spec.pod_template, spec.search, spec.preprocessing, spec.features) = (None, None, None, None);
    }

    fn of(group: &mut Group) -> &mut BTreeMap<String, Arc<Self>> {
        &mut group.runs
    }

    fn owners(inner: &mut Inner) -> &mut HashMap<Key, String> {
        &mut inner.runs
    }
}

/// A classifier, which may be missing, with what belongs to it.
#[derive(Debug, Default)]
pub(crate) struct Group {
    classifiers: BTreeMap<String, Arc<ComplaintClassifier>>,
    versions: BTreeMap<String, Arc<ModelVersion>>,
    runs: BTreeMap<String, Arc<TrainingRun>>,
    /// Its line; `None`: something has changed since it was made.
    row: Option<Arc<Row>>,
}

impl Group {
    fn is_empty(&self) -> bool {
        self.classifiers.is_empty() && self.versions.is_empty() && self.runs.is_empty()
    }

    fn objects(&self) -> Objects {
        fn all<K: Clone>(objects: &BTreeMap<String, Arc<K>>) -> Vec<K> {
            objects.values().map(|object| K::clone(object)).collect()
        }
        Objects {
            classifiers: all(&self.classifiers),
            versions: all(&self.versions),
            runs: all(&self.runs),
            unreadable: Vec::new(),
        }
    }
}

/// What is known, behind the lock.
#[derive(Debug, Default)]
pub(crate) struct Inner {
    groups: BTreeMap<Key, Group>,
    classifiers: HashMap<Key, String>,
    versions: HashMap<Key, String>,
    runs: HashMap<Key, String>,
    unreadable: BTreeMap<(String, Key), Unreadable>,
    feeds: BTreeMap<String, Feed>,
}

/// How a feed does.
#[derive(Clone, Debug, Default)]
struct Feed {
    /// Whether it has listed all objects once.
    listed: bool,
    /// What is wrong with it.
    problem: Option<Problem>,
}

/// Why objects are not read, since when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// Since when.
    pub(crate) since: Timestamp,
    /// What happened, and what to do.
    pub(crate) message: String,
}

/// Whether what is known is all there is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Health {
    /// It is.
    Live,
    /// Not everything has been read yet.
    Starting(Option<Problem>),
    /// It was, and the API server does not tell what has changed since.
    Stale(Problem),
}

/// One classifier with all that belongs to it.
#[derive(Clone, Debug)]
pub(crate) struct Shelf {
    /// The classifier, if it exists.
    pub(crate) spec: Option<Arc<ComplaintClassifier>>,
    /// What is known of it and of its versions and runs.
    pub(crate) info: Info,
}

/// What is known. Cheap to share.
#[derive(Debug)]
pub(crate) struct Board {
    inner: Mutex<Inner>,
    revision: watch::Sender<u64>,
}

impl Default for Board {
    fn default() -> Self {
        Self {
            inner: Mutex::default(),
            revision: watch::channel(1).0,
        }
    }
}

impl Board {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing panics while it holds the lock; if something did, what is known is still true.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of changes so far, and those to come.
    pub(crate) fn revisions(&self) -> watch::Receiver<u64> {
        self.revision.subscribe()
    }

    /// The number of changes so far.
    pub(crate) fn revision(&self) -> u64 {
        *self.revision.borrow()
    }

    fn changed(&self) {
        self.revision.send_modify(|revision| *revision += 1);
    }

    /// Announces a feed, whose first list is waited for.
    pub(crate) fn expect(&self, feed: &str) {
        self.lock().feeds.entry(feed.to_owned()).or_default();
    }

    /// Puts an object in, or what is known of one that can't be read. Returns its key.
    pub(crate) fn put<K: Shown>(&self, object: DeserializeGuard<K>) -> Key {
        let key = (object.namespace().unwrap_or_default(), object.name_any());
        let mut inner = self.lock();
        let kind = K::kind(&()).into_owned();
        match object.0 {
            Ok(mut object) => {
                inner.unreadable.remove(&(kind, key.clone()));
                object.trim();
                inner.put(&key, object);
            }
            Err(invalid) => {
                inner.remove::<K>(&key);
                let unreadable = Unreadable {
                    kind: kind.clone(),
                    namespace: key.0.clone(),
                    name: key.1.clone(),
                    error: invalid.error,
                };
                inner.unreadable.insert((kind, key.clone()), unreadable);
            }
        }
        drop(inner);
        self.changed();
        key
    }

    /// Takes an object out.
    pub(crate) fn remove<K: Shown>(&self, key: &Key) {
        let mut inner = self.lock();
        inner.unreadable.remove(&(K::kind(&()).into_owned(), key.clone()));
        inner.remove::<K>(key);
        drop(inner);
        self.changed();
    }

    /// A list of the scope is complete: what it does not have is gone. The rows are made, so that no page waits for them.
    pub(crate) fn listed<K: Shown>(&self, feed: &str, scope: &Scope, there: &HashSet<Key>) {
        let mut inner = self.lock();
        let inside = |key: &Key| match scope {
            Scope::All => true,
            Scope::Namespace(namespace) => key.0 == *namespace,
        };
        let is_gone = |key: &Key| inside(key) && !there.contains(key);
        let gone: Vec<Key> = K::owners(&mut inner)
            .keys()
            .filter(|key| is_gone(key))
            .cloned()
            .collect();
        for key in &gone {
            inner.remove::<K>(key);
        }
        let kind = K::kind(&());
        inner.unreadable.retain(|(of, key), _| *of != kind || !is_gone(key));
        let feeds = &mut inner.feeds;
        feeds.entry(feed.to_owned()).or_default().listed = true;
        if feeds.values().all(|feed| feed.listed) {
            inner.refresh();
        }
        drop(inner);
        self.changed();
    }

    /// A feed failed. Returns whether that is news.
    pub(crate) fn failed(&self, feed: &str, message: String, now: Timestamp) -> bool {
        let mut inner = self.lock();
        let problem = &mut inner.feeds.entry(feed.to_owned()).or_default().problem;
        let (news, since) = match problem {
            Some(known) => (false, known.since),
            None => (true, now),
        };
        let differs = problem.as_ref().is_none_or(|known| known.message != message);
        *problem = Some(Problem { since, message });
        drop(inner);
        if differs {
            self.changed();
        }
        news
    }

    /// A feed works. Returns whether it did not before.
    pub(crate) fn works(&self, feed: &str) -> bool {
        let mut inner = self.lock();
        let problem = inner.feeds.entry(feed.to_owned()).or_default().problem.take();
        drop(inner);
        if problem.is_some() {
            self.changed();
        }
        problem.is_some()
    }

    /// Whether what is known is all there is: the oldest problem counts.
    pub(crate) fn health(&self) -> Health {
        let inner = self.lock();
        let problems = inner.feeds.values().filter_map(|feed| feed.problem.as_ref());
        let problem = problems.min_by_key(|problem| problem.since).cloned();
        match (inner.feeds.values().all(|feed| feed.listed), problem) {
            (true, None) => Health::Live,
            (true, Some(problem)) => Health::Stale(problem),
            (false, problem) => Health::Starting(problem),
        }
    }

    /// A line for each classifier, sorted by namespace and name.
    pub(crate) fn rows(&self) -> Vec<Arc<Row>> {
        let mut inner = self.lock();
        inner.refresh();
        inner.groups.values().filter_map(|group| group.row.clone()).collect()
    }

    /// Objects that can't be read.
    pub(crate) fn unreadable(&self) -> Vec<Unreadable> {
        self.lock().unreadable.values().cloned().collect()
    }

    /// A classifier with its versions and runs; there may be only these.
    pub(crate) fn shelf(&self, namespace: &str, classifier: &str) -> Option<Shelf> {
        let inner = self.lock();
        let group = inner.groups.get(&(namespace.to_owned(), classifier.to_owned()))?;
        let (spec, objects) = (group.classifiers.values().next().cloned(), group.objects());
        drop(inner);
        let info = Info::of(&objects);
        Some(Shelf { spec, info })
    }

    /// The classifier that a version belongs to.
    pub(crate) fn classifier_of_version(&self, namespace: &str, name: &str) -> Option<String> {
        let key = (namespace.to_owned(), name.to_owned());
        self.lock().versions.get(&key).cloned()
    }

    /// The classifier that a run is for.
    pub(crate) fn classifier_of_run(&self, namespace: &str, name: &str) -> Option<String> {
        let key = (namespace.to_owned(), name.to_owned());
        self.lock().runs.get(&key).cloned()
    }
}

impl Inner {
    fn put<K: Shown>(&mut self, key: &Key, object: K) {
        let classifier = object.classifier();
        if K::owners(self).get(key).is_some_and(|before| *before != classifier) {
            self.remove::<K>(key);
        }
        K::owners(self).insert(key.clone(), classifier.clone());
        let group = self.groups.entry((key.0.clone(), classifier)).or_default();
        let objects = K::of(group);
        // A list that is read again mostly has what is known.
        let same = objects.get(&key.1).is_some_and(|known| {
            known.resource_version().is_some()
                && known.resource_version() == object.resource_version()
                && known.uid() == object.uid()
        });
        if !same {
            objects.insert(key.1.clone(), Arc::new(object));
            group.row = None;
        }
    }

    fn remove<K: Shown>(&mut self, key: &Key) {
        let Some(classifier) = K::owners(self).remove(key) else {
            return;
        };
        let group = (key.0.clone(), classifier);
        if let Some(left) = self.groups.get_mut(&group) {
            K::of(left).remove(&key.1);
            left.row = None;
            if left.is_empty() {
                self.groups.remove(&group);
            }
        }
    }

    /// Makes the rows of groups that have changed.
    fn refresh(&mut self) {
        for (key, group) in &mut self.groups {
            if group.row.is_none() {
                group.row = Some(Arc::new(Row::of(key, &Info::of(&group.objects()))));
            }
        }
    }
}
