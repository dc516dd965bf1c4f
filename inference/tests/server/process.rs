//! The program: its one line, its exit codes, its last words, its signals.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use complaint_model::Sha256Digest;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::client::{get, post};
use crate::model::{self, CARDS};

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_complaint-inference"));
    command
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn run(model: &Path, digest: &str, extra: &[&str]) -> Output {
    let arguments = ["--digest", digest, "--bind", "127.0.0.1:0"];
    program()
        .arg("--model")
        .arg(model)
        .args(arguments)
        .args(extra)
        .output()
        .unwrap()
}

/// A running server that ends with the test.
struct Running {
    child: Child,
    address: SocketAddr,
    line: Value,
}

impl Running {
    fn start(model: &Path, digest: &str) -> Self {
        let arguments = ["--digest", digest, "--bind", "127.0.0.1:0", "--log", "debug"];
        let mut child = program().arg("--model").arg(model).args(arguments).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap())
            .read_line(&mut line)
            .unwrap();
        let line: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
        let address = line["address"].as_str().unwrap().parse().unwrap();
        Self { child, address, line }
    }

    fn signal(&self, signal: &str) {
        let status = Command::new("kill")
            .args([signal, &self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(status.success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn serves_the_file_until_a_signal() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("model.safetensors");
    let (bytes, digest) = model::file();
    std::fs::write(&path, bytes).unwrap();
    std::fs::write(directory.path().join("report.json"), "{\"metrics\":{}}").unwrap();
    for signal in ["-TERM", "-INT"] {
        let mut server = Running::start(&path, &digest.prefixed());
        assert_eq!(server.line["modelDigest"], digest.prefixed());
        assert_ne!(server.address.port(), 0);
        let ready = format!("/v2/health/ready?digest={}", digest.prefixed());
        assert_eq!(get(server.address, &ready).await.status, 200);
        let answer = post(server.address, "/predict", &json!({ "text": CARDS })).await.json();
        assert_eq!(answer["category"], "Cards");

        assert_eq!(get(server.address, "/report").await.json(), json!({ "metrics": {} }));

        server.signal(signal);
        assert_eq!(server.child.wait().unwrap().code(), Some(0), "{signal}");
        let (mut out, mut log) = (String::new(), String::new());
        server.child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
        server.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        assert_eq!(out, "", "one line is all that standard output gets");
        assert!(log.contains("request answered"), "{log}");
        assert!(!log.contains("charged"), "a complaint's text must not be logged: {log}");
        for line in log.lines() {
            serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        }
    }
}

#[test]
fn a_model_that_cannot_be_used_is_refused() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("model.safetensors");
    let log = directory.path().join("termination");
    let (good, _) = model::file();
    let cut = good[..good.len() / 2].to_vec();
    let garbage = b"not a model".to_vec();
    let right = |bytes: &[u8]| Sha256Digest::of_bytes(bytes).prefixed();
    let other = right(b"something else");
    for (name, bytes, digest, reason, code, words) in [
        (
            "other digest",
            &good,
            other.clone(),
            "DigestMismatch",
            65,
            "correct --digest",
        ),
        ("cut", &cut, right(&cut), "CorruptArtifact", 65, "damaged"),
        ("garbage", &garbage, right(&garbage), "CorruptArtifact", 65, "damaged"),
        ("empty", &vec![], right(&[]), "CorruptArtifact", 65, "damaged"),
    ] {
        std::fs::write(&path, bytes).unwrap();
        let output = run(&path, &digest, &["--termination-log", log.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(code), "{name}");
        assert!(output.stdout.is_empty(), "{name}: it never listened");
        let last: Value = serde_json::from_slice(&std::fs::read(&log).unwrap()).unwrap();
        assert_eq!(last["error"]["reason"], reason, "{name}");
        let message = last["error"]["message"].as_str().unwrap();
        assert!(
            message.contains(words) && message.contains(path.to_str().unwrap()),
            "{name}: {message}"
        );
        assert!(String::from_utf8_lossy(&output.stderr).contains(reason), "{name}");
    }
}

#[test]
fn what_may_pass_is_worth_a_restart() {
    let directory = TempDir::new().unwrap();
    let log = directory.path().join("termination");
    let digest = Sha256Digest::of_bytes(b"").prefixed();
    let output = run(
        &directory.path().join("absent"),
        &digest,
        &["--termination-log", log.to_str().unwrap()],
    );
    assert_eq!(output.status.code(), Some(1), "a volume can be late");
    let last: Value = serde_json::from_slice(&std::fs::read(&log).unwrap()).unwrap();
    assert_eq!(last["error"]["reason"], "ModelNotFound");

    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let path = directory.path().join("model.safetensors");
    let (bytes, digest) = model::file();
    std::fs::write(&path, bytes).unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let arguments = ["--digest", &digest.prefixed(), "--bind", &address];
    let output = program().arg("--model").arg(&path).args(arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--bind"));
}

#[test]
fn bad_arguments_have_their_own_exit_code() {
    let digest = Sha256Digest::of_bytes(b"").prefixed();
    for (name, arguments, words) in [
        ("nothing", vec![], "--model"),
        (
            "digest",
            vec!["--model", "m", "--digest", "sha256:12"],
            "64 hexadecimal digits",
        ),
        (
            "address",
            vec!["--model", "m", "--digest", &digest, "--bind", "8080"],
            "--bind",
        ),
        (
            "name",
            vec!["--model", "m", "--digest", &digest, "--name", "a/b"],
            "letters",
        ),
        (
            "threshold",
            vec!["--model", "m", "--digest", &digest, "--abstain-below", "2"],
            "from 0 to 1",
        ),
        (
            "duration",
            vec!["--model", "m", "--digest", &digest, "--drain-timeout", "1h"],
            "ms, s or m",
        ),
        (
            "filter",
            vec!["--model", "m", "--digest", &digest, "--log", "a=b=c"],
            "--log",
        ),
    ] {
        let output = program().args(arguments).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(64), "{name}: {stderr}");
        assert!(stderr.contains(words), "{name}: {stderr}");
    }
    assert_eq!(program().arg("--help").output().unwrap().status.code(), Some(0));
}
