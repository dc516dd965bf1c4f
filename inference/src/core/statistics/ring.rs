//! Counts by slot: a place for each thread, and what all places have given.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use complaint_contract::statistics::{Counts, SLOTS_KEPT, Slot};

/// Threads beyond this number share the places of others.
const PLACES: usize = 64;
/// Slots in memory: more than clients see, so that a clock that goes forth and back for a while loses none.
const SLOTS_IN_MEMORY: usize = SLOTS_KEPT as usize + 16;

/// The counts of the last slots, and all counts together.
#[derive(Debug)]
pub(super) struct Ring {
    classes: usize,
    places: Box<[Place]>,
    /// Locked only while a place is locked, or alone.
    sums: Mutex<Sums>,
}

/// A place is empty until a thread counts there. Places don't share cache lines.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Place(Mutex<Option<Pending>>);

/// What has been counted in one place and is not in the sums yet.
#[derive(Debug)]
struct Pending {
    slot: u64,
    counts: Counts,
}

#[derive(Debug)]
struct Sums {
    total: Counts,
    slots: BTreeMap<u64, Counts>,
}

impl Ring {
    pub(super) fn new(classes: usize) -> Self {
        Self {
            classes,
            places: (0..PLACES).map(|_| Place::default()).collect(),
            sums: Mutex::new(Sums {
                total: Counts::new(classes),
                slots: BTreeMap::new(),
            }),
        }
    }

    /// Counts in this slot, which is the present one.
    pub(super) fn count(&self, slot: u64, add: impl FnOnce(&mut Counts)) {
        let mut place = lock(&self.places[place_of_this_thread()].0);
        let pending = place.get_or_insert_with(|| Pending {
            slot,
            counts: Counts::new(self.classes),
        });
        if pending.slot != slot {
            self.collect(pending, slot);
            pending.slot = slot;
        }
        add(&mut pending.counts);
    }

    /// All counts, and those of the slots that clients see at `now`, oldest first.
    pub(super) fn read(&self, now: u64) -> (Counts, Vec<Slot>) {
        let sums = self.collect_all(now);
        let seen = sums.slots.range(now.saturating_sub(SLOTS_KEPT - 1)..=now);
        let slots = seen.map(|(&number, counts)| Slot {
            number,
            counts: counts.clone(),
        });
        (sums.total.clone(), slots.collect())
    }

    /// All counts.
    pub(super) fn total(&self, now: u64) -> Counts {
        self.collect_all(now).total.clone()
    }

    #[cfg(test)]
    pub(super) fn slots_in_memory(&self) -> usize {
        lock(&self.sums).slots.len()
    }

    fn collect_all(&self, now: u64) -> MutexGuard<'_, Sums> {
        for place in &self.places {
            if let Some(pending) = lock(&place.0).as_mut() {
                self.collect(pending, now);
            }
        }
        lock(&self.sums)
    }

    /// Moves what a place has counted to the sums.
    fn collect(&self, pending: &mut Pending, now: u64) {
        if !pending.counts.is_empty() {
            let counts = std::mem::replace(&mut pending.counts, Counts::new(self.classes));
            lock(&self.sums).add(pending.slot, counts, now);
        }
    }
}

impl Sums {
    fn add(&mut self, slot: u64, counts: Counts, now: u64) {
        self.total.add(&counts);
        if let Some(present) = self.slots.get_mut(&slot) {
            return present.add(&counts);
        }
        self.slots.insert(slot, counts);
        if self.slots.len() > SLOTS_IN_MEMORY {
            let ends = [self.slots.first_key_value(), self.slots.last_key_value()];
            let numbers = ends.into_iter().flatten().map(|(&number, _)| number);
            if let Some(farthest) = numbers.max_by_key(|number| number.abs_diff(now)) {
                self.slots.remove(&farthest);
            }
        }
    }
}

/// The place in which this thread counts. Threads get them in turn, when they count for the first time.
fn place_of_this_thread() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static PLACE: usize = NEXT.fetch_add(1, Ordering::Relaxed) % PLACES;
    }
    PLACE.with(|place| *place)
}

/// A panic can't leave counts half added: they are sums of numbers.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
