//! An S3 server for tests: SeaweedFS.

use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use complaint_store::{Reach, Store, StoreError};

use crate::tool::Weed;

/// The users, with and without access to the bucket.
const IDENTITIES: &str = r#"{"identities": [
    {"name": "trainer", "credentials": [{"accessKey": "key", "secretKey": "a-secret"}], "actions": ["Admin", "Read", "Write", "List"]},
    {"name": "stranger", "credentials": [{"accessKey": "stranger", "secretKey": "a-secret"}], "actions": ["Read:elsewhere"]}
]}"#;

/// A server that stops with the test. The key `key` with the secret `a-secret` has all permissions; `stranger` with the
/// same secret can't read the bucket.
pub struct S3Server {
    child: Child,
    /// Its address, without TLS.
    pub address: SocketAddr,
    _state: tempfile::TempDir,
}

impl Drop for S3Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Ports that were free a moment ago.
fn free_ports<const COUNT: usize>() -> [u16; COUNT] {
    let listeners = [(); COUNT].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

impl S3Server {
    /// Starts it; retries if another process has taken one of the ports meanwhile.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start(weed: &Weed) -> Self {
        (0..5)
            .find_map(|_| Self::start_once(weed))
            .expect("the server ends as soon as it starts")
    }

    fn start_once(weed: &Weed) -> Option<Self> {
        let state = tempfile::tempdir().unwrap();
        let identities = state.path().join("identities.json");
        std::fs::write(&identities, IDENTITIES).unwrap();
        let [master, master_grpc, volume, volume_grpc, filer, filer_grpc, s3, s3_grpc] = free_ports();
        let child = Command::new(weed)
            .args(["-logtostderr=true", "server", "-ip=127.0.0.1", "-filer", "-s3"])
            .args([
                "-master.telemetry=false",
                "-master.volumeSizeLimitMB=64",
                "-volume.max=64",
            ])
            .args(["-s3.port.iceberg=0", "-s3.port.lance=0", "-s3.autoCreateBucket=true"])
            .arg(format!("-dir={}", state.path().display()))
            .arg(format!("-s3.config={}", identities.display()))
            .arg(format!(
                "-filer.localSocket={}",
                state.path().join("filer.sock").display()
            ))
            .arg(format!("-s3.localSocket={}", state.path().join("s3.sock").display()))
            .args([
                format!("-master.port={master}"),
                format!("-master.port.grpc={master_grpc}"),
            ])
            .args([
                format!("-volume.port={volume}"),
                format!("-volume.port.grpc={volume_grpc}"),
            ])
            .args([format!("-filer.port={filer}"), format!("-filer.port.grpc={filer_grpc}")])
            .args([format!("-s3.port={s3}"), format!("-s3.port.grpc={s3_grpc}")])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut server = Self {
            child,
            address: SocketAddr::from(([127, 0, 0, 1], s3)),
            _state: state,
        };
        let until = Instant::now() + Duration::from_secs(60);
        while server.child.try_wait().unwrap().is_none() {
            match server.try_put("ready", "ready", b"yes") {
                Ok(()) => return Some(server),
                Err(error) => assert!(Instant::now() < until, "the store takes nothing: {error}"),
            }
        }
        None
    }

    /// The environment variables of clients, with the keys that have all permissions.
    pub fn variables(&self) -> [(&'static str, String); 3] {
        [
            ("AWS_ENDPOINT", format!("http://{}", self.address)),
            ("AWS_ACCESS_KEY_ID", "key".into()),
            ("AWS_SECRET_ACCESS_KEY", "a-secret".into()),
        ]
    }

    /// Writes an object; creates its bucket if it is missing.
    ///
    /// # Panics
    /// If the write fails.
    pub fn put(&self, bucket: &str, key: &str, bytes: &[u8]) {
        self.try_put(bucket, key, bytes).unwrap();
    }

    /// The bytes of an object, if it exists.
    ///
    /// # Panics
    /// If the read fails.
    pub fn get(&self, bucket: &str, key: &str) -> Option<Vec<u8>> {
        wait(self.store(bucket).read(key)).unwrap().map(Into::into)
    }

    /// The keys of all objects of a bucket, sorted.
    ///
    /// # Panics
    /// If the list fails.
    pub fn list(&self, bucket: &str) -> Vec<String> {
        let entries = wait(self.store(bucket).list("")).unwrap();
        let mut keys: Vec<String> = entries.into_iter().map(|entry| entry.path).collect();
        keys.sort();
        keys
    }

    /// Deletes an object.
    ///
    /// # Panics
    /// If the deletion fails.
    pub fn delete(&self, bucket: &str, key: &str) {
        wait(self.store(bucket).delete(key)).unwrap();
    }

    fn try_put(&self, bucket: &str, key: &str, bytes: &[u8]) -> Result<(), StoreError> {
        wait(self.store(bucket).write(key, bytes.to_vec().into()))
    }

    /// The store in a bucket, or in `bucket/prefix`.
    ///
    /// # Panics
    /// If the name is invalid.
    pub fn store(&self, bucket: &str) -> Store {
        let variables = self.variables().map(|(name, value)| (name.to_owned(), value));
        Store::open_with(&format!("s3://{bucket}"), variables.to_vec(), Reach::Anywhere).unwrap()
    }
}

fn wait<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(work)
}
