//! Lists and watches the three kinds for as long as the dashboard runs.

use std::{collections::HashSet, sync::Arc, time::Duration};

use complaint_api::{ComplaintClassifier, ModelVersion, TrainingRun};
use futures::{FutureExt, StreamExt, future::BoxFuture};
use jiff::Timestamp;
use kube::{
    ResourceExt,
    runtime::watcher::{self, Event, watcher},
};

use super::board::{Board, Shown};
use crate::{
    cluster::{Cluster, Scope},
    console::Console,
    error::{Error, chain},
};

/// Objects a page of a list: a page is in memory with all that is trimmed afterwards.
const PAGE: u32 = 100;
/// How long one watch lasts, in seconds. A connection that died without a word is noticed that late.
const WATCH: u32 = 60;
/// The shortest and the longest pause after a failure.
const PAUSES: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(15)];

/// The feeds of all kinds, one a scope. They end only with the program.
pub(super) fn all(
    cluster: &Cluster,
    scopes: &[Scope],
    board: &Arc<Board>,
    console: Console,
) -> Vec<BoxFuture<'static, ()>> {
    scopes
        .iter()
        .flat_map(|scope| {
            let cluster = cluster.scoped(scope.clone());
            [
                feed::<ComplaintClassifier>(cluster.clone(), board.clone(), console).boxed(),
                feed::<ModelVersion>(cluster.clone(), board.clone(), console).boxed(),
                feed::<TrainingRun>(cluster, board.clone(), console).boxed(),
            ]
        })
        .collect()
}

/// The board waits for the first list from here on, not only once the future is polled.
fn feed<K: Shown>(cluster: Cluster, board: Arc<Board>, console: Console) -> impl Future<Output = ()> + Send {
    let access = cluster.access::<K>("watch", "");
    let name = access.to_string();
    board.expect(&name);
    async move {
        let config = watcher::Config::default().page_size(PAGE).timeout(WATCH);
        let watch = || watcher(cluster.api::<K>(), config.clone()).boxed();
        let mut events = watch();
        let mut listed = HashSet::new();
        let mut pause = PAUSES[0];
        while let Some(event) = events.next().await {
            let event = match event {
                Ok(event) => event,
                Err(error) => {
                    let message = Error::of_access(access.clone(), cause(error)).to_string();
                    if board.failed(&name, message.clone(), Timestamp::now()) {
                        console.warning(&message);
                    }
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(PAUSES[1]);
                    // A watch that goes on is silent until something changes; a list shows at once that the API server is back.
                    events = watch();
                    continue;
                }
            };
            match event {
                // A list that has begun is no success yet.
                Event::Init => {
                    listed.clear();
                    continue;
                }
                Event::InitApply(object) => {
                    listed.insert(board.put(object));
                    continue;
                }
                Event::InitDone => board.listed::<K>(&name, &cluster.scope, &std::mem::take(&mut listed)),
                Event::Apply(object) => drop(board.put(object)),
                Event::Delete(object) => {
                    board.remove::<K>(&(object.namespace().unwrap_or_default(), object.name_any()));
                }
            }
            pause = PAUSES[0];
            if board.works(&name) {
                console.note(&format!("{name} works again"));
            }
        }
    }
}

/// The error of the request behind a watch's.
fn cause(error: watcher::Error) -> kube::Error {
    match error {
        watcher::Error::InitialListFailed(error)
        | watcher::Error::WatchStartFailed(error)
        | watcher::Error::WatchFailed(error) => error,
        watcher::Error::WatchError(status) => kube::Error::Api(status),
        error @ watcher::Error::NoResourceVersion => kube::Error::Service(chain(&error).into()),
    }
}
