//! What this process remembers of pods between two looks: the counts of pods that are gone, and the reference profile.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use complaint_contract::{
    Sha256Digest,
    statistics::{Counts, ReferenceProfile, Sample, SampledWindow, Statistics},
};
use jiff::Timestamp;
use tokio::sync::Mutex as AsyncMutex;

use super::gather::Seen;
use crate::{
    cache::Key,
    telemetry::{Production, ProductionMetrics},
};

/// Most processes whose counts are remembered for a classifier: pods that crash again and again must not fill the memory.
const INSTANCES: usize = 200;

/// The memories of all classifiers.
#[derive(Debug, Default)]
pub(crate) struct Memories {
    memories: Mutex<HashMap<Key, Arc<AsyncMutex<Memory>>>>,
    metrics: OnceLock<ProductionMetrics>,
}

/// The memory of one classifier. A new process begins with an empty one: the servers keep the last whole window.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// When the pods were read last.
    pub(crate) polled: Option<Timestamp>,
    /// What they said.
    pub(crate) seen: Seen,
    /// The model that all of this is about, and the length of the windows in seconds.
    about: Option<(Sha256Digest, u64)>,
    /// What each process said last.
    instances: HashMap<String, Statistics>,
    /// The last sample of each process.
    samples: HashMap<String, Sample>,
    /// The mix of categories in the last window that was judged.
    pub(crate) mix: Option<Vec<f64>>,
    /// The profile: `Some(None)` where the model has none.
    pub(crate) reference: Option<Option<Arc<ReferenceProfile>>>,
}

impl Memories {
    /// That of a classifier.
    pub(crate) fn of(&self, key: &Key) -> Arc<AsyncMutex<Memory>> {
        let mut memories = self.memories.lock().unwrap_or_else(PoisonError::into_inner);
        memories.entry(key.clone()).or_default().clone()
    }

    /// Shows in these metrics what the windows say.
    pub(crate) fn show_in(&self, metrics: ProductionMetrics) {
        // A second operator in one process (tests) keeps the first's.
        let _ = self.metrics.set(metrics);
    }

    /// What the last windows of a classifier say.
    pub(crate) fn show(&self, key: &Key, production: Production) {
        if let Some(metrics) = self.metrics.get() {
            metrics.show(&key.namespace, &key.name, production);
        }
    }

    /// Forgets a classifier that is gone, or not watched.
    pub(crate) fn forget(&self, key: &Key) {
        let mut memories = self.memories.lock().unwrap_or_else(PoisonError::into_inner);
        if memories.remove(key).is_some() {
            self.show(key, Production::default());
        }
    }
}

impl Memory {
    /// Everything from now on is about this model, in windows of so many seconds.
    pub(crate) fn is_about(&mut self, digest: Sha256Digest, window: u64) {
        if self.about != Some((digest, window)) {
            *self = Self {
                polled: self.polled,
                about: Some((digest, window)),
                ..Self::default()
            };
        }
    }

    /// Whether what it remembers is about this model, in windows of so many seconds.
    pub(crate) fn knows(&self, digest: Sha256Digest, window: u64) -> bool {
        self.about == Some((digest, window))
    }

    /// Takes in what a process counted. Those that say nothing of window `oldest` or later are forgotten.
    pub(crate) fn counted(&mut self, statistics: Statistics, oldest: u64) {
        self.instances.insert(statistics.instance.clone(), statistics);
        let is_old = |statistics: &Statistics| {
            let last = statistics.slots.last();
            last.is_none_or(|slot| slot.window() < oldest)
        };
        self.instances.retain(|_, statistics| !is_old(statistics));
        self.samples.retain(|instance, _| self.instances.contains_key(instance));
        while self.instances.len() > INSTANCES {
            let least = self
                .instances
                .iter()
                .min_by_key(|(_, statistics)| statistics.total.answered());
            let Some(least) = least.map(|(instance, _)| instance.clone()) else {
                break;
            };
            self.instances.remove(&least);
        }
    }

    /// Takes in a process's sample.
    pub(crate) fn sampled(&mut self, sample: Sample) {
        if self.instances.contains_key(&sample.instance) {
            self.samples.insert(sample.instance.clone(), sample);
        }
    }

    /// The mix of categories that the model with this digest had in the last window that was judged since this process began.
    pub(crate) fn mix_of(&self, digest: Sha256Digest) -> Option<&[f64]> {
        let is_about = self.about.is_some_and(|(about, _)| about == digest);
        self.mix.as_deref().filter(|_| is_about)
    }

    /// The categories of the model, once a process has told them.
    pub(crate) fn labels(&self) -> Option<&[String]> {
        Some(&self.instances.values().next()?.labels)
    }

    /// The counts of a window over all processes.
    pub(crate) fn window(&self, number: u64) -> Option<Counts> {
        let mut sum = Counts::new(self.labels()?.len());
        self.instances
            .values()
            .for_each(|statistics| sum.add(&statistics.window(number)));
        Some(sum)
    }

    /// The samples of a window.
    pub(crate) fn samples(&self, number: u64) -> Vec<SampledWindow> {
        let windows = self.samples.values().flat_map(|sample| &sample.windows);
        windows.filter(|window| window.number == number).cloned().collect()
    }
}
