//! The state of one API server.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::audit::AuditLog;
use crate::authentication::TokenKey;
use crate::meta::Meta;
use crate::registry::Registry;
use crate::resource::Resource;
use crate::store::{Change, Contents, Item, Journal, Store};
use crate::verbs::AddressPool;
use crate::{collector, crd, http, namespaces, rbac, verbs};

/// How a server is to behave.
pub(crate) struct Settings {
    /// Where the runner keeps pods' logs.
    pub(crate) pods_dir: PathBuf,
    /// Whether Roles decide what users may do; otherwise everybody may do everything.
    pub(crate) rbac: bool,
    /// Where requests are written down.
    pub(crate) audit: Option<AuditLog>,
}

/// The state of one API server.
pub struct Api {
    pub(crate) store: Store,
    pub(crate) registry: Registry,
    pub(crate) token: String,
    pub(crate) token_key: TokenKey,
    /// Whether Roles decide what users may do.
    pub(crate) rbac: bool,
    pub(crate) audit: Option<AuditLog>,
    pub(crate) pods_dir: PathBuf,
    pub(crate) stopping: CancellationToken,
    addresses: Mutex<AddressPool>,
}

impl Api {
    /// A server with the namespaces that every cluster has.
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
        api.restore();
        (api, changes)
    }

    /// Takes up again what follows from stored objects: definitions are served, Services hold their addresses.
    fn restore(&self) {
        for definition in self.store.all("apiextensions.k8s.io/customresourcedefinitions", "") {
            let storage = self.registry.serve(&definition.object);
            self.store.register(&storage);
        }
        for service in self.store.all("/services", "") {
            verbs::claim_service(self, &service.object);
        }
    }

    /// Brings what is stored to the disk.
    pub(crate) fn sync(&self) {
        if let Some((file, _)) = self.store.file()
            && let Err(error) = file.sync_data()
        {
            tracing::error!(%error, "the objects could not be brought to the disk");
        }
    }

    /// The HTTP service.
    pub(crate) fn router(self: &Arc<Self>) -> Router {
        Router::new().fallback(http::handle).with_state(self.clone())
    }

    /// Starts the tasks that work on stored objects until the server stops.
    pub(crate) fn spawn_tasks(self: &Arc<Self>, changes: mpsc::UnboundedReceiver<Change>) {
        namespaces::create_initial(self);
        rbac::create_initial(self);
        let (to_namespaces, for_namespaces) = mpsc::unbounded_channel();
        namespaces::resume(self, &to_namespaces);
        tokio::spawn(collector::run(self.clone(), changes, to_namespaces));
        tokio::spawn(sync_often(self.clone()));
        tokio::spawn(namespaces::run(self.clone(), for_namespaces));
    }

    pub(crate) fn addresses(&self) -> MutexGuard<'_, AddressPool> {
        self.addresses.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What follows at once from a write, before it is answered.
    pub(crate) fn wrote(&self, resource: &Resource, item: &Item) {
        if resource.is_definition() {
            let storage = self.registry.serve(&item.object);
            self.store.register(&storage);
        }
        if &*resource.storage == "/namespaces" && !item.object.is_deleting() {
            namespaces::fill(self, item.object.name());
        }
    }

    /// What follows at once from a removal.
    pub(crate) fn removed(&self, resource: &Resource, item: &Item) {
        if resource.is_definition() {
            self.registry.withdraw(&item.object);
            self.store.unregister(&crd::storage_of(&item.object));
        }
        if &*resource.storage == "/services" {
            verbs::release_service(self, &item.object);
        }
    }
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

/// The `/version` document.
pub(crate) fn version() -> Value {
    json!({
        "major": "1",
        "minor": "36",
        "emulationMajor": "1",
        "emulationMinor": "36",
        "minCompatibilityMajor": "1",
        "minCompatibilityMinor": "35",
        "gitVersion": "v1.36.0+sandbox",
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "none",
        "compiler": "rustc",
        "platform": format!("{}/{}", std::env::consts::OS, std::env::consts::ARCH),
    })
}
