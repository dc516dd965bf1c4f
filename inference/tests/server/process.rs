//! The program: its one line, its exit codes, its last words, its signals.

use std::path::Path;
use std::process::Output;

use complaint_model::Sha256Digest;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::client::{get, post};
use crate::model::{self, CARDS};
use crate::running::{Running, program};

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

#[tokio::test]
async fn serves_the_file_until_a_signal() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("model.safetensors");
    let (bytes, digest) = model::file();
    std::fs::write(&path, bytes).unwrap();
    let report = json!({ "artifactSha256": digest, "metrics": {} });
    std::fs::write(directory.path().join("report.json"), report.to_string()).unwrap();
    for signal in ["-TERM", "-INT"] {
        let path = path.to_str().unwrap();
        let mut server = Running::start(&["--model", path, "--digest", &digest.prefixed(), "--log", "debug"]);
        assert_eq!(server.line["modelDigest"], digest.prefixed());
        assert_ne!(server.address.port(), 0);
        let ready = format!("/v2/health/ready?digest={}", digest.prefixed());
        assert_eq!(get(server.address, &ready).await.status, 200);
        let answer = post(server.address, "/predict", &json!({ "text": CARDS })).await.json();
        assert_eq!(answer["category"], "Cards");

        assert_eq!(get(server.address, "/report").await.json(), report);

        server.signal(signal);
        assert_eq!(server.wait(), Some(0), "{signal}");
        assert_eq!(server.rest_of_output(), "", "one line is all that standard output gets");
        let log = server.log();
        assert!(log.contains("request answered"), "{log}");
        assert!(!log.contains("charged"), "a complaint's text must not be logged: {log}");
        for line in log.lines() {
            serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        }
    }
}

#[tokio::test]
async fn a_report_of_another_model_is_not_served() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("model.safetensors");
    let (bytes, digest) = model::file();
    std::fs::write(&path, bytes).unwrap();
    let report = json!({ "artifactSha256": Sha256Digest::of_bytes(b"another model") });
    std::fs::write(directory.path().join("report.json"), report.to_string()).unwrap();
    let server = Running::start(&["--model", path.to_str().unwrap(), "--digest", &digest.prefixed()]);
    assert_eq!(get(server.address, "/report").await.status, 404);
    assert!(server.log().contains("another model's"), "{}", server.log());
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
fn a_threshold_of_no_category_is_refused_with_the_list() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("model.safetensors");
    let log = directory.path().join("termination");
    let (bytes, digest) = model::file();
    std::fs::write(&path, bytes).unwrap();
    for (arguments, reason, words) in [
        (
            &["--min-precision", "Card=0.9", "--min-recall=Cards=0.9"][..],
            "UnknownCategory",
            "no category `Card`; its categories are `Cards`, `Loans`",
        ),
        (
            &["--min-precision", "Cards=0.9", "--min-recall", "Cards=0.9"],
            "InvalidArguments",
            "`Cards` has two thresholds",
        ),
    ] {
        let arguments = [&["--termination-log", log.to_str().unwrap()], arguments].concat();
        let output = run(&path, &digest.prefixed(), &arguments);
        assert_eq!(output.status.code(), Some(64));
        let last: Value = serde_json::from_slice(&std::fs::read(&log).unwrap()).unwrap();
        assert_eq!(last["error"]["reason"], reason);
        let message = last["error"]["message"].as_str().unwrap();
        assert!(message.contains(words), "{message}");
    }
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
            "precision",
            vec!["--model", "m", "--digest", &digest, "--min-precision", "Cards"],
            "CATEGORY=SHARE",
        ),
        (
            "duration",
            vec!["--model", "m", "--digest", &digest, "--drain-timeout", "1w"],
            "ms, s, m, h or d",
        ),
        (
            "scheme",
            vec!["--model", "gs://bucket/model", "--digest", &digest],
            "s3://",
        ),
        ("no digest", vec!["--model", "s3://bucket/model"], "--digest"),
        (
            "two digests",
            vec!["--model", "m", "--digest", &digest, "--digest-file", "d"],
            "cannot be used with",
        ),
        (
            "threads",
            vec!["--model", "m", "--digest", &digest, "--threads", "0"],
            "--threads",
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
