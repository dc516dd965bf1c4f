//! Lists and watches one kind in one namespace, or all, for as long as the process runs.

use std::{
    collections::HashSet,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::StreamExt;
use kube::{
    Api, Client,
    runtime::{watcher, watcher::Event},
};
use tokio::{sync::oneshot, task::JoinSet};

use super::{Cached, Kept, Key, Origin, Store, kind};
use crate::client::jittered;

/// Objects a page of a list: an object can have a quarter of a megabyte of annotations, which the page holds.
const PAGE: u32 = 50;
/// How long one watch lasts, in seconds. A connection that died without a word is noticed that late.
const WATCH: u32 = 120;
/// The longest pause after a failed list or watch; events of that time are seen that late.
const LONGEST_PAUSE: Duration = Duration::from_secs(8);
/// How often own writes are looked for that no event has confirmed.
const TIDY: Duration = Duration::from_secs(30);

/// Starts the feeds of a kind, one a scope, and waits for their first lists.
pub(super) async fn start<K: Cached>(
    client: &Client,
    scopes: &[Option<String>],
    store: &Arc<Store<K>>,
    tasks: &mut JoinSet<()>,
) {
    for scope in scopes {
        let api = match scope {
            Some(namespace) => Api::namespaced(client.clone(), namespace),
            None => Api::all(client.clone()),
        };
        let (listed, first) = oneshot::channel();
        tasks.spawn(feed(api, scope.clone(), store.clone(), listed));
        // A sender that is dropped means that the task was stopped.
        let _ = first.await;
    }
}

async fn feed<K: Cached>(api: Api<Kept<K>>, scope: Option<String>, store: Arc<Store<K>>, first: oneshot::Sender<()>) {
    let mut config = watcher::Config::default().page_size(PAGE).timeout(WATCH);
    if let Some(selector) = K::SELECTOR {
        config = config.labels(selector);
    }
    let watch = || watcher(api.clone(), config.clone()).boxed();
    let mut events = watch();
    let mut tidy = tokio::time::interval(TIDY);
    let (mut first, mut listed, mut failures) = (Some(first), HashSet::new(), 0);
    let mut began = Instant::now();
    loop {
        let event = tokio::select! {
            event = events.next() => event,
            _ = tidy.tick() => {
                // Events are missing: a new list tells what became of the objects.
                if store.waits_for_events() {
                    events = watch();
                }
                continue;
            }
        };
        match event {
            None => return,
            Some(Err(error)) => {
                let pause = pause(failures);
                failures += 1;
                tracing::warn!(kind = kind::<K>(), %error, again_in = ?pause, "a watch failed and is tried again");
                tokio::time::sleep(pause).await;
                continue;
            }
            // The begin of a list is no success yet.
            Some(Ok(Event::Init)) => {
                listed = HashSet::new();
                began = Instant::now();
                continue;
            }
            Some(Ok(Event::InitApply(object))) => {
                listed.insert(Key::of(&object));
                store.put(object, Origin::Watch);
            }
            Some(Ok(Event::InitDone)) => {
                store.retain(scope.as_deref(), &std::mem::take(&mut listed), began);
                if let Some(first) = first.take() {
                    let _ = first.send(());
                }
            }
            Some(Ok(Event::Apply(object))) => store.put(object, Origin::Watch),
            Some(Ok(Event::Delete(object))) => store.remove(&object),
        }
        failures = 0;
    }
}

/// The pause after a failure that follows on `failures` others.
fn pause(failures: u32) -> Duration {
    let doubled = Duration::from_millis(500) * 2_u32.saturating_pow(failures.min(16));
    jittered(doubled.min(LONGEST_PAUSE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_stay_short() {
        let pauses: Vec<Duration> = (0..40).map(pause).collect();
        assert!(pauses[0] < Duration::from_secs(1), "{pauses:?}");
        let longest = pauses.iter().max();
        assert!(longest <= Some(&Duration::from_secs(10)), "{pauses:?}");
        assert!(pauses[39] > Duration::from_secs(5), "{pauses:?}");
    }
}
