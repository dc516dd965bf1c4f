//! A server that collects, and what it has appended to its store.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use axum::http::Request;
use bytes::Bytes;
use complaint_contract::segments::day_of;
use complaint_store::segments::members;
use http_body_util::Full;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tempfile::TempDir;

use crate::client::{Answer, get, send};
use crate::model;
use crate::running::{Running, program};

pub const TOKEN: &str = "team-a";
const JSON: &str = "application/json";

/// A directory with a model, a token file, and a place for a store.
pub struct Place(TempDir);

impl Place {
    pub fn new() -> Self {
        let directory = TempDir::new().unwrap();
        std::fs::write(directory.path().join("model.safetensors"), model::file().0).unwrap();
        std::fs::write(directory.path().join("tokens"), TOKEN).unwrap();
        Self(directory)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The program with this model and store.
    pub fn with_store(&self, store: &str) -> Command {
        let mut command = program();
        command.arg("--model").arg(self.path("model.safetensors"));
        command.args(["--name", "cards", "--store", store]);
        command
    }

    /// The same, which takes corrections.
    pub fn taking(&self, store: &str) -> Command {
        let mut command = self.with_store(store);
        command.arg("--feedback-token-file").arg(self.path("tokens"));
        command
    }

    /// A server that takes corrections.
    pub fn start(&self, extra: &[&str]) -> Running {
        Running::start_with(self.taking(self.path("store").to_str().unwrap()).args(extra))
    }

    /// The program with a store that takes connections and never answers. The listener keeps it so.
    pub fn with_silent_store(&self, command: impl Fn(&Self, &str) -> Command) -> (Command, TcpListener) {
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut command = command(self, "s3://collected/default/cards");
        command.envs([
            (
                "AWS_ENDPOINT",
                format!("http://{}", silent.local_addr().unwrap()).as_str(),
            ),
            ("AWS_ACCESS_KEY_ID", "key"),
            ("AWS_SECRET_ACCESS_KEY", "a-secret"),
        ]);
        (command, silent)
    }

    /// The rows in a folder of the store.
    pub fn rows<T: DeserializeOwned>(&self, folder: &str) -> Vec<T> {
        files(&self.path("store").join(folder))
            .iter()
            .flat_map(|path| read(&std::fs::read(path).unwrap()))
            .collect()
    }
}

/// All segments below a folder, by path.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let days = std::fs::read_dir(folder).into_iter().flatten();
    let mut files: Vec<PathBuf> = days
        .flat_map(|day| std::fs::read_dir(day.unwrap().path()).unwrap())
        .map(|file| file.unwrap().path())
        .collect();
    for file in &files {
        let path = file.strip_prefix(folder).unwrap().to_str().unwrap();
        assert!(day_of(path).is_some(), "{path}");
    }
    files.sort();
    files
}

/// The rows of a segment, up to its tear.
pub fn read<T: DeserializeOwned>(segment: &[u8]) -> Vec<T> {
    let lines: Vec<u8> = members(segment).flatten().collect();
    let lines = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).unwrap()).collect()
}

/// Sends corrections as somebody with this token.
pub async fn correct_as(
    address: SocketAddr,
    token: Option<&str>,
    content_type: &str,
    body: impl Into<Bytes>,
) -> Answer {
    let mut request = Request::post("/feedback")
        .header("host", "test")
        .header("content-type", content_type);
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    send(address, request.body(Full::new(body.into())).unwrap()).await
}

pub async fn correct(address: SocketAddr, body: &Value) -> Answer {
    correct_as(address, Some(TOKEN), JSON, body.to_string()).await
}

/// The value of a series.
pub async fn series(address: SocketAddr, name: &str) -> u64 {
    let metrics = get(address, "/metrics").await;
    let start = format!("complaint_inference_{name} ");
    let found = metrics.text().lines().find_map(|line| line.strip_prefix(&start));
    found.unwrap_or_else(|| panic!("no {name}")).parse().unwrap()
}

/// Waits until a series has a value, for longer than rows wait to be written.
pub async fn until_series(address: SocketAddr, name: &str, fits: impl Fn(u64) -> bool) {
    let waiting = async {
        while !fits(series(address, name).await) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), waiting)
        .await
        .unwrap_or_else(|_| panic!("never: {name}"));
}
