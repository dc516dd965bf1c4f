//! Whose turn it is to train: at most so many trainings at once over all namespaces, and each namespace in its turn.
//!
//! A Job that works holds a place. A run waits for one once its status says so; when a place is free, the namespace whose last
//! training began longest ago is served, and in it the oldest run. So no run waits for more than the older ones of its
//! namespace and as many of each other. What is held and who waits is read from the caches; only what they can't know yet,
//! the Jobs that are being made, is kept here.

use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use complaint_api::{TrainingRun, condition::READY, labels};
use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;
use kube::ResourceExt;

use crate::{
    cache::{Cached, Caches, Key},
    object::is_owned_by,
    trainer, training_run,
};

#[cfg(test)]
mod tests;

/// The reason of `Ready` while a run waits for a place.
pub(crate) const WAITING_FOR_TURN: &str = "WaitingForTurn";

/// A run that waits for a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Waiting {
    pub(crate) key: Key,
    /// When it was created.
    pub(crate) since: Option<Timestamp>,
}

/// When the last training of each namespace began: the second, and a number that counts the starts of this process.
pub(crate) type Starts = HashMap<Arc<str>, (i64, u64)>;

/// The turns of all trainings.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    /// Trainings at once; 0: no limit.
    most: AtomicUsize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Runs whose Job is being made.
    starting: HashSet<Key>,
    starts: Starts,
    count: u64,
}

/// A place that is taken until the Job is known to the caches.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    turns: &'a Turns,
    key: Key,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.turns.lock().starting.remove(&self.key);
    }
}

impl Turns {
    /// Lets so many trainings work at once; 0: any number.
    pub(crate) fn allow(&self, most: usize) {
        self.most.store(most, Ordering::Relaxed);
    }

    /// Takes a place for a run that could train now; `None`: it is not its turn.
    pub(crate) fn take(&self, run: &TrainingRun, caches: &Caches, now: Timestamp) -> Option<Place<'_>> {
        let key = Key::of(run);
        let mut state = self.lock();
        let most = self.most.load(Ordering::Relaxed);
        if most > 0 {
            let mut standing = Standing::of(caches, &state);
            if !standing.waiting.iter().any(|waiting| waiting.key == key) {
                standing.waiting.push(waiting(run));
            }
            if !standing.next(most).contains(&key) {
                return None;
            }
        }
        state.count += 1;
        let start = (now.as_second(), state.count);
        state.starts.insert(key.namespace.clone(), start);
        state.starting.insert(key.clone());
        Some(Place { turns: self, key })
    }

    /// The runs whose turn it is.
    pub(crate) fn next(&self, caches: &Caches) -> Vec<Key> {
        match self.most.load(Ordering::Relaxed) {
            0 => Vec::new(),
            most => Standing::of(caches, &self.lock()).next(most),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Valid whatever a panicking holder did: a number that was counted twice does no harm.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who holds a place and who waits for one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Standing {
    pub(crate) holding: HashSet<Key>,
    pub(crate) waiting: Vec<Waiting>,
    pub(crate) starts: Starts,
}

impl Standing {
    fn of(caches: &Caches, state: &State) -> Self {
        let mut standing = Self {
            holding: state.starting.clone(),
            starts: state.starts.clone(),
            ..Self::default()
        };
        let runs = TrainingRun::store(caches);
        for kept in Job::store(caches).all() {
            let Some(job) = kept.readable() else { continue };
            let Some(name) = job.labels().get(labels::TRAINING_RUN) else {
                continue;
            };
            let key = Key::new(&job.namespace().unwrap_or_default(), name);
            // A label is anybody's.
            let run = runs.get(&key);
            if !run.is_some_and(|kept| kept.readable().is_some_and(|run| is_owned_by(job, run))) {
                continue;
            }
            if let Some(created) = job.creation_timestamp() {
                let start = standing.starts.entry(key.namespace.clone()).or_default();
                *start = (*start).max((created.0.as_second(), 0));
            }
            if trainer::works(job) {
                standing.holding.insert(key);
            }
        }
        let waits = runs.all().into_iter().filter_map(|kept| {
            let run = kept.readable().filter(|run| is_waiting(run))?;
            Some(waiting(run)).filter(|waiting| !standing.holding.contains(&waiting.key))
        });
        standing.waiting = waits.collect();
        standing
    }

    /// The runs that may start, if at most `most` work at once.
    pub(crate) fn next(self, most: usize) -> Vec<Key> {
        let free = most.saturating_sub(self.holding.len());
        let mut order = in_order(self.waiting, &self.starts);
        order.truncate(free);
        order
    }
}

/// The runs in the order of their turns.
pub(crate) fn in_order(waiting: Vec<Waiting>, starts: &Starts) -> Vec<Key> {
    let mut namespaces: BTreeMap<Arc<str>, Vec<Waiting>> = BTreeMap::new();
    for run in waiting {
        namespaces.entry(run.key.namespace.clone()).or_default().push(run);
    }
    let mut queues: Vec<(Arc<str>, VecDeque<Waiting>)> = namespaces
        .into_iter()
        .map(|(namespace, mut runs)| {
            runs.sort_by(|a, b| (a.since, &a.key).cmp(&(b.since, &b.key)));
            (namespace, runs.into())
        })
        .collect();
    queues.sort_by_key(|(namespace, runs)| (starts.get(namespace).copied(), runs.front().and_then(|run| run.since)));
    let mut order = Vec::new();
    while !queues.is_empty() {
        let round = queues.iter_mut().filter_map(|(_, runs)| runs.pop_front());
        order.extend(round.map(|run| run.key));
        queues.retain(|(_, runs)| !runs.is_empty());
    }
    order
}

fn waiting(run: &TrainingRun) -> Waiting {
    Waiting {
        key: Key::of(run),
        since: run.creation_timestamp().map(|time| time.0),
    }
}

/// Whether its status says that the run waits for a place, and it still wants one.
pub(crate) fn is_waiting(run: &TrainingRun) -> bool {
    let conditions = run.status.iter().flat_map(|status| &status.conditions);
    let mut ready = conditions.filter(|condition| condition.type_ == READY);
    let told = ready.any(|ready| ready.reason == WAITING_FOR_TURN);
    told && !run.spec.suspend && !training_run::ended(run) && run.metadata.deletion_timestamp.is_none()
}
