//! The state of one API server.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::addresses::AddressPool;
use crate::audit::AuditLog;
use crate::registry::Registry;
use crate::store::{Change, Contents, Journal, Store};
use crate::token::TokenKey;

/// The options of a server.
pub(crate) struct Settings {
    /// Where the runner keeps pods' logs.
    pub(crate) pods_dir: PathBuf,
    /// Whether requests are authorised by RBAC; otherwise everything is allowed.
    pub(crate) rbac: bool,
    /// The audit log.
    pub(crate) audit: Option<AuditLog>,
}

/// The state of one API server.
pub(crate) struct Api {
    pub(crate) store: Store,
    pub(crate) registry: Registry,
    pub(crate) token: String,
    pub(crate) token_key: TokenKey,
    /// Whether requests are authorised by RBAC.
    pub(crate) rbac: bool,
    pub(crate) audit: Option<AuditLog>,
    pub(crate) pods_dir: PathBuf,
    pub(crate) stopping: CancellationToken,
    addresses: Mutex<AddressPool>,
}

impl Api {
    /// A server with the saved objects.
    pub(crate) fn new(
        token: String,
        token_key: TokenKey,
        settings: Settings,
        saved: Option<(Journal, Contents)>,
        stopping: CancellationToken,
    ) -> (Arc<Self>, mpsc::UnboundedReceiver<Change>) {
        let (store, changes) = Store::new(saved);
        let api = Arc::new(Self {
            store,
            registry: Registry::new(),
            token,
            token_key,
            rbac: settings.rbac,
            audit: settings.audit,
            pods_dir: settings.pods_dir,
            stopping,
            addresses: Mutex::default(),
        });
        for storage in api.registry.storages() {
            api.store.register(&storage);
        }
        (api, changes)
    }

    /// Flushes the stored objects to the disk.
    pub(crate) fn sync(&self) {
        if let Some((file, _)) = self.store.file()
            && let Err(error) = file.sync_data()
        {
            tracing::error!(%error, "the objects could not be flushed to the disk");
        }
    }

    /// The cluster IPs and node ports in use.
    pub(crate) fn addresses(&self) -> MutexGuard<'_, AddressPool> {
        self.addresses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
