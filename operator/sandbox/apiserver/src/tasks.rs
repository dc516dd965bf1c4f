//! Background tasks, which run until the server stops.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::store::Change;
use crate::{Api, collector, namespaces, roles};

/// Creates the initial objects and starts the controllers of the API server.
pub(crate) fn start(api: &Arc<Api>, changes: mpsc::UnboundedReceiver<Change>) {
    namespaces::create_initial(api);
    roles::create_initial(api);
    let (to_namespaces, for_namespaces) = mpsc::unbounded_channel();
    namespaces::resume(api, &to_namespaces);
    tokio::spawn(collector::run(api.clone(), changes, to_namespaces));
    tokio::spawn(sync_often(api.clone()));
    tokio::spawn(namespaces::run(api.clone(), for_namespaces));
}

/// Interval of flushes to the disk, and so the most that a power failure can lose.
async fn sync_often(api: Arc<Api>) {
    const PERIOD: std::time::Duration = std::time::Duration::from_millis(100);
    let mut synced = 0;
    while let Some((_, length)) = api.store.file() {
        if length != synced {
            let syncing = api.clone();
            // This fails only at the end of the process.
            let _ = tokio::task::spawn_blocking(move || syncing.sync()).await;
            synced = length;
        }
        tokio::select! {
            () = tokio::time::sleep(PERIOD) => {}
            () = api.stopping.cancelled() => return,
        }
    }
}
