//! What goes on beside requests, until the server stops.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::store::Change;
use crate::{Api, collector, namespaces, roles};

/// Makes what every cluster has, and starts the tasks that work on stored objects.
pub(crate) fn start(api: &Arc<Api>, changes: mpsc::UnboundedReceiver<Change>) {
    namespaces::create_initial(api);
    roles::create_initial(api);
    let (to_namespaces, for_namespaces) = mpsc::unbounded_channel();
    namespaces::resume(api, &to_namespaces);
    tokio::spawn(collector::run(api.clone(), changes, to_namespaces));
    tokio::spawn(sync_often(api.clone()));
    tokio::spawn(namespaces::run(api.clone(), for_namespaces));
}

/// Brings writes to the disk soon after they are made: one power failure costs at most this much.
async fn sync_often(api: Arc<Api>) {
    const PERIOD: std::time::Duration = std::time::Duration::from_millis(100);
    let mut synced = 0;
    while let Some((_, length)) = api.store.file() {
        if length != synced {
            let syncing = api.clone();
            // It fails only when the process ends.
            let _ = tokio::task::spawn_blocking(move || syncing.sync()).await;
            synced = length;
        }
        tokio::select! {
            () = tokio::time::sleep(PERIOD) => {}
            () = api.stopping.cancelled() => return,
        }
    }
}
