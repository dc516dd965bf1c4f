//! Kubeconfig files.

use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use base64::Engine;
use serde_json::json;

/// The API server's address and certificate authority.
#[derive(Debug, Clone)]
pub struct Connection {
    /// Name of the cluster in kubeconfigs.
    pub cluster: String,
    /// The server's https address.
    pub server: String,
    /// The authority's certificate in PEM.
    pub authority: String,
}

impl Connection {
    /// Writes a kubeconfig with one user and its bearer token.
    ///
    /// Only its owner can read the file, because any local process with the token can run programs.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&self, path: &Path, user: &str, token: &str, namespace: &str) -> io::Result<()> {
        let name = &self.cluster;
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{ "name": name, "cluster": {
                "server": self.server,
                "certificate-authority-data": base64::engine::general_purpose::STANDARD.encode(&self.authority),
            } }],
            "users": [{ "name": user, "user": { "token": token } }],
            "contexts": [{ "name": name, "context": { "cluster": name, "user": user, "namespace": namespace } }],
            "current-context": name,
        });
        // JSON is valid YAML. An existing file would keep its mode, so it is replaced.
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        file.write_all(format!("{config:#}\n").as_bytes())
    }
}
