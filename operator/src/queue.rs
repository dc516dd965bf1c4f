//! Which objects a controller looks at next: each once at a time, no more than a few at once, and those that can't go on
//! ever more rarely until something happens to them.

use std::{
    collections::{HashMap, HashSet},
    future::Future,
    pin::pin,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::{StreamExt, stream::FuturesUnordered};
use jiff::Timestamp;
use kube::runtime::scheduler::{ScheduleRequest, scheduler};
use tokio::{sync::mpsc, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::{cache::Key, client::jittered};

/// When an object is looked at again, if nothing happens to it before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Only when something happens to it.
    OnChange,
    /// After that time.
    After(Duration),
    /// After that time at first, and ever more rarely: it waits for something that no watch tells of.
    Patiently(Duration),
}

impl Next {
    /// At a time that is to come, or earlier: a clock may be set meanwhile.
    pub(crate) fn at(now: Timestamp, time: Timestamp) -> Self {
        let pause = Duration::try_from(time.duration_since(now)).unwrap_or_default();
        Self::After(pause.min(LONGEST_UNTIL))
    }
}

/// The longest pause before a time that is to come.
const LONGEST_UNTIL: Duration = Duration::from_secs(300);
/// How long to wait after something happened: what happens comes in groups, such as a version and its status, and each look
/// may write a status.
const SOON: Duration = Duration::from_millis(100);
/// The longest pause of an object that waits.
const LONGEST_WAIT: Duration = Duration::from_secs(120);
/// The longest pause after failures.
const LONGEST_AFTER_FAILURE: Duration = Duration::from_secs(300);

/// The requests to look at objects, and how often each has waited or failed in a row.
pub(crate) struct Queue {
    requests: mpsc::UnboundedSender<ScheduleRequest<Key>>,
    attempts: Mutex<HashMap<Key, u32>>,
}

/// The receiving end of a [`Queue`].
pub(crate) struct Requests(mpsc::UnboundedReceiver<ScheduleRequest<Key>>);

impl Queue {
    pub(crate) fn new() -> (Self, Requests) {
        let (requests, received) = mpsc::unbounded_channel();
        let queue = Self {
            requests,
            attempts: Mutex::default(),
        };
        (queue, Requests(received))
    }

    /// Something happened to the object: it is looked at soon.
    pub(crate) fn happened(&self, key: Key) {
        self.settled(&key);
        self.at(key, Instant::now() + SOON);
    }

    /// Whether the object waits, or failed, when it was looked at last.
    pub(crate) fn is_stuck(&self, key: &Key) -> bool {
        self.lock().contains_key(key)
    }

    /// The object goes on, or is gone.
    pub(crate) fn settled(&self, key: &Key) {
        self.lock().remove(key);
    }

    /// The object is looked at as `next` says.
    pub(crate) fn again(&self, key: Key, next: Next) {
        match next {
            Next::OnChange => self.settled(&key),
            Next::After(pause) => {
                self.settled(&key);
                self.at(key, Instant::now() + pause);
            }
            Next::Patiently(first) => {
                let pause = doubled(first, self.attempt(&key)).min(LONGEST_WAIT);
                self.at(key, Instant::now() + jittered(pause));
            }
        }
    }

    /// The object failed: it is tried again after a pause, which doubles from 1 s to 5 minutes.
    pub(crate) fn failed(&self, key: Key) -> Duration {
        let pause = doubled(Duration::from_secs(1), self.attempt(&key)).min(LONGEST_AFTER_FAILURE);
        let pause = jittered(pause);
        self.at(key, Instant::now() + pause);
        pause
    }

    /// How many attempts there were before this one.
    fn attempt(&self, key: &Key) -> u32 {
        let mut attempts = self.lock();
        let count = attempts.entry(key.clone()).or_insert(0);
        *count += 1;
        *count - 1
    }

    fn at(&self, message: Key, run_at: Instant) {
        // Nobody receives after the end.
        let _ = self.requests.send(ScheduleRequest { message, run_at });
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, u32>> {
        // Valid whatever a panicking holder did: each change is one insertion or removal.
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn doubled(first: Duration, times: u32) -> Duration {
    first.saturating_mul(2_u32.saturating_pow(times.min(16)))
}

/// Calls `look` for each requested object, for at most `limit` of them at once, until `shutdown`; then waits for those under
/// way.
pub(crate) async fn work<F: Future<Output = ()>>(
    requests: Requests,
    limit: usize,
    shutdown: CancellationToken,
    look: impl Fn(Key) -> F,
) {
    let Requests(mut received) = requests;
    let mut due = pin!(scheduler(futures::stream::poll_fn(
        move |context| received.poll_recv(context)
    )));
    let mut busy = HashSet::new();
    let mut running = FuturesUnordered::new();
    loop {
        let next = async {
            if busy.len() < limit {
                due.as_mut().hold_unless(|key| !busy.contains(key)).next().await
            } else {
                due.as_mut().hold().next().await
            }
        };
        tokio::select! {
            biased;
            () = shutdown.cancelled() => break,
            Some(done) = running.next() => {
                busy.remove(&done);
            }
            key = next => {
                let Some(key) = key else { break };
                busy.insert(key.clone());
                let looking = look(key.clone());
                running.push(async move {
                    looking.await;
                    key
                });
            }
        }
    }
    while running.next().await.is_some() {}
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::Semaphore;

    use super::*;

    fn key(name: &str) -> Key {
        Key::new("default", name)
    }

    #[tokio::test]
    async fn an_object_is_looked_at_once_at_a_time_and_again_when_something_happens_meanwhile() {
        let (queue, requests) = Queue::new();
        let (started, mut starts) = mpsc::unbounded_channel();
        let (may_end, shutdown) = (Arc::new(Semaphore::new(0)), CancellationToken::new());
        for name in ["a", "b", "c", "a"] {
            queue.happened(key(name));
        }
        let (ends, stop) = (may_end.clone(), shutdown.clone());
        let working = tokio::spawn(async move {
            let look = |key: Key| {
                started.send(key.name.to_string()).expect("the test listens");
                let ends = ends.clone();
                async move { ends.acquire().await.expect("open").forget() }
            };
            work(requests, 2, stop, look).await;
        });
        let first = [starts.recv().await, starts.recv().await].map(Option::unwrap);
        queue.happened(key(&first[0]));
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        assert!(starts.try_recv().is_err(), "no more than two at once");
        may_end.add_permits(2);
        let mut later = [starts.recv().await, starts.recv().await].map(Option::unwrap);
        later.sort();
        let third = ["a", "b", "c"]
            .into_iter()
            .find(|name| !first.iter().any(|seen| seen == name));
        let mut expected = [first[0].as_str(), third.expect("a third")];
        expected.sort_unstable();
        assert_eq!(later, expected);
        shutdown.cancel();
        may_end.add_permits(2);
        working.await.expect("it ends in order");
    }

    #[tokio::test]
    async fn what_waits_is_looked_at_more_rarely_until_something_happens() {
        let (queue, Requests(mut received)) = Queue::new();
        let mut next = |queue: &Queue| {
            queue.again(key("a"), Next::Patiently(Duration::from_secs(10)));
            let request = received.try_recv().expect("a request");
            request.run_at.duration_since(Instant::now()).as_secs_f64()
        };
        let pauses: Vec<f64> = (0..12).map(|_| next(&queue)).collect();
        assert!((7.0..=10.0).contains(&pauses[0]), "{pauses:?}");
        assert!(pauses[3] > 55.0, "{pauses:?}");
        assert!(
            pauses.iter().all(|pause| *pause <= LONGEST_WAIT.as_secs_f64()),
            "{pauses:?}"
        );
        assert!(pauses.iter().sum::<f64>() > 600.0, "{pauses:?}");
        assert!(queue.is_stuck(&key("a")));
        queue.happened(key("a"));
        assert!(!queue.is_stuck(&key("a")));
        assert!(next(&queue) <= SOON.as_secs_f64(), "soon");
        assert!((7.0..=10.0).contains(&next(&queue)), "from the beginning");
    }

    #[tokio::test]
    async fn failures_pause_up_to_five_minutes_and_success_forgets_them() {
        let (queue, _requests) = Queue::new();
        let pauses: Vec<Duration> = (0..14).map(|_| queue.failed(key("a"))).collect();
        let [first, last] = [0, 13].map(|place: usize| pauses[place].as_secs_f64());
        assert!(first <= 1.0, "{pauses:?}");
        assert!((225.0..=300.0).contains(&last), "{pauses:?}");
        queue.again(key("a"), Next::OnChange);
        assert!(queue.failed(key("a")).as_secs_f64() <= 1.0);
    }
}
