//! Starts and stops the server.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use futures::future::BoxFuture;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::api::{Api, Settings};
use crate::audit::AuditLog;
use crate::state::{Credentials, StateDirectory, StateError};
use crate::tls::{CertificateError, Listener};
use crate::token::TokenKey;
use crate::{http, tasks, verbs};

/// The options of a server.
#[derive(Debug, Clone)]
pub struct Options {
    /// Port on 127.0.0.1; 0 picks a free one.
    pub port: u16,
    /// The bearer token; a random one if absent.
    pub token: Option<String>,
    /// Directory for objects and credentials; without it they are kept in memory only.
    pub state: Option<PathBuf>,
    /// The runner's directory for pods; logs are `<pods_dir>/<pod uid>/<container>/<restart>.log`.
    pub pods_dir: PathBuf,
    /// Authorise requests by RBAC, except those with the sandbox's own token. Otherwise every valid token is allowed
    /// everything.
    pub rbac: bool,
    /// The audit log, one `audit.k8s.io/v1` event per line; an existing file is appended to.
    pub audit_log: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            port: 0,
            token: None,
            state: None,
            pods_dir: std::env::temp_dir().join("sandbox-pods"),
            rbac: false,
            audit_log: None,
        }
    }
}

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The port is not free.
    #[error("listening on 127.0.0.1:{port}: {source}; choose another port, or 0 for any")]
    Listen {
        /// The requested port.
        port: u16,
        /// What the system says.
        source: std::io::Error,
    },
    /// The state directory cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// The certificate for HTTPS cannot be made or used.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The audit log could not be opened.
    #[error("opening the audit log {path}: {source}; choose a file in a directory that exists and is writable")]
    AuditLog {
        /// The requested path.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
}

/// A running API server. Dropping it stops the server.
pub struct Server {
    address: SocketAddr,
    token: String,
    authority: String,
    api: Arc<Api>,
    stopping: CancellationToken,
    server: JoinHandle<()>,
    /// Holds the lock of the state directory.
    _lock: Option<std::fs::File>,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Server {
    /// Starts an API server on loopback, with the initial namespaces.
    ///
    /// The future is boxed, so that it is compiled in this crate and not in every program that awaits it.
    ///
    /// # Errors
    /// [`StartError`] if the port is taken or a file cannot be used.
    pub fn start(options: Options) -> BoxFuture<'static, Result<Self, StartError>> {
        Box::pin(Self::launch(options))
    }

    async fn launch(options: Options) -> Result<Self, StartError> {
        let Options {
            port,
            token,
            state,
            pods_dir,
            rbac,
            audit_log,
        } = options;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .await
            .map_err(|source| StartError::Listen { port, source })?;
        let address = listener
            .local_addr()
            .map_err(|source| StartError::Listen { port, source })?;
        let (credentials, saved, lock) = match &state {
            Some(directory) => {
                let state = StateDirectory::open(directory)?;
                (state.credentials, Some(state.objects), Some(state.lock))
            }
            None => (Credentials::make()?, None, None),
        };
        let token = token.unwrap_or_else(|| credentials.token.clone());
        let audit = audit_log.map(|path| AuditLog::open(&path).map_err(|source| StartError::AuditLog { path, source }));
        let settings = Settings {
            pods_dir,
            rbac,
            audit: audit.transpose()?,
        };
        let stopping = CancellationToken::new();
        let token_key = TokenKey::new(credentials.signing_key.as_bytes());
        let (api, changes) = Api::new(token.clone(), token_key, settings, saved, stopping.clone());
        verbs::restore(&api);
        tasks::start(&api, changes);
        let router = Router::new().fallback(http::handle).with_state(api.clone());
        let stopped = stopping.clone();
        let listener = Listener::new(listener, address, &credentials.certificates)?;
        let server = tokio::spawn(async move {
            let serve = axum::serve(listener, router).with_graceful_shutdown(stopped.cancelled_owned());
            if let Err(error) = serve.await {
                tracing::error!(%error, "the API server ended");
            }
        });
        Ok(Self {
            address,
            token,
            authority: credentials.certificates.authority,
            api,
            stopping,
            server,
            _lock: lock,
        })
    }

    /// `http://127.0.0.1:port`, for clients in this process; the same port serves HTTPS.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The bearer token.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// `https://127.0.0.1:port`, for kubeconfigs.
    pub fn https_url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// The certificate authority of the server's certificate, in PEM.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// A client configuration for this server.
    ///
    /// # Panics
    /// Never: the URL is made of a socket address.
    pub fn config(&self) -> kube::Config {
        let url = self.url().parse().expect("a socket address makes a URL");
        let mut config = kube::Config::new(url);
        config.auth_info.token = Some(self.token.clone().into());
        config
    }

    /// A client of this server.
    ///
    /// # Errors
    /// If the client cannot be made from the configuration.
    pub fn client(&self) -> Result<kube::Client, kube::Error> {
        kube::Client::try_from(self.config())
    }

    /// Cancelled when the sandbox stops.
    pub fn stopping(&self) -> CancellationToken {
        self.stopping.clone()
    }

    /// Stops the server and waits for open requests.
    pub async fn stop(mut self) {
        self.stopping.cancel();
        // The server task only ends by itself.
        let _ = (&mut self.server).await;
        self.api.sync();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stopping.cancel();
    }
}
