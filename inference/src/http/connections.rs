//! Tracks the open connections. Their number is limited, and a new connection always gets a place.
//!
//! With a plain limit, clients that open connections and send nothing, or only the start of a header, would lock out
//! all others. Instead, a new connection replaces the one that has kept the server waiting for a request the longest. A
//! connection with a request in progress is never closed to make room.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// How long a new connection waits before the server asks another connection to close.
const PAUSE: Duration = Duration::from_millis(20);

/// What a connection is doing. Connections are closed to make room in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    /// The server waits for the first request, or for the rest of a request's header.
    Header,
    /// Idle between requests.
    Idle,
    /// A request is in progress.
    Busy,
}

/// What one connection is doing. [`Connections::make_room`] uses it to choose a connection to close.
#[derive(Debug)]
pub(super) struct Activity {
    /// The phase in the lowest two bits, then [`Activity::TOLD`], then the time at which the phase began.
    state: AtomicU64,
    close: Notify,
    /// The start of the time scale.
    epoch: Instant,
}

impl Activity {
    /// The connection was asked to close.
    const TOLD: u64 = 4;
    const TIME_SHIFT: u32 = 3;

    pub(super) fn new(epoch: Instant) -> Self {
        let activity = Self {
            state: AtomicU64::new(0),
            close: Notify::new(),
            epoch,
        };
        activity.enter(Phase::Header);
        activity
    }

    /// Starts a phase.
    pub(super) fn enter(&self, phase: Phase) {
        let since = u64::try_from(self.epoch.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.state
            .store(since << Self::TIME_SHIFT | phase as u64, Ordering::Release);
    }

    /// The current phase.
    pub(super) fn phase(&self) -> Phase {
        Self::phase_of(self.state.load(Ordering::Acquire))
    }

    /// When the current phase began.
    pub(super) fn since(&self) -> Instant {
        let since = self.state.load(Ordering::Acquire) >> Self::TIME_SHIFT;
        self.epoch + Duration::from_micros(since)
    }

    fn phase_of(state: u64) -> Phase {
        match state & 3 {
            0 => Phase::Header,
            1 => Phase::Idle,
            _ => Phase::Busy,
        }
    }

    /// Asks the connection to close.
    fn tell(&self) {
        self.state.fetch_or(Self::TOLD, Ordering::AcqRel);
        self.close.notify_one();
    }

    /// Resolves when the connection should close.
    pub(super) async fn told(&self) {
        self.close.notified().await;
    }
}

/// All open connections.
#[derive(Debug)]
pub(super) struct Connections {
    places: Arc<Semaphore>,
    limit: u32,
    open: Mutex<HashMap<u64, Arc<Activity>>>,
    next: AtomicU64,
    epoch: Instant,
}

/// A connection's place among the open ones. Dropping it frees the place.
#[derive(Debug)]
pub(super) struct Place {
    /// What the connection is doing.
    pub(super) activity: Arc<Activity>,
    id: u64,
    all: Arc<Connections>,
    _permit: OwnedSemaphorePermit,
}

impl Connections {
    /// Room for `limit` connections, but at least one.
    pub(super) fn new(limit: usize) -> Arc<Self> {
        let limit = limit.clamp(1, (u32::MAX as usize).min(Semaphore::MAX_PERMITS));
        Arc::new(Self {
            places: Arc::new(Semaphore::new(limit)),
            limit: u32::try_from(limit).unwrap_or(u32::MAX),
            open: Mutex::default(),
            next: AtomicU64::new(0),
            epoch: Instant::now(),
        })
    }

    /// Returns a place if one is free.
    pub(super) fn try_enter(self: &Arc<Self>) -> Option<Place> {
        let permit = Arc::clone(&self.places).try_acquire_owned().ok()?;
        Some(self.register(permit))
    }

    /// Returns a place. If all are taken, closes the connection that has kept the server waiting the longest.
    pub(super) async fn enter(self: &Arc<Self>) -> Place {
        if let Some(place) = self.try_enter() {
            return place;
        }
        loop {
            self.make_room();
            // While all connections are busy, make room again as soon as one of them becomes idle.
            let permit = timeout(PAUSE, Arc::clone(&self.places).acquire_owned()).await;
            if let Ok(permit) = permit {
                return self.register(permit.expect("the semaphore is never closed"));
            }
        }
    }

    /// Asks the connection that has kept the server waiting the longest to close. Does nothing if all are busy.
    pub(super) fn make_room(&self) {
        let open = self.lock();
        let waiting = open
            .values()
            .map(|activity| (activity.state.load(Ordering::Acquire), activity))
            .filter(|(state, _)| state & Activity::TOLD == 0 && Activity::phase_of(*state) != Phase::Busy);
        let oldest = waiting.min_by_key(|(state, _)| (Activity::phase_of(*state), state >> Activity::TIME_SHIFT));
        if let Some((_, activity)) = oldest {
            activity.tell();
        }
    }

    /// Asks every connection to close.
    pub(super) fn close_all(&self) {
        self.lock().values().for_each(|activity| activity.tell());
    }

    /// Number of open connections.
    pub(super) fn count(&self) -> usize {
        self.lock().len()
    }

    /// Resolves when no connection is open. No new connection gets a place in the meantime.
    pub(super) async fn all_gone(&self) {
        let _ = self.places.acquire_many(self.limit).await;
    }

    fn register(self: &Arc<Self>, permit: OwnedSemaphorePermit) -> Place {
        let activity = Arc::new(Activity::new(self.epoch));
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        self.lock().insert(id, Arc::clone(&activity));
        Place {
            activity,
            id,
            all: Arc::clone(self),
            _permit: permit,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Arc<Activity>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.all.lock().remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn told(place: &Place) -> bool {
        place.activity.told().now_or_never().is_some()
    }

    #[tokio::test]
    async fn who_waits_for_a_header_gives_way_before_who_is_idle_and_who_is_busy_stays() {
        let connections = Connections::new(4);
        let places: Vec<Place> = std::iter::from_fn(|| connections.try_enter()).collect();
        let [busy, idle, first, second] = places.try_into().unwrap();
        busy.activity.enter(Phase::Busy);
        idle.activity.enter(Phase::Idle);
        for (since, place) in [(1_u64, &first), (2, &second)] {
            let state = since << Activity::TIME_SHIFT | Phase::Header as u64;
            place.activity.state.store(state, Ordering::Release);
        }
        for expected in [&first, &second, &idle] {
            connections.make_room();
            assert!(told(expected));
        }
        connections.make_room();
        assert!(!told(&busy));
    }

    #[tokio::test]
    async fn a_place_given_back_is_free() {
        let connections = Connections::new(1);
        let place = connections.enter().await;
        assert!(connections.try_enter().is_none());
        assert_eq!(connections.count(), 1);
        drop(place);
        connections.all_gone().await;
        assert_eq!(connections.count(), 0);
        drop(connections.enter().await);
    }
}
