//! The persistent state: objects and credentials.

use std::fs::{File, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::store::{Contents, Journal, JournalError};
use crate::tls::{CertificateError, Certificates};

/// Why a state directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Another sandbox uses it.
    #[error("{} is in use by another sandbox; stop it, or choose another directory", .0.display())]
    InUse(PathBuf),
    /// A file cannot be read or written.
    #[error("{}: {source}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The credentials cannot be parsed.
    #[error("{}: {source}; remove the file to create new credentials", .path.display())]
    Credentials {
        /// The file.
        path: PathBuf,
        /// The parse error.
        source: serde_json::Error,
    },
    /// The objects cannot be read.
    #[error(transparent)]
    Objects(#[from] JournalError),
    /// The certificates cannot be made.
    #[error(transparent)]
    Certificates(#[from] CertificateError),
}

/// Credentials of the server.
#[derive(Serialize, Deserialize)]
pub(crate) struct Credentials {
    /// The administrator's bearer token.
    pub(crate) token: String,
    /// The key that signs tokens of service accounts, in hexadecimal.
    pub(crate) signing_key: String,
    /// The certificate of the HTTPS listener.
    pub(crate) certificates: Certificates,
}

impl Credentials {
    /// Makes new credentials.
    ///
    /// # Errors
    /// [`CertificateError`] if the cryptography fails.
    pub(crate) fn make() -> Result<Self, CertificateError> {
        let secret = || hex::encode(rand::random::<[u8; 32]>());
        Ok(Self {
            token: secret(),
            signing_key: secret(),
            certificates: Certificates::make()?,
        })
    }
}

/// A directory that is locked by one process.
pub(crate) struct StateDirectory {
    /// Released when the process ends.
    pub(crate) lock: File,
    /// Secrets.
    pub(crate) credentials: Credentials,
    /// Objects.
    pub(crate) objects: (Journal, Contents),
}

impl StateDirectory {
    /// Opens or creates a directory.
    ///
    /// # Errors
    /// [`StateError`] if another process uses it or a file in it is unusable.
    pub(crate) fn open(directory: &Path) -> Result<Self, StateError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| StateError::File { path, source }
        };
        // Any local process with a token from this directory can run programs.
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true).mode(0o700);
        builder.create(directory).map_err(failed(directory))?;
        let path = directory.join("lock");
        let lock = File::create(&path).map_err(failed(&path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StateError::InUse(directory.to_owned())),
            Err(TryLockError::Error(source)) => return Err(StateError::File { path, source }),
        }
        Ok(Self {
            lock,
            credentials: credentials(&directory.join("credentials.json"))?,
            objects: Journal::open(&directory.join("objects.log"))?,
        })
    }
}

/// Reads or creates the credentials.
fn credentials(path: &Path) -> Result<Credentials, StateError> {
    let failed = |source| StateError::File {
        path: path.to_owned(),
        source,
    };
    match std::fs::read(path) {
        Ok(text) => {
            return serde_json::from_slice(&text).map_err(|source| StateError::Credentials {
                path: path.to_owned(),
                source,
            });
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
    }
    let made = Credentials::make()?;
    let text = serde_json::to_vec_pretty(&made).map_err(|source| StateError::Credentials {
        path: path.to_owned(),
        source,
    })?;
    // Written under another name first, because a partial file would be unreadable.
    let new = path.with_extension("new");
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(&new).map_err(failed)?;
    file.write_all(&text).and_then(|()| file.sync_all()).map_err(failed)?;
    std::fs::rename(&new, path).map_err(failed)?;
    Ok(made)
}
