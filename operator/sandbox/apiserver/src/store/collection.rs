//! The objects of one resource, and the log of their changes.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::sync::Arc;

use tokio::sync::watch;

use super::{Expired, Item};

/// Number of changes kept for watches and for lists at older versions.
const LOG_LENGTH: usize = 20_000;

/// The type of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// Created.
    Added,
    /// Changed.
    Modified,
    /// Removed.
    Deleted,
}

/// One change.
#[derive(Debug, Clone)]
pub struct Event {
    /// The type.
    pub kind: EventKind,
    /// `namespace/name`.
    pub key: Arc<str>,
    /// The state after the change; for a removed object its last state with the removal's version.
    pub item: Arc<Item>,
    /// The state before the change.
    pub previous: Option<Arc<Item>>,
}

/// The parameters of a page.
pub struct PageQuery<'a> {
    /// At most this many items; 0 is no limit.
    pub limit: usize,
    /// Only keys after this one.
    pub after: Option<&'a str>,
    /// List the state at this version instead of the current one.
    pub at: Option<u64>,
    /// The filter.
    pub matches: &'a dyn Fn(&Item) -> bool,
}

/// A page of a list.
#[derive(Debug, Default)]
pub struct Page {
    /// Matching objects in key order.
    pub items: Vec<Arc<Item>>,
    /// The version of the list.
    pub revision: u64,
    /// The key to continue after, if there are more.
    pub next: Option<String>,
    /// Number of remaining objects, matching or not.
    pub remaining: usize,
}

pub(super) struct Collection {
    objects: BTreeMap<Arc<str>, Arc<Item>>,
    log: VecDeque<Event>,
    /// The log contains only changes after this version.
    floor: u64,
    /// The version of the newest change, and of a list of the current state.
    last: u64,
    changed: watch::Sender<u64>,
}

impl Collection {
    pub(super) fn new(floor: u64) -> Self {
        Self {
            objects: BTreeMap::new(),
            log: VecDeque::new(),
            floor,
            last: floor,
            changed: watch::Sender::new(floor),
        }
    }

    /// A collection of persisted objects, without earlier changes.
    pub(super) fn restored(floor: u64, objects: impl Iterator<Item = (String, Arc<Item>)>) -> Self {
        Self {
            objects: objects.map(|(key, item)| (key.into(), item)).collect(),
            ..Self::new(floor)
        }
    }

    pub(super) fn items(&self) -> impl Iterator<Item = &Arc<Item>> {
        self.objects.values()
    }

    pub(super) fn get(&self, key: &str) -> Option<Arc<Item>> {
        self.objects.get(key).cloned()
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    pub(super) fn put(&mut self, key: String, item: Arc<Item>) -> Option<Arc<Item>> {
        let key: Arc<str> = key.into();
        let previous = self.objects.insert(key.clone(), item.clone());
        let kind = if previous.is_some() {
            EventKind::Modified
        } else {
            EventKind::Added
        };
        self.record(Event {
            kind,
            key,
            item,
            previous: previous.clone(),
        });
        previous
    }

    pub(super) fn remove(&mut self, key: &str, item: Arc<Item>) -> Option<Arc<Item>> {
        let (key, previous) = self.objects.remove_entry(key)?;
        self.record(Event {
            kind: EventKind::Deleted,
            key,
            item,
            previous: Some(previous.clone()),
        });
        Some(previous)
    }

    fn record(&mut self, event: Event) {
        let revision = event.item.revision;
        self.log.push_back(event);
        if self.log.len() > LOG_LENGTH
            && let Some(oldest) = self.log.pop_front()
        {
            self.floor = oldest.item.revision;
        }
        self.last = revision;
        self.changed.send_replace(revision);
    }

    pub(super) fn events_since(&self, since: u64) -> Result<Vec<Event>, Expired> {
        if since < self.floor {
            return Err(Expired {
                asked: since,
                oldest: self.floor,
            });
        }
        let start = self.log.partition_point(|e| e.item.revision <= since);
        Ok(self.log.range(start..).cloned().collect())
    }

    pub(super) fn all(&self, namespace: &str) -> Vec<Arc<Item>> {
        let prefix = if namespace.is_empty() {
            String::new()
        } else {
            format!("{namespace}/")
        };
        self.objects
            .range::<str, _>((Bound::Included(prefix.as_str()), Bound::Unbounded))
            .take_while(|(k, _)| k.starts_with(&prefix))
            .map(|(_, item)| item.clone())
            .collect()
    }

    pub(super) fn page(&self, namespace: &str, query: &PageQuery<'_>, newest: u64) -> Result<Page, Expired> {
        let past = match query.at {
            Some(revision) if revision < newest => Some(self.state_at(revision)?),
            _ => None,
        };
        let objects = past.as_ref().unwrap_or(&self.objects);
        let prefix = if namespace.is_empty() {
            String::new()
        } else {
            format!("{namespace}/")
        };
        let start = match query.after {
            Some(after) => Bound::Excluded(after),
            None => Bound::Included(prefix.as_str()),
        };
        let mut rest = objects
            .range::<str, _>((start, Bound::Unbounded))
            .take_while(|(k, _)| k.starts_with(&prefix));
        let mut page = Page {
            revision: query.at.unwrap_or(self.last),
            ..Page::default()
        };
        let mut last: Option<&Arc<str>> = None;
        for (key, item) in rest.by_ref() {
            last = Some(key);
            if (query.matches)(item) {
                page.items.push(item.clone());
                if query.limit > 0 && page.items.len() == query.limit {
                    break;
                }
            }
        }
        page.remaining = rest.count();
        if page.remaining > 0 {
            page.next = last.map(|k| k.to_string());
        }
        Ok(page)
    }

    /// The objects at `revision`: the current ones with later changes undone.
    fn state_at(&self, revision: u64) -> Result<BTreeMap<Arc<str>, Arc<Item>>, Expired> {
        if revision < self.floor {
            return Err(Expired {
                asked: revision,
                oldest: self.floor,
            });
        }
        let mut objects = self.objects.clone();
        for event in self.log.iter().rev().take_while(|e| e.item.revision > revision) {
            match &event.previous {
                Some(previous) => objects.insert(event.key.clone(), previous.clone()),
                None => objects.remove(&event.key),
            };
        }
        Ok(objects)
    }
}
