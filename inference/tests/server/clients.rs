//! Clients that others wrote: Triton's for Python, one that asks as MLflow's does, and schemathesis, which makes its own
//! requests from `/openapi.json`.
//!
//! `PYTHON` names a Python with `tritonclient[http]`, `SCHEMATHESIS` the program, otherwise `PATH` does. What is missing
//! skips its test, aloud; with `REQUIRE_TOOLS` set it fails it.

use std::process::{Command, Output};

use crate::model;
use crate::running::Running;

/// Runs a program while the server runs; `None` where it, or what it needs, is missing.
async fn run(mut command: Command, missing: &str) -> Option<Output> {
    let name = command.get_program().to_string_lossy().into_owned();
    let why = match tokio::task::spawn_blocking(move || command.output()).await.unwrap() {
        Ok(output) if String::from_utf8_lossy(&output.stderr).contains(missing) => format!("{name} lacks {missing}"),
        Ok(output) => return Some(output),
        Err(error) => format!("{name} can't be run: {error}"),
    };
    assert!(std::env::var_os("REQUIRE_TOOLS").is_none(), "{why}");
    eprintln!("skipped: {why}; see .ci/tools");
    None
}

fn tool(variable: &str, name: &str) -> Command {
    Command::new(std::env::var_os(variable).unwrap_or_else(|| name.into()))
}

fn started() -> (Running, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("model.safetensors");
    let (bytes, _) = model::file();
    std::fs::write(&path, bytes).unwrap();
    let server = Running::start(&["--model", path.to_str().unwrap(), "--name", "cards"]);
    (server, directory)
}

fn assert_success(output: &Output) {
    assert!(
        output.status.success(),
        "{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

#[tokio::test]
async fn triton_and_mlflow_clients_are_understood() {
    let (server, _directory) = started();
    let mut python = tool("PYTHON", "python3");
    python
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/server/clients.py"))
        .arg(server.address.to_string());
    if let Some(output) = run(python, "No module named").await {
        assert_success(&output);
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "all right");
    }
}

#[tokio::test]
async fn schemathesis_finds_the_document_kept() {
    let (server, directory) = started();
    // Names and versions out of thin air would only ever meet 404.
    let config = directory.path().join("schemathesis.toml");
    let version = server.line["modelDigest"]
        .as_str()
        .unwrap()
        .trim_start_matches("sha256:");
    let names = format!("[parameters]\n\"path.model\" = \"cards\"\n\"path.version\" = \"{version}\"\n");
    std::fs::write(&config, names).unwrap();
    let mut schemathesis = tool("SCHEMATHESIS", "schemathesis");
    schemathesis
        // It keeps a cache where it is started.
        .current_dir(directory.path())
        .arg("--config-file")
        .arg(config)
        .arg("run")
        .arg(format!("http://{}/openapi.json", server.address))
        // It has no way to write JSON lines; the fuzz target `native` does.
        .args(["--exclude-path", "/predict/stream"])
        .args([
            "--max-examples",
            "50",
            "--seed",
            "1",
            // One: its caches are not safe for threads, and now and then one fails for it.
            "--workers",
            "1",
            "--suppress-health-check",
            "all",
        ])
        .args([
            "--phases",
            "examples,coverage,fuzzing",
            "--request-timeout",
            "10",
            "--no-color",
        ])
        .args(["--generation-database", "none", "--checks"])
        .arg("not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance");
    if let Some(output) = run(schemathesis, "nothing that could be missing").await {
        assert_success(&output);
    }
}
